"""The folder of a model's staged weights on this host: its lock, its stamps, its files.

Used by the staging (udfs/engine/weights.py) and the copying (udfs/engine/weight_copy.py).

    <directory>/              engine.weights_directory
      <name>-<hash of URL>/   0700, the user's own; remove it to have its room back
        lock                  held by the process that copies
        files/                what the engine loads; NAME.part while it is copied
        copying.json          what is being copied, and the sha256 of what has arrived
        stamp.json            the same once all is there; written last
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from udfs.engine.sidecar import make_private, write_atomically
from udfs.engine.weight_files import Source
from udfs.errors import EngineError
from udfs.keys import content_key

LOG = logging.getLogger("weights")
SETTING = "engine.weights_directory"
WAITING_SECONDS = 30.0  # between two words of a process that waits for another's copy
POLL_SECONDS = 0.2


class StagedFile(BaseModel):
    """A file's size in bytes, its version at the source, and the sha256 of what was copied.

    `sha256` is empty until all of it is here.
    """

    size: int
    version: str
    sha256: str = ""


class Stamp(BaseModel):
    """What is staged, or about to be: the files of a URL by name, as they were listed."""

    url: str
    entry: str
    files: dict[str, StagedFile]

    def lists(self, source: Source) -> bool:
        """Whether it lists just the files that the source has now, in the same versions."""
        return self.describe() == describe(source).describe()

    def describe(self) -> tuple[str, dict[str, tuple[int, str]]]:
        """What must stay as it is for a copy to be one of the same."""
        return self.entry, {name: (file.size, file.version) for name, file in self.files.items()}


def describe(source: Source) -> Stamp:
    """The stamp of a source of which nothing has been copied."""
    files = {file.name: StagedFile(size=file.size, version=file.version) for file in source.files}
    return Stamp(url=source.url, entry=source.entry, files=files)


class Staging:
    """The folder of one source on this host, and what is in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.files = home / "files"

    @classmethod
    def of(cls, url: str, directory: Path) -> "Staging":
        """The staging of a URL, its folder made if it is new."""
        name = re.sub(r"[^\w.-]", "_", url.rstrip("/").rsplit("/", 1)[-1])[:60]
        make_directory(directory)
        home = directory / f"{name}-{content_key(url.rstrip('/'))[:8]}"
        make_private(home, SETTING)
        return cls(home)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this host's lock on the folder; the kernel frees it when its holder dies."""
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        said = -WAITING_SECONDS
        try:
            while not try_flock(descriptor):
                if time.monotonic() - said > WAITING_SECONDS:
                    LOG.info("weights=waiting for=%s", "the process that copies them")
                    said = time.monotonic()
                time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> Stamp | None:
        """A stamp of the folder; None if there is none, or one that a disk has damaged."""
        with contextlib.suppress(OSError, ValueError):
            return Stamp.model_validate_json((self.home / name).read_text(encoding="utf-8"))
        return None

    def write(self, name: str, stamp: Stamp) -> None:
        """Replace a stamp of the folder."""
        write_atomically(self.home / name, stamp.model_dump_json(indent=1))

    def remove(self, name: str) -> None:
        """Remove a stamp of the folder."""
        (self.home / name).unlink(missing_ok=True)

    def is_intact(self, stamp: Stamp) -> bool:
        """Whether all of a stamp's files are here in their sizes."""
        return all(has_size(self.files / name, file.size) for name, file in stamp.files.items())

    def path(self, stamp: Stamp) -> Path:
        """What the engine loads: the folder, or the only file."""
        return self.files / stamp.entry if stamp.entry else self.files


def hash_file(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_size(path: Path, size: int) -> bool:
    """Whether a file is here with so many bytes."""
    return path.is_file() and path.stat().st_size == size


def try_flock(descriptor: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_directory(directory: Path) -> None:
    """Make the folder for weights; raises EngineError naming its setting."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"the folder for weights {directory} cannot be made: {error.strerror}: set {SETTING} "
            "to a folder on a disk of each host that this user can write"
        ) from error
