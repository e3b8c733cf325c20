"""chunk: pages into `raw.chunks`, at most so many tokens each, never through a formula.

Then each chunk is judged: what is not worth an engine's time is not asked for.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker, read_chunks
from spark_jobs.core.console import say
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.screening import screen_chunks
from spark_jobs.core.tables import CHUNKS, DOCUMENTS, arrow_schema, in_place_order, place_columns
from udfs.text.chunk_rows import PageChunker

MADE_COLUMNS = tuple((name, kind) for name, kind, _ in CHUNKS.columns[:8])
MADE_SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in MADE_COLUMNS)


def run(run: Run) -> Result:
    """Chunk the pages that have no chunks of the configured chunker yet."""
    chunker = active_chunker(run.settings.chunk)
    limit = run.settings.chunk.max_tokens
    say(f"chunk: at most {limit} tokens each")
    made = PageChunker(chunker.tokenizer, limit, chunker.chunker_id, arrow_schema(MADE_COLUMNS))
    new = run.warehouse.append_counted(chunk_pages(run, made), CHUNKS)
    chunks = read_chunks(run.warehouse, chunker.chunker_id).count()
    result: Result = {"chunks": chunks, "new": new}
    if run.settings.screen.enabled:
        result["left_out"] = screen_chunks(run, chunker.chunker_id)
    return result


def chunk_pages(run: Run, chunker: PageChunker) -> DataFrame:
    """Chunk rows of the pages that have none of this chunker, in bucket order."""
    known = read_chunks(run.warehouse, chunker.chunker_id)
    pages = run.warehouse.read(DOCUMENTS).join(known, "doc_id", "left_anti")
    made = pages.select("doc_id", "text").mapInArrow(chunker.chunk_batches, MADE_SCHEMA)
    placed = made.select(
        "*",
        F.lit(chunker.chunker_id).alias("chunker_id"),
        F.lit(run.started_at).alias("created_at"),
    ).withColumns(place_columns(run.settings.tables.slices))
    return in_place_order(placed)
