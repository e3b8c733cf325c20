"""maintain: withdrawn pages deleted, small files put together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import chunk, generate, ingest, maintain
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, DOCUMENTS
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PAGES = [{"text": f"Page {n}: it is {n}."} for n in range(20)]


def test_withdrawn_pages_are_deleted_everywhere_and_only_once(
    make_run: Any, write_pages: Callable[..., Path], engine: SimulatedEngine, tmp_path: Path
) -> None:
    ingest.run(make_run("ingest", f"ingest.input={write_pages('pages.jsonl', *PAGES)}"))
    chunk.run(make_run("chunk"))
    styles = 'generate.styles=["debate", "interview"]'
    generate.run(make_run("generate", *engine.settings, styles, "generate.limit_chunks=0"))
    named = tmp_path / "withdrawn.txt"
    named.write_text("https://math.example/0\n", encoding="utf-8")
    ingest.run(make_run("ingest", f"ingest.withdraw={named}"))
    run = make_run("maintain", "maintain.small_files=2")

    first, second = maintain.run(run), maintain.run(run)

    # Two attempts, a chunk and a page.
    assert (first["deleted"], second["deleted"]) == (4, 0)
    kept = [run.warehouse.read(table).count() for table in (ATTEMPTS, CHUNKS, DOCUMENTS)]
    assert kept == [38, 19, 19]
