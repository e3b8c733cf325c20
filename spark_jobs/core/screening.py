"""Which chunks an engine may be paid for: `raw.chunk_verdicts`.

Of chunks that are nearly the same the one that was judged first counts, since it may be paid for
already; of those judged together the smallest of those made first. A verdict is complete when it
is there, and one commit brings it: a run that starts meanwhile, or after a death, sees all or none.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.benchmarks import load_named
from spark_jobs.core.chunker import read_chunks
from spark_jobs.core.console import say
from spark_jobs.core.duplicates import find_duplicates
from spark_jobs.core.kept import keep
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.settings import Settings
from spark_jobs.core.tables import CHUNK_VERDICTS, Warehouse, arrow_schema, in_place_order
from spark_jobs.core.withdrawn import leave_out_withdrawn
from udfs.checks import duplicate
from udfs.checks.chunk_rules import ChunkJudge, ChunkRules

JUDGED_COLUMNS = tuple(
    (name, kind)
    for name, kind, _ in CHUNK_VERDICTS.columns
    if name not in {"duplicate_of", "similarity", "rules_id", "judged_at"}
)
JUDGED_SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in JUDGED_COLUMNS)
CHUNK_COLUMNS = (
    *("chunk_id", "doc_id", "chunker_id", "created_at", "bucket", "slice", "text", "n_tokens"),
)
RETURNING = "mind_returning_chunks"


@dataclass(frozen=True)
class Screen:
    """The verdicts that decide, at a fixed version of their table, so that all waves agree."""

    warehouse: Warehouse
    rules_id: str
    version: int

    @cached_property
    def verdicts(self) -> DataFrame:
        """The verdicts by these rules, read from the log once for all waves."""
        verdicts = self.warehouse.read(CHUNK_VERDICTS, version=self.version)
        return verdicts.where(F.col("rules_id") == self.rules_id)

    def read_verdicts(self, place: Column) -> DataFrame:
        """Whether each judged chunk in a place was accepted."""
        return self.verdicts.where(place).select("slice", "bucket", "chunk_id", "accepted")


def find_screen(run: Run) -> Screen | None:
    """The verdicts as the table is now; None where all chunks are asked for."""
    if not run.settings.screen.enabled:
        return None
    rules = load_chunk_rules(run.settings)
    return Screen(run.warehouse, rules.rules_id(), run.warehouse.version(CHUNK_VERDICTS))


def load_chunk_rules(settings: Settings) -> ChunkRules:
    """The rules for chunks with the contents of their benchmarks."""
    rules = settings.screen.checks
    loaded = load_named(rules.contaminated.benchmarks, settings.benchmark.folder)
    limits = rules.contaminated.model_copy(update={"benchmarks": loaded})
    return rules.model_copy(update={"contaminated": limits})


def screen_chunks(run: Run, chunker_id: str) -> Result:
    """Judge the chunks of a chunker that these rules have not judged."""
    rules = load_chunk_rules(run.settings)
    forget_returning(run, rules, chunker_id)
    # On disk: a signature has half a kilobyte, and working it out reads the text.
    with keep(judge_new(run, rules, chunker_id)) as judged:
        if not judged.isEmpty():
            verdicts = add_duplicates(run, rules, chunker_id, judged)
            run.warehouse.append(in_place_order(verdicts), CHUNK_VERDICTS)
    return summarise(run, rules, chunker_id)


def forget_returning(run: Run, rules: ChunkRules, chunker_id: str) -> None:
    """Forget that a chunk repeats one whose page counts no more: it is judged anew."""
    verdicts = read_verdicts(run, rules, chunker_id)
    repeating = verdicts.where("duplicate_of is not null").select(
        "slice", "chunk_id", "duplicate_of"
    )
    chunks = read_chunks(run.warehouse, chunker_id).select("chunk_id", "doc_id")
    kept = leave_out_withdrawn(run.warehouse, chunks).select(
        F.col("chunk_id").alias("duplicate_of")
    )
    returning = repeating.join(kept, "duplicate_of", "left_anti").select("slice", "chunk_id")
    slices = [row["slice"] for row in returning.select("slice").distinct().collect()]
    returning.createOrReplaceTempView(RETURNING)
    for place in sorted(slices):
        run.spark.sql(
            f"MERGE INTO {run.warehouse.name(CHUNK_VERDICTS)} kept USING {RETURNING} gone "
            f"ON kept.slice = {place} AND kept.chunk_id = gone.chunk_id "
            f"AND kept.rules_id = '{rules.rules_id()}' WHEN MATCHED THEN DELETE"
        )


def judge_new(run: Run, rules: ChunkRules, chunker_id: str) -> DataFrame:
    """What their texts alone say of the chunks of a chunker that have no verdict by these rules."""
    known = read_verdicts(run, rules, chunker_id).select("slice", "chunk_id")
    chunks = read_chunks(run.warehouse, chunker_id)
    # By keys alone first: the texts of all chunks are not to be sent about for a few.
    new = chunks.select("slice", "chunk_id").join(known, ["slice", "chunk_id"], "left_anti")
    texts = chunks.join(new, ["slice", "chunk_id"], "left_semi").select(*CHUNK_COLUMNS)
    judge = ChunkJudge(rules, arrow_schema(JUDGED_COLUMNS))
    return texts.mapInArrow(judge.judge_batches, JUDGED_SCHEMA)


def add_duplicates(run: Run, rules: ChunkRules, chunker_id: str, judged: DataFrame) -> DataFrame:
    """Whole verdicts: those on the texts, and what a chunk repeats of what was accepted before.

    A text that was accepted is never a duplicate later, and a page that does not count repeats
    nothing and is not repeated.
    """
    before = read_verdicts(run, rules, chunker_id).where("accepted")
    columns = ["chunk_id", "doc_id", "created_at", "signature"]
    signed = before.select(*columns, F.lit(0).alias("new")).unionByName(
        judged.where("accepted").select(*columns, F.lit(1).alias("new"))
    )
    place = F.struct("new", "created_at", "chunk_id").alias("place")
    found = find_duplicates(
        leave_out_withdrawn(run.warehouse, signed).select(
            F.lit("all").alias("family"), place, "signature"
        ),
        rules.duplicate,
    )
    repeats = found.where("place.new = 1").select(
        F.col("place.chunk_id").alias("chunk_id"),
        F.col("first.chunk_id").alias("duplicate_of"),
        "similarity",
    )
    action = rules.duplicate.action
    is_one = F.col("duplicate_of").isNotNull()
    word = F.when(is_one, F.array(F.lit(duplicate.REASON))).otherwise(
        F.array().cast("array<string>")
    )
    return judged.join(repeats, "chunk_id", "left").withColumns(
        {
            "accepted": F.col("accepted") & ~(is_one & F.lit(action == "gate")),
            "reasons": F.concat("reasons", word) if action == "gate" else F.col("reasons"),
            "tags": F.concat("tags", word) if action == "tag" else F.col("tags"),
            "rules_id": F.lit(rules.rules_id()),
            "judged_at": F.lit(run.started_at),
        }
    )


def read_verdicts(run: Run, rules: ChunkRules, chunker_id: str) -> DataFrame:
    """Verdicts by these rules on the chunks of one chunker."""
    verdicts = run.warehouse.read(CHUNK_VERDICTS)
    return verdicts.where(
        (F.col("rules_id") == rules.rules_id()) & (F.col("chunker_id") == chunker_id)
    )


def summarise(run: Run, rules: ChunkRules, chunker_id: str) -> Result:
    """Chunks that are left out, per reason, of all of this chunker."""
    reasons = read_verdicts(run, rules, chunker_id).select(F.explode("reasons").alias("reason"))
    counts: Counter[str] = Counter(dict(reasons.groupBy("reason").count().collect()))
    if counts:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
        say(f"chunk: not asked for: {listed} (raw.chunk_verdicts; screen.enabled=false asks)")
    return dict(counts.most_common())
