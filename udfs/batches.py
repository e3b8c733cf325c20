"""Rows into Arrow batches: what every task gives back to Spark."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa


def batch_rows(
    rows: Iterable[dict[str, Any]], schema: pa.Schema, *, size: int
) -> Iterator[pa.RecordBatch]:
    """Batches of at most `size` rows in their order; none without rows, so that memory is flat."""
    rest = iter(rows)
    while taken := list(islice(rest, size)):
        yield pa.RecordBatch.from_pylist(taken, schema=schema)
