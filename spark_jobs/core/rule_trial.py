"""Other rules than those in force: read from a file, and what they would change."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.accepted import ATTEMPT_KEY, Accepted
from spark_jobs.core.console import say, show_table
from spark_jobs.core.runs import Run
from spark_jobs.core.settings import Settings, merge, read_layer, validate
from spark_jobs.core.tables import ATTEMPTS, Warehouse
from udfs.checks.rules import Rules
from udfs.errors import UsageError

EXAMPLES = 3  # of each direction
EXAMPLE_CHARACTERS = 200


def read_rules(settings: Settings) -> Rules:
    """The rules of `filter.rules`: those in force, with the file's `[filter.checks]` over them.

    Raises UsageError for a file that is not there, is no TOML, has no checks or unknown settings.
    """
    path = Path(settings.filter.rules)
    checks = read_layer(path, base=path.parent).get("filter", {}).get("checks")
    if not checks:
        raise UsageError(
            f"{path} has no [filter.checks.…] table; expected some of those of conf/mind.toml"
        )
    values = settings.model_dump(mode="json")
    merge(values, {"filter": {"checks": checks}})
    return validate(values).filter.checks


def show_changes(run: Run, before: Accepted, after: Accepted) -> dict[str, Any]:
    """Say what the rules `after` decide otherwise than `before`, of what both have judged."""
    changed = find_changed(run.warehouse, before, after).cache()
    try:
        counts = count_changes(changed)
        show_table(
            "What changes",
            ["style", "newly accepted", "newly rejected", "reasons that come and go"],
            [
                (style, found["accepted"], found["rejected"], describe_reasons(found))
                for style, found in sorted(counts.items())
            ],
        )
        for verdict in (False, True):
            show_examples(run, changed.where(F.col("accepted") == verdict), accepted=verdict)
    finally:
        changed.unpersist()
    sums = sum(counts.values(), Counter[str]())
    reasons = {name: count for name, count in sums.items() if name[0] in "+-"}
    return {"accepted": sums["accepted"], "rejected": sums["rejected"], "reasons": reasons}


def find_changed(warehouse: Warehouse, before: Accepted, after: Accepted) -> DataFrame:
    """Attempts whose verdicts differ: whether accepted now, and the reasons that came and went."""
    was = before.verdicts(warehouse).select(
        "slice", *ATTEMPT_KEY, F.col("accepted").alias("was"), F.col("reasons").alias("old")
    )
    both = after.verdicts(warehouse).join(was, ["slice", *ATTEMPT_KEY])
    return both.where(F.col("reasons") != F.col("old")).select(
        *("slice", *ATTEMPT_KEY, "style", "accepted", "was"),
        F.array_except("reasons", "old").alias("come"),
        F.array_except("old", "reasons").alias("gone"),
    )


def count_changes(changed: DataFrame) -> dict[str, Counter[str]]:
    """For each style: accepted, rejected, and each reason that came (+) or went (-)."""
    turned = F.when(~F.col("was") & F.col("accepted"), "accepted").when(
        F.col("was") & ~F.col("accepted"), "rejected"
    )
    signed = F.expr("transform(come, r -> '+' || r) || transform(gone, r -> '-' || r)")
    what = F.explode(F.array_compact(F.concat(F.array(turned), signed)))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    rows = changed.select("style", what.alias("what")).groupBy("style", "what").count()
    for style, name, count in rows.collect():
        counts[style][name] = count
    return counts


def describe_reasons(found: Counter[str]) -> str:
    """`+repetition 3, -truncated 12`: the commonest first."""
    reasons = [(name, count) for name, count in found.most_common() if name[0] in "+-"]
    return ", ".join(f"{name} {count}" for name, count in reasons)


def show_examples(run: Run, turned: DataFrame, *, accepted: bool) -> None:
    """A few dialogues that are accepted now and were not, or the other way round."""
    chosen = turned.where(F.col("was") != F.col("accepted")).orderBy("gen_key").limit(EXAMPLES)
    texts = run.warehouse.read(ATTEMPTS).select("slice", *ATTEMPT_KEY, "text")
    for row in texts.join(chosen, ["slice", *ATTEMPT_KEY]).orderBy("gen_key").collect():
        why = ", ".join(row["gone"] if accepted else row["come"])
        verdict = "accepted, no longer for" if accepted else "rejected for"
        beginning = " ".join((row["text"] or "").split())[:EXAMPLE_CHARACTERS]
        say(f"{verdict} {why}: {row['style']} {row['gen_key']}: {beginning}")
