"""Two runs at once: apart they never meet; together the second is refused or says what it did."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_jobs import generate
from spark_jobs.core.settings import load_settings
from spark_jobs.core.storage import open_tables
from spark_jobs.core.tables import ATTEMPTS, SPECS, TABLES, Warehouse
from tests.simulated import SimulatedEngine
from udfs.errors import JobError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLE = 'generate.styles=["debate"]'
PAGES = 8


@pytest.fixture
def start(
    make_chunks: Callable[[int], None],
    make_run: Any,
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Runs generate twice at once: `start([settings of one], [settings of the other])`.

    Both have looked up what is pending before one of them asks, unless it is refused.
    """
    make_chunks(PAGES)
    looked_up, look_up_wanted = Barrier(2), generate.look_up_wanted

    def look_up_together(*arguments: Any) -> Any:
        wanted = look_up_wanted(*arguments)
        with suppress(BrokenBarrierError):
            looked_up.wait(60)
        return wanted

    monkeypatch.setattr(generate, "look_up_wanted", look_up_together)

    def both(*settings: list[str]) -> tuple[list[Any], list["Future[Any]"]]:
        runs = [make_run("generate", *engine.settings, STYLE, *more) for more in settings]
        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(generate.run, run) for run in runs]
            for job in done:
                job.add_done_callback(lambda _: looked_up.abort())
            return runs, done

    return both


def test_runs_on_disjoint_buckets_both_append_blindly(start: Any, engine: SimulatedEngine) -> None:
    runs, done = start(["generate.buckets=0-32767"], ["generate.buckets=32768-65535"])

    results = [job.result() for job in done]
    assert all(result["requests"] > 0 for result in results)
    assert sum(result["requests"] for result in results) == len(engine.requests) == PAGES
    attempts = runs[0].warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count() == PAGES
    history = runs[0].spark.sql(f"DESCRIBE HISTORY {runs[0].warehouse.name(ATTEMPTS)}")
    waves = history.where(F.col("userMetadata").contains("wave_id")).collect()
    assert [wave["isBlindAppend"] for wave in waves] == [True, True]
    assert runs[0].warehouse.read(SPECS).count() == 1


@pytest.mark.usefixtures("make_run")  # which forgets the names of the tables
def test_two_first_runs_make_the_tables_together(spark: Any, tmp_path: Path) -> None:
    settings = load_settings("local", assignments=[f"tables.root={tmp_path}/new"])

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(open_tables, Warehouse(spark, settings.tables)) for _ in range(2)]

    assert [job.result() for job in done] == [None, None]
    found = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").glob("*/*")}
    assert found == {f"{table.layer}/{table.name}" for table in TABLES}


@pytest.mark.fault("a second run on the same", "refused before it asks")
def test_a_second_run_on_the_same_is_refused_before_it_asks(
    start: Any, engine: SimulatedEngine
) -> None:
    _, done = start([], [])

    errors = [job.exception() for job in done if job.exception()]
    assert len(errors) == 1
    assert isinstance(errors[0], JobError)
    assert "is at work on buckets 0-65535 of the same styles: nothing was asked" in str(errors[0])
    assert len(engine.requests) == PAGES


@pytest.mark.fault(
    "two runs on the same without a spool, cut into different waves",
    "both are kept, `synthetic.dialogues` shows one; the second says what was asked for twice",
)
def test_runs_that_nothing_kept_apart_leave_one_dialogue_each_and_say_what_they_repeated(
    start: Any, engine: SimulatedEngine
) -> None:
    settings = ["generate.spool=off", "generate.lanes=1"]

    runs, done = start(settings, [*settings, "generate.wave_requests=7"])

    errors = [str(job.exception()) for job in done if job.exception()]
    assert errors
    assert all("dialogues were asked for twice, by this run and by" in error for error in errors)
    attempts = runs[0].warehouse.read(ATTEMPTS)
    assert attempts.count() == len(engine.requests) > PAGES
    shown = runs[0].spark.table("synthetic.dialogues")
    assert shown.count() == shown.select("gen_key").distinct().count() == PAGES
