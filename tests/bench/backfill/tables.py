"""A corpus as many waves left it, made directly: chunks, their verdicts and seven attempts at each.

Texts are as long as real ones and hardly compress; every row follows from its number alone. One
Spark partition becomes one file, as the jobs write them: of chunks and verdicts one for each slice,
of attempts one for each task of a wave. Nothing is shuffled.
"""

import random
import string
from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.console import say
from spark_jobs.core.runs import Run
from spark_jobs.core.screening import load_chunk_rules
from spark_jobs.core.settings import BUCKETS
from spark_jobs.core.tables import ATTEMPTS, CHUNK_VERDICTS, CHUNKS
from udfs.keys import content_key

SLICES = 64  # as for a real corpus, whatever the size: so that decades compare
CHUNKER = "one of 500 tokens"
STYLES = 7
SPECS = tuple(content_key("style", str(number)) for number in range(STYLES + 1))  # one is new
WAVE_REQUESTS = 24_000  # of the waves that made the attempts: generate.wave_requests
WAVE_TASKS = 4  # and each of these left a file
PAGE_CHUNKS = 5  # OpenWebMath: 2,328 tokens a page, 500 a chunk
PIECES, PIECE_CHARS = 4096, 300
CHUNK_PIECES, DIALOGUE_PIECES = 6, 5  # 1,800 and 1,500 characters


