"""ingest: files of pages into `raw.documents`; what is no page into `raw.rejected`.

With `--withdraw FILE` no page is read: the pages of the file's lines are taken out.
"""

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from spark_jobs.core.console import say, warn
from spark_jobs.core.inputs import find_input
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.tables import (
    DIALOGUES,
    DOCUMENTS,
    REJECTED,
    WITHDRAWN,
    arrow_schema,
    place_columns,
)
from spark_jobs.core.withdrawn import (
    BY_REQUEST,
    count_withdrawn,
    delete_withdrawn,
    note_tombstones,
    withdraw_named,
)
from udfs.errors import JobError
from udfs.text.pages import PageReader
from udfs.text.withdrawals import read_withdrawals

# What a reading task gives back: a page where `reason` is null, else a rejection.
READ_COLUMNS = (
    ("doc_id", "STRING"),
    ("url", "STRING"),
    ("text", "STRING"),
    ("date", "STRING"),
    ("metadata", "STRING"),
    ("source_file", "STRING"),
    ("source_row", "BIGINT"),
    ("reason", "STRING"),
    ("payload", "STRING"),
)
READ_SCHEMA = ", ".join(f"{name} {kind}" for name, kind in READ_COLUMNS)
TASKS = 10_000  # files are read one by one: more tasks than files help nobody


def run(run: Run) -> Result:
    """Read pages, or take some out."""
    return withdraw(run) if run.settings.ingest.withdraw else read_pages(run)


def read_pages(run: Run) -> Result:
    """Read the input once for pages and, only if some were bad, once more for the rejections."""
    say(f"ingest: reading {run.settings.ingest.input}")
    seen = Observation()
    rows = read_rows(run)
    counted = rows.observe(
        seen,
        F.count_if(F.col("reason").isNull()).alias("pages"),
        F.count_if(F.col("reason").isNotNull()).alias("rejected"),
    )
    new = run.warehouse.append_counted(new_documents(run, counted), DOCUMENTS)
    pages, rejected = seen.get["pages"], seen.get["rejected"]
    if rejected:
        keep_rejections(run, rows)
        warn(f"{rejected} rows or files were rejected; raw.rejected says why")
    if not pages:
        raise JobError(
            f"no page could be read from {run.settings.ingest.input}: {rejected} rows or files "
            "were rejected; see why with: select reason, count(*) from raw.rejected group by 1"
        )
    # Always: a run that died here is made good by the next.
    superseded = note_tombstones(run)
    if superseded:
        warn(
            f"of {superseded} pages there is a newer text by the same URL now: only that counts "
            "(ingest.one_page_per_url)"
        )
    documents = run.warehouse.read(DOCUMENTS).count()
    return {"documents": documents, "new": new, "rejected": rejected, "superseded": superseded}


def withdraw(run: Run) -> Result:
    """Take out the pages that a file names, from now on and for good."""
    named = read_withdrawals(run.settings.ingest.withdraw)
    before = count_withdrawn(run)
    withdraw_named(run, named)
    delete_withdrawn(run, DIALOGUES)
    pages = count_withdrawn(run) - before
    say(
        f"ingest: {pages} pages withdrawn: they are not asked about, nor shown in any view or "
        "export; maintain deletes them"
    )
    return {"withdrawn": pages}


def read_rows(run: Run) -> DataFrame:
    """Pages and rejections of all input files."""
    settings = run.settings.ingest
    reader = PageReader(
        **settings.columns.model_dump(), limit=settings.limit, schema=arrow_schema(READ_COLUMNS)
    )
    # A limit counts pages in the order of the files: one task reads them all.
    tasks = 1 if settings.limit else TASKS
    files = find_input(run.spark, settings.input, revision=settings.revision, tasks=tasks)
    return files.mapInArrow(reader.read_batches, READ_SCHEMA)


def new_documents(run: Run, rows: DataFrame) -> DataFrame:
    """Pages that the table does not have, each once."""
    settings = run.settings.ingest
    known = run.warehouse.read(DOCUMENTS).select("doc_id")
    gone = run.warehouse.read(WITHDRAWN).where(F.col("kind") == BY_REQUEST)
    pages = rows.where("reason is null").dropDuplicates(["doc_id"])
    new = pages.join(known, "doc_id", "left_anti")
    for name in ("doc_id", "url"):
        new = new.join(gone.where(F.col(name).isNotNull()).select(name), name, "left_anti")
    return (
        new.select(
            "doc_id",
            "url",
            "text",
            "date",
            "metadata",
            F.lit(settings.source).alias("source"),
            F.lit(settings.revision).alias("source_revision"),
            "source_file",
            F.lit(run.started_at).alias("ingested_at"),
        )
        .withColumns(place_columns(run.settings.tables.slices))
        .repartition("slice")
    )


def keep_rejections(run: Run, rows: DataFrame) -> None:
    """Keep what was rejected, once however often it is read."""
    known = run.warehouse.read(REJECTED).select("rejection_id")
    bad = rows.where("reason is not null").select(
        F.col("doc_id").alias("rejection_id"),
        "source_file",
        "source_row",
        "reason",
        "payload",
        F.lit(run.started_at).alias("rejected_at"),
    )
    run.warehouse.append(bad.join(known, "rejection_id", "left_anti"), REJECTED)
