"""The tables that an export of dialogues reads, made directly: pages and accepted dialogues.

A text is one of the labelled set's good dialogues, chosen by the number of the row: it has as many
tokens as real ones, and is as hard to tokenize. Rows lie as the jobs write them, one file for each
slice.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.console import say
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import BUCKETS, DIALOGUES, DOCUMENTS
from tests.bench.backfill.tables import PAGE_CHUNKS, SLICES, SPECS, STYLES, divide, make_key
from tests.checks.labelled import read_labelled

PAGE_DIALOGUES = PAGE_CHUNKS * STYLES
SPLIT = "\x1e"  # stands in no dialogue


def make_tables(run: Run, dialogues: int) -> None:
    """Make the tables, those that are not there; whole pages, so a few dialogues more."""
    pages = -(-dialogues // PAGE_DIALOGUES)
    makers = {DOCUMENTS: make_pages, DIALOGUES: make_dialogues}
    for table, make in makers.items():
        if run.warehouse.version(table) == 0:
            say(f"making {table.layer}.{table.name} of {pages * PAGE_DIALOGUES:,} dialogues")
            run.warehouse.append(make(run, pages), table)


def make_pages(run: Run, pages: int) -> DataFrame:
    """All rows of raw.documents; an export of dialogues takes nothing but their URLs."""
    page = F.col("id")
    rows = run.spark.range(0, pages, 1, SLICES)
    none = F.lit(None).cast("string")
    return rows.select(
        make_key("page", page).alias("doc_id"),
        F.concat(F.lit("https://example.org/questions/"), page).alias("url"),
        F.lit("A page.").alias("text"),
        none.alias("date"),
        none.alias("metadata"),
        F.lit("made").alias("source"),
        F.lit("1").alias("source_revision"),
        F.lit("made.parquet").alias("source_file"),
        F.lit(run.started_at).alias("ingested_at"),
        *place(page, pages),
    )


def place(page: Column, pages: int) -> list[Column]:
    """Bucket and slice of a page by its number."""
    bucket = divide(page * BUCKETS, pages)[0]
    slice_ = divide(bucket, BUCKETS // SLICES)[0]
    return [bucket.cast("int").alias("bucket"), slice_.cast("int").alias("slice")]


def make_dialogues(run: Run, pages: int) -> DataFrame:
    """All rows of filtered.dialogues, in bucket order."""
    texts = [record.text for record in read_labelled() if not record.expected]
    styles = F.array(*map(F.lit, run.settings.export.styles))
    specs = F.array(*map(F.lit, SPECS[:STYLES]))
    rows = run.spark.range(0, pages * PAGE_DIALOGUES, 1, SLICES)
    page, chunk = divide(F.col("id"), PAGE_DIALOGUES)[0], divide(F.col("id"), STYLES)[0]
    style = (F.col("id") % STYLES + 1).cast("int")
    chosen = (F.pmod(F.xxhash64("id"), F.lit(len(texts))) + 1).cast("int")
    return rows.select(
        make_key("dialogue", F.col("id")).alias("gen_key"),
        F.element_at(F.split(F.lit(SPLIT.join(texts)), SPLIT), chosen).alias("text"),
        F.element_at(styles, style).alias("style"),
        F.lit(400).alias("completion_tokens"),
        make_key("chunk", chunk).alias("chunk_id"),
        make_key("page", page).alias("doc_id"),
        F.element_at(specs, style).alias("spec_id"),
        F.lit(0).alias("sample"),
        F.lit(1).alias("attempt"),
        F.lit("a wave").alias("wave_id"),
        F.lit("the rules").alias("rules_id"),
        F.array().cast("array<string>").alias("tags"),
        *place(page, pages),
    )
