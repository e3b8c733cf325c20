"""What the tasks of one engine tell each other by file locks: who sends, who must be alone.

The kernel drops a lock with the task that holds it, however it ends, so nothing has to be mended
after a killed worker. Two files in the engine's directory:

- `gate` is held shared by every task with requests under way, exclusively by one that asks alone:
  so a death while somebody is alone has one culprit, and the supervisor, which looks here too,
  does not count it against the engine; and it knows of requests that a hung engine never saw;
- `suspects` is held shared by every task with requests that were under way when the engine died.
  While it is held nobody sends in company.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


class Gate:
    """One task's side of the locks; `directory` is None for an endpoint, which has no neighbours.

    It lives on one event loop.
    """

    def __init__(self, directory: Path | None) -> None:
        self.inside = 0
        self.suspected = 0
        self.turn = asyncio.Lock()
        self.gate = open_lock(directory, "gate")
        self.mark = open_lock(directory, "suspects")
        # A lock belongs to an open file: looking takes another one than marking.
        self.look = open_lock(directory, "suspects")

    def close(self) -> None:
        """Let go of everything."""
        for descriptor in filter(None, (self.gate, self.mark, self.look)):
            os.close(descriptor)

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        """Wait until requests may be sent side by side; one is under way inside."""
        while not self.try_enter():  # noqa: ASYNC110 - the kernel tells no event loop of a lock
            await asyncio.sleep(POLL_SECONDS)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            if not self.inside:
                unlock(self.gate)

    def try_enter(self) -> bool:
        """Whether nobody is suspected or alone; then the gate is held shared."""
        if self.suspected or not try_lock(self.look, fcntl.LOCK_EX):
            return False
        unlock(self.look)
        return self.inside > 0 or try_lock(self.gate, fcntl.LOCK_SH)

    @contextmanager
    def suspicion(self) -> Iterator[None]:
        """Keep everybody from sending in company while this request is under suspicion."""
        self.suspected += 1
        # Only those who look hold it otherwise, for a moment each.
        lock(self.mark, fcntl.LOCK_SH)
        try:
            yield
        finally:
            self.suspected -= 1
            if not self.suspected:
                unlock(self.mark)

    @asynccontextmanager
    async def solitude(self) -> AsyncIterator[None]:
        """Wait until no request of any task is under way; none is sent beside the one inside."""
        async with self.turn:
            while self.inside or not try_lock(self.gate, fcntl.LOCK_EX):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
            try:
                yield
            finally:
                unlock(self.gate)


def is_somebody_alone(directory: Path) -> bool:
    """Whether a task asks alone at this moment."""
    return is_held(directory, fcntl.LOCK_SH)


def is_somebody_asking(directory: Path) -> bool:
    """Whether any task has a request under way at this moment."""
    return is_held(directory, fcntl.LOCK_EX)


def is_held(directory: Path, kind: int) -> bool:
    """Whether the gate is held so that this kind of lock cannot be had."""
    descriptor = open_lock(directory, "gate")
    try:
        return not try_lock(descriptor, kind)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def open_lock(directory: Path | None, name: str) -> int | None:
    """A file to lock, made if it is new."""
    if directory is None:
        return None
    return os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int | None, kind: int) -> bool:
    """Whether the lock could be had at once; without a file it always can."""
    if descriptor is None:
        return True
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(descriptor: int | None, kind: int) -> None:
    """Wait for a lock that is only ever held for a moment."""
    if descriptor is not None:
        fcntl.flock(descriptor, kind)


def unlock(descriptor: int | None) -> None:
    """Let a lock go, held or not."""
    if descriptor is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
