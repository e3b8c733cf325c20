"""export and trace: a layout has the rows of its tables, the same bytes each time, and lineage."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from spark_jobs import chunk, export, generate, ingest, trace
from spark_jobs import filter as filter_job
from tests.conftest import runs_on
from tests.simulated import GOOD, run_simulated
from udfs.errors import UsageError
from udfs.export.formats import to_messages

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLES = ("two_students", "teacher_student")
PAGES = 9
MORE = (
    "The proof was short.",
    "Nobody needed a longer calculation, or any other page.",
    "Let us stop here for today and meet again.",
)
Export = Callable[..., tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="module")
def make_run(spark: Any, empty_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs on a corpus of nine pages, one of them with two chunks, in two styles."""
    folder = tmp_path_factory.mktemp("export")
    pages = folder / "pages.jsonl"
    pages.write_text("".join(f"{json.dumps(make_page(n))}\n" for n in range(PAGES)))
    with (
        runs_on(spark, folder / "warehouse", empty_tables, "chunk.max_tokens=60") as make,
        run_simulated() as engine,
    ):
        engine.on_request = lambda n: setattr(engine, "text", " ".join([GOOD, *MORE[: n % 4]]))
        ingest.run(make("ingest", f"ingest.input={pages}"))
        chunk.run(make("chunk"))
        generate.run(make("generate", *engine.settings, f"generate.styles={json.dumps(STYLES)}"))
        filter_job.run(make("filter"))
        yield make


def make_page(number: int) -> dict[str, Any]:
    text = f"Page {number} says that the square of {number} is {number**2}, which it proves.\n\n"
    return {"url": f"https://math.example/{number}", "text": text * (5 if number == 0 else 1)}


@pytest.fixture
def export_as(make_run: Any, tmp_path: Path) -> Export:
    """Exports in one layout and format: its folder and manifest."""

    def make(layout: str, *settings: str, name: str = "out") -> tuple[Path, dict[str, Any]]:
        folder = tmp_path / name
        place = [f"export.output={folder}", f"export.layout={layout}"]
        export.run(make_run("export", *place, *settings))
        return folder, json.loads((folder / "manifest.json").read_text())

    return make


def read(folder: Path) -> list[dict[str, Any]]:
    """All records of a Parquet export, shard by shard."""
    files = sorted((folder / "data").glob("*.parquet"))
    return [record for file in files for record in pq.read_table(file).to_pylist()]


DIALOGUES = "select gen_key, text from filtered.dialogues"
COUNTED = {
    "raw": "select chunk_id, text from raw.chunks",
    "two_students": f"{DIALOGUES} where style = 'two_students'",
    "combination": DIALOGUES,
    "longest": """
        select gen_key, text from filtered.dialogues d where not exists (
          select 1 from filtered.dialogues o where o.chunk_id = d.chunk_id
          and (o.completion_tokens, d.gen_key) > (d.completion_tokens, o.gen_key))
    """,
    "concat": """
        select d.gen_key, concat(c.text, '\n\n', d.text) from filtered.dialogues d
        join raw.chunks c using (chunk_id) where style = 'two_students'
    """,
}


@pytest.mark.parametrize("layout", COUNTED)
def test_a_layout_has_the_rows_that_sql_counts(
    export_as: Export, make_run: Any, layout: str
) -> None:
    folder, manifest = export_as(layout, "export.concat=two_students")

    run = make_run("sql")
    wanted = sorted(tuple(row) for row in run.spark.sql(COUNTED[layout]).collect())
    records = read(folder)
    assert sorted((record["key"], record["text"]) for record in records) == wanted
    assert manifest["records"] == len(wanted)
    assert manifest["tokens"] == sum(record["n_tokens"] for record in records)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "chat"])
def test_datasets_of_hugging_face_loads_the_folder(
    export_as: Export, make_run: Any, tmp_path: Path, form: str
) -> None:
    folder, _ = export_as("two_students", f"export.format={form}")

    loaded = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))

    wanted = dict(make_run("sql").spark.sql(COUNTED["two_students"]).collect())
    if form == "chat":
        said = {key: to_messages(text) for key, text in wanted.items()}
        assert {record["key"]: record["messages"] for record in loaded} == said
    else:
        assert {record["key"]: record["text"] for record in loaded} == wanted


def test_pages_can_be_exported_whole(export_as: Export) -> None:
    folder, _ = export_as("raw", "export.raw=pages")

    assert sorted(record["text"] for record in read(folder)) == sorted(
        make_page(n)["text"] for n in range(PAGES)
    )


def test_raw_plus_takes_as_many_tokens_of_either(export_as: Export) -> None:
    folder, manifest = export_as("raw_plus")

    raw, dialogues = (part["tokens"] for part in manifest["parts"])
    longest = max(record["n_tokens"] for record in read(folder))
    assert abs(raw - dialogues) <= longest / 2
    assert {record["layout"] for record in read(folder)} == {"raw", "longest"}


