"""The layouts of an export: which texts it has, one row each, and where they come from.

A record's `key` is that of the table it comes from, so that what is chosen by its hash is the same
whatever cluster looks; `version` says which text a key had that may have had others. Withdrawn
pages are left out; dialogues are those of filtered.dialogues.
"""

from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker, read_chunks
from spark_jobs.core.engine import known_styles
from spark_jobs.core.runs import Run
from spark_jobs.core.settings import Export, Part
from spark_jobs.core.tables import DIALOGUES, DOCUMENTS
from spark_jobs.core.withdrawn import leave_out_withdrawn
from udfs.errors import UsageError

OF_ONE_PART = ("raw", "longest", "combination", "concat", "files")
OF_DIALOGUES = ("longest", "combination")
RECORD = ("key", "text", "layout", "style", "gen_key", "chunk_id", "doc_id", "url", "version")
SEPARATOR = "\n\n"  # between a chunk and its dialogue


def list_parts(settings: Export) -> tuple[Part, ...]:
    """The parts of an export: those of a blend, or its one layout; raw_plus is a blend of two."""
    if settings.parts:
        return settings.parts
    if settings.layout == "raw_plus":
        return (Part(layout="raw"), Part(layout=settings.concat))
    return (Part(layout=settings.layout),)


def check_layouts(settings: Export) -> None:
    """Raise UsageError for layouts that are none, or that the format cannot hold."""
    styles = tuple(known_styles())
    for part in list_parts(settings):
        if part.layout not in (*OF_ONE_PART, *styles):
            raise UsageError(
                f"there is no layout {part.layout!r}; expected one of "
                f"{', '.join((*OF_ONE_PART, *styles))}, or, alone, raw_plus"
            )
        if (part.layout == "files") != bool(part.path):
            raise UsageError(
                'a part of an export has layout = "files" and a path of Parquet or JSON Lines, or '
                f"neither; given: {part.layout!r} with path {part.path!r}"
            )
        if settings.format == "chat" and part.layout not in (*OF_DIALOGUES, *styles):
            raise UsageError(
                f"export.format chat holds dialogues, {part.layout} has other texts: expected a "
                f"style, {' or '.join(OF_DIALOGUES)}, or another format"
            )
    unknown = set(settings.styles) - set(styles)
    if unknown:
        raise UsageError(f"export.styles has {', '.join(unknown)}, expected of {', '.join(styles)}")
    if settings.concat not in ("longest", *styles):
        raise UsageError(f"export.concat is {settings.concat!r}, expected longest or a style")


def read_layout(run: Run, part: Part) -> DataFrame:
    """The records of one part, each once, with the columns of RECORD."""
    settings = run.settings.export
    match part.layout:
        case "files":
            return read_files(run, part)
        case "raw":
            records = read_pages(run) if settings.raw == "pages" else read_raw_chunks(run)
        case "concat":
            records = add_chunks(run, choose_dialogues(run, settings.concat))
        case layout:
            records = choose_dialogues(run, layout)
    complete = add_urls(run, records).withColumn("layout", F.lit(part.layout))
    return cap_pages(complete, settings).select(*RECORD)


def choose_dialogues(run: Run, layout: str) -> DataFrame:
    """The accepted dialogues of a style, or of several: the longest of each chunk, or all."""
    dialogues = leave_out_withdrawn(run.warehouse, run.warehouse.read(DIALOGUES))
    specs = run.settings.export.specs
    if specs:
        dialogues = dialogues.where(
            reduce(lambda a, b: a | b, (F.col("spec_id").startswith(spec) for spec in specs))
        )
    styles = run.settings.export.styles if layout in OF_DIALOGUES else (layout,)
    dialogues = dialogues.where(F.col("style").isin(*styles))
    if layout == "longest":
        order = Window.partitionBy("chunk_id").orderBy(F.desc("completion_tokens"), "gen_key")
        dialogues = dialogues.withColumn("place", F.row_number().over(order)).where("place = 1")
    columns = ("slice", "text", "style", "gen_key", "chunk_id", "doc_id")
    version = F.concat_ws("/", "wave_id", "attempt", "rules_id").alias("version")
    return dialogues.select(F.col("gen_key").alias("key"), *columns, version)


def read_raw_chunks(run: Run) -> DataFrame:
    """The chunks of the active chunker."""
    chunks = read_chunks(run.warehouse, active_chunker(run.settings.chunk).chunker_id)
    chunks = leave_out_withdrawn(run.warehouse, chunks)
    return chunks.select(F.col("chunk_id").alias("key"), "slice", "text", "chunk_id", "doc_id")


def read_pages(run: Run) -> DataFrame:
    """Whole pages."""
    pages = leave_out_withdrawn(run.warehouse, run.warehouse.read(DOCUMENTS))
    return pages.select(F.col("doc_id").alias("key"), "slice", "text", "doc_id")


def add_chunks(run: Run, dialogues: DataFrame) -> DataFrame:
    """Each dialogue behind the chunk that it was made from."""
    chunks = read_chunks(run.warehouse, active_chunker(run.settings.chunk).chunker_id)
    sources = chunks.select("slice", "chunk_id", F.col("text").alias("source"))
    joined = dialogues.join(sources, ["slice", "chunk_id"])
    return joined.withColumn("text", F.concat("source", F.lit(SEPARATOR), "text"))


def add_urls(run: Run, records: DataFrame) -> DataFrame:
    """Records with the `url` of their page, null where it is gone, and nulls for missing keys."""
    pages = run.warehouse.read(DOCUMENTS).select("slice", "doc_id", "url")
    for name in ("style", "gen_key", "chunk_id", "version"):
        if name not in records.columns:
            records = records.withColumn(name, F.lit(None).cast("string"))
    return records.join(pages, ["slice", "doc_id"], "left")


def cap_pages(records: DataFrame, settings: Export) -> DataFrame:
    """At most `export.per_page` records of each page, chosen by the hash of their keys."""
    if not settings.per_page:
        return records
    order = Window.partitionBy("doc_id").orderBy(F.xxhash64(F.lit(settings.seed), "key"), "key")
    return records.withColumn("place", F.row_number().over(order)).where(
        F.col("place") <= settings.per_page
    )


def read_files(run: Run, part: Part) -> DataFrame:
    """An outside corpus: Parquet, or JSON Lines by the ending; its records' keys are of their text.

    Rows without a text are left out.
    """
    reader = run.spark.read.option("recursiveFileLookup", value=True)
    json_lines = any(ending in part.path for ending in (".json", ".ndjson"))
    rows = reader.json(part.path) if json_lines else reader.parquet(part.path)
    if part.column not in rows.columns:
        raise UsageError(
            f"{part.path} has no column {part.column!r}, expected the texts there; it has "
            f"{', '.join(rows.columns)}: name the right one by the part's column"
        )
    texts = rows.select(F.col(part.column).cast("string").alias("text")).where("text <> ''")
    key = F.sha2("text", 256).substr(1, 32).alias("key")
    nulls = [F.lit(None).cast("string").alias(name) for name in RECORD[3:]]
    return texts.select(key, "text", F.lit(part.layout).alias("layout"), *nulls)
