"""chunk: pages become chunks once per chunker, and the page can be put together again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_jobs import chunk, ingest
from spark_jobs.core.tables import CHUNKS, DOCUMENTS

pytestmark = [pytest.mark.spark, pytest.mark.engine]
SAMPLE = Path(__file__).parents[1] / "conf" / "sample"
SHARED = Path(__file__).parents[2] / "shared" / "data" / "webmath"


def rebuild(run: Any) -> dict[str, str]:
    """Pages by doc_id, put together from their chunks."""
    parts = F.sort_array(F.collect_list(F.struct("start", "text")))
    joined = F.concat_ws("", F.transform(parts, lambda part: part["text"]))
    rows = run.warehouse.read(CHUNKS).groupBy("doc_id").agg(joined.alias("text")).collect()
    return {row["doc_id"]: row["text"] for row in rows}


@pytest.mark.parametrize("folder", [SAMPLE, SHARED], ids=["sample", "webmath"])
def test_pages_rebuild_exactly_from_their_chunks(make_run: Any, folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    ingest.run(make_run("ingest", f"ingest.input={folder}"))
    run = make_run("chunk")

    chunk.run(run)

    pages = {row["doc_id"]: row["text"] for row in run.warehouse.read(DOCUMENTS).collect()}
    assert rebuild(run) == pages
    assert run.warehouse.read(CHUNKS).agg(F.max("n_tokens")).collect()[0][0] <= 500


def test_a_rerun_makes_nothing_and_another_limit_makes_its_own(
    make_run: Any, write_pages: Callable[..., Path]
) -> None:
    path = write_pages("pages.jsonl", {"text": "One sentence stands here. " * 100})
    ingest.run(make_run("ingest", f"ingest.input={path}"))

    first = chunk.run(make_run("chunk"))
    again = chunk.run(make_run("chunk"))
    run = make_run("chunk", "chunk.max_tokens=100")
    other = chunk.run(run)

    assert first["new"] == first["chunks"] > 0
    assert again["new"] == 0
    assert other["new"] == other["chunks"] > first["chunks"]
    assert run.warehouse.read(CHUNKS).count() == first["chunks"] + other["chunks"]


def test_offsets_are_those_of_the_page(make_run: Any, tmp_path: Path) -> None:
    text = "Emoji 😀 before, then $x^2$ and more. " * 60
    (tmp_path / "p.jsonl").write_text(json.dumps({"url": "u", "text": text}))
    ingest.run(make_run("ingest", f"ingest.input={tmp_path}/p.jsonl"))
    run = make_run("chunk", "chunk.max_tokens=64")

    chunk.run(run)

    for row in run.warehouse.read(CHUNKS).collect():
        assert row["text"] == text[row["start"] : row["end"]]
