"""The supervisor: one small process that owns one engine and outlives every Python worker.

It starts the engine, says when it has answered a first request, starts it again when it dies,
stops answering or hangs, gives up after `max_restarts`, and ends it with everything it started
when the executor's JVM, or Spark's Python daemon in it, is gone. Run as
`python -m udfs.engine.supervisor DIRECTORY LOCK_FD EXECUTOR_PID EXECUTOR_START`;
the lock is inherited and held until this process ends, however that happens.
"""

import contextlib
import http.client
import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil

from udfs.engine.control_token_lists import read_control_tokens
from udfs.engine.gate import is_somebody_alone, is_somebody_asking
from udfs.engine.gpus import find_full
from udfs.engine.metrics import Sample, dump_sample, read_sample
from udfs.engine.processes import (
    ProcessId,
    adopt_orphans,
    die_with_parent,
    end_processes,
    processes_in,
    resident_bytes,
)
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import (
    DIRECTORY_NAME,
    Record,
    read_record,
    read_tail,
    save_control_tokens,
    try_lock,
    write_atomically,
    write_record,
)

LOG = logging.getLogger("supervisor")
HEALTH_SECONDS = 5.0  # between two looks at an engine that is ready
HEALTH_FAILURES = 3  # in a row before it counts as dead
HEALTH_TIMEOUT = 10.0  # a busy engine answers late
GRACE_SECONDS = 5.0  # from SIGTERM to SIGKILL: the job promises 15 s in all
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 30.0
FAILED_SECONDS = 60.0  # how long a failure is remembered before an engine is tried again
STABLE_SECONDS = 600.0  # a life after which earlier deaths are forgiven
STAGING_SECONDS = 0.2  # between two looks at the copying of weights
GPU_WAIT_SECONDS = 30.0  # for the memory of an engine that has just ended
DAEMON_GRACE_SECONDS = 10.0  # for Spark to start another Python daemon


class ExecutorGoneError(Exception):
    """The executor's JVM ended: nobody needs the engine any more."""


class EngineDiedError(Exception):
    """The engine ended, did not answer in time, or answers no more."""