@dataclass(frozen=True)
class Layout:
    """Where rows lie: whole waves of whole tasks of whole pages, so a few more than `wanted`."""

    wanted: int

    @cached_property
    def waves(self) -> int:
        """Waves that the attempts came in: one for each slice at least."""
        in_slice = -(-self.wanted * STYLES // SLICES)
        return SLICES * -(-in_slice // WAVE_REQUESTS)

    @cached_property
    def task_chunks(self) -> int:
        """Chunks of one task of a wave."""
        return PAGE_CHUNKS * -(-self.wanted // (self.waves * WAVE_TASKS * PAGE_CHUNKS))

    @property
    def files(self) -> int:
        """Files of synthetic.attempts."""
        return self.waves * WAVE_TASKS

    @property
    def chunks(self) -> int:
        """Chunks in all."""
        return self.files * self.task_chunks


def make_tables(run: Run, chunks: int) -> None:
    """Make the tables, those that are not there: a commit is there whole or not at all."""
    layout = Layout(chunks)
    makers = {CHUNKS: make_chunks, CHUNK_VERDICTS: make_verdicts, ATTEMPTS: make_attempts}
    for table, make in makers.items():
        if run.warehouse.version(table) == 0:
            say(f"making {layout.chunks:,} chunks: {table.layer}.{table.name}")
            run.warehouse.append(make(run, layout), table)


def make_chunks(run: Run, layout: Layout) -> DataFrame:
    """All rows of raw.chunks, in bucket order."""
    number, index = F.col("id"), F.col("id") % PAGE_CHUNKS
    chars = CHUNK_PIECES * PIECE_CHARS
    rows = run.spark.range(0, layout.chunks, 1, SLICES)
    return rows.select(
        *place(number, layout),
        index.cast("int").alias("chunk_index"),
        (index * chars).cast("int").alias("start"),
        ((index + 1) * chars).cast("int").alias("end"),
        make_text(number, CHUNK_PIECES).alias("text"),
        (F.lit(400) + F.pmod(F.hash(number), F.lit(100))).cast("int").alias("n_tokens"),
        F.expr("false").alias("cut"),
        F.lit(CHUNKER).alias("chunker_id"),
        F.lit(run.started_at).alias("created_at"),
    )


def make_verdicts(run: Run, layout: Layout) -> DataFrame:
    """All rows of raw.chunk_verdicts: nothing is rejected."""
    number, rules = F.col("id"), load_chunk_rules(run.settings)
    hashes = rules.duplicate.bands * rules.duplicate.rows
    rows = run.spark.range(0, layout.chunks, 1, SLICES)
    none = F.array().cast("array<string>")
    return rows.select(
        *place(number, layout),
        F.lit(CHUNKER).alias("chunker_id"),
        F.lit(rules.rules_id()).alias("rules_id"),
        F.expr("true").alias("accepted"),
        none.alias("reasons"),
        none.alias("tags"),
        F.lit(300).alias("prose_words"),
        F.lit("").alias("contaminated_item"),
        F.lit(0).alias("contaminated_start"),
        F.lit(0).alias("contaminated_end"),
        F.expr(f"transform(sequence(1, {hashes}), n -> hash(id, n))").alias("signature"),
        F.lit(run.started_at).alias("created_at"),
        F.lit(None).cast("string").alias("duplicate_of"),
        F.lit(None).cast("double").alias("similarity"),
        F.lit(run.started_at).alias("judged_at"),
    )


def make_attempts(run: Run, layout: Layout) -> DataFrame:
    """All rows of synthetic.attempts, a wave's chunks dealt out to its tasks."""
    rows = run.spark.range(0, layout.chunks * STYLES, 1, layout.files)
    task, within = divide(F.col("id"), layout.task_chunks * STYLES)
    place_in_task, style = divide(within, STYLES)
    wave, task_in_wave = divide(task, WAVE_TASKS)
    first = wave * (WAVE_TASKS * layout.task_chunks)
    rows = rows.select("id", style.alias("style"), wave.alias("wave"), task.alias("task")).select(
        "*", (first + WAVE_TASKS * place_in_task + task_in_wave).alias("number")
    )
    number, style = F.col("number"), F.col("style")
    tokens = (F.lit(300) + F.pmod(F.hash("id"), F.lit(200))).cast("int")
    status = F.when(F.col("id") % 100 == 0, "timeout").when(F.col("id") % 30 == 0, "length")
    return rows.select(
        *place(number, layout),
        make_key("dialogue", F.col("id")).alias("gen_key"),
        F.element_at(F.array(*map(F.lit, SPECS)), (style + 1).cast("int")).alias("spec_id"),
        F.concat(F.lit("style_"), style).alias("style"),
        F.lit(0).alias("sample"),
        status.otherwise("ok").alias("status"),
        F.lit("stop").alias("finish_reason"),
        make_text(F.col("id") + layout.chunks, DIALOGUE_PIECES).alias("text"),
        (tokens + 150).alias("prompt_tokens"),
        F.lit(400).alias("cached_tokens"),
        tokens.alias("completion_tokens"),
        (tokens / 30).alias("latency_seconds"),
        F.lit(1).alias("attempt"),
        F.lit(None).cast("string").alias("error_class"),
        F.lit(None).cast("string").alias("error_message"),
        F.expr("false").alias("neutralised"),
        F.lit("simulated").alias("engine"),
        F.lit("1").alias("engine_version"),
        F.lit(run.run_id).alias("run_id"),
        make_key("wave", F.col("wave")).alias("wave_id"),
        F.timestamp_micros(F.lit(1_700_000_000_000_000) + F.col("id")).alias("created_at"),
    )


def place(number: Column, layout: Layout) -> list[Column]:
    """Ids, bucket and slice of a chunk by its number; the chunks of a page lie in one bucket."""
    page = divide(number, PAGE_CHUNKS)[0]
    bucket = divide(page * BUCKETS, layout.chunks // PAGE_CHUNKS)[0]
    return [
        make_key("chunk", number).alias("chunk_id"),
        make_key("page", page).alias("doc_id"),
        bucket.cast("int").alias("bucket"),
        divide(bucket, BUCKETS // SLICES)[0].cast("int").alias("slice"),
    ]


def divide(number: Column, by: int) -> tuple[Column, Column]:
    """Whole quotient and rest."""
    rest = number % by
    return ((number - rest) / by).cast("long"), rest


def make_key(kind: str, number: Column) -> Column:
    """32 hex digits, as real keys have."""
    return F.md5(F.concat(F.lit(kind), number.cast("string")))


def make_text(number: Column, pieces: int) -> Column:
    """A text of so many pieces out of 4,096, which others its number has chosen."""
    letters, chance = string.ascii_lowercase + "   ", random.Random(7)
    made = ("".join(chance.choices(letters, k=PIECE_CHARS)) for _ in range(PIECES))
    # One literal, split once: an array of literals would be planned piece by piece.
    listed = F.split(F.lit("\n".join(made)), "\n")
    chosen = (F.pmod(F.xxhash64(number, F.lit(n)), F.lit(PIECES)) + 1 for n in range(pieces))
    return F.concat(*(F.element_at(listed, place.cast("int")) for place in chosen))
