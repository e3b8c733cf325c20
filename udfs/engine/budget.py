"""How much a task may have under way: its share of the engine, and what its neighbours leave.

The tasks of one engine write how many requests they have under way into one small file that all of
them have in memory, so that a task's window grows while others drain: without that, the engine runs
empty whenever several tasks end together.
"""

import contextlib
import fcntl
import mmap
import os
from pathlib import Path
from typing import Self

PLACES = 1024  # tasks of one engine at once; more of them keep to their share
BYTES = 4  # of one count


class Budget:
    """One task's part of what all tasks of its engine may have under way together.

    `share` is what the task may have in any case, `total` what it may fill up to while neighbours
    have less than theirs; `directory` is the engine's, None for one without neighbours.
    """

    def __init__(self, directory: Path | None, *, share: int, total: int) -> None:
        self.share, self.total = share, total
        self.own = 0
        self.memory: mmap.mmap | None = None
        self.place: int | None = None
        if directory is not None:
            self.join(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.set(0)
        if self.memory is not None:
            self.counts.release()
            self.memory.close()
            os.close(self.file)

    def join(self, directory: Path) -> None:
        """Take the first place that is free.

        A place is a byte that is locked for as long as its task lives, so a count that a killed
        task left is taken over by the next one.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self.file = os.open(directory / "under_way", flags, 0o600)
        os.ftruncate(self.file, PLACES * BYTES)
        self.memory = mmap.mmap(self.file, PLACES * BYTES)
        self.counts = memoryview(self.memory).cast("i")
        for place in range(PLACES):
            with contextlib.suppress(BlockingIOError):
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                self.place = place
                break
        self.set(0)

    def set(self, under_way: int) -> None:
        """Tell the neighbours."""
        self.own = under_way
        if self.place is not None:
            self.counts[self.place] = under_way

    def has_room(self) -> bool:
        """Whether another request may be sent."""
        if self.own < self.share:
            return True
        return self.place is not None and sum(self.counts) < self.total