class Supervisor:
    """One engine from its first start to its end."""

    def __init__(self, directory: Path, plan: EnginePlan, executor: ProcessId) -> None:
        self.directory = directory
        self.plan = plan
        self.socket = directory / "engine.sock"
        self.starts = first_start(directory)
        self.deaths = 0  # in a row, those of a lone suspect left out
        self.version = ""
        self.daemon = Daemon(executor)
        self.executor = open_executor(executor)
        self.poller = select.poll()
        self.poller.register(self.executor, select.POLLIN)

    def run(self) -> None:
        """Keep the engine alive until the executor ends; leave nothing behind."""
        try:
            self.keep_alive()
        except ExecutorGoneError:
            LOG.info("executor=gone action=end")
        finally:
            self.end_engine()
            shutil.rmtree(self.directory, ignore_errors=True)

    def keep_alive(self) -> None:
        """Start the engine again after each death; give up after `max_restarts`."""
        self.end_engine()
        if failure := self.stage_weights():
            self.say("failed", error=failure)
            self.pause(FAILED_SECONDS)
            return
        self.version = installed_version(self.plan)
        save_control_tokens(self.directory, read_control_tokens(self.plan))
        while self.deaths <= self.plan.max_restarts:
            started = time.monotonic()
            reason = self.run_once()
            LOG.warning("engine=dead starts=%d reason=%r", self.starts, reason)
            if time.monotonic() - started > STABLE_SECONDS:
                self.deaths = 0
            # A prompt that was tried alone is the culprit, not the engine.
            if not is_somebody_alone(self.directory):
                self.deaths += 1
                self.pause(min(FIRST_BACKOFF_SECONDS * 2**self.deaths / 2, LAST_BACKOFF_SECONDS))
        self.say("failed", error=self.describe_failure(reason))
        self.pause(FAILED_SECONDS)

    def stage_weights(self) -> str:
        """Have the weights on this host's disk, and load them from there; why not, if it fails.

        In a process of its own: the copying has threads, which this one must not have, and ends
        with the executor wherever it is. It is tried once; what has arrived stays.
        """
        if not self.plan.weights:
            return ""
        self.say("starting")
        process = start_staging(self.plan)
        deadline = time.monotonic() + self.plan.weights_timeout
        while process.poll() is None and time.monotonic() < deadline:
            self.pause(STAGING_SECONDS)
        if process.poll() is None:
            self.end_engine()
            return describe_late_weights(self.plan)
        said = read_said(process)
        if process.returncode:
            log = read_tail(self.directory / "supervisor.log")
            return said or f"staging {self.plan.weights} ended without a word:\n{log}"
        self.plan = self.plan.model_copy(update={"model": said.splitlines()[-1]})
        return ""

    def run_once(self) -> str:
        """One life of the engine; returns why it ended."""
        self.starts += 1
        self.say("starting")
        if full := self.wait_for_gpus():
            return full
        process = self.start()
        lifeline = os.pidfd_open(process.pid)
        self.poller.register(lifeline, select.POLLIN)
        try:
            self.wait_until_ready(process)
            self.say("ready")
            self.watch(process)
        except EngineDiedError as error:
            # At once: tasks that lost their connection look here for what comes next.
            self.say("starting")
            reason = str(error)
        finally:
            self.poller.unregister(lifeline)
            os.close(lifeline)
            self.end_engine()
            process.wait()
        return reason

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the engine in a process group of its own, bound to this process."""
        self.socket.unlink(missing_ok=True)
        command = self.command()
        LOG.info("engine=start starts=%d command=%r", self.starts, command)
        with (self.directory / "engine.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
                env=self.environment(),
            )

    def environment(self) -> dict[str, str]:
        """The engine's environment, clean where it has an interpreter of its own."""
        inherited = dict(os.environ)
        if self.plan.python:
            # Packages of this interpreter would be found before those of that one.
            inherited.pop("PYTHONPATH", None)
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(self.plan.gpus)} if self.plan.gpus else {}
        # As nvidia-smi counts them, or a host with unlike GPUs has two orders.
        order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        return {**inherited, **order, **gpus, **self.plan.recipe.environment}

    def command(self) -> list[str]:
        """The engine's argument vector."""
        return self.plan.command_line(socket=self.socket, python=sys.executable)

    def wait_for_gpus(self) -> str:
        """Empty once the engine's GPUs are free; who holds one that stays full."""
        deadline = time.monotonic() + GPU_WAIT_SECONDS
        while full := find_full(self.plan.gpus):
            if time.monotonic() > deadline:
                break
            self.pause(1.0)
        return full

    def wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Return when the engine has answered a request; raise EngineDiedError when it cannot."""
        deadline = time.monotonic() + self.plan.start_timeout
        while not self.is_healthy():
            check_running(process)
            if time.monotonic() > deadline:
                seconds = self.plan.start_timeout
                raise EngineDiedError(f"no answer within engine.start_timeout ({seconds:g} s)")
            self.pause(0.2)
        self.ask_first_request(process, deadline - time.monotonic())

    def ask_first_request(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        """One token for a harmless prompt; raise EngineDiedError if it does not come.

        Engines exist that are healthy and die of their first request, whatever it asks; and a
        prompt can only be blamed for a death when a harmless one has just been answered.
        """
        body = {
            "model": self.plan.model_name,
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 1,
        }
        try:
            status, text = self.fetch("/v1/chat/completions", timeout=seconds, body=body)
        except (OSError, http.client.HTTPException) as error:
            check_running(process)
            raise EngineDiedError(f"no answer to a first request: {error!r}") from error
        if status != http.HTTPStatus.OK:
            raise EngineDiedError(f"a first request was answered with HTTP {status}: {text[:500]}")

    def watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Look after a ready engine; raise EngineDiedError when it ends, hangs or is silent."""
        failures = 0
        progress = Progress()
        while failures < HEALTH_FAILURES:
            self.pause(HEALTH_SECONDS)
            check_running(process)
            failures = 0 if self.is_healthy() else failures + 1
            stalled = progress.stalled_seconds(self.sample(), asked=self.is_asked())
            if stalled > self.plan.stall_timeout:
                raise EngineDiedError(
                    f"no token for {stalled:.0f} s while requests wait (engine.stall_timeout)"
                )
        raise EngineDiedError(f"{failures} health checks in a row failed")

    def sample(self) -> Sample | None:
        """The engine's metrics, also for the tasks; None when it does not give any now."""
        names = self.plan.recipe.metrics
        if not names:
            return None
        try:
            _, page = self.fetch("/metrics", timeout=HEALTH_TIMEOUT)
            read = read_sample(page, names, engine=self.directory.name, starts=self.starts)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        sample = replace(read, memory=resident_bytes(processes_in(self.directory)))
        write_atomically(self.directory / "metrics.json", dump_sample(sample))
        return sample

    def is_asked(self) -> bool:
        """Whether a task waits for an answer, of an engine that can show that it works on it."""
        return bool(self.plan.recipe.metrics) and is_somebody_asking(self.directory)

    def is_healthy(self) -> bool:
        """Whether the engine answers `GET /health` with 200."""
        try:
            return self.fetch("/health", timeout=HEALTH_TIMEOUT)[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def fetch(self, path: str, *, timeout: float, body: object = None) -> tuple[int, str]:
        """Status and text of one request; raises ExecutorGoneError at once, else OSError in time.

        `timeout` is in seconds. A body makes it a POST of JSON.
        """
        connection = UnixConnection(self.socket)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"}
            connection.request("GET" if data is None else "POST", path, data, headers)
            self.wait_for_answer(connection.sock.fileno(), timeout)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def wait_for_answer(self, descriptor: int, timeout: float) -> None:
        """Return when there is something to read; raise TimeoutError when it takes too long."""
        deadline = time.monotonic() + timeout
        while not select.select([descriptor], [], [], 0)[0]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer in {timeout:g} s")
            # A dead engine makes this return at once, and has closed the socket.
            self.pause(0.05)

    def pause(self, seconds: float) -> None:
        """Sleep, at most until the engine ends; raise ExecutorGoneError if the executor does."""
        if self.executor in dict(self.poller.poll(seconds * 1000)) or self.daemon.is_gone():
            raise ExecutorGoneError

    def say(self, state: str, *, error: str = "") -> None:
        """Tell the tasks."""
        record = Record(state, self.starts, self.version, error)  # type: ignore[arg-type]
        write_record(self.directory, record)

    def describe_failure(self, reason: str) -> str:
        """What a person needs to mend an engine that does not run."""
        tail = read_tail(self.directory / "engine.log")
        return (
            f"the engine {self.plan.recipe.name} was started {self.starts} time(s) and does not "
            f"run: {reason}\ncommand: {' '.join(self.command())}\nlast lines of its log:\n{tail}"
        )

    def end_engine(self) -> None:
        """End every process of this engine, also those that left its process group."""
        end_processes(processes_in(self.directory), grace=GRACE_SECONDS)


class Progress:
    """How long an engine with work has given no token; sees a hang behind a healthy `/health`."""

    def __init__(self) -> None:
        self.last: Sample | None = None
        self.moved_at = time.monotonic()

    def stalled_seconds(self, sample: Sample | None, *, asked: bool) -> float:
        """Seconds since the last sign of work, 0 for an engine without any to do.

        `asked`: whether tasks wait for answers. The engine's own word is not enough: the server of
        a hung engine core counts no request that the core has not seen. A busy engine that does
        not even give its metrics is as silent as one without tokens.
        """
        newest = sample or self.last
        busy = asked or bool(newest and newest.busy)
        moved = sample is not None and (self.last is None or sample.moved_since(self.last))
        if moved or not busy:
            self.moved_at = time.monotonic()
        self.last = newest
        return time.monotonic() - self.moved_at


class Daemon:
    """Spark's Python daemon below an executor: it ends with the Spark context, the JVM may not."""

    def __init__(self, executor: ProcessId) -> None:
        self.executor = executor
        self.current = find_daemon(executor)
        self.expected = self.current is not None
        self.missed_at: float | None = None

    def is_gone(self) -> bool:
        """Whether there was a daemon and no other came in its place within the grace."""
        if not self.expected or (self.current and self.current.find()):
            return False
        self.current = find_daemon(self.executor)
        if self.current:
            self.missed_at = None
            return False
        self.missed_at = self.missed_at or time.monotonic()
        return time.monotonic() - self.missed_at > DAEMON_GRACE_SECONDS


def find_daemon(executor: ProcessId) -> ProcessId | None:
    """The Python daemon that an executor's JVM has now; None without one, as outside of Spark."""
    jvm = executor.find()
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = jvm.children() if jvm else []
    for child in children:
        # One that has ended but is not yet waited for has no command line.
        with contextlib.suppress(psutil.Error):
            if any("daemon" in part for part in child.cmdline()[1:3]):
                return ProcessId.of(child)
    return None


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=HEALTH_TIMEOUT)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket's path instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def start_staging(plan: EnginePlan) -> "subprocess.Popen[str]":
    """Start to copy the plan's weights; the process ends with this one, its log is this one's."""
    return subprocess.Popen(
        [sys.executable, "-m", "udfs.engine.weights", plan.weights, plan.weights_directory],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
    )


