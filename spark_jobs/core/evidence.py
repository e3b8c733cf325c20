"""What a forecast goes by: what is pending, and what was measured of the same specs so far."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import functions as F

from spark_jobs.core.breaker import GOOD
from spark_jobs.core.forecast import MIN_SECONDS, Evidence, StyleEvidence, StylePending
from spark_jobs.core.pending import Wanted
from spark_jobs.core.tables import DUPLICATES, VERDICTS, WAVES
from udfs.dialogue import prompts
from udfs.dialogue.specs import Spec
from udfs.engine.tally import TOKENS

WAITING = ""  # no spec_id
MEASURED_ROWS = 50_000  # earlier dialogues that are looked at: a mean is then good to 0.3 %


def count_pending(wanted: Wanted, specs: Mapping[str, Spec]) -> dict[str, StylePending]:
    """What is pending of each style, some slices at a time."""
    dialogues, chunk_tokens = Counter[str](), Counter[str]()
    # A chunk that waits for a verdict has nothing missing, and counts under no spec.
    spec_id = F.coalesce("wanted.spec_id", F.lit(WAITING)).alias("spec_id")
    for first, last in wanted.ranges():
        missing = F.explode_outer("missing").alias("wanted")
        rows = wanted.find_missing(first, last).select("n_tokens", missing)
        for row in rows.groupBy(spec_id).agg(F.count("*"), F.sum("n_tokens")).collect():
            dialogues[row[0]] += row[1]
            chunk_tokens[row[0]] += row[2]
    wanted.say_waiting(dialogues.pop(WAITING, 0))
    styles = {spec_id: specs[spec_id].style for spec_id in dialogues}
    return {
        style.name: StylePending(
            dialogues[spec_id], chunk_tokens[spec_id] * prompts.count_copies(style)
        )
        for spec_id, style in styles.items()
    }


def read_evidence(wanted: Wanted, specs: Mapping[str, Spec]) -> Evidence:
    """What some earlier dialogues of these specs were like."""
    known = F.col("spec_id").isin(list(specs))
    same = wanted.all_attempts.where(known & F.col("status").isin(*GOOD))
    sums = [F.count("*").alias("dialogues"), *(F.sum(name).alias(name) for name in TOKENS)]
    sample = same.limit(MEASURED_ROWS).groupBy("spec_id", "chunk_id", "wave_id").agg(*sums)
    rows = [row.asDict() for row in sample.collect()]
    if not rows:
        return Evidence({})
    rate, waves = read_rate(wanted, {row["wave_id"] for row in rows})
    by_chunk = sum_by(rows, "chunk_id", ("dialogues", "completion_tokens"))
    by_spec = sum_by(rows, "spec_id", ("dialogues", *TOKENS))
    return Evidence(
        styles={specs[spec_id].style.name: StyleEvidence(*n) for spec_id, n in by_spec.items()},
        chunks=tuple((counts[0], counts[1]) for counts in by_chunk.values()),
        rate=rate,
        waves=waves,
        accepted=read_accepted_share(wanted),
    )


def sum_by(
    rows: Sequence[Mapping[str, Any]], key: str, names: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """Sums of some columns for each value of another."""
    sums: dict[str, tuple[int, ...]] = {}
    for row in rows:
        before = sums.get(row[key], (0,) * len(names))
        sums[row[key]] = tuple(n + row[name] for n, name in zip(before, names, strict=True))
    return sums


def read_rate(wanted: Wanted, wave_ids: set[str]) -> tuple[float, int]:
    """Output tokens per second and engine over these waves, 0 if unknown; and how many waves."""
    waves = wanted.run.warehouse.read(WAVES).where(F.col("wave_id").isin(list(wave_ids)))
    timed = waves.where("asking_seconds > 0")
    sums = timed.agg(
        F.sum("completion_tokens"), F.sum(F.col("asking_seconds") * F.col("engines")), F.count("*")
    )
    tokens, seconds, count = sums.collect()[0]
    return (tokens / seconds, count) if seconds and seconds > MIN_SECONDS else (0.0, 0)


def read_accepted_share(wanted: Wanted) -> float | None:
    """Part of the output tokens that the filter let through so far; None before it judged any."""
    warehouse = wanted.run.warehouse
    verdicts = warehouse.read(VERDICTS).where(F.col("spec_id").isin(list(wanted.spec_ids)))
    newest = verdicts.orderBy(F.desc("judged_at")).select("rules_id").first()
    if newest is None:
        return None
    judged = verdicts.where(F.col("rules_id") == newest[0]).limit(MEASURED_ROWS)
    repeated = warehouse.read(DUPLICATES).where(F.col("rules_id") == newest[0])
    if wanted.run.settings.filter.checks.duplicate.action != "gate":
        repeated = repeated.limit(0)
    repeated = repeated.select("slice", "gen_key", F.lit("yes").alias("repeated"))
    judged = judged.join(repeated, ["slice", "gen_key"], "left")
    tokens, kept = F.col("metrics.tokens"), F.col("accepted") & F.col("repeated").isNull()
    accepted, all_tokens = judged.agg(F.sum(F.when(kept, tokens)), F.sum(tokens)).collect()[0]
    return (accepted or 0) / all_tokens if all_tokens else None
