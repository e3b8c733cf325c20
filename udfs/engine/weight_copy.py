"""The copying of weights: some files at once, block by block, gone on with where it ended."""

import errno
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, BinaryIO

from udfs.engine.weight_files import Source, WeightFile, look_up
from udfs.engine.weight_folder import SETTING, Staging, Stamp, describe, has_size, hash_file
from udfs.errors import EngineError

LOG = logging.getLogger("weights")
WORKERS = 4  # files at once: one stream seldom fills a store's line
BLOCK = 16 * 1024 * 1024  # bytes of one read; object stores answer small ones slowly
PROGRESS_SECONDS = 10.0


class Copy:
    """The copying of a source, begun or gone on with; its caller holds the lock."""

    def __init__(self, staging: Staging, source: Source) -> None:
        self.staging, self.source = staging, source
        self.stamp = describe(source)
        self.recording = threading.Lock()
        self.progress = Progress(source.size)

    def run(self) -> Stamp:
        """Copy what is missing, check it, and write the stamp."""
        try:
            self.discard_stale()
            self.check_room()
            self.copy_files()
        except OSError as error:
            raise EngineError(
                f"the weights {self.source.url} cannot be copied into {self.staging.home}: "
                f"{error}: mend that, or set {SETTING} to a folder on another disk"
            ) from error
        self.check_unchanged()
        self.staging.write("stamp.json", self.stamp)
        self.staging.remove("copying.json")
        return self.stamp

    def discard_stale(self) -> None:
        """Keep of what is here only what the source still has in the same version."""
        before = self.staging.read("copying.json") or self.staging.read("stamp.json")
        known = before.files if before else {}
        for name, file in self.stamp.files.items():
            if name in known and (known[name].size, known[name].version) == (
                file.size,
                file.version,
            ):
                file.sha256 = known[name].sha256
                continue
            for path in self.places(name):
                path.unlink(missing_ok=True)
        mine = {path for name in self.stamp.files for path in self.places(name)}
        for path in list(self.staging.files.rglob("*")):
            if path.is_file() and path not in mine:
                path.unlink()
        self.staging.write("copying.json", self.stamp)
        self.staging.remove("stamp.json")

    def places(self, name: str) -> tuple[Path, Path]:
        """Where a file is once it is whole, and where until then."""
        return self.staging.files / name, self.staging.files / f"{name}.part"

    def check_room(self) -> None:
        """Raise EngineError when the disk cannot take what is missing."""
        here = sum(self.size_here(file) for file in self.source.files)
        missing, free = self.source.size - here, shutil.disk_usage(self.staging.home).free
        if missing > free:
            raise EngineError(
                f"the weights {self.source.url} need {describe_bytes(missing)} more in "
                f"{self.staging.home}, where {describe_bytes(free)} are free: set {SETTING} to a "
                "folder on a larger disk of each host, or free some room"
            )
        self.progress.start(here)

    def size_here(self, file: WeightFile) -> int:
        """Bytes of a file that need not be copied any more."""
        whole, part = self.places(file.name)
        if has_size(whole, file.size):
            return file.size
        return min(part.stat().st_size, file.size) if part.exists() else 0

    def copy_files(self) -> None:
        """Copy some files at once; the first error ends the others."""
        with ThreadPoolExecutor(WORKERS) as pool:
            copies = [pool.submit(self.copy_file, file) for file in self.source.files]
            try:
                for done in as_completed(copies):
                    done.result()
            finally:
                self.progress.ended.set()
                pool.shutdown(cancel_futures=True)

    def copy_file(self, file: WeightFile) -> None:
        """Have one file here, whole and checked, and keep its sha256."""
        whole, part = self.places(file.name)
        if has_size(whole, file.size):
            sha256 = self.stamp.files[file.name].sha256 or hash_file(whole)
            self.check_sum(file, sha256, whole)
        else:
            part.parent.mkdir(parents=True, exist_ok=True)
            sha256 = self.fill(file, part)
            self.check_sum(file, sha256, part)
            part.replace(whole)
        self.keep_sum(file.name, sha256)

    def fill(self, file: WeightFile, part: Path) -> str:
        """Copy what is missing of a file behind what is there; its sha256."""
        with part.open("a+b") as out:
            digest = hash_begun(out, file.size)
            begun = out.tell()
            for block in self.read_blocks(file, begun) if begun < file.size else ():
                self.progress.check_going_on()
                self.write_block(out, block)
                digest.update(block)
            # A stamp must not outlive a power cut that its files do not.
            os.fsync(out.fileno())
            size = out.tell()
        if size != file.size:
            part.unlink()
            raise EngineError(
                f"{self.source.url}: {file.name} gave {size:,} bytes, expected the {file.size:,} "
                "that it was listed with: it changed while it was copied; start again"
            )
        return digest.hexdigest()

    def read_blocks(self, file: WeightFile, start: int) -> Iterator[bytes]:
        """A file's bytes from `start` on; raises EngineError saying how far they came."""
        place = start
        try:
            for block in read_from(self.source.filesystem, file, start):
                place += len(block)
                yield block
        except Exception as error:  # each filesystem has errors of its own
            raise EngineError(
                f"{self.source.url}: {file.name} could be read up to {place:,} of {file.size:,} "
                f"bytes: {type(error).__name__}: {error}; what has arrived is kept, start again "
                "to go on from there"
            ) from error

    def write_block(self, out: BinaryIO, block: bytes) -> None:
        """Write a block; raise EngineError naming the room that is missing on a full disk."""
        try:
            out.write(block)
            out.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self.check_room()
            raise
        self.progress.add(len(block))

    def check_sum(self, file: WeightFile, sha256: str, path: Path) -> None:
        """Raise EngineError, and remove the copy, when it is not what the manifest says."""
        if file.sha256 and sha256 != file.sha256:
            path.unlink()
            raise EngineError(
                f"{self.source.url}: {file.name} has the sha256 {sha256}, expected {file.sha256} "
                "of its manifest; the copy was removed: upload the file again or mend the manifest"
            )

    def keep_sum(self, name: str, sha256: str) -> None:
        """Note that a file has arrived."""
        with self.recording:
            self.stamp.files[name].sha256 = sha256
            self.staging.write("copying.json", self.stamp)

    def check_unchanged(self) -> None:
        """Raise EngineError when the source is not what it was when the copying began."""
        now = look_up(self.source.url)
        if not self.stamp.lists(now):
            before = {file.name: (file.size, file.version) for file in self.source.files}
            after = {file.name: (file.size, file.version) for file in now.files}
            changed = sorted(n for n in before | after if before.get(n) != after.get(n))
            raise EngineError(
                f"{self.source.url} changed while it was copied: {', '.join(changed)}; expected "
                "files that stay as they are: start again once all are uploaded"
            )


