"""maintain: withdrawn pages deleted, small files put together, beside a working generate."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from spark_jobs import generate, ingest, maintain
from spark_jobs.core.claims import Claims, make_claim
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, DOCUMENTS
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PAGES = [{"text": f"Page {n}: it is {n}."} for n in range(20)]
GENERATE = ("generate.limit_chunks=0", "engine.capacity=4", "generate.tasks_per_slot=1")
SMALL = "maintain.small_files=2"


@pytest.fixture
def prepare(make_run: Any, make_corpus: Callable[..., None], engine: SimulatedEngine) -> Any:
    """Ingests and chunks the pages, then makes runs: `prepare(job, *settings)`."""
    make_corpus(*PAGES)
    return lambda job, *settings: make_run(job, *engine.settings, *GENERATE, *settings)


def withdraw(prepare: Any, folder: Path, url: str) -> None:
    """Takes a page out."""
    (folder / "out.txt").write_text(url + "\n", encoding="utf-8")
    ingest.run(prepare("ingest", f"ingest.withdraw={folder / 'out.txt'}"))


def test_withdrawn_pages_are_deleted_everywhere_and_only_once(prepare: Any, tmp_path: Path) -> None:
    generate.run(prepare("generate", 'generate.styles=["debate", "interview"]'))
    withdraw(prepare, tmp_path, "https://math.example/0")
    run = prepare("maintain", SMALL)

    first, second = maintain.run(run), maintain.run(run)

    # Two attempts, a chunk and a page.
    assert (first["deleted"], second["deleted"]) == (4, 0)
    kept = [run.warehouse.read(table).count() for table in (ATTEMPTS, CHUNKS, DOCUMENTS)]
    assert kept == [38, 19, 19]


def test_it_runs_beside_a_working_generate_without_a_failed_commit(
    prepare: Any, engine: SimulatedEngine, tmp_path: Path
) -> None:
    generate.run(prepare("generate", 'generate.styles=["debate"]', "generate.wave_requests=8"))
    withdraw(prepare, tmp_path, "https://math.example/0")
    engine.delay, results = 4.0, []
    more = prepare("generate", 'generate.styles=["interview"]', "generate.wave_requests=8")
    beside = Thread(target=lambda: results.append(generate.run(more)))
    beside.start()

    rounds = []
    while beside.is_alive():
        rounds.append(maintain.run(prepare("maintain", SMALL, "maintain.vacuum=true")))
    beside.join()

    assert [result["status"] for result in results] == [{"ok": 19}]
    assert sum(done["deleted"] for done in rounds) == 3
    assert sum(done["compacted"] for done in rounds) > 0
    attempts = more.warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count() == 38


def test_files_that_a_running_generate_may_read_are_kept(make_run: Any) -> None:
    run = make_run("maintain", "maintain.retention_hours=0")
    assert maintain.retention_hours(run) == 0
    claims = Claims(f"{run.settings.tables.root}/_spool")
    claim = make_claim("at work", buckets=(0, 9), spec_ids=("a",), chunker_id="c")
    claims.write(replace(claim, started_at=time.time() - 7200))

    assert 3.0 <= maintain.retention_hours(run) < 3.1
