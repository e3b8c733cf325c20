"""Rows that are worked out once and used several times."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import StorageLevel
from pyspark.sql import DataFrame


@contextmanager
def keep(rows: DataFrame) -> Iterator[DataFrame]:
    """Rows on the executors' disks while they are used."""
    kept = rows.persist(StorageLevel.DISK_ONLY)
    try:
        yield kept
    finally:
        kept.unpersist()
