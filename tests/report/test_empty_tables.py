"""A report on tables of the test's own, which a session cannot have beside those of test_report."""

from pathlib import Path
from typing import Any

import pytest

from spark_jobs import report


@pytest.mark.spark
def test_tables_with_nothing_in_them_make_an_honest_page(make_run: Any, tmp_path: Path) -> None:
    output = tmp_path / "report.html"

    result = report.run(make_run("report", f"report.output={output}"))

    assert (result["asked"], result["samples"], result["rules_id"]) == (0, 0, None)
    page = output.read_text(encoding="utf-8")
    assert "No dialogue has been asked for so far" in page
    assert "No dialogue has been judged so far" in page
