"""What the next run does with the spool of one that died."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from spark_jobs import generate
from spark_jobs.core.tables import ATTEMPTS, WAVES
from tests.engine.conftest import make_spool
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLE = 'generate.styles=["debate"]'


@pytest.mark.fault(
    "executors outlive their driver and write into its spool after the next run has looked",
    "no dialogue is lost or there twice; what they answered late may be asked for again",
)
def test_what_was_asked_for_again_meanwhile_is_not_kept_twice(
    make_run: Any, make_chunks: Callable[[int], None], engine: SimulatedEngine
) -> None:
    make_chunks(3)
    run = make_run("generate", *engine.settings, STYLE, "generate.limit_chunks=2")
    generate.run(run)
    done = run.warehouse.read(ATTEMPTS).toArrow().to_pylist()
    late = {**done[0], "gen_key": "late", "wave_id": "late"}
    done = [{**row, "attempt": 2} for row in done]
    # An executor of a run that died wrote these after the next had looked into its spool.
    spool_rows(f"{run.settings.tables.root}/_spool/dead/late", [*done, late])

    result = generate.run(make_run("generate", *engine.settings, STYLE))

    kept = run.warehouse.read(ATTEMPTS)
    assert result["requests"] == 1
    assert kept.count() == kept.select("gen_key").distinct().count() == 4
    recovered = run.warehouse.read(WAVES).where("status = 'recovered'")
    assert [row["run_id"] for row in recovered.collect()] == ["dead"]


def test_a_retry_that_was_answered_before_its_run_died_is_kept(
    make_run: Any, make_chunks: Callable[[int], None], engine: SimulatedEngine
) -> None:
    make_chunks(2)
    engine.finish_reason = "length"
    run = make_run("generate", *engine.settings, STYLE)
    generate.run(run)
    short = run.warehouse.read(ATTEMPTS).toArrow().to_pylist()
    good = [{**row, "status": "ok", "wave_id": "retry"} for row in short]
    spool_rows(f"{run.settings.tables.root}/_spool/dead/retry", good)

    result = generate.run(
        make_run("generate", *engine.settings, STYLE, 'generate.retry=["length"]')
    )

    kept = run.warehouse.read(ATTEMPTS)
    assert result["requests"] == 0
    assert dict(kept.groupBy("status").count().collect()) == {"length": 2, "ok": 2}
    commits = run.spark.sql(f"DESCRIBE HISTORY {run.warehouse.name(ATTEMPTS)}").collect()
    assert all(row["isBlindAppend"] for row in commits if row["operation"] == "WRITE")


def spool_rows(folder: str, rows: list[dict[str, Any]]) -> None:
    """Leave rows in a wave's spool."""
    spool = make_spool(folder)
    for row in rows:
        spool.add(row)
    asyncio.run(spool.flush())
