"""What is pending: wanted dialogues minus those that a final attempt answers, exactly by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS, CHUNKS
from spark_jobs.core.waves import Wave
from udfs.keys import content_key

FAILED = ("timeout", "engine_error", "empty", "rejected", "too_long", "poisoned")
RETRIES = {"failed": FAILED, "length": ("length",), "all": (*FAILED, "length")}
WANTED = "array<struct<spec_id: string, sample: int>>"


@dataclass(frozen=True)
class Wanted:
    """What a run wants, seen at fixed versions of the tables, so that all its waves agree.

    Fixed versions also make a wave append blindly: no other writer can make it fail after the
    engine has run. `oldest` is the last chunk that a limit lets in, as the microsecond of its
    creation, its bucket and its id; None without a limit.
    """

    run: Run
    spec_ids: tuple[str, ...]
    chunks_version: int
    attempts_version: int
    oldest: tuple[Any, ...] | None

    def wave_id(self, wave: Wave) -> str:
        """The wave's identity: two runs that see the same tables and want the same are one."""
        settings = self.run.settings.generate
        chunker_id = active_chunker(self.run.settings.chunk).chunker_id
        view = [chunker_id, settings.limit_chunks, settings.samples, settings.retry]
        versions = [self.chunks_version, self.attempts_version]
        return content_key(*map(str, [*view, *versions, wave.first, wave.last]), *self.spec_ids)

    def find(self, slices: tuple[int, int], buckets: tuple[int, int]) -> DataFrame:
        """One row per chunk in these ranges, ends included, with a dialogue missing.

        `missing` lists the wanted (spec_id, sample) without a final attempt. Every status is
        final but those that `generate.retry` names.
        """
        place = F.col("slice").between(*slices) & F.col("bucket").between(*buckets)
        attempts = self.run.warehouse.read(ATTEMPTS, version=self.attempts_version)
        final = (
            attempts.where(place & F.col("spec_id").isin(list(self.spec_ids)))
            .where(~F.col("status").isin(retried_statuses(self.run.settings.generate.retry)))
            .groupBy("slice", "chunk_id")
            .agg(F.collect_set(F.struct("spec_id", "sample")).cast(WANTED).alias("final"))
        )
        joined = self.chunks().where(place).join(final, ["slice", "chunk_id"], "left")
        missing = F.array_except(self.pairs(), F.coalesce("final", F.array().cast(WANTED)))
        return joined.withColumn("missing", missing).where(F.size("missing") > 0).drop("final")

    def chunks(self) -> DataFrame:
        """The chunks that dialogues are wanted for."""
        chunks = active_chunks(self.run, self.chunks_version)
        if self.oldest:
            chunks = chunks.where(is_not_older(self.oldest))
        return chunks.select("chunk_id", "doc_id", "bucket", "slice", "text")

    def pairs(self) -> Column:
        """The (spec_id, sample) wanted for every chunk."""
        pairs = [
            F.struct(F.lit(spec_id).alias("spec_id"), F.lit(sample).alias("sample"))
            for spec_id in self.spec_ids
            for sample in range(self.run.settings.generate.samples)
        ]
        return F.array(*pairs).cast(WANTED)

    def count(self) -> list[Wave]:
        """What is pending in each bucket, slice by slice: at most one small row for each."""
        slices = active_chunks(self.run, self.chunks_version).select("slice").distinct().collect()
        return [wave for row in sorted(slices) for wave in self.count_slice(row["slice"])]

    def count_slice(self, number: int) -> list[Wave]:
        """What is pending in each bucket of one slice."""
        size = self.run.warehouse.buckets_per_slice
        buckets = (number * size, (number + 1) * size - 1)
        pending = self.find((number, number), buckets).groupBy("bucket")
        counts = pending.agg(F.count("*").alias("chunks"), F.sum(F.size("missing")).alias("asked"))
        rows = counts.orderBy("bucket").collect()
        return [Wave(r["bucket"], r["bucket"], r["chunks"], r["asked"]) for r in rows]

    def find_wave(self, wave: Wave) -> DataFrame:
        """The rows of one wave."""
        size = self.run.warehouse.buckets_per_slice
        return self.find((wave.first // size, wave.last // size), (wave.first, wave.last))


def look_up_wanted(run: Run, spec_ids: Sequence[str]) -> Wanted:
    """What a run wants, as the tables are now."""
    chunks_version = run.warehouse.version(CHUNKS)
    return Wanted(
        run=run,
        spec_ids=tuple(sorted(spec_ids)),
        chunks_version=chunks_version,
        attempts_version=run.warehouse.version(ATTEMPTS),
        oldest=find_oldest(run, chunks_version),
    )


def find_oldest(run: Run, version: int) -> tuple[Any, ...] | None:
    """The last chunk that `generate.limit_chunks` lets in: newest first, and no rerun changes it.

    Newest first, so that pages added under a limit get their dialogues too, and what the limit
    then leaves out is what has its dialogues already.
    """
    limit = run.settings.generate.limit_chunks
    if not limit:
        return None
    newest = active_chunks(run, version).select("created_at", "bucket", "chunk_id")
    newest = newest.orderBy(F.desc("created_at"), "bucket", "chunk_id").limit(limit)
    last = newest.orderBy("created_at", F.desc("bucket"), F.desc("chunk_id")).select(
        F.unix_micros("created_at"), "bucket", "chunk_id"
    )
    found = last.first()
    return tuple(found) if found else None


def is_not_older(oldest: tuple[Any, ...]) -> Column:
    """Whether a chunk comes no later than another, newest first."""
    micros, bucket, chunk_id = map(F.lit, oldest)
    created_at = F.timestamp_micros(micros)
    same_time = F.col("created_at") == created_at
    before = (F.col("bucket") < bucket) | (
        (F.col("bucket") == bucket) & (F.col("chunk_id") <= chunk_id)
    )
    return (F.col("created_at") > created_at) | (same_time & before)


def active_chunks(run: Run, version: int) -> DataFrame:
    """The chunks of the active chunker."""
    chunker_id = active_chunker(run.settings.chunk).chunker_id
    return run.warehouse.read(CHUNKS, version=version).where(F.col("chunker_id") == chunker_id)


def retried_statuses(retry: Sequence[str]) -> list[str]:
    """The statuses that are asked for again."""
    return sorted({status for name in retry for status in RETRIES[name]})
