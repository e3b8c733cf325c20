"""The spool: what a task has had answered, in small files that outlive it until its wave commits.

A write-ahead log and no second truth: a task that is tried again takes its answers from there, and
so does the next run when a whole run died. A file is written under another name and renamed, so
one that can be seen is whole.
"""

import asyncio
import errno
import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress

import fsspec
import pyarrow as pa

from udfs.batches import Row
from udfs.engine.tally import Tally

LOG = logging.getLogger(__name__)
# Rows that one file grows to, about a megabyte: few files, and little is written again.
ROWS_PER_FILE = 256
ENDING = ".arrow"


class Spool:
    """The spool of one task: its `partition` of a wave, whose spool is `folder`.

    It is flushed every `seconds`, and a flush takes less than that, or the next one comes later.

    An empty `folder` is no spool: nothing is kept and nothing replayed. If it cannot be used,
    the tally warns, and what is answered from then on has only its wave to be kept by. If its disk
    is full the task stops: its wave would hardly find room for what is paid for from then on.
    """

    def __init__(
        self,
        folder: str,
        partition: int,
        *,
        seconds: float,
        schema: pa.Schema,
        tally: Tally,
    ) -> None:
        self.folder, self.seconds, self.schema, self.tally = folder, seconds, schema, tally
        self.prefix = f"{partition:06d}-"
        # Tasks that are tried again, or live on unseen, never share a file.
        self.life = uuid.uuid4().hex[:12]
        self.files = 0
        self.current = ""
        # Of the current file: its rows, and its batches as they are written, each made once.
        self.rows = 0
        self.parts: list[pa.Buffer] = []
        self.fresh: list[Row] = []
        self.writing = asyncio.Lock()

    def replay(self) -> dict[str, Row]:
        """What earlier attempts at this task had answered, by gen_key."""
        if not self.folder:
            return {}
        try:
            files = list_spooled(self.folder, self.prefix)
            return {row["gen_key"]: row for row in read_spooled(files)}
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            self.give_up(error)
            return {}

    def add(self, row: Row) -> None:
        """Keep one attempt with the next flush."""
        if self.folder:
            self.fresh.append(row)

    async def keep_written(self) -> None:
        """Flush until cancelled."""
        while self.folder:
            await asyncio.sleep(self.seconds)
            await self.flush()

    async def flush(self) -> None:
        """Write what is new, together with the rest of its file, and remove the file before it."""
        async with self.writing:
            if not self.fresh:
                return
            rows, self.fresh = self.fresh, []
            self.files += 1
            name = f"{self.folder}/{self.prefix}{self.life}-{self.files:05d}{ENDING}"
            try:
                part = await asyncio.to_thread(self.write, name, rows)
            except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
                if not is_full(error):
                    self.give_up(error)
                    return
                self.tally.stop(f"no room left to write in {self.folder}: {error}")
                self.fresh = rows + self.fresh
                return
            self.keep(name, part, len(rows))

    def write(self, name: str, rows: list[Row]) -> pa.Buffer:
        """Write the current file with more rows under a new name, then remove the old one."""
        part = pa.RecordBatch.from_pylist(rows, schema=self.schema).serialize()
        # Not compressed: that would cost more than all the rest, and the files are soon gone.
        write_whole(name, b"".join([self.schema.serialize(), *self.parts, part]))
        if self.current:
            filesystem, old = fsspec.core.url_to_fs(self.current)
            filesystem.rm_file(old)
        return part

    def keep(self, name: str, part: pa.Buffer, rows: int) -> None:
        """Go on with the file that was written, or with a new one where it is large enough."""
        self.rows += rows
        self.parts.append(part)
        self.current = name
        if self.rows >= ROWS_PER_FILE:
            self.rows, self.parts, self.current = 0, [], ""

    def give_up(self, error: Exception) -> None:
        """Go on without a spool."""
        reason = f"{type(error).__name__}: {error}"
        self.tally.warn(f"the spool is off, a crash costs the open waves: {self.folder}: {reason}")
        self.folder, self.parts, self.fresh = "", [], []


def write_whole(path: str, content: bytes) -> None:
    """Write a new file that is seen whole or not at all."""
    filesystem, path = fsspec.core.url_to_fs(path)
    folder, _, name = path.rpartition("/")
    filesystem.makedirs(folder, exist_ok=True)
    hidden = f"{folder}/.{name}"
    try:
        filesystem.pipe_file(hidden, content)
        filesystem.mv(hidden, path)
    except Exception:
        # Half a file takes room that may be what is missing.
        with suppress(Exception):
            filesystem.rm_file(hidden)
        raise


def is_full(error: Exception) -> bool:
    """Whether a disk or a quota has no room left."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def remove_folder(folder: str) -> None:
    """Remove a file or folder with all that is in it; it may be gone already."""
    filesystem, path = fsspec.core.url_to_fs(folder)
    with suppress(FileNotFoundError):
        filesystem.rm(path, recursive=True)


def list_spooled(folder: str, prefix: str = "") -> list[str]:
    """The files of a wave's spool, or of one task of it; none where there is no folder."""
    filesystem, path = fsspec.core.url_to_fs(folder)
    # Object stores and HDFS clients remember what they listed.
    filesystem.invalidate_cache()
    if not filesystem.exists(path):
        return []
    names = (file.rpartition("/")[2] for file in filesystem.ls(path, detail=False))
    wanted = sorted(n for n in names if n.startswith(prefix or tuple("0123456789")))
    return [f"{folder}/{name}" for name in wanted if name.endswith(ENDING)]


def read_spooled(files: Iterable[str]) -> Iterator[Row]:
    """The rows of spool files, some twice if a task still writes; a damaged file gives none."""
    for file in files:
        for batch in read_batches(file):
            yield from batch.to_pylist()


def read_batches(file: str) -> list[pa.RecordBatch]:
    """The rows of one spool file, or of the one that replaced it since it was listed."""
    try:
        filesystem, path = fsspec.core.url_to_fs(file)
        with pa.ipc.open_stream(pa.BufferReader(filesystem.cat_file(path))) as reader:
            return list(reader)
    except FileNotFoundError:
        # Executors outlive a driver that was killed, and tasks their cancellation.
        successor = find_successor(file)
        return read_batches(successor) if successor else []
    except (OSError, pa.ArrowInvalid) as error:
        LOG.warning("a spool file is left out: %s: %s", file, error)
        return []


def find_successor(file: str) -> str:
    """The file that holds all rows of one that is gone; empty if its folder is gone as well."""
    folder, _, name = file.rpartition("/")
    life = name.rpartition("-")[0]
    return next((later for later in list_spooled(folder, f"{life}-") if later > file), "")
