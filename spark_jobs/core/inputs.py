"""Input files: found by path, glob or folder on any filesystem that fsspec or Spark knows."""

import fsspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from udfs.errors import JobError, UsageError
from udfs.text.pages import READABLE

FILES = "file string, content binary"


def find_input(spark: SparkSession, location: str, *, revision: str, tasks: int) -> DataFrame:
    """Rows of `file` and `content` for all readable files of a location, spread over tasks.

    `content` is null for what the executors open themselves; where only Spark's Hadoop knows the
    filesystem, it holds the file (2 GB at most each). Raises JobError when nothing is found.
    """
    pinned = pin_revision(location, revision)
    if not knows_protocol(pinned):
        return read_by_hadoop(spark, pinned, tasks=tasks)
    files = list_files(pinned)
    rows = spark.createDataFrame([(file, None) for file in files], FILES)
    return rows.repartition(min(len(files), tasks)) if tasks > 1 else rows.coalesce(1)


def knows_protocol(location: str) -> bool:
    """Whether fsspec has a driver for the location's protocol, and can load it."""
    try:
        fsspec.core.url_to_fs(location)
    except (ImportError, OSError, ValueError):
        # OSError: hdfs:// without Hadoop's native library.
        return False
    return True


def list_files(location: str) -> list[str]:
    """All readable files of a path, glob or folder, sorted; raises JobError when there are none."""
    filesystem, path = fsspec.core.url_to_fs(location)
    if any(sign in path for sign in "*?["):
        found = filesystem.glob(path)
    elif filesystem.isdir(path):
        found = [file for file in filesystem.find(path) if is_data(file[len(path) :])]
    else:
        found = [path] if filesystem.exists(path) else []
    files = sorted(file for file in found if file.endswith(READABLE))
    if not files:
        raise nothing_found(location)
    return [filesystem.unstrip_protocol(file) for file in files]


def is_data(path: str) -> bool:
    """Whether no part of a path is hidden or a side file by Hadoop's custom."""
    return not any(part.startswith((".", "_")) for part in path.split("/"))


def nothing_found(location: str) -> JobError:
    """The error of an input without a file that can be read."""
    return JobError(
        f"nothing to read at {location}: looked for files ending in .parquet, .pq, .jsonl, .json "
        "or .ndjson (the last three also with .gz, .zst, .bz2 or .xz); expected a file, a glob or "
        "a folder of them"
    )


def read_by_hadoop(spark: SparkSession, location: str, *, tasks: int) -> DataFrame:
    """Whole files through Spark's own filesystems."""
    files = spark.read.format("binaryFile").option("recursiveFileLookup", value=True)
    rows = files.load(location).select(F.col("path").alias("file"), "content")
    endings = "|".join(ending.replace(".", "\\.") for ending in READABLE)
    named = F.col("file").rlike(f"/[^._/][^/]*({endings})$")
    readable = rows.where(named).orderBy("file") if tasks == 1 else rows.where(named)
    if readable.isEmpty():
        raise nothing_found(location)
    return readable.coalesce(1) if tasks == 1 else readable


def pin_revision(location: str, revision: str) -> str:
    """An hf:// path with its revision in it, so that another run reads the same pages."""
    if not location.startswith("hf://") or "@" in location:
        return location
    if not revision:
        raise UsageError(
            f"ingest.input {location} names no revision: set ingest.revision to a commit of the "
            "dataset, so that the run can be repeated"
        )
    kind, owner, name, *rest = location.removeprefix("hf://").split("/")
    return "hf://" + "/".join([kind, owner, f"{name}@{revision}", *rest])
