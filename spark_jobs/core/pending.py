"""What is pending: wanted dialogues minus those that a final attempt answers, exactly by key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from typing import Any

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.console import say
from spark_jobs.core.runs import Run
from spark_jobs.core.screening import Screen, find_screen
from spark_jobs.core.settings import Generate
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, DOCUMENTS
from spark_jobs.core.waves import Wave
from spark_jobs.core.withdrawn import leave_out_withdrawn
from udfs.errors import UsageError
from udfs.keys import content_key

FAILED = ("timeout", "engine_error", "empty", "rejected", "too_long", "poisoned")
RETRIES = {"failed": FAILED, "length": ("length",), "all": (*FAILED, "length")}
CHUNKS_TOGETHER = 1_000_000  # about; two of 64 slices of OpenWebMath have 920,000
WANTED = "array<struct<spec_id: string, sample: int>>"
WORD_BITS = 64


@dataclass(frozen=True)
class Wanted:
    """What a run wants, seen at fixed versions of the tables, so that all its waves agree.

    Fixed versions also make a wave append blindly: no other writer can make it fail after the
    engine has run. `screen` says which chunks are worth it; None lets all in. `oldest` is the last
    chunk that a limit lets in, as the microsecond of its creation, its bucket and its id; None
    without a limit. `only` are the chunks of a pilot; None for all.
    """

    run: Run
    spec_ids: tuple[str, ...]
    chunker_id: str
    buckets: tuple[int, int]
    chunks_version: int
    attempts_version: int
    screen: Screen | None = None
    oldest: tuple[Any, ...] | None = None
    only: tuple[str, ...] | None = None

    @property
    def settings(self) -> Generate:
        """The settings that say what is wanted."""
        return self.run.settings.generate

    @cached_property
    def all_chunks(self) -> DataFrame:
        """raw.chunks at its fixed version."""
        return self.run.warehouse.read(CHUNKS, version=self.chunks_version)

    @cached_property
    def all_attempts(self) -> DataFrame:
        """synthetic.attempts at its fixed version, read from the log once for all waves.

        Each wave makes a newer version; Delta keeps the list of files of the newest only, and would
        build that of an older one anew for each wave, from all files that there are.
        """
        return self.run.warehouse.read(ATTEMPTS, version=self.attempts_version)

    def wave_id(self, wave: Wave) -> str:
        """The wave's identity: two runs that see the same tables and want the same are one."""
        wanted = [self.settings.samples, self.settings.retry, self.settings.where]
        limits = [self.settings.limit_chunks, self.only, self.buckets]
        versions = [self.chunks_version, self.attempts_version]
        place = [wave.first, wave.last]
        view = map(str, [self.chunker_id, *wanted, *limits, *versions, *place])
        screen = (self.screen.rules_id, str(self.screen.version)) if self.screen else ()
        return content_key(*view, *screen, *self.spec_ids)

    def find(self, first: int, last: int) -> DataFrame:
        """One row per chunk of these buckets, both included, with a dialogue missing.

        `missing` lists the wanted (spec_id, sample) without a final attempt. Every status is
        final but those that `generate.retry` names.
        """
        missing = self.find_missing(first, last).where("missing is not null")
        texts = self.all_chunks.where(self.place(first, last)).select(
            "chunk_id", "doc_id", "bucket", "slice", "text", "n_tokens", "created_at"
        )
        return texts.join(missing.drop("n_tokens"), ["slice", "chunk_id"])

    def find_missing(self, first: int, last: int) -> DataFrame:
        """The chunks of `find` without their texts, and those that wait, with nothing missing."""
        answered = F.array(*(F.coalesce(word, F.lit(0)) for word in self.words))
        states = self.find_states(first, last).withColumn("answered", answered)
        missing = F.filter(self.pairs(), lambda _, place: ~is_set("answered", place))
        return states.where("asked > 0 or waiting").select(
            *("slice", "chunk_id", "n_tokens"), F.when(F.col("asked") > 0, missing).alias("missing")
        )

    def find_states(self, first: int, last: int) -> DataFrame:
        """How it stands with each chunk of these buckets: `asked`, `waiting`, and its `n_tokens`.

        `asked` are the dialogues without a final attempt, 0 for a chunk that is not wanted;
        `waiting` says that a wanted one has no verdict yet. Beside them a bit for each of `pairs()`
        that has a final attempt, 64 in a word: a set of structs per chunk took 1.5 to 1.9 times the
        CPU. All is put together by key, which needs no order: joins sorted every table (LOG.md).
        """
        parts = [self.chunks(first, last), self.find_answers(first, last)]
        if self.screen:
            parts.append(self.screen.read_verdicts(self.place(first, last)))
        together = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), parts)
        states = together.groupBy("slice", "bucket", "chunk_id").agg(
            F.bool_or("wanted").alias("wanted"),
            F.bool_or("accepted").alias("accepted"),
            F.max("n_tokens").alias("n_tokens"),
            *(F.bit_or(word).alias(word) for word in self.words),
        )
        answered = sum(F.coalesce(F.bit_count(word), F.lit(0)) for word in self.words)
        asked = F.lit(len(self.spec_ids) * self.settings.samples) - answered
        is_asked, is_waiting = F.expr("wanted and accepted"), F.expr("wanted and accepted is null")
        return states.select(
            *("slice", "bucket", "chunk_id", "n_tokens", *self.words),
            F.when(is_asked, asked).otherwise(0).alias("asked"),
            is_waiting.alias("waiting"),
        )

    def find_answers(self, first: int, last: int) -> DataFrame:
        """The final attempts at chunks of these buckets, each as its bit."""
        final = (
            self.all_attempts.where(self.place(first, last))
            .where(F.col("spec_id").isin(list(self.spec_ids)))
            .where(F.col("sample") < self.settings.samples)
            .where(~F.col("status").isin(retried_statuses(self.settings.retry)))
        )
        bits = (self.bit(number).alias(word) for number, word in enumerate(self.words))
        return final.select("slice", "bucket", "chunk_id", *bits)

    @cached_property
    def words(self) -> list[str]:
        """The columns that hold a bit for each of `pairs()`."""
        pairs = len(self.spec_ids) * self.settings.samples
        return [f"answered_{n}" for n in range(-(-pairs // WORD_BITS))]

    def bit(self, word: int) -> Column:
        """An attempt's bit in a word, 0 where it lies in another."""
        spec_ids = F.array(*map(F.lit, self.spec_ids))
        spec = F.array_position(spec_ids, F.col("spec_id")) - 1
        place = (spec * self.settings.samples + F.col("sample")).cast("int")
        within = place - word * WORD_BITS
        is_here = (within >= 0) & (within < WORD_BITS)
        return F.when(
            is_here, F.call_function("shiftleft", F.lit(1).cast("long"), within)
        ).otherwise(F.lit(0).cast("long"))

    def place(self, first: int, last: int) -> Column:
        """Whether a row lies in these buckets; by its slice too, so that partitions are skipped."""
        size = self.run.warehouse.buckets_per_slice
        slices = F.col("slice").between(first // size, last // size)
        return slices & F.col("bucket").between(first, last)

    def chunks(self, first: int, last: int) -> DataFrame:
        """The chunks of these buckets that dialogues are wanted for, once they are accepted."""
        place = self.place(max(first, self.buckets[0]), min(last, self.buckets[1]))
        chunks = self.all_chunks.where(place & (F.col("chunker_id") == self.chunker_id))
        if self.oldest:
            chunks = chunks.where(is_not_older(self.oldest))
        if self.only is not None:
            chunks = chunks.where(F.col("chunk_id").isin(list(self.only)))
        if self.settings.where:
            pages = self.run.warehouse.read(DOCUMENTS).where(place).where(self.settings.where)
            chunks = chunks.join(pages.select("slice", "doc_id"), ["slice", "doc_id"], "left_semi")
        rows = leave_out_withdrawn(self.run.warehouse, chunks).select(
            *("slice", "bucket", "chunk_id", "n_tokens", "created_at"),
            F.expr("true").alias("wanted"),
        )
        return rows if self.screen else rows.withColumn("accepted", F.expr("true"))

    def pairs(self) -> Column:
        """The (spec_id, sample) wanted for every chunk."""
        pairs = [
            F.struct(F.lit(spec_id).alias("spec_id"), F.lit(sample).alias("sample"))
            for spec_id in self.spec_ids
            for sample in range(self.settings.samples)
        ]
        return F.array(*pairs).cast(WANTED)

    def count(self) -> list[Wave]:
        """What is pending in each bucket, range by range: at most one small row for each."""
        rows = [row for range_ in self.ranges() for row in self.counts(*range_).collect()]
        self.say_waiting(sum(row["waiting"] for row in rows))
        asked = (row for row in rows if row["asked"])
        waves = (Wave(r["bucket"], r["bucket"], r["chunks"], r["asked"]) for r in asked)
        # Here, since Spark would need one job more to see where to cut the order.
        return sorted(waves, key=lambda wave: wave.first)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """First and last bucket of slices that are looked at together: never the whole corpus.

        Hashes spread the chunks over the slices evenly, so their number in all, which Delta's log
        knows without a look at a file, says how many a slice has.
        """
        size, slices = self.run.warehouse.buckets_per_slice, self.run.settings.tables.slices
        in_slice = self.all_chunks.count() / slices
        if not in_slice:
            return
        together = max(1, round(CHUNKS_TOGETHER / in_slice)) * size
        first, last = (bucket // size * size for bucket in self.buckets)
        for start in range(first, last + size, together):
            yield start, min(start + together, last + size) - 1

    def counts(self, first: int, last: int) -> DataFrame:
        """Of each of these buckets with any: the chunks with a dialogue missing, the dialogues
        missing, and the chunks that wait for a verdict.
        """
        asked = F.col("asked") > 0
        states = self.find_states(first, last).where(asked | F.col("waiting"))
        return states.groupBy("bucket").agg(
            F.count_if(asked).alias("chunks"),
            F.sum("asked").alias("asked"),
            F.count_if("waiting").alias("waiting"),
        )

    def say_waiting(self, chunks: int) -> None:
        """Say how many chunks wait for a verdict, if any do."""
        if chunks:
            say(
                f"{self.run.job}: {chunks:,} chunks wait for a verdict by the rules of "
                "[screen.checks] and are not asked for: run chunk again, or give "
                "screen.enabled=false"
            )


def look_up_wanted(run: Run, spec_ids: Sequence[str], chunker_id: str) -> Wanted:
    """What a run wants, as the tables are now."""
    wanted = Wanted(
        run=run,
        spec_ids=tuple(sorted(set(spec_ids))),
        chunker_id=chunker_id,
        buckets=run.settings.generate.bucket_range(),
        chunks_version=run.warehouse.version(CHUNKS),
        attempts_version=run.warehouse.version(ATTEMPTS),
        screen=find_screen(run),
    )
    check_where(run)
    return replace(wanted, oldest=find_oldest(wanted))


def check_where(run: Run) -> None:
    """Raise UsageError when `generate.where` is no condition on raw.documents."""
    where = run.settings.generate.where
    if not where:
        return
    try:
        run.warehouse.read(DOCUMENTS).where(where).schema  # noqa: B018 - analysed when looked at
    except (AnalysisException, ParseException) as error:
        raise UsageError(
            f"generate.where is no condition on the columns of raw.documents: {where}\n"
            f"{str(error).split(';')[0].splitlines()[0]}"
        ) from error


def find_oldest(wanted: Wanted) -> tuple[Any, ...] | None:
    """The last chunk that `generate.limit_chunks` lets in: newest first, and no rerun changes it.

    Newest first, so that pages added under a limit get their dialogues too, and what the limit
    then leaves out is what has its dialogues already.
    """
    limit = wanted.settings.limit_chunks
    if not limit:
        return None
    chunks = wanted.chunks(*wanted.buckets)
    if wanted.screen:
        accepted = wanted.screen.read_verdicts(wanted.place(*wanted.buckets)).where("accepted")
        chunks = chunks.join(accepted, ["slice", "bucket", "chunk_id"], "left_semi")
    newest = chunks.select("created_at", "bucket", "chunk_id")
    newest = newest.orderBy(F.desc("created_at"), "bucket", "chunk_id").limit(limit)
    last = newest.orderBy("created_at", F.desc("bucket"), F.desc("chunk_id")).select(
        F.unix_micros("created_at"), "bucket", "chunk_id"
    )
    found = last.first()
    return tuple(found) if found else None


def is_set(words: str, place: Column) -> Column:
    """Whether the bit at a place, from 0, is set in an array of words."""
    word = F.element_at(words, F.floor(place / WORD_BITS).cast("int") + 1)
    return F.call_function("bit_get", word, place % WORD_BITS) == 1


def is_not_older(oldest: tuple[Any, ...]) -> Column:
    """Whether a chunk comes no later than another, newest first."""
    micros, bucket, chunk_id = map(F.lit, oldest)
    created_at = F.timestamp_micros(micros)
    same_time = F.col("created_at") == created_at
    before = (F.col("bucket") < bucket) | (
        (F.col("bucket") == bucket) & (F.col("chunk_id") <= chunk_id)
    )
    return (F.col("created_at") > created_at) | (same_time & before)


def retried_statuses(retry: Sequence[str]) -> list[str]:
    """The statuses that are asked for again."""
    return sorted({status for name in retry for status in RETRIES[name]})
