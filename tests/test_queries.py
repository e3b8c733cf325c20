"""The README's queries run on tables that hold what they ask for, and views say what they show."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.core.tables import TABLES
from spark_jobs.core.views import VIEWS
from tests.conftest import PROJECT, runs_on

pytestmark = [pytest.mark.spark, pytest.mark.engine]
QUESTIONS = 20


def find_queries() -> list[str]:
    """The README's queries, each with its question as a comment."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sql\n(-- 1\. .*?)```", text, re.DOTALL)
    assert block
    return [query.strip() for query in block[1].split(";\n") if query.strip()]


@pytest.fixture(scope="module")
def ask(
    spark: Any, finished_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], list[Any]]]:
    """Asks tables with something of each kind in them."""
    root = tmp_path_factory.mktemp("queries") / "warehouse"
    with runs_on(spark, root, finished_tables) as make:
        make("sql")
        yield lambda query: spark.sql(query).collect()


def test_there_are_twenty_questions_in_order() -> None:
    numbers = [int(query.split(".")[0].removeprefix("-- ")) for query in find_queries()]

    assert numbers == list(range(1, QUESTIONS + 1))


@pytest.mark.parametrize("query", find_queries(), ids=lambda query: query.split(".")[0])
def test_a_query_of_the_readme_finds_what_it_asks_for(
    ask: Callable[[str], list[Any]], query: str
) -> None:
    assert ask(query) or "contaminated_item" in query


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_describes_its_columns(ask: Callable[[str], list[Any]], view: Any) -> None:
    rows = ask(f"describe table extended {view.layer}.{view.name}")
    described = {row["col_name"]: row["comment"] for row in rows[: len(view.columns)]}

    assert described == view.columns
    assert view.comment in {row["data_type"] for row in rows}


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_table_describes_its_columns(ask: Callable[[str], list[Any]], table: Any) -> None:
    rows = ask(f"describe table {table}")

    described = {row["col_name"]: row["comment"] for row in rows[: len(table.columns)]}
    assert described == {name: meaning for name, _, meaning in table.columns}
