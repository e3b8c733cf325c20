"""trace: where a token of an export comes from: its dialogue, chunk and page, side by side."""

from typing import Any

from pyspark.sql import functions as F
from rich.table import Table as Columns
from rich.text import Text

from spark_jobs.core.console import SCREEN, print_result
from spark_jobs.core.export_folder import ExportFolder
from spark_jobs.core.runs import Run
from spark_jobs.core.scratch import scratch_root
from spark_jobs.core.tables import CHUNKS, DOCUMENTS
from spark_jobs.export import read_encoder
from spark_jobs.sql import check_there
from udfs.errors import UsageError
from udfs.export.reading import Found, find_token

SHOWN = 1500  # characters of the page on either side of the chunk


def run(run: Run) -> None:
    """Find the token, print its lineage as JSON, and show the texts to people."""
    check_there(run)
    folder = ExportFolder(scratch_root(run.spark, run.settings.export.output))
    manifest = folder.manifest()
    if manifest is None:
        raise UsageError(f"there is no finished export at {folder.location}, expected its folder")
    encoder = read_encoder(run, manifest["settings"]["end_token"])
    if encoder.counter.tokenizer_id != manifest["tokenizer"]:
        raise UsageError(
            "export.tokenizer is not the one that the export was made with: give the same "
            "--set export.tokenizer"
        )
    found = find_token(folder.location, manifest, encoder, run.options.token)
    chunk, page = read_source(run, found)
    show(found, chunk, page)
    print_result(describe(run, found))


def describe(run: Run, found: Found) -> dict[str, Any]:
    """The lineage of the token."""
    return {
        "job": run.job,
        "token": run.options.token,
        "text": found.around[1] if found.around else None,
        "file": found.file,
        "place": found.place,
        **found.record,
        "seconds": run.seconds(),
    }


def read_source(run: Run, found: Found) -> tuple[dict[str, Any] | None, str | None]:
    """The chunk and the page's text that a record was made from; null for what it has none of."""
    chunk_id, doc_id = found.record["chunk_id"], found.record["doc_id"]
    chunks = run.warehouse.read(CHUNKS).where(F.col("chunk_id") == F.lit(chunk_id)).collect()
    pages = run.warehouse.read(DOCUMENTS).where(F.col("doc_id") == F.lit(doc_id)).collect()
    return (chunks[0].asDict() if chunks else None), (pages[0]["text"] if pages else None)


def show(found: Found, chunk: dict[str, Any] | None, page: str | None) -> None:
    """Record and page beside each other, the token and the chunk marked."""
    columns = Columns(title=found.record["url"] or "", title_justify="left", expand=True)
    columns.add_column(found.record["style"] or found.record["layout"], ratio=1)
    columns.add_column("page", ratio=1)
    columns.add_row(mark_token(found), mark_chunk(chunk, page))
    SCREEN.print(columns)


def mark_token(found: Found) -> Text:
    """The record's text, the token reversed."""
    if found.around is None:
        return Text("(a chat's tokens are those of its text, which the file holds in messages)")
    before, token, after = found.around
    return Text.assemble(before, (token, "reverse"), after)


def mark_chunk(chunk: dict[str, Any] | None, page: str | None) -> Text:
    """The page around the chunk, the chunk bold."""
    if page is None:
        return Text("(no page: an outside corpus, or a page that is gone)")
    start, end = (chunk["start"], chunk["end"]) if chunk else (0, len(page))
    before, after = page[max(0, start - SHOWN) : start], page[end : end + SHOWN]
    return Text.assemble(before, (page[start:end], "bold"), after)
