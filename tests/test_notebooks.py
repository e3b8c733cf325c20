"""Notebooks run on tables of all layers, cell by cell, and hold no results of an earlier run."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT, SLICES, forget_tables

pytestmark = pytest.mark.spark
NOTEBOOKS = sorted(PROJECT.glob("notebooks/*.ipynb"))


@pytest.fixture(scope="module")
def root(
    spark: Any, finished_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Where tables of all layers lie."""
    yield shutil.copytree(finished_tables, tmp_path_factory.mktemp("notebooks") / "warehouse")
    forget_tables(spark)


def read_cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells of code."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_three() -> None:
    assert [file.stem for file in NOTEBOOKS] == ["corpus", "dialogues", "quality"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_cell_of_a_notebook_runs(
    root: Path, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    from matplotlib import pyplot as plt

    monkeypatch.setenv("MIND_SET", f"tables.root={root},tables.slices={SLICES}")
    names: dict[str, Any] = {}

    cells = ["".join(cell["source"]) for cell in read_cells(notebook)]
    for cell in cells:
        exec(compile(cell, notebook.name, "exec"), names)

    assert len(plt.get_fignums()) == sum("tables.plot(" in cell for cell in cells)
    plt.close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_holds_no_results(notebook: Path) -> None:
    assert not any(cell["outputs"] or cell["execution_count"] for cell in read_cells(notebook))
