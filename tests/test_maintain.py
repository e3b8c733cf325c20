"""maintain: withdrawn pages deleted, small files together, beside a working generate."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_jobs import chunk, generate, ingest, maintain
from spark_jobs.core.claims import Claims, make_claim
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, DOCUMENTS
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PAGES = [{"text": f"Page {n}: it is {n}."} for n in range(40)]
GENERATE = [
    *('generate.styles=["debate", "interview"]', "generate.limit_chunks=0"),
    *("generate.wave_requests=16", "engine.capacity=4", "generate.tasks_per_slot=1"),
]
SMALL = "maintain.small_files=2"


@pytest.fixture
def prepare(make_run: Any, write_pages: Callable[..., Path], engine: SimulatedEngine) -> Any:
    """Ingests and chunks the pages, then makes runs: `prepare(job, *settings)`."""
    ingest.run(make_run("ingest", f"ingest.input={write_pages('pages.jsonl', *PAGES)}"))
    chunk.run(make_run("chunk"))
    return lambda job, *settings: make_run(job, *engine.settings, *GENERATE, *settings)


def withdraw(prepare: Any, tmp_path: Path, *urls: str) -> None:
    """Withdraw pages by their URLs."""
    named = tmp_path / "withdrawn.txt"
    named.write_text("\n".join(urls) + "\n", encoding="utf-8")
    ingest.run(prepare("ingest", f"ingest.withdraw={named}"))


def bucket_ranges(run: Any) -> list[tuple[int, int, int]]:
    """Slice, first and last bucket of each file of the attempts."""
    attempts = run.warehouse.read(ATTEMPTS).groupBy("slice", F.input_file_name().alias("file"))
    rows = attempts.agg(F.min("bucket").alias("first"), F.max("bucket").alias("last")).collect()
    return sorted((row["slice"], row["first"], row["last"]) for row in rows)


@pytest.fixture
def small_files(spark: Any) -> Iterator[None]:
    """Files so small that each slice has several also when it is in order."""
    before = spark.conf.get(maintain.FILE_SIZE)
    spark.conf.set(maintain.FILE_SIZE, "20000")
    yield
    spark.conf.set(maintain.FILE_SIZE, before)


@pytest.mark.usefixtures("small_files")
def test_withdrawn_pages_are_deleted_and_files_put_in_bucket_order_once(
    prepare: Any, tmp_path: Path
) -> None:
    generate.run(prepare("generate"))
    withdraw(prepare, tmp_path, "https://math.example/0")
    run = prepare("maintain", SMALL)
    before = bucket_ranges(run)

    first = maintain.run(run)
    second = maintain.run(prepare("maintain", SMALL))

    # Two attempts, a chunk and a page.
    assert (first["deleted"], second["deleted"]) == (4, 0)
    kept = [run.warehouse.read(table).count() for table in (ATTEMPTS, CHUNKS, DOCUMENTS)]
    assert kept == [78, 39, 39]
    assert first["compacted"] >= 2
    assert second["compacted"] == 0
    after = bucket_ranges(run)
    assert 2 < len(after) < len(before)
    assert all(
        slice_ < next_slice or last <= next_first
        for (slice_, _, last), (next_slice, next_first, _) in pairwise(after)
    )


def test_it_runs_beside_a_working_generate_without_a_failed_commit(
    prepare: Any, engine: SimulatedEngine, tmp_path: Path
) -> None:
    generate.run(prepare("generate", 'generate.styles=["debate"]'))
    withdraw(prepare, tmp_path, "https://math.example/0")
    results: dict[str, Any] = {}

    def work() -> None:
        results["generate"] = generate.run(prepare("generate", 'generate.styles=["interview"]'))

    # Its waves come while pages are deleted, files put together and old ones removed.
    engine.delay = 1.0
    beside = Thread(target=work)
    beside.start()
    rounds = []
    while beside.is_alive():
        rounds.append(maintain.run(prepare("maintain", SMALL, "maintain.vacuum=true")))
    beside.join()

    assert results["generate"]["status"] == {"ok": 39}
    assert sum(done["deleted"] for done in rounds) == 3
    assert sum(done["compacted"] for done in rounds) > 0
    attempts = prepare("sql").warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count() == 78


def test_files_that_a_running_generate_may_read_are_kept(prepare: Any) -> None:
    run = prepare("maintain", "maintain.retention_hours=0")
    assert maintain.retention_hours(run) == 0
    now = time.time()
    claims = Claims(f"{run.settings.tables.root}/_spool")
    claim = make_claim("at work", buckets=(0, 9), spec_ids=("a",), chunker_id="c")
    claims.write(replace(claim, started_at=now - 7200))

    assert 3.0 <= maintain.retention_hours(run) < 3.1
