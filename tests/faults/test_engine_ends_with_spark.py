"""An engine lives as long as its Spark session needs it: through idleness, not beyond the end."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import QUICK_JVM
from tests.engine.conftest import make_embedded_plan, processes_of
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
IDLE_SECONDS = 80  # Spark ends idle Python workers after 60

# A session that attaches, idles, attaches again, is stopped, and whose process lives on.
SESSION = """
import json, sys, time
from pyspark.sql import SparkSession
from udfs.engine.recipes import EnginePlan

plan = EnginePlan.model_validate_json(sys.argv[1])

def look(batches):
    import pyarrow as pa
    from udfs.engine.sidecar import attach
    for _ in batches:
        yield pa.RecordBatch.from_pylist([{"starts": attach(plan).starts}])

def say(word):
    rows = spark.range(4).repartition(4).mapInArrow(look, "starts long").collect()
    print(json.dumps({"after": word, "starts": sorted({row.starts for row in rows})}), flush=True)

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config(
    "spark.driver.defaultJavaOptions", sys.argv[3]).getOrCreate()
say("start")
time.sleep(float(sys.argv[2]))
say("idleness")
spark.stop()
print(json.dumps({"after": "stop"}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def plan(embedded_model: Any) -> Iterator[EnginePlan]:
    with tempfile.TemporaryDirectory(prefix="mind-") as directory:
        plan = make_embedded_plan(embedded_model, Path(directory))
        yield plan
        end_processes(processes_of(plan), grace=10)


@pytest.fixture(scope="module")
def session(plan: EnginePlan) -> Iterator[Iterator[dict[str, Any]]]:
    """What a session says, line by line."""
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, plan.model_dump_json(), str(IDLE_SECONDS), QUICK_JVM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable},
    )
    with process:
        assert process.stdout is not None
        yield (json.loads(line) for line in process.stdout)
        process.kill()


@pytest.mark.fault("80 s without work, in which Spark ends its Python workers", "the engine stays")
def test_an_engine_outlives_the_idle_workers_that_spark_ends(
    session: Iterator[dict[str, Any]], plan: EnginePlan
) -> None:
    assert next(session) == {"after": "start", "starts": [1]}
    before = {process.pid for process in processes_of(plan)}

    assert next(session) == {"after": "idleness", "starts": [1]}
    assert {process.pid for process in processes_of(plan)} == before


@pytest.mark.fault("`spark.stop()` in a process that lives on", "no engine some 15 s later")
def test_an_engine_ends_with_its_session_though_the_jvm_lives_on(
    session: Iterator[dict[str, Any]], plan: EnginePlan
) -> None:
    assert next(session) == {"after": "stop"}

    deadline = time.monotonic() + 30
    while processes_of(plan) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert processes_of(plan) == []
