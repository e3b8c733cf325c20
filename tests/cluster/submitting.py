"""How the tests of clusters run a job: by the command that a person types, on the sample."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyspark

from tests.conftest import QUICK_JVM
from udfs.engine.processes import processes_in

PROJECT = Path(__file__).parents[2]
# What a person's shell says of another Spark or Hadoop must not reach this one.
FOREIGN_PREFIXES = ("HADOOP_", "MIND_CONF", "PYSPARK_", "SPARK_", "YARN_")
# Two executors of two cores and 1.5 GiB: what a machine of two cores and a test can do.
SMALL = {
    "spark.all": {
        "spark.driver.memory": "768m",
        "spark.driver.defaultJavaOptions": QUICK_JVM,
        "spark.executor.defaultJavaOptions": QUICK_JVM,
        "spark.executor.cores": "2",
        "spark.executor.instances": "2",
        "spark.executor.memory": "640m",
        "spark.executor.memoryOverhead": "896m",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.ui.enabled": "false",
        # A few rows: compiling Java for them costs more than it brings.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    },
    "spark.generate": {"spark.executor.memory": "640m", "spark.executor.memoryOverhead": "896m"},
}
PAGES = ("--input", (PROJECT / "conf" / "sample").as_uri(), "--limit", "8")
# Four dialogues, cut off early: the machinery is what is looked at.
ASKED = (
    *("--limit-chunks", "2", "--styles", "two_students,debate"),
    *("--set", "generate.sampling.max_tokens=64"),
)


@dataclass(frozen=True)
class Done:
    """A job that has ended: its exit code, its JSON lines, and what it said to people."""

    code: int
    results: list[dict[str, Any]]
    said: str


@dataclass(frozen=True)
class Tables:
    """The tables of one root, read by another Spark than the one that wrote them."""

    spark: Any
    root: Path

    def rows(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """The rows of one table."""
        path = self.root / table.replace(".", "/")
        frame = self.spark.read.format("delta").load(str(path)).select(*columns)
        return [row.asDict() for row in frame.collect()]

    def keys(self) -> dict[str, set[str]]:
        """What identity a run gave to chunks, and what it found pending and asked for."""
        chunks = self.rows("raw.chunks", "chunk_id")
        attempts = self.rows("synthetic.attempts", "gen_key")
        return {
            "chunks": {row["chunk_id"] for row in chunks},
            "pending": {row["gen_key"] for row in attempts},
        }


@dataclass(frozen=True)
class Cluster:
    """Where to send jobs: the target, its options, and what its environment must say.

    `models` is the folder of the embedded model, `engines` that of the engines.
    """

    target: str
    models: Path
    engines: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, job: str, *words: str, root: Path) -> "subprocess.Popen[str]":
        """Start a job on tables below a folder, as a person would."""
        ours = {"PYTHONPATH": str(PROJECT), "MIND_MODELS_DIR": str(self.models)}
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "spark_jobs", self.target, job),
                *("--conf", "conf/embedded.toml", "--root", root.as_uri()),
                *("--set", f"submit.python={sys.executable}", "--set", "tables.slices=1"),
                *(
                    "--set",
                    "generate.spool_seconds=0.5",
                    "--set",
                    f"engine.directory={self.engines}",
                ),
                *self.options,
                *words,
            ],
            cwd=PROJECT,
            env={**own_environment(), **ours, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, job: str, *words: str, root: Path, seconds: float = 900) -> Done:
        """Run a job to its end."""
        return finish(self.start(job, *words, root=root), seconds)


def own_environment() -> dict[str, str]:
    """This process's environment without another Spark or Hadoop."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_PREFIXES)}


def finish(process: "subprocess.Popen[str]", seconds: float = 900) -> Done:
    """Wait for a job's end."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return Done(process.returncode, lines, err)


def set_all(*tables: dict[str, dict[str, str]]) -> Iterable[str]:
    """Spark properties as options."""
    for table in tables:
        for section, properties in table.items():
            for name, value in properties.items():
                yield from ("--set", f"{section}.{name}={value}")


def our_jars() -> str:
    """Spark's jars, which lie on every node of a cluster on one machine."""
    return f"local:{Path(pyspark.__file__).parent}/jars/*"


def gpus_of_engines(directory: Path) -> set[str]:
    """The GPUs that the engines below a directory may see."""
    found = set()
    for process in processes_in(directory):
        try:
            found.add(process.environ().get("CUDA_VISIBLE_DEVICES", ""))
        except psutil.Error:
            continue
    return found - {""}
