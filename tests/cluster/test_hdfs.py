"""Tables, spool and claims on a real HDFS; tasks reach it by its web address, with no library."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import chunk, generate, ingest
from spark_jobs.core import watch
from spark_jobs.core.breaker import count_outcomes
from spark_jobs.core.claims import Claims, make_claim
from spark_jobs.core.tables import ATTEMPTS
from tests.cluster.conftest import Hdfs
from tests.engine.conftest import make_spool
from tests.simulated import SimulatedEngine
from udfs.engine.spool import list_spooled, read_spooled, remove_folder
from udfs.engine.tally import Tallies, read_tallies

pytestmark = [pytest.mark.spark, pytest.mark.engine]


def keep(folder: str, *keys: str) -> None:
    """Spool rows, each flushed on its own."""
    spool = make_spool(folder)
    for key in keys:
        spool.add({"gen_key": key, "text": "a dialogue", "status": "ok"})
        asyncio.run(spool.flush())


def test_what_was_answered_is_found_again_in_one_file(hdfs: Hdfs) -> None:
    folder = f"{hdfs.web}/spool/one/wave"
    keep(folder, "a", "b", "c")

    assert set(make_spool(folder).replay()) == {"a", "b", "c"}
    assert len(list_spooled(folder)) == 1
    assert [row["text"] for row in read_spooled(list_spooled(folder))] == ["a dialogue"] * 3


def test_claims_are_seen_and_what_dead_runs_left_is_found(hdfs: Hdfs) -> None:
    claims = Claims(f"{hdfs.web}/claims")
    keep(f"{hdfs.web}/claims/dead/wave", "a")
    claim = make_claim("living", buckets=(0, 9), spec_ids=("s",), chunker_id="c")

    with claims.hold(claim) as dead:
        assert dead == ["dead"]
        assert claims.read() == [claim]
        assert claims.folders("dead") == [f"{hdfs.web}/claims/dead/wave"]
    remove_folder(f"{hdfs.web}/claims/dead")

    assert claims.runs() == []


def test_a_run_spools_to_hdfs_and_commits_what_a_dead_one_left_there(
    make_run: Any, write_pages: Callable[..., Path], engine: SimulatedEngine, hdfs: Hdfs
) -> None:
    pages = [{"text": f"Page {n}: the square of {n} is {n * n}."} for n in range(6)]
    ingest.run(make_run("ingest", f"ingest.input={write_pages('pages.jsonl', *pages)}"))
    chunk.run(make_run("chunk"))
    spool = f"{hdfs.web}/run"
    settings = [*engine.settings, 'generate.styles=["debate"]', f"generate.spool={spool}"]
    generate.run(make_run("generate", *settings))
    run = make_run("generate", *settings, "generate.samples=2")
    first = run.warehouse.read(ATTEMPTS).limit(1).collect()[0].asDict()
    # As a task of a run that died then had written it: an answer that no wave has.
    dead = make_spool(f"{spool}/dead/wave")
    dead.add({**first, "gen_key": "of the dead", "run_id": "dead", "wave_id": "wave"})
    asyncio.run(dead.flush())

    result = generate.run(run)

    assert result["requests"] == 6
    assert run.warehouse.read(ATTEMPTS).where("run_id = 'dead'").count() == 1
    assert Claims(spool).runs() == []


@pytest.fixture
def on_hdfs(
    spark: Any, write_pages: Callable[..., Path], engine: SimulatedEngine, hdfs: Hdfs
) -> Iterator[list[str]]:
    """Settings for tables on HDFS, its name node found as a cluster's hdfs-site.xml says it."""
    page = write_pages("pages.jsonl", {"text": "The square of 7 is 49. So the root of 49 is 7."})
    place = [f"tables.root={hdfs.root}/mind", f"ingest.input={page}"]
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("dfs.namenode.http-address", hdfs.web.removeprefix("webhdfs://"))
    yield [*engine.settings, 'generate.styles=["debate"]', *place]
    hadoop.unset("dfs.namenode.http-address")


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> list[Tallies]:
    """What the driver reads of its tasks: a short run may end before it has to say so."""
    seen: list[Tallies] = []

    def read(folder: str) -> Tallies:
        seen.append(read_tallies(folder))
        return seen[-1]

    monkeypatch.setattr(watch, "read_tallies", read)
    return seen


def test_tables_on_hdfs_have_spool_and_progress_there_too(
    make_run: Any,
    on_hdfs: list[str],
    hdfs: Hdfs,
    progress: list[Tallies],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = make_run("ingest", *on_hdfs)

    for step in (ingest, chunk, generate):
        step.run(run)

    assert run.scratch.endswith(f"{hdfs.web.removeprefix('webhdfs://')}/mind")
    assert run.warehouse.read(ATTEMPTS).count() == 1
    assert "spool is off" not in capsys.readouterr().err
    assert count_outcomes(progress[-1].counts) == 1
