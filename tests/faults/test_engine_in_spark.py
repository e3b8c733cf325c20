"""One engine per executor, whatever Spark does to the tasks that use it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from tests.engine.conftest import find_running, make_embedded_plan
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import attach

pytestmark = [pytest.mark.spark, pytest.mark.engine]


@pytest.fixture(scope="module")
def plan(embedded_model: Any, tmp_path_factory: pytest.TempPathFactory) -> EnginePlan:
    """The embedded engine in a directory of this module's own; it ends with Spark's JVM."""
    directory = tmp_path_factory.mktemp("e")
    directory.chmod(0o700)
    return make_embedded_plan(embedded_model, directory)


def attach_in_tasks(spark: Any, plan: EnginePlan, tasks: int) -> list[Any]:
    """Attach in so many tasks; a row of socket, starts and the worker's pid for each."""

    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        for batch in batches:
            engine = attach(plan)
            row = {"socket": engine.socket, "starts": engine.starts, "pid": os.getpid()}
            yield pa.RecordBatch.from_pylist([row] * batch.num_rows)

    rows = spark.range(tasks).repartition(tasks)
    return list(rows.mapInArrow(look, "socket string, starts long, pid long").collect())


def engines(plan: EnginePlan) -> list[psutil.Process]:
    return find_running(Path(plan.directory), "udfs.engine.llamacpp_server")


def test_many_tasks_share_one_engine(spark: Any, plan: EnginePlan) -> None:
    rows = attach_in_tasks(spark, plan, 8)

    assert len({(row["socket"], row["starts"]) for row in rows}) == 1
    assert len(engines(plan)) == 1


@pytest.mark.fault("repeated jobs, two maps behind each other", "one engine for all")
def test_chained_maps_and_repeated_jobs_share_one_engine(spark: Any, plan: EnginePlan) -> None:
    def pass_on(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            starts = pa.array([attach(plan).starts] * batch.num_rows, pa.int64())
            yield pa.RecordBatch.from_arrays([starts], names=["id"])

    seen = set()
    for _ in range(3):
        twice = spark.range(4).repartition(4).mapInArrow(pass_on, "id long")
        seen |= {row["id"] for row in twice.mapInArrow(pass_on, "id long").collect()}

    assert seen == {1}
    assert len(engines(plan)) == 1


@pytest.mark.fault("a Python worker is killed", "the engine stays for the next task")
def test_killing_the_worker_that_started_it_does_not_end_the_engine(
    spark: Any, plan: EnginePlan
) -> None:
    before = attach_in_tasks(spark, plan, 2)
    running = engines(plan)[0].pid
    for pid in {row["pid"] for row in before}:
        psutil.Process(pid).kill()
    time.sleep(1)

    after = attach_in_tasks(spark, plan, 2)

    assert {row["starts"] for row in after} == {before[0]["starts"]}
    assert [process.pid for process in engines(plan)] == [running]


@pytest.mark.fault("a job is cancelled", "the engine stays for the next")
def test_a_cancelled_job_leaves_the_engine_to_the_next(spark: Any, plan: EnginePlan) -> None:
    import threading

    attach_in_tasks(spark, plan, 1)
    running = engines(plan)[0].pid

    def sleep(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        attach(plan)
        time.sleep(600)
        yield from batches

    def run_cancelled() -> None:
        spark.sparkContext.addJobTag("slow")
        with pytest.raises(Exception, match="cancelled"):
            spark.range(2).mapInArrow(sleep, "id long").collect()

    thread = threading.Thread(target=run_cancelled)
    thread.start()
    time.sleep(4)
    spark.sparkContext.cancelJobsWithTag("slow")
    thread.join(30)

    assert not thread.is_alive()
    assert len(attach_in_tasks(spark, plan, 2)) == 2
    assert [process.pid for process in engines(plan)] == [running]