def read_said(process: "subprocess.Popen[str]") -> str:
    """What a process that has ended wrote, without the end of its last line."""
    return process.communicate()[0].strip()


def describe_late_weights(plan: EnginePlan) -> str:
    """What a person needs to have weights in time."""
    return (
        f"{plan.weights} was not staged within engine.weights_timeout ({plan.weights_timeout:g} "
        "s); what has arrived is kept, and the next start goes on from there: start again, or "
        "raise the timeout"
    )


def open_executor(executor: ProcessId) -> int:
    """A descriptor that becomes readable when the executor ends; raises if it has."""
    try:
        descriptor = os.pidfd_open(executor.pid)
    except ProcessLookupError:
        raise ExecutorGoneError from None
    if executor.find() is None:
        raise ExecutorGoneError
    return descriptor


def check_running(process: "subprocess.Popen[bytes]") -> None:
    """Raise EngineDiedError when the engine's first process has ended."""
    code = process.poll()
    if code is not None:
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise EngineDiedError(f"its process ended with {ended}")


def first_start(directory: Path) -> int:
    """How often engines were started here before: lives are told apart by their number."""
    record = read_record(directory)
    return record.starts if record else 0


def installed_version(plan: EnginePlan) -> str:
    """The version of the engine's package as its own interpreter sees it; empty if unknown."""
    script = (
        "import importlib.metadata as m, sys\n"
        "found = {d.name: d.version for d in m.distributions()}\n"
        "print(next((found[n] for n in sys.argv[1:] if n in found), ''))"
    )
    command = [plan.python or sys.executable, "-c", script, *plan.recipe.distributions]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()
    return ""


