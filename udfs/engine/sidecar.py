"""The engine beside an executor: one per executor and plan, found or started by any of its tasks.

A task calls `attach`. The first one to lock the engine's directory starts the supervisor and
hands it the lock, so that there is no moment without an owner; all others wait for its record.
The directory lies outside the container that YARN or Spark made for the executor, since it must
outlive it by the moment that it takes to end the engine.

    <directory>/                 0700, the user's own
      <pid>-<start>-<plan>/      one engine of one executor
        lock                     held by the supervisor for its life
        gate  suspects           locks of the tasks (udfs/engine/gate.py)
        under_way                what each task has under way (udfs/engine/budget.py)
        plan.json  record.json  control_tokens.json  metrics.json
        engine.sock  engine.log  supervisor.log
"""

import fcntl
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import udfs
from udfs.engine.gpus import engine_gpus, read_task_gpus
from udfs.engine.processes import ProcessId, find_executor
from udfs.engine.recipes import EnginePlan
from udfs.errors import EngineError

State = Literal["starting", "ready", "failed"]
SOCKET_PATH_LIMIT = 107  # bytes: Linux's sun_path is 108 with its closing zero
DIRECTORY_NAME = re.compile(r"\d+-\d+-[0-9a-f]{8}")  # executor's pid and start, plan
POLL_SECONDS = 0.1
SUPERVISOR_STARTS = 5  # by one task
RESTART_SECONDS = 60.0  # at most between two starts: ending one engine, waiting for its GPUs
LOG_LINES = 25


@dataclass(frozen=True)
class Record:
    """What the supervisor says of its engine; `version` and `error` are empty until known."""

    state: State
    starts: int
    version: str = ""
    error: str = ""


@dataclass(frozen=True)
class Engine:
    """An engine that answers: where it listens, and what it says it is.

    `socket` and `directory` are empty for an endpoint; `starts` grows with each restart;
    `control_tokens` are the special tokens of its model, empty where nobody could read them.
    """

    url: str
    socket: str
    name: str
    version: str
    starts: int
    directory: str = ""
    control_tokens: tuple[str, ...] = ()


def attach(plan: EnginePlan) -> Engine:
    """The engine of this task's executor, started if there is none; waits until it answers.

    Raises EngineError with the engine's last log lines when it cannot be started, and with the
    path to mend when its directory cannot be used.
    """
    if not plan.starts_engine:
        return Engine(plan.url, socket="", name=plan.recipe.name, version="", starts=0)
    plan = place_on_gpus(plan)
    directory = engine_directory(plan, find_executor())
    deadline = time.monotonic() + longest_start(plan)
    for _ in range(SUPERVISOR_STARTS):
        lock = try_lock(directory)
        if lock is not None:
            start_supervisor(directory, plan, lock)
        record = wait_for_record(directory, deadline=deadline)
        if record is not None and record.state == "ready":
            return ready_engine(directory, plan, record)
        if record is not None:
            raise EngineError(record.error)
    raise EngineError(
        f"the engine's supervisor ended {SUPERVISOR_STARTS} times without a word; the last lines "
        f"of its log:\n{read_tail(directory / 'supervisor.log')}"
    )


def place_on_gpus(plan: EnginePlan) -> EnginePlan:
    """The plan with the GPUs of this task's engine: tasks of other GPUs get another engine."""
    gpus = engine_gpus(
        read_task_gpus(),
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
        size=plan.tensor_parallel_size,
    )
    return plan.model_copy(update={"gpus": gpus})


def longest_start(plan: EnginePlan) -> float:
    """Seconds that all starts of a supervisor take at most; it gives up by itself before.

    Its weights are staged once, whatever the number of starts.
    """
    staging = plan.weights_timeout if plan.weights else 0.0
    return staging + (plan.max_restarts + 1) * (plan.start_timeout + RESTART_SECONDS)


def ready_engine(directory: Path, plan: EnginePlan, record: Record) -> Engine:
    """The engine that a record speaks of."""
    return Engine(
        url="http://engine/v1",
        socket=str(directory / "engine.sock"),
        name=plan.recipe.name,
        version=record.version,
        starts=record.starts,
        directory=str(directory),
        control_tokens=load_control_tokens(directory),
    )


def engine_directory(plan: EnginePlan, executor: ProcessId) -> Path:
    """The directory of one executor's engine, made if it is new; only its owner may look in."""
    base = base_directory(plan.directory)
    name = f"{executor.pid}-{int(executor.started)}-{plan.plan_id()[:8]}"
    directory = base / name
    size = len(os.fsencode(directory / "engine.sock"))
    if size > SOCKET_PATH_LIMIT:
        raise EngineError(
            f"the engine's socket {directory}/engine.sock has a path of {size} bytes, expected at "
            f"most {SOCKET_PATH_LIMIT}: set engine.directory to a shorter one"
        )
    make_private(directory)
    return directory


def base_directory(configured: str) -> Path:
    """The user's directory on this host for all engines."""
    base = Path(configured) if configured else Path("/tmp") / f"mind-{os.getuid()}"  # noqa: S108
    make_private(base)
    return base