def test_a_blend_takes_outside_corpora_by_weight(export_as: Export, tmp_path: Path) -> None:
    outside = tmp_path / "web.jsonl"
    outside.write_text("".join(f'{{"body": "Other page {n}."}}\n' for n in range(2000)))
    parts = [
        {"layout": "combination", "weight": 2},
        {"layout": "files", "path": str(outside), "column": "body"},
    ]

    folder, manifest = export_as("", f"export.parts={to_toml(parts)}", "export.budget=3000")

    mine, web = (part["tokens"] for part in manifest["parts"])
    assert abs(web - 1000) <= 1000 / 1000 * 6  # one short record
    assert abs(mine - 2000) <= max(record["n_tokens"] for record in read(folder)) / 2
    assert {record["url"] for record in read(folder) if record["layout"] == "files"} == {None}


def to_toml(parts: list[dict[str, Any]]) -> str:
    tables = (", ".join(f"{k} = {json.dumps(v)}" for k, v in part.items()) for part in parts)
    return f"[{', '.join(f'{{{table}}}' for table in tables)}]"


def test_a_page_may_be_capped(export_as: Export) -> None:
    folder, _ = export_as("combination", "export.per_page=1")

    urls = [record["url"] for record in read(folder)]
    assert len(urls) == len(set(urls)) == PAGES


@pytest.mark.parametrize("form", ["parquet", "chat", "megatron"])
def test_the_same_tables_give_the_same_bytes(export_as: Export, make_run: Any, form: str) -> None:
    settings = (f"export.format={form}", "export.records_per_file=6")
    _, first = export_as("combination", *settings)
    with_tasks = make_run("sql").spark.conf
    with_tasks.set("spark.sql.shuffle.partitions", "3")
    try:
        _, second = export_as("combination", *settings, name="again")
    finally:
        with_tasks.set("spark.sql.shuffle.partitions", "1")

    assert first["shards"] > 1
    assert second == first


def test_a_finished_export_is_left_alone_and_not_overwritten(export_as: Export) -> None:
    folder, _ = export_as("longest")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    export_as("longest")
    with pytest.raises(UsageError, match="holds another export"):
        export_as("combination")

    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_folder_of_other_things_is_not_touched(export_as: Export, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        export_as("longest")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"


def test_an_export_that_died_starts_anew_and_ends_as_if_it_had_not(
    export_as: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = export_as("combination", name="whole")
    monkeypatch.setattr(export, "write_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_as("combination")
    (tmp_path / "out" / "data" / ".writing-0-train.parquet").write_text("half")
    monkeypatch.undo()

    folder, again = export_as("combination")

    assert again == whole
    names = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert names == ["README.md", "manifest.json", "train-00000-of-00001.parquet"]


def test_the_data_card_tells_what_it_is_and_how_to_make_it_again(export_as: Export) -> None:
    folder, manifest = export_as("combination", "export.license=odc-by")

    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: odc-by\n")
    assert "path: data/*.parquet" in card
    assert f"{manifest['records']:,} records, {manifest['tokens']:,} tokens" in card
    asked = manifest["records"] // len(STYLES)
    assert f"| two_students | {asked} | {asked} | {asked} |" in card
    assert "not known to this project" in card


@pytest.mark.parametrize("form", ["jsonl", "megatron"])
def test_every_token_is_traced_to_its_dialogue_and_page(
    export_as: Export,
    make_run: Any,
    form: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nine = "export.records_per_file=9"
    folder, manifest = export_as("combination", f"export.format={form}", nine)
    plain, _ = export_as("combination", nine, name="plain")
    encoder = export.make_encoder(make_run("export"))
    truth = [(r, n) for r in read(plain) for n in range(r["n_tokens"])]
    assert len(truth) == manifest["tokens"]

    for token in range(0, len(truth), len(truth) // 3):
        options = SimpleNamespace(token=token)
        of_other_ends = (f"export.output={folder}", "export.end_token=")
        trace.run(make_run("trace", *of_other_ends, options=options))
        found = json.loads(capsys.readouterr().out.splitlines()[-1])
        record, place = truth[token]
        assert (found["gen_key"], found["url"]) == (record["gen_key"], record["url"])
        assert found["place"] == place
        assert found["text"] == encoder.counter.decode([encoder.encode(record["text"])[place]])


def test_what_cannot_be_exported_is_said_before_anything_is_written(
    export_as: Export, tmp_path: Path
) -> None:
    for settings, words in {
        ("nonsense",): "there is no layout 'nonsense'",
        ("raw", "export.format=chat"): "chat holds dialogues, raw has other texts",
        ("raw", "export.end_token=", "export.format=megatron"): "end_token is empty",
        ("raw", "export.end_token=<eos>"): "no token '<eos>'",
        ("concat", "export.concat=raw"): "expected longest or a style",
        ("files",): "a path of Parquet",
    }.items():
        with pytest.raises(UsageError, match=words):
            export_as(*settings)
    assert not (tmp_path / "out").exists()


def test_a_token_beyond_the_end_is_refused(export_as: Export, make_run: Any) -> None:
    folder, manifest = export_as("longest")
    options = SimpleNamespace(token=manifest["tokens"])

    with pytest.raises(UsageError, match="expected 0 to"):
        trace.run(make_run("trace", f"export.output={folder}", options=options))
