"""Pages that nobody wants dialogues of any more: withdrawn, or replaced by a newer text.

A tombstone counts from the moment it is committed: pending, views and exports leave its page out.
A withdrawn page is deleted by `maintain` later; a superseded one is kept.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.runs import Run
from spark_jobs.core.tables import DOCUMENTS, WITHDRAWN, Table, Warehouse
from udfs.text.withdrawals import Withdrawal

SUPERSEDED = "superseded"
BY_REQUEST = "withdrawn"
GONE = "mind_withdrawn_pages"


def leave_out_withdrawn(warehouse: Warehouse, rows: DataFrame) -> DataFrame:
    """Rows with a `doc_id` whose page still counts."""
    gone = warehouse.read(WITHDRAWN).where("doc_id is not null").select("doc_id")
    return rows.join(gone, "doc_id", "left_anti")


def note_tombstones(run: Run) -> int:
    """Write the tombstones that follow from those there are; how many pages became superseded.

    A page whose URL was withdrawn is withdrawn, also when it was being read just then; of the
    pages of one URL all but the newest are superseded. A withdrawn page makes no older one come
    back: whoever withdrew it did not ask for that.
    """
    tombstones = run.warehouse.read(WITHDRAWN)
    asked = withdrawn_by_url(run, tombstones)
    new = asked.select("doc_id", "url", F.lit(BY_REQUEST).alias("kind"), "reason")
    if run.settings.ingest.one_page_per_url:
        old = superseded_pages(run.warehouse.read(DOCUMENTS)).join(asked, "doc_id", "left_anti")
        old = old.join(tombstones.where("doc_id is not null"), "doc_id", "left_anti")
        reason = F.concat(F.lit("newer text: "), "newest").alias("reason")
        new = new.unionByName(old.select("doc_id", "url", F.lit(SUPERSEDED).alias("kind"), reason))
    if new.isEmpty():
        return 0
    append_tombstones(run, new)
    of_now = run.warehouse.read(WITHDRAWN).where(F.col("withdrawn_at") == F.lit(run.started_at))
    return of_now.where(F.col("kind") == SUPERSEDED).count()


def withdrawn_by_url(run: Run, tombstones: DataFrame) -> DataFrame:
    """Pages whose URL was withdrawn and that have no such tombstone of their own yet."""
    by_request = tombstones.where(F.col("kind") == BY_REQUEST)
    urls = by_request.where("url is not null").groupBy("url").agg(F.first("reason").alias("reason"))
    pages = run.warehouse.read(DOCUMENTS).select("doc_id", "url").join(urls, "url")
    return pages.join(by_request.where("doc_id is not null"), "doc_id", "left_anti")


def superseded_pages(pages: DataFrame) -> DataFrame:
    """Pages with a newer one of the same URL, its `newest` doc_id beside; an empty URL is none.

    The newest is the one that was read last; of those read together the one crawled last.
    """
    order = F.struct("ingested_at", F.coalesce("date", F.lit("")), "doc_id")
    newest = (
        pages.where("url <> ''")
        .groupBy("url")
        .agg(F.max_by("doc_id", order).alias("newest"), F.count("*").alias("pages"))
        .where("pages > 1")
    )
    joined = pages.select("doc_id", "url").join(newest, "url")
    return joined.where(F.col("doc_id") != F.col("newest"))


def append_tombstones(run: Run, rows: DataFrame) -> None:
    """Add tombstones, in one commit."""
    run.warehouse.append(rows.withColumn("withdrawn_at", F.lit(run.started_at)), WITHDRAWN)


def withdraw_named(run: Run, named: Sequence[Withdrawal]) -> None:
    """Write the tombstones that somebody asked for, each once, and all that follow from them."""
    rows = run.spark.createDataFrame(named, "doc_id string, url string, reason string")
    known = run.warehouse.read(WITHDRAWN).where(F.col("kind") == BY_REQUEST)
    same = F.expr("new.doc_id <=> known.doc_id and new.url <=> known.url")
    # A page's own tombstone has its URL, too: what was named is one of the two.
    known = known.select("doc_id", F.expr("if(doc_id is null, url, null)").alias("url"))
    new = rows.alias("new").join(known.alias("known"), same, "left_anti").distinct()
    append_tombstones(run, new.withColumn("kind", F.lit(BY_REQUEST)))
    note_tombstones(run)


def count_withdrawn(run: Run) -> int:
    """Pages that were withdrawn, those that had been superseded before among them."""
    rows = run.warehouse.read(WITHDRAWN).where(F.col("kind") == BY_REQUEST)
    return rows.select("doc_id").where("doc_id is not null").distinct().count()


def delete_withdrawn(run: Run, table: Table) -> int:
    """Delete the rows of withdrawn pages from a table, slice by slice; how many there were.

    They are in the files of earlier versions until these are deleted, too.
    """
    gone = run.warehouse.read(WITHDRAWN).where(F.col("kind") == BY_REQUEST)
    gone = gone.where("doc_id is not null").select("doc_id").distinct()
    if gone.isEmpty():
        return 0  # without a look at a table that may be large
    rows = run.warehouse.read(table).join(gone, "doc_id", "left_semi")
    found = rows.groupBy("slice").count().collect()
    gone.createOrReplaceTempView(GONE)
    for row in found:
        # DELETE knows no subquery.
        run.spark.sql(
            f"MERGE INTO {run.warehouse.name(table)} kept USING {GONE} gone "
            f"ON kept.slice = {row['slice']} AND kept.doc_id = gone.doc_id "
            "WHEN MATCHED THEN DELETE"
        )
    return sum(row["count"] for row in found)
