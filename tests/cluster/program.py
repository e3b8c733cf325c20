"""The program that test_yarn.py submits: tasks that attach to their engine, ask it, and wait.

Run as `program.py FOLDER`. Reads FOLDER/plan.json; each task leaves a report in FOLDER/reports and
ends when FOLDER/go is there; the rows of the job are in FOLDER/rows.json afterwards.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import SparkSession

from udfs.engine.client import EngineClient
from udfs.engine.processes import find_executor
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach, write_atomically

TASKS = 4
ROWS = 40
Batches = Iterator[pa.RecordBatch]


def main() -> None:
    folder = Path(sys.argv[1])
    plan_json = (folder / "plan.json").read_text(encoding="utf-8")
    with SparkSession.builder.getOrCreate() as spark:
        held = spark.range(0, ROWS, 1, TASKS).mapInArrow(make_task(folder, plan_json), "id long")
        ids = [row["id"] for row in held.collect()]
    (folder / "rows.json").write_text(json.dumps(ids), encoding="utf-8")


def make_task(folder: Path, plan_json: str) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        plan = EnginePlan.model_validate_json(plan_json)
        report(folder / "reports", plan, attach(plan))
        while not (folder / "go").exists():
            time.sleep(0.1)
        yield from batches

    return run


def report(folder: Path, plan: EnginePlan, engine: Engine) -> None:
    task = TaskContext.get()
    assert task is not None
    facts = {
        "partition": task.partitionId(),
        "container": os.environ["CONTAINER_ID"],
        "node": f"{os.environ['NM_HOST']}:{os.environ['NM_PORT']}",
        "executor": find_executor().pid,
        "socket": engine.socket,
        "status": asyncio.run(ask(plan, engine)),
    }
    name = f"{task.partitionId()}-{task.attemptNumber()}.json"
    write_atomically(folder / name, json.dumps(facts))


async def ask(plan: EnginePlan, engine: Engine) -> str:
    async with EngineClient(plan, engine) as client:
        question = [{"role": "user", "content": "What is 2 + 2?"}]
        return (await client.complete(question, {"max_tokens": 4})).status


if __name__ == "__main__":
    main()
