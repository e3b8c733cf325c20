"""What is pending: wanted dialogues minus those that a final attempt answers, exactly by key."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS, CHUNKS

FAILED = ("timeout", "engine_error", "empty", "rejected", "too_long", "poisoned")
RETRIES = {"failed": FAILED, "length": ("length",), "all": (*FAILED, "length")}
WANTED = "array<struct<spec_id: string, sample: int>>"


def wanted_chunks(run: Run) -> DataFrame:
    """Chunks of the active chunker; with a limit, the newest, in an order that no rerun changes.

    Newest first, so that pages added under a limit get their dialogues too, and what the limit
    then leaves out is what has its dialogues already.
    """
    chunker_id = active_chunker(run.settings.chunk).chunker_id
    chunks = run.warehouse.read(CHUNKS).where(F.col("chunker_id") == chunker_id)
    limit = run.settings.generate.limit_chunks
    if limit:
        chunks = chunks.orderBy(F.desc("created_at"), "bucket", "chunk_id").limit(limit)
    return chunks.select("chunk_id", "doc_id", "bucket", "slice", "text")


def retried_statuses(retry: Sequence[str]) -> list[str]:
    """The statuses that are asked for again."""
    return sorted({status for name in retry for status in RETRIES[name]})


def find_pending(run: Run, spec_ids: Sequence[str], *, version: int) -> DataFrame:
    """One row per chunk with `missing`, its wanted (spec_id, sample) without a final attempt.

    Attempts are read at a pinned version: the wave that follows then appends blindly, and no
    other writer can make it fail after the engine has run. Every status is final but those
    that `generate.retry` names.
    """
    samples = run.settings.generate.samples
    pairs = [
        F.struct(F.lit(s).alias("spec_id"), F.lit(n).alias("sample"))
        for s in spec_ids
        for n in range(samples)
    ]
    attempts = run.warehouse.read(ATTEMPTS, version=version)
    final = (
        attempts.where(F.col("spec_id").isin(list(spec_ids)))
        .where(~F.col("status").isin(retried_statuses(run.settings.generate.retry)))
        .groupBy("slice", "chunk_id")
        .agg(F.collect_set(F.struct("spec_id", "sample")).cast(WANTED).alias("final"))
    )
    joined = wanted_chunks(run).join(final, ["slice", "chunk_id"], "left")
    nothing = F.array().cast(WANTED)
    missing = F.array_except(F.array(*pairs).cast(WANTED), F.coalesce("final", nothing))
    return joined.select("*", missing.alias("missing")).where(F.size("missing") > 0).drop("final")
