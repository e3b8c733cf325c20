"""A run: one job with its settings, session and tables, and the row it leaves in the ledger."""

import json
import os
import platform
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.core.claims import SINGLE_WRITER
from spark_jobs.core.console import print_result, warn
from spark_jobs.core.scratch import has_single_writer, scratch_root
from spark_jobs.core.session import with_properties
from spark_jobs.core.settings import PROJECT, Settings
from spark_jobs.core.storage import explaining, note_tables, open_tables
from spark_jobs.core.tables import RUNS, Warehouse
from spark_jobs.core.versions import package_version
from spark_jobs.core.views import open_views

Result = dict[str, Any]
READING = ("sql", "trace")  # they change nothing and leave no row in the ledger
SIGNATURE = "spark.databricks.delta.commitInfo.userMetadata"


@dataclass(frozen=True)
class Run:
    """One job on its way; `options` are its own command-line options."""

    job: str
    settings: Settings
    spark: SparkSession
    options: Any = None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The tables, made and named in the session at the first look."""
        warehouse = Warehouse(self.spark, self.settings.tables)
        open_tables(warehouse)
        if self.job not in READING:
            note_tables(warehouse)
            if has_single_writer(self.spark, self.settings.tables.root):
                warn(SINGLE_WRITER)
        open_views(warehouse)
        return warehouse

    @cached_property
    def scratch(self) -> str:
        """Where tasks and driver leave each other files."""
        return scratch_root(self.spark, self.settings.tables.root)

    def step(self, job: str) -> "Run":
        """A run of another job in the same session, for `pipeline`."""
        step = Run(job, self.settings, self.spark, self.options)
        step.__dict__["warehouse"] = self.warehouse.again()
        return step

    def seconds(self) -> float:
        """Time since the start."""
        return round((datetime.now(UTC) - self.started_at).total_seconds(), 1)


def execute(run: Run, work: Callable[[Run], Result]) -> Result:
    """Do a job, print its JSON line, and leave a row in `ops.runs` however it ends."""
    with with_properties(run.spark, job_properties(run)):
        try:
            with explaining(run.settings.tables.root):
                result = {"job": run.job, **work(run), "seconds": run.seconds()}
        except BaseException as error:
            record(run, result=None, error=error)
            raise
        record(run, result=result, error=None)
    print_result(result)
    return result


def job_properties(run: Run) -> dict[str, str]:
    """What a job wants of its session: its Spark properties, and that every commit names the run.

    A wave's commit says more.
    """
    signature = json.dumps({"job": run.job, "run_id": run.run_id})
    return {**run.settings.spark_properties(run.job), SIGNATURE: signature}


def record(run: Run, *, result: Result | None, error: BaseException | None) -> None:
    """Append the run to the ledger, unless it ended before there were tables."""
    if "warehouse" not in run.__dict__:
        return
    row = {
        "run_id": run.run_id,
        "job": run.job,
        "status": "failed" if error else "done",
        "started_at": run.started_at,
        "finished_at": datetime.now(UTC),
        "settings": run.settings.to_json(),
        "versions": json.dumps(versions()),
        "table_versions": None,
        "result": None if result is None else json.dumps(result),
        "error": None if error is None else f"{type(error).__name__}: {error}"[:2000],
    }
    try:
        row["table_versions"] = json.dumps(run.warehouse.versions_looked_at())
        run.warehouse.append(run.warehouse.make_rows([row], RUNS), RUNS)
    except BaseException:
        # The ledger is derived: when the job itself failed, its own error is the one to see.
        if error is None:
            raise


def progress_folder(run: Run, run_id: str) -> str:
    """Where the tasks of a run and its driver tell each other how far they are."""
    return f"{run.scratch}/_progress/{run_id}"


def versions() -> dict[str, str]:
    """What ran: this project and its commit, Python, and the packages that matter."""
    packages = ("mind-on-spark", "pyspark", "delta-spark", "pyarrow", "tokenizers")
    return {
        "python": platform.python_version(),
        "commit": current_commit(),
        **{name: package_version(name) for name in packages},
    }


def current_commit() -> str:
    """The commit of the checkout, with a + when files differ from it; empty outside of one.

    MIND_COMMIT names it where the code runs without a checkout.
    """
    if os.environ.get("MIND_COMMIT"):
        return os.environ["MIND_COMMIT"]
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