def make_private(directory: Path, setting: str = "engine.directory") -> None:
    """Make a directory that only its owner can enter; refuse one that is somebody else's.

    `setting` is what an error tells to change.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise cannot_use(directory, error, setting) from error
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EngineError(
            f"{directory} is not this user's own (mode {status.st_mode & 0o777:o}, owner "
            f"{status.st_uid}), expected mode 700 and owner {os.getuid()}: remove it or set "
            f"{setting}"
        )


def cannot_use(directory: Path, error: OSError, setting: str = "engine.directory") -> EngineError:
    """The error of a directory that is missing, read-only or on a full disk."""
    return EngineError(
        f"the engine's directory {directory} cannot be used: {error.strerror}: free some space "
        f"or set {setting} to another folder"
    )


def try_lock(directory: Path) -> int | None:
    """A file descriptor that holds the directory's lock, None while somebody else has it."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        # A supervisor that ended has swept the directory between our making and locking it.
        make_private(directory)
        return None
    except OSError as error:
        raise cannot_use(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor if still_there(descriptor, directory) else None


def still_there(descriptor: int, directory: Path) -> bool:
    """Whether a lock is that of the file in the directory, not of one that was swept away."""
    try:
        same = os.fstat(descriptor).st_ino == (directory / "lock").stat().st_ino
    except FileNotFoundError:
        same = False
    if not same:
        os.close(descriptor)
    return same


def start_supervisor(directory: Path, plan: EnginePlan, lock: int) -> None:
    """Start the supervisor and hand it the lock; it outlives this worker, which Spark may kill."""
    try:
        previous = read_record(directory)
        starts = previous.starts if previous else 0
        write_atomically(directory / "plan.json", plan.model_dump_json())
        write_record(directory, Record("starting", starts=starts))
        with (directory / "supervisor.log").open("ab") as log:
            spawn_detached(supervisor_command(directory, lock), lock, log.fileno())
    except OSError as error:
        raise cannot_use(directory, error) from error
    finally:
        os.close(lock)


def spawn_detached(command: list[str], inherited: int, log: int) -> None:
    """Start a process that lives on when this worker is killed, and inherits one descriptor.

    It is in a session of its own, since the daemon's process group gets SIGHUP when the JVM ends,
    and reads from nowhere, since descriptor 0 of a worker is the daemon's command pipe.
    """
    os.set_inheritable(inherited, True)  # noqa: FBT003 - takes no keyword
    os.posix_spawn(
        command[0],
        command,
        supervisor_environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ],
        setsid=True,
    )


def supervisor_command(directory: Path, lock: int) -> list[str]:
    """The supervisor's argument vector: what it needs to know that is not in its plan."""
    executor = find_executor()
    arguments = [str(directory), str(lock), str(executor.pid), str(executor.started)]
    return [sys.executable, "-m", "udfs.engine.supervisor", *arguments]


def supervisor_environment() -> dict[str, str]:
    """This worker's environment with this package on its path, without Spark's thread limit."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    # A folder, or the .zip that Spark sent.
    home = os.path.dirname(os.path.dirname(os.path.abspath(udfs.__file__)))  # noqa: PTH100, PTH120
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    # The supervisor works in another folder: a path must mean the same there.
    paths = [os.path.abspath(path) for path in inherited]  # noqa: PTH100
    environment["PYTHONPATH"] = os.pathsep.join([home, *paths])
    return environment


def wait_for_record(directory: Path, *, deadline: float) -> Record | None:
    """The record once it says more than "starting"; None when its supervisor is gone."""
    while time.monotonic() < deadline:
        record = read_record(directory)
        if record and record.state != "starting":
            return record
        if not is_locked(directory):
            return None
        time.sleep(POLL_SECONDS)
    raise EngineError(
        "the engine's supervisor neither started it nor gave up; the last lines of its log:\n"
        + read_tail(directory / "engine.log")
    )


def is_locked(directory: Path) -> bool:
    """Whether a supervisor lives."""
    lock = try_lock(directory)
    if lock is None:
        return (directory / "lock").exists()
    os.close(lock)
    return False


def read_record(directory: Path) -> Record | None:
    """The supervisor's last word; None before its first."""
    try:
        return Record(**json.loads((directory / "record.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_record(directory: Path, record: Record) -> None:
    """Replace the supervisor's last word."""
    write_atomically(directory / "record.json", json.dumps(asdict(record)))


def load_control_tokens(directory: Path) -> tuple[str, ...]:
    """The special tokens of the engine's model; empty where they could not be read."""
    return tuple(json.loads((directory / "control_tokens.json").read_text(encoding="utf-8")))


def save_control_tokens(directory: Path, tokens: Sequence[str]) -> None:
    """Keep them for all tasks."""
    write_atomically(directory / "control_tokens.json", json.dumps(list(tokens)))


def read_tail(log: Path) -> str:
    """The last lines of a log, as a quotation; empty if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"  | {line}" for line in lines[-LOG_LINES:])


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or the one before."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)  # noqa: PTH105
