"""Rows into Arrow batches: what every task gives back to Spark."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

Row = dict[str, Any]


def batch_rows(rows: Iterable[Row], schema: pa.Schema, *, size: int) -> Iterator[pa.RecordBatch]:
    """Batches of at most `size` rows in their order; none without rows, so that memory is flat."""
    for taken in take_rows(rows, size=size):
        yield pa.RecordBatch.from_pylist(taken, schema=schema)


def take_rows(rows: Iterable[Row], *, size: int) -> Iterator[list[Row]]:
    """Lists of at most `size` rows in their order; none without rows."""
    rest = iter(rows)
    while taken := list(islice(rest, size)):
        yield taken


def map_rows(
    batches: Iterable[pa.RecordBatch], work: Callable[[Row], Row], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Each row through `work`, batch for batch; what it gives beyond `schema` is left out."""
    for batch in batches:
        rows = [work(row) for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist(rows, schema=schema)