def sweep_stale(base: Path) -> None:
    """End engines that nobody supervises, and remove their directories.

    Told by the lock, which a supervisor holds for its life: that works across containers that
    share the folder but not their pids. What is not ours by its name is left alone.
    """
    for directory in base.iterdir():
        if not DIRECTORY_NAME.fullmatch(directory.name) or not (directory / "lock").is_file():
            continue
        lock = try_lock(directory)
        if lock is None:
            continue
        if not is_running(*map(int, directory.name.split("-")[:2])):
            end_processes(processes_in(directory), grace=GRACE_SECONDS)
            shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def is_running(pid: int, started: int) -> bool:
    """Whether the executor that started in that second still runs; it may attach again."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return abs(psutil.Process(pid).create_time() - started) < 2.0
    return False


def main() -> None:
    """Supervise one engine until its executor ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    adopt_orphans()
    directory = Path(sys.argv[1]).absolute()
    # The engine inherits it, and so do all processes that it starts: that is how they are found.
    os.chdir(directory)
    executor = ProcessId(int(sys.argv[3]), float(sys.argv[4]))
    plan = EnginePlan.model_validate_json((directory / "plan.json").read_text(encoding="utf-8"))
    sweep_stale(directory.parent)
    with contextlib.suppress(ExecutorGoneError):
        Supervisor(directory, plan, executor).run()


if __name__ == "__main__":
    main()
