"""Which chunks an engine may be paid for: `raw.chunk_verdicts` and `raw.chunk_duplicates`.

Of chunks that are nearly the same the one made first counts, since it may be paid for already; of
those made together the smallest id.
"""

from collections import Counter
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.benchmarks import load_named
from spark_jobs.core.chunker import read_chunks
from spark_jobs.core.console import say
from spark_jobs.core.derived import bring_up_to_date
from spark_jobs.core.duplicates import find_duplicates
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.settings import Settings
from spark_jobs.core.tables import CHUNK_DUPLICATES, CHUNK_VERDICTS, Warehouse, arrow_schema
from spark_jobs.core.withdrawn import leave_out_withdrawn
from udfs.checks import duplicate
from udfs.checks.chunk_rules import ChunkJudge, ChunkRules

JUDGED_COLUMNS = tuple(
    (name, kind)
    for name, kind, _ in CHUNK_VERDICTS.columns
    if name not in {"rules_id", "judged_at"}
)
JUDGED_SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in JUDGED_COLUMNS)
CHUNK_COLUMNS = (
    *("chunk_id", "doc_id", "chunker_id", "created_at", "bucket", "slice", "text", "n_tokens"),
)


@dataclass(frozen=True)
class Screen:
    """The verdicts that decide, at fixed versions of their tables, so that all waves agree."""

    warehouse: Warehouse
    rules_id: str
    without_duplicates: bool
    verdicts_version: int
    duplicates_version: int

    def keep_accepted(self, chunks: DataFrame, place: Column) -> DataFrame:
        """The chunks that were accepted; `place` says where they lie.

        One without a verdict by these rules waits: nothing is paid for that was not judged.
        """
        verdicts = self.warehouse.read(CHUNK_VERDICTS, version=self.verdicts_version).where(place)
        accepted = by_rules(verdicts, self.rules_id).where("accepted").select("slice", "chunk_id")
        if self.without_duplicates:
            found = self.warehouse.read(CHUNK_DUPLICATES, version=self.duplicates_version)
            repeated = by_rules(found.where(place), self.rules_id).select("slice", "chunk_id")
            accepted = accepted.join(repeated, ["slice", "chunk_id"], "left_anti")
        return chunks.join(accepted, ["slice", "chunk_id"], "left_semi")

    def identity(self) -> tuple[str, ...]:
        """What two runs must have in common to leave out the same chunks."""
        return (self.rules_id, str(self.verdicts_version), str(self.duplicates_version))


def find_screen(run: Run) -> Screen | None:
    """The verdicts as the tables are now; None where all chunks are asked for."""
    if not run.settings.screen.enabled:
        return None
    rules = load_chunk_rules(run.settings)
    return Screen(
        warehouse=run.warehouse,
        rules_id=rules.rules_id(),
        without_duplicates=rules.duplicate.action == "gate",
        verdicts_version=run.warehouse.version(CHUNK_VERDICTS),
        duplicates_version=run.warehouse.version(CHUNK_DUPLICATES),
    )


def load_chunk_rules(settings: Settings) -> ChunkRules:
    """The rules for chunks with the contents of their benchmarks."""
    rules = settings.screen.checks
    loaded = load_named(rules.contaminated.benchmarks, settings.benchmark.folder)
    limits = rules.contaminated.model_copy(update={"benchmarks": loaded})
    return rules.model_copy(update={"contaminated": limits})


def screen_chunks(run: Run, chunker_id: str) -> Result:
    """Judge the chunks that these rules have not judged, and find the duplicates among all."""
    rules = load_chunk_rules(run.settings)
    run.warehouse.append(judge_new(run, rules, chunker_id), CHUNK_VERDICTS)
    if rules.duplicate.action != "off":
        update_duplicates(run, rules, chunker_id)
    return summarise(run, rules, chunker_id)


def judge_new(run: Run, rules: ChunkRules, chunker_id: str) -> DataFrame:
    """Verdicts on the chunks of a chunker that have none by these rules."""
    known = by_rules(run.warehouse.read(CHUNK_VERDICTS), rules.rules_id())
    chunks = read_chunks(run.warehouse, chunker_id)
    new = chunks.join(known.select("slice", "chunk_id"), ["slice", "chunk_id"], "left_anti")
    judge = ChunkJudge(rules, arrow_schema(JUDGED_COLUMNS))
    judged = new.select(*CHUNK_COLUMNS).mapInArrow(judge.judge_batches, JUDGED_SCHEMA)
    return judged.select(
        "*", F.lit(rules.rules_id()).alias("rules_id"), F.lit(run.started_at).alias("judged_at")
    )


def update_duplicates(run: Run, rules: ChunkRules, chunker_id: str) -> None:
    """Bring `raw.chunk_duplicates` up to date: pages that do not count repeat nothing."""
    verdicts = read_verdicts(run, rules, chunker_id).where("accepted")
    place = F.struct("created_at", "chunk_id").alias("place")
    signed = leave_out_withdrawn(run.warehouse, verdicts).select(
        F.lit("all").alias("family"), place, "signature", "doc_id", "bucket", "slice"
    )
    found = find_duplicates(signed, rules.duplicate)
    placed = found.join(signed.select("place", "doc_id", "bucket", "slice"), "place")
    rows = placed.select(
        F.col("place.chunk_id").alias("chunk_id"),
        "doc_id",
        F.col("first.chunk_id").alias("duplicate_of"),
        "similarity",
        F.lit(rules.rules_id()).alias("rules_id"),
        "bucket",
        "slice",
    ).cache()
    try:
        identity = ("chunk_id", "duplicate_of", "rules_id")
        bring_up_to_date(run.warehouse, CHUNK_DUPLICATES, rows, identity)
    finally:
        rows.unpersist()


def read_verdicts(run: Run, rules: ChunkRules, chunker_id: str) -> DataFrame:
    """Verdicts by these rules on the chunks of one chunker."""
    verdicts = by_rules(run.warehouse.read(CHUNK_VERDICTS), rules.rules_id())
    return verdicts.where(F.col("chunker_id") == chunker_id)


def by_rules(rows: DataFrame, rules_id: str) -> DataFrame:
    """The rows that one set of rules has made."""
    return rows.where(F.col("rules_id") == rules_id)


def summarise(run: Run, rules: ChunkRules, chunker_id: str) -> Result:
    """Chunks that are left out, per reason, of all of this chunker."""
    reasons = read_verdicts(run, rules, chunker_id).select(F.explode("reasons").alias("reason"))
    counts: Counter[str] = Counter(dict(reasons.groupBy("reason").count().collect()))
    if rules.duplicate.action == "gate":
        found = by_rules(run.warehouse.read(CHUNK_DUPLICATES), rules.rules_id()).count()
        counts += Counter({duplicate.REASON: found})
    if counts:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
        say(f"chunk: not asked for: {listed} (raw.chunk_verdicts; screen.enabled=false asks)")
    return dict(counts.most_common())


def say_waiting(run: Run, screen: Screen, chunker_id: str) -> None:
    """Say how many chunks wait for a verdict by the rules in force, if any do."""
    verdicts = by_rules(run.warehouse.read(CHUNK_VERDICTS), screen.rules_id)
    judged = verdicts.where(F.col("chunker_id") == chunker_id).count()
    waiting = read_chunks(run.warehouse, chunker_id).count() - judged
    if waiting > 0:
        say(
            f"{run.job}: {waiting:,} chunks wait for a verdict by the rules of [screen.checks] and "
            "are not asked for: run chunk again, or give screen.enabled=false"
        )