class StagingEndedError(Exception):
    """Another file could not be copied, so this one is not gone on with."""


class Progress:
    """How much of `total` bytes is here, for the log."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.ended = threading.Event()
        self.counting = threading.Lock()

    def start(self, here: int) -> None:
        """Begin with what is here already, in bytes."""
        self.here = self.first = here
        self.began = self.said = time.monotonic()
        LOG.info("weights=copying done=%d total=%d", here, self.total)

    def add(self, size: int) -> None:
        """Count the bytes of a block, and say now and then how far it is."""
        with self.counting:
            self.here += size
            now = time.monotonic()
            if now - self.said < PROGRESS_SECONDS and self.here < self.total:
                return
            self.said = now
            rate = (self.here - self.first) / max(now - self.began, 1e-3)
            LOG.info(
                "weights=copying done=%d total=%d gigabytes_per_second=%.2f seconds_left=%.0f",
                *(self.here, self.total, rate / 1e9, (self.total - self.here) / max(rate, 1.0)),
            )

    def check_going_on(self) -> None:
        """Raise StagingEndedError once another file has failed."""
        if self.ended.is_set():
            raise StagingEndedError


def read_from(filesystem: Any, file: WeightFile, start: int) -> Iterator[bytes]:
    """A file's bytes from `start` on, one request for each block.

    A web server that cannot begin in the middle is asked for all of it, and what is here is read
    past.
    """
    place = start
    try:
        with filesystem.open(file.path, "rb", block_size=BLOCK, cache_type="none") as stream:
            stream.seek(start)
            while block := stream.read(BLOCK):
                place += len(block)
                yield block
            return
    except ValueError:
        # fsspec's word for such a server.
        if place != start:
            raise
    with filesystem.open(file.path, "rb", block_size=0) as stream:
        while start and (block := stream.read(min(start, BLOCK))):
            start -= len(block)
        while block := stream.read(BLOCK):
            yield block


def hash_begun(out: BinaryIO, size: int) -> "hashlib._Hash":
    """The sha256 of a part so far, which is left at its end; one too long is begun anew."""
    digest = hashlib.sha256()
    if out.seek(0, os.SEEK_END) > size:
        out.truncate(0)
    out.seek(0)
    while block := out.read(BLOCK):
        digest.update(block)
    return digest


def describe_bytes(size: int) -> str:
    """A size for people, with what `df` and a store's console count."""
    return f"{size:,} bytes ({size / 2**30:.1f} GiB)"
