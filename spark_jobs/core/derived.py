"""Tables that follow from others: brought up to date by replacing the slices that differ.

Compared by their contents, not by what a run did: one that died half way is made good by the next.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.tables import Table, Warehouse, in_place_order


def bring_up_to_date(
    warehouse: Warehouse,
    table: Table,
    wanted: DataFrame,
    identity: Sequence[str],
    complete: Callable[[DataFrame], DataFrame] = lambda rows: rows,
) -> None:
    """Let a table hold the wanted rows; those with the same `identity` are the same.

    `complete` adds the columns that `wanted` lacks, to the rows of slices that differ alone.
    """
    there = warehouse.read(table)
    stale = stale_slices(fingerprint(wanted, identity), fingerprint(there, identity))
    if stale:
        rows = in_place_order(complete(wanted.where(F.col("slice").isin(stale))))
        warehouse.replace_slices(rows, table, stale)


def stale_slices(
    wanted: dict[int, tuple[int, int]], there: dict[int, tuple[int, int]]
) -> list[int]:
    """Slices whose rows differ."""
    slices = wanted.keys() | there.keys()
    return sorted(place for place in slices if wanted.get(place) != there.get(place))


def fingerprint(rows: DataFrame, identity: Sequence[str]) -> dict[int, tuple[int, int]]:
    """Rows and the sum of their hashes, per slice."""
    hashed = F.xxhash64(*identity).cast("decimal(38,0)")
    sums = rows.groupBy("slice").agg(F.count("*"), F.sum(hashed))
    return {row[0]: (row[1], row[2]) for row in sums.collect()}
