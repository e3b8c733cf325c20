"""ingest: every page once, every bad row with its reason, no bad input fatal."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from spark_jobs import ingest
from spark_jobs.core import inputs
from spark_jobs.core.tables import DOCUMENTS, REJECTED
from udfs.errors import JobError, UsageError
from udfs.text.pages import BATCH_ROWS

pytestmark = pytest.mark.spark
EULER = {"url": "https://math.example/euler", "text": "We have $e^{i\\pi} + 1 = 0$."}
GAUSS = {"url": "https://math.example/gauss", "text": "The sum of 1 to 100 is 5050."}


def reasons(run: Any) -> dict[int | None, str]:
    rows = run.warehouse.read(REJECTED).collect()
    return {row["source_row"]: row["reason"] for row in rows}


def test_running_twice_adds_nothing(make_run: Any, write_pages: Callable[..., Path]) -> None:
    path = write_pages("pages.jsonl", EULER, GAUSS, {"text": ""})

    first = ingest.run(make_run("ingest", f"ingest.input={path}"))
    run = make_run("ingest", f"ingest.input={path}")
    second = ingest.run(run)

    assert first == {"documents": 2, "new": 2, "rejected": 1, "superseded": 0}
    assert second == {"documents": 2, "new": 0, "rejected": 1, "superseded": 0}
    assert run.warehouse.read(REJECTED).count() == 1


def test_a_page_that_stands_twice_is_taken_once(
    make_run: Any, write_pages: Callable[..., Path]
) -> None:
    path = write_pages("pages.jsonl", EULER, EULER, GAUSS)

    assert ingest.run(make_run("ingest", f"ingest.input={path}"))["new"] == 2


def test_the_source_is_a_label_and_no_part_of_a_pages_identity(
    make_run: Any, write_pages: Callable[..., Path]
) -> None:
    path = write_pages("pages.jsonl", EULER)
    ingest.run(make_run("ingest", f"ingest.input={path}", "ingest.source=one"))

    again = ingest.run(make_run("ingest", f"ingest.input={path}", "ingest.source=two"))

    assert again["new"] == 0


def test_parquet_and_compressed_json_lines_are_read_from_a_folder(
    make_run: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    (folder / "deep").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([EULER]), folder / "a.parquet")
    (folder / "deep" / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps(GAUSS).encode()))
    third = json.dumps({"url": "u", "text": "three"}).encode()
    (folder / "c.jsonl.zst").write_bytes(zstandard.compress(third))
    (folder / "_SUCCESS").write_text("")
    (folder / "notes.txt").write_text("not a page")

    assert ingest.run(make_run("ingest", f"ingest.input={folder}"))["documents"] == 3


def test_each_bad_row_is_kept_with_its_place_and_reason(make_run: Any, tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    lines = [
        json.dumps(EULER),
        '{"url": "u", "text": ',
        json.dumps({"url": "u", "text": None}),
        json.dumps({"url": "u", "text": " \n"}),
        json.dumps({"url": "u", "text": 7}),
        json.dumps(["no", "object"]),
        json.dumps({"url": "u", "text": "half \ud800"}),
    ]
    path.write_text("\n".join(lines))
    run = make_run("ingest", f"ingest.input={path}")

    result = ingest.run(run)

    assert result["rejected"] == 6
    found = reasons(run)
    assert found[1].startswith("invalid JSON")
    assert [found[n] for n in (2, 3, 4, 5)] == [
        "text is null, expected a string",
        "text is blank",
        "text is a number, expected a string",
        "the row is a list, expected an object",
    ]
    assert "surrogate" in found[6]


def test_a_corrupt_file_is_one_rejection_beside_good_ones(make_run: Any, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([EULER]), tmp_path / "good.parquet")
    whole = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "bad.parquet").write_bytes(whole[: len(whole) // 2])
    run = make_run("ingest", f"ingest.input={tmp_path}/*.parquet")

    assert ingest.run(run) == {"documents": 1, "new": 1, "rejected": 1, "superseded": 0}
    assert reasons(run)[None].startswith("the file is unreadable from the start")


@pytest.mark.fault(
    "a Parquet file is corrupt, or gone when it is to be read",
    "one row of `raw.rejected`; the pages before the damage and all other files are read",
)
def test_files_that_are_damaged_or_gone_are_rejections_and_cost_no_other_page(
    make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, pages in {"damaged": 2 * BATCH_ROWS, "gone": 1, "whole": 1}.items():
        rows = [{"url": f"{name} {n}", "text": f"Page {n} is about {n}."} for n in range(pages)]
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=BATCH_ROWS)
    damage_second_half(tmp_path / "damaged.parquet")
    list_files = inputs.list_files

    def list_and_lose(location: str) -> list[str]:
        found = list_files(location)
        (tmp_path / "gone.parquet").unlink()
        return found

    monkeypatch.setattr(inputs, "list_files", list_and_lose)
    run = make_run("ingest", f"ingest.input={tmp_path}")

    result = ingest.run(run)

    assert (result["documents"], result["rejected"]) == (BATCH_ROWS + 1, 2)
    rows = run.warehouse.read(REJECTED).collect()
    reasons = {row["source_file"].rpartition("/")[2]: row["reason"] for row in rows}
    damage = f"the file is unreadable after row {BATCH_ROWS - 1}: "
    assert reasons["damaged.parquet"].startswith(damage)
    assert "FileNotFoundError" in reasons["gone.parquet"]


def damage_second_half(file: Path) -> None:
    """Overwrite the pages of the second row group; the footer still says that all is well."""
    start = pq.ParquetFile(file).metadata.row_group(1).column(0).dictionary_page_offset
    content = bytearray(file.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    file.write_bytes(content)


def test_columns_are_named_in_settings(make_run: Any, tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(json.dumps({"link": "u", "body": "A page.", "meta": {"n": 1}}))
    run = make_run(
        "ingest",
        f"ingest.input={path}",
        "ingest.columns.url=link",
        "ingest.columns.text=body",
        "ingest.columns.metadata=meta",
    )

    ingest.run(run)

    row = run.warehouse.read(DOCUMENTS).collect()[0]
    assert (row["url"], row["text"], row["metadata"]) == ("u", "A page.", '{"n": 1}')


def test_a_limit_takes_the_first_pages(make_run: Any, write_pages: Callable[..., Path]) -> None:
    path = write_pages("pages.jsonl", EULER, GAUSS)
    run = make_run("ingest", f"ingest.input={path}", "ingest.limit=1")

    assert ingest.run(run)["documents"] == 1
    assert run.warehouse.read(DOCUMENTS).collect()[0]["url"] == EULER["url"]


def test_nothing_to_read_says_what_was_looked_for(make_run: Any, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"looked for files ending in \.parquet"):
        ingest.run(make_run("ingest", f"ingest.input={tmp_path}"))


def test_a_hub_path_without_a_revision_is_refused(make_run: Any) -> None:
    location = "hf://datasets/open-web-math/open-web-math/data"

    with pytest.raises(UsageError, match=r"ingest\.revision"):
        ingest.run(make_run("ingest", f"ingest.input={location}"))


def test_a_filesystem_that_only_spark_knows_is_read_through_it(
    make_run: Any, write_pages: Callable[..., Path], spark: Any
) -> None:
    path = write_pages("pages.jsonl", EULER, GAUSS)
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("fs.viewfs.mounttable.tests.link./pages", f"file://{path.parent}")

    result = ingest.run(make_run("ingest", "ingest.input=viewfs://tests/pages"))

    assert result == {"documents": 2, "new": 2, "rejected": 0, "superseded": 0}
