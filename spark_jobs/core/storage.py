"""What storage can do to a job: lose a table, damage one, be read-only, be full.

Looked for when the tables are opened, before anything is asked of an engine; what happens later is
said in words that name the table and what to do.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from spark_jobs.core.console import warn
from spark_jobs.core.tables import (
    ATTEMPTS,
    CHUNKS,
    DOCUMENTS,
    SPECS,
    TABLES,
    WITHDRAWN,
    Table,
    Warehouse,
)
from udfs.errors import JobError, MindError, UsageError

# What it means to lose a table. The others are made anew: all that is in them comes from these, or
# is a record that no job needs.
LOSSES = {
    DOCUMENTS: "the pages are in it: begun anew, it has none until they are ingested again",
    WITHDRAWN: "begun anew, pages that were withdrawn come back",
    CHUNKS: "begun anew, no dialogue is wanted until chunk has made the same chunks again",
    SPECS: "which wording of a prompt is the newest is known from it alone",
    ATTEMPTS: "begun anew, every dialogue is asked for and paid for again",
}
NOTES = "_tables"  # folder below the root: an empty file for each table that was made
PROBE_BYTES = 65536  # an empty file can be made on many a full disk
FULL = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
REFUSED = re.compile(
    r"Read-only file system|Permission denied|Mkdirs failed|failed to create its directory"
)
# What the second of two first writers hears from Delta and from Spark.
MADE_MEANWHILE = re.compile(
    r"ProtocolChanged|PROTOCOL_CHANGED|MetadataChanged|METADATA_CHANGED|ALREADY_EXISTS"
    r"|NON_EMPTY_LOCATION"
)
MADE_AT_ONCE = 4
MADE_SECONDS = 5  # from a table's folder to its first commit, on a slow object store
OURS = "udfs.errors."  # one of our own, raised on an executor: it says enough
# A file of a table's rows or of its log below the root, as Spark names it.
FILE = r"/(\w+/\w+)/(?:(?:slice=\d+/)?part-|_delta_log/)[^\s'\"]*?\.(?:parquet|json)"


class Folder:
    """Files below the root, through Hadoop, which Delta writes there with."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.root = root.rstrip("/")
        self.path: Any = spark._jvm.org.apache.hadoop.fs.Path  # type: ignore[union-attr]  # noqa: SLF001
        hadoop = spark._jsc.hadoopConfiguration()  # noqa: SLF001
        self.files = self.path(self.root).getFileSystem(hadoop)

    def at(self, name: str) -> Any:
        """The path of a name below the root."""
        return self.path(f"{self.root}/{name}")

    def has(self, name: str) -> bool:
        """Whether a file or folder is there."""
        return bool(self.files.exists(self.at(name)))

    def has_table(self, table: Table) -> bool:
        """Whether a table's log is there."""
        return self.has(f"{table.layer}/{table.name}/_delta_log")

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        stream = self.files.create(self.at(name))
        try:
            stream.write(bytearray(content))
        finally:
            stream.close()

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.files.delete(self.at(name), False)  # noqa: FBT003 - Java has no names


def open_tables(warehouse: Warehouse) -> None:
    """Make the tables that are not there, and name all of them in the session.

    This happens before any write: two first writers of one table would conflict. Raises JobError
    where a table that was there is gone or cannot be read.
    """
    if not warehouse.settings.catalog:
        refuse_lost(warehouse)
    # Half of making a table is waiting, for storage and for Spark's single thread per statement.
    with ThreadPoolExecutor(MADE_AT_ONCE) as pool:
        list(pool.map(lambda table: open_table(warehouse, table), TABLES))
    warehouse.check_slices()


def open_table(warehouse: Warehouse, table: Table) -> None:
    """Make a table or name one that is there; raises JobError with its name if that fails."""
    with naming(warehouse, table):
        make(warehouse, table)


