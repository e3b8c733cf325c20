"""sql: one query on the tables, the result on stdout."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from pyspark.sql import DataFrame

from spark_jobs.core.engine import make_plan, make_specs
from spark_jobs.core.runs import Run
from spark_jobs.core.storage import NOTES, Folder, explaining
from spark_jobs.core.tables import METRICS, RUNS
from spark_jobs.filter import make_judge
from udfs.checks import check_udf
from udfs.engine import dialogue_udf
from udfs.errors import JobError, UsageError

SHOWN_ROWS = 1000  # of a table for people; --json prints all


def add_options(parser: ArgumentParser) -> None:
    """The query and how to print it."""
    parser.add_argument("query", help="one SQL statement; tables are raw.documents and so on")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")


def run(run: Run) -> None:
    """Run the query and print its rows."""
    with explaining(run.settings.tables.root):
        check_there(run)
        register_functions(run)
        rows = query(run)
        if run.options.json:
            print_json(rows)
        else:
            print_table(rows)


def check_there(run: Run) -> None:
    """Refuse to make empty tables at a root that was mistyped."""
    tables = run.settings.tables
    if tables.catalog:
        return
    folder = Folder(run.spark, tables.root)
    if not folder.has(NOTES) and not folder.has_table(RUNS):
        raise JobError(
            f"there are no tables under {tables.root}: ./submit.sh local pipeline makes them, "
            "--root names another place"
        )


def register_functions(run: Run) -> None:
    """`mind_check`, and `mind_dialogue` where the settings describe an engine, which starts when
    it is first asked.
    """
    check_udf.register(run.spark, make_judge(run, run.settings.filter.checks), METRICS)
    try:
        plan, specs = make_plan(run.settings.engine), make_specs(run.settings)
    except UsageError:
        # A query that does not ask the engine must not need one.
        return
    dialogue_udf.register(run.spark, plan, specs)


def query(run: Run) -> DataFrame:
    """The query's rows; Spark's own message where it cannot be understood."""
    from pyspark.errors import AnalysisException, ParseException

    _ = run.warehouse
    try:
        return run.spark.sql(run.options.query)
    except (AnalysisException, ParseException) as error:
        raise UsageError(f"the query cannot be run: {first_lines(error)}") from error


def first_lines(error: Exception) -> str:
    """Spark's message without its plan and stack."""
    return str(error).split("\n\nJVM stacktrace")[0].split(";\n'")[0].strip()


def print_json(rows: DataFrame) -> None:
    """One JSON object per row, as many as there are, never all in memory."""
    for row in rows.toLocalIterator():
        values: dict[str, Any] = row.asDict(recursive=True)
        sys.stdout.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")


def print_table(rows: DataFrame) -> None:
    """A table for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows.columns)
    for row in rows.limit(SHOWN_ROWS).collect():
        table.add_row(*("null" if value is None else str(value) for value in row))
    width = None if sys.stdout.isatty() else 10_000
    Console(highlight=False, markup=False, width=width).print(table)
