"""Processes told apart by pid *and* start time, since the kernel hands out a pid again."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

WORKER_VARIABLE = "PYTHON_WORKER_FACTORY"  # Spark's, in the environment of its daemon and workers
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
FIRST_THRESHOLD = 128 * 1024  # bytes, glibc's own


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process for ever: its pid and its start, in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, process: psutil.Process) -> "ProcessId":
        """The identity of a running process."""
        return cls(process.pid, process.create_time())

    def find(self) -> psutil.Process | None:
        """The process itself; None when it ended, even if another has its pid now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def find_executor() -> ProcessId:
    """The JVM that this Python worker serves; this process itself outside of Spark's workers.

    A worker's parent is PySpark's daemon, the daemon's parent the executor's JVM. Any other
    process may have a JVM above it that is none of ours, say a build agent's.
    """
    own = psutil.Process()
    if any(name.startswith(WORKER_VARIABLE) for name in os.environ):
        for process in own.parents():
            if process.name() == "java":
                return ProcessId.of(process)
    return ProcessId.of(own)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of this process's orphaned descendants, so that none gets away."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def give_memory_back() -> None:
    """Make glibc return what is freed at once, rather than raise its thresholds as it goes.

    Other C libraries have no such thresholds.
    """
    with contextlib.suppress(AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_TRIM_THRESHOLD, FIRST_THRESHOLD)
        library.mallopt(M_MMAP_THRESHOLD, FIRST_THRESHOLD)


def resident_bytes(processes: Iterable[psutil.Process]) -> int:
    """The memory that processes hold, as YARN counts it: shared pages once for each."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def processes_in(directory: Path) -> list[psutil.Process]:
    """All processes that work in a directory or below it, this one left out.

    So an engine's processes are known whoever started them and whoever died. Their environment
    would not tell: vLLM's engine core and workers write their titles over it.
    """
    home, found = directory.resolve(), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def end_processes(processes: list[psutil.Process], *, grace: float) -> None:
    """SIGTERM, then SIGKILL for those that are still there after `grace` seconds."""
    for process in processes:
        send(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    _, alive = psutil.wait_procs(processes, timeout=max(0.0, deadline - time.monotonic()))
    for process in alive:
        send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=grace)


def send(process: psutil.Process, signal_number: int) -> None:
    """A signal to a process that may have ended meanwhile."""
    try:
        process.send_signal(signal_number)
    except psutil.NoSuchProcess:
        return