def make(warehouse: Warehouse, table: Table) -> None:
    """Make a table, or name one that is there, be it that another run makes it just now."""
    for _ in range(MADE_SECONDS):
        try:
            return warehouse.make(table)
        except Exception as error:
            if not MADE_MEANWHILE.search(type(error).__name__ + str(error)[:500]):
                raise
            time.sleep(1)
    return warehouse.make(table)


def note_tables(warehouse: Warehouse) -> None:
    """Note which tables there are, so that one that is lost will be missed.

    Raises JobError where the root cannot be written, before a job does what it could not keep.
    """
    if warehouse.settings.catalog:
        return
    folder = Folder(warehouse.spark, warehouse.settings.root)
    probe = f"{NOTES}/.{uuid.uuid4().hex}"
    folder.write(probe, b"\0" * PROBE_BYTES)
    folder.remove(probe)
    for table in TABLES:
        if not folder.has(f"{NOTES}/{table}"):
            folder.write(f"{NOTES}/{table}", b"")


def refuse_lost(warehouse: Warehouse) -> None:
    """Raise JobError when a table is lost that cannot be made from others; say which are made."""
    folder = Folder(warehouse.spark, warehouse.settings.root)
    lost = [t for t in TABLES if folder.has(f"{NOTES}/{t}") and not folder.has_table(t)]
    given_up = warehouse.settings.make_anew
    check_names(given_up)
    missed = [table for table in lost if table in LOSSES and str(table) not in given_up]
    if missed:
        listed = "\n".join(f"  {describe_loss(warehouse, table)}" for table in missed)
        names = json.dumps([str(table) for table in missed])
        raise JobError(
            f"tables that were there are lost:\n{listed}\nBring their folders back; or begin them "
            f"anew, once what is left of them is out of the way: --set 'tables.make_anew={names}'"
        )
    for table in lost:
        warn(f"{table} was lost and is made anew")


def check_names(given_up: tuple[str, ...]) -> None:
    """Raise UsageError when `tables.make_anew` names what is no table."""
    known = [str(table) for table in TABLES]
    for name in given_up:
        if name not in known:
            raise UsageError(
                f"tables.make_anew: there is no table {name}; expected {', '.join(known)}"
            )


def describe_loss(warehouse: Warehouse, table: Table) -> str:
    """Where a table was and what it means to lose it."""
    return f"{table}: {warehouse.location(table)} has no _delta_log; {LOSSES[table]}"


@contextmanager
def naming(warehouse: Warehouse, table: Table) -> Iterator[None]:
    """Say which table it is that cannot be opened."""
    try:
        yield
    except Exception as error:
        if explain(error, warehouse.settings.root):
            raise
        raise JobError(
            f"{table} in {warehouse.location(table)} cannot be opened: {first_line(error)}\n"
            "Where its files are damaged, bring them back as they were; or move the folder away: a "
            "table that comes from others is made anew then, and of any other the next run says "
            "what losing it means"
        ) from error


@contextmanager
def explaining(root: str) -> Iterator[None]:
    """Say what storage did in words that a person can act on."""
    try:
        yield
    except MindError:
        raise
    except Exception as error:
        said = explain(error, root)
        if said is None:
            raise
        raise JobError(said) from error


def explain(error: BaseException, root: str) -> str | None:
    """What storage did, and what to do; None when it was something else."""
    text, below = str(error), re.escape(urlsplit(root).path.rstrip("/"))
    refused, file = REFUSED.search(text), re.search(below + FILE, text)
    if OURS in text:
        return None
    if FULL.search(text):
        return (
            f"no room left to write, in {root} or in Spark's own folder: make room, then run the "
            "same command: it goes on from what was committed, and what the spool holds is not "
            "asked for again"
        )
    if refused and re.search(below, text):
        return f"{root} cannot be written: {refused[0]}; make it writable, or name another --root"
    if "FAILED_READ_FILE" in text and file:
        return (
            f"{file[1].replace('/', '.')} lacks a file, or it is damaged: {file[0]}: bring it "
            "back, then run the same command"
        )
    return None


def first_line(error: BaseException) -> str:
    """What an error says before its stack."""
    return str(error).strip().partition("\n")[0][:500]
