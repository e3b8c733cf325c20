"""What a plan reads, by Spark's own count: its slices, the files of its buckets, no idle text."""

from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core import pending
from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.settings import BUCKETS
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, Table

pytestmark = pytest.mark.spark
SLICES, FILES, ROWS = 4, 3, 5
SLICE = BUCKETS // SLICES
CHUNKER = "one of 500 tokens"
# The files of each slice hold five chunks each, in buckets 0 to 400, 5,000 to 5,400 and 10,000 to
# 10,400 of the slice.
FIRST_BUCKET, BUCKET_STEP = 5_000, 100


@pytest.fixture
def wanted(make_run: Any) -> Wanted:
    """Every chunk has its debate, none its interview."""
    run = make_run("generate", f"tables.slices={SLICES}", "generate.limit_chunks=0")
    for table in (CHUNKS, ATTEMPTS):
        # One Spark partition is one file.
        numbers = run.spark.range(0, SLICES * FILES * ROWS, 1, SLICES * FILES)
        run.warehouse.append(fill(numbers, table), table)
    return look_up_wanted(run, ["debate", "interview"], CHUNKER)


def fill(numbers: DataFrame, table: Table) -> DataFrame:
    """Rows of a table, of which pending needs only some columns."""
    number = F.col("id")
    file, number_in_file = F.floor(number / ROWS), number % ROWS
    slice_ = F.floor(file / FILES)
    in_slice = (file % FILES) * FIRST_BUCKET + number_in_file * BUCKET_STEP
    values = {
        "slice": slice_.cast("int"),
        "bucket": (slice_ * SLICE + in_slice).cast("int"),
        "chunk_id": F.concat(F.lit("chunk "), number),
        "doc_id": F.concat(F.lit("page "), number),
        "chunker_id": F.lit(CHUNKER),
        "spec_id": F.lit("debate"),
        "sample": F.lit(0),
        "status": F.lit("ok"),
        "text": F.lit("The square of the hypotenuse is the sum of the other two."),
    }
    return numbers.select(
        *(
            values.get(name, F.lit(None).cast(kind.lower())).alias(name)
            for name, kind, _ in table.columns
        )
    )


def find_scans(rows: DataFrame, table: str) -> list[Any]:
    """The scans of a table in the plan of rows that were collected, by the table's folder."""
    leaves = rows._jdf.queryExecution().executedPlan().collectLeaves()
    scans = [leaves.apply(number) for number in range(leaves.size())]
    folders = [str(scan.relation().location().rootPaths().head().getName()) for scan in scans]
    return [scan for scan, folder in zip(scans, folders, strict=True) if folder == table]


def count(scan: Any) -> tuple[int, int, int]:
    """Partitions and files that a scan read, and the rows it gave."""
    names = ("numPartitions", "numFiles", "numOutputRows")
    partitions, files, rows = (int(scan.metrics().apply(name).value()) for name in names)
    return partitions, files, rows


@pytest.mark.parametrize(
    ("first", "last", "read", "chunks"),
    [
        (2 * SLICE + 5_000, 2 * SLICE + 5_400, (1, 1, 5), 5),  # one file of the third slice
        (2 * SLICE + 5_200, 2 * SLICE + 10_100, (1, 2, 10), 5),
        (2 * SLICE, 3 * SLICE - 1, (1, 3, 15), 15),
        (SLICE + 10_000, 2 * SLICE + 400, (2, 2, 10), 10),
        (0, BUCKETS - 1, (4, 12, 60), 60),
    ],
    ids=["one file", "parts of two files", "a slice", "ends of two slices", "all"],
)
def test_a_wave_reads_only_its_slices_and_the_files_of_its_buckets(
    wanted: Wanted, first: int, last: int, read: tuple[int, int, int], chunks: int
) -> None:
    rows = wanted.find(first, last)

    assert len(rows.collect()) == chunks
    # The chunks once to see which are pending, and once for the texts of those.
    assert [count(scan) for scan in find_scans(rows, "chunks")] == [read, read]
    assert [count(scan) for scan in find_scans(rows, "attempts")] == [read]


def test_where_all_have_an_answer_the_rows_are_read_and_none_is_found(wanted: Wanted) -> None:
    answered = look_up_wanted(wanted.run, ["debate"], CHUNKER)
    rows = answered.counts(0, SLICE - 1)

    assert rows.collect() == []
    assert [count(scan) for scan in find_scans(rows, "attempts")] == [(1, 3, 15)]


def test_to_count_reads_no_text(wanted: Wanted) -> None:
    counted, found = wanted.counts(0, SLICE - 1), wanted.find(0, SLICE - 1)
    counted.collect()
    found.collect()

    assert [reads_text(scan) for scan in find_scans(found, "chunks")] == [True, False]
    scans = find_scans(counted, "chunks") + find_scans(counted, "attempts")
    assert [reads_text(scan) for scan in scans] == [False, False]


def reads_text(scan: Any) -> bool:
    """Whether a scan has the texts among its columns."""
    return "text" in list(scan.requiredSchema().fieldNames())


def test_the_log_says_how_many_chunks_there_are_without_a_look_at_them(wanted: Wanted) -> None:
    counted = wanted.all_chunks.groupBy().count()

    plan = counted._jdf.queryExecution().optimizedPlan().toString()
    assert "LocalRelation" in plan
    assert "parquet" not in plan


@pytest.mark.parametrize(
    ("together", "buckets", "ranges"),
    [
        (FILES * ROWS, (0, BUCKETS - 1), [(n * SLICE, (n + 1) * SLICE - 1) for n in range(SLICES)]),
        (3 * FILES * ROWS, (0, BUCKETS - 1), [(0, 3 * SLICE - 1), (3 * SLICE, BUCKETS - 1)]),
        (1, (SLICE + 7, 2 * SLICE - 9), [(SLICE, 2 * SLICE - 1)]),
    ],
    ids=["a slice each", "three slices", "a part of one"],
)
def test_slices_are_looked_at_together_as_far_as_they_have_few_chunks(
    wanted: Wanted,
    monkeypatch: pytest.MonkeyPatch,
    *,
    together: int,
    buckets: tuple[int, int],
    ranges: list[tuple[int, int]],
) -> None:
    monkeypatch.setattr(pending, "CHUNKS_TOGETHER", together)

    assert list(replace(wanted, buckets=buckets).ranges()) == ranges
