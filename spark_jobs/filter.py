"""filter: a verdict for every dialogue, and the accepted ones in `filtered.dialogues`.

With `--rules FILE` other rules are tried: they judge everything, too, and what they would change is
said; the corpus follows them only with `--activate`.
"""

from collections import Counter, defaultdict
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.accepted import (
    ATTEMPT_KEY,
    Accepted,
    add_texts,
    find_accepted,
    read_dialogues,
)
from spark_jobs.core.benchmarks import load_rules
from spark_jobs.core.console import say, show_table
from spark_jobs.core.derived import bring_up_to_date
from spark_jobs.core.engine import known_styles
from spark_jobs.core.rule_trial import read_rules, show_changes
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.tables import (
    ATTEMPTS,
    CHUNKS,
    DIALOGUES,
    DUPLICATES,
    VERDICTS,
    arrow_schema,
    select_columns,
)
from spark_jobs.core.withdrawn import delete_withdrawn
from udfs.checks.judge_rows import DialogueJudge
from udfs.checks.rules import Rules, rules_id

JUDGED_COLUMNS = tuple(
    (name, kind) for name, kind, _ in VERDICTS.columns if name not in {"rules_id", "judged_at"}
)
JUDGED_SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in JUDGED_COLUMNS)


def run(run: Run) -> Result:
    """Judge what has no verdict by the rules in force, then bring the accepted up to date.

    Judged is every dialogue; the corpus has those of the active chunker, and of several wordings
    of one prompt the newest.
    """
    if run.settings.filter.rules:
        return try_rules(run)
    checks = run.settings.filter.checks
    rules, judged = judge_by(run, checks)
    with find_accepted(run, rules, checks.duplicate) as accepted:
        update_corpus(run, accepted)
        return {"judged": judged, **summarise(run, accepted)}


def try_rules(run: Run) -> Result:
    """Judge by the rules of a file, too, and say what they decide otherwise."""
    now, others = run.settings.filter.checks, read_rules(run.settings)
    before, _ = judge_by(run, now)
    after, judged = judge_by(run, others)
    with (
        find_accepted(run, before, now.duplicate) as kept,
        find_accepted(run, after, others.duplicate) as accepted,
    ):
        summary = summarise(run, accepted)
        changes = show_changes(run, kept, accepted)
        if run.settings.filter.activate:
            update_corpus(run, accepted)
    say_activated(run)
    activated = run.settings.filter.activate
    return {"judged": judged, **summary, "changes": changes, "activated": activated}


def say_activated(run: Run) -> None:
    """Say which rules the corpus follows now."""
    file = run.settings.filter.rules
    if run.settings.filter.activate:
        say(
            f"filter: filtered.dialogues follows {file} now; give the runs that come "
            f"--conf {file}, or they bring back what the settings accept"
        )
    else:
        say("filter: filtered.dialogues is as it was; --activate lets it follow these rules")


def judge_by(run: Run, checks: Rules) -> tuple[str, int]:
    """Judge what these rules have not judged: their id, and how many dialogues that were."""
    judge = make_judge(run, checks)
    judged = run.warehouse.append_counted(judge_new(run, judge), VERDICTS)
    return rules_id(judge.rules), judged


def make_judge(run: Run, checks: Rules) -> DialogueJudge:
    """What judges by these rules: all that executors need, benchmarks included."""
    loaded = load_rules(checks, run.settings.benchmark.folder)
    return DialogueJudge(loaded, known_styles(), arrow_schema(JUDGED_COLUMNS))


def update_corpus(run: Run, accepted: Accepted) -> None:
    """Bring `filtered.duplicates` and `filtered.dialogues` up to date with the verdicts."""
    duplicates = select_columns(accepted.duplicates, DUPLICATES)
    bring_up_to_date(run.warehouse, DUPLICATES, duplicates, ("gen_key", "duplicate_of", "rules_id"))
    identity = (*ATTEMPT_KEY, "rules_id")
    bring_up_to_date(run.warehouse, DIALOGUES, accepted.corpus(), identity, partial(add_texts, run))
    # A page may have been withdrawn while they were read.
    delete_withdrawn(run, DIALOGUES)


def judge_new(run: Run, judge: DialogueJudge) -> DataFrame:
    """Verdicts on the dialogues that these rules have not judged."""
    rules = rules_id(judge.rules)
    known = run.warehouse.read(VERDICTS).where(F.col("rules_id") == rules)
    known = known.select("slice", *ATTEMPT_KEY)
    # A style whose file was taken away has no grammar to be judged by; its dialogues wait.
    judgeable = read_dialogues(run).where(F.col("style").isin(list(judge.styles)))
    # By keys alone first: the texts of all dialogues are not to be sent about for a few.
    new = judgeable.select("slice", *ATTEMPT_KEY).join(known, ["slice", *ATTEMPT_KEY], "left_anti")
    attempts = run.warehouse.read(ATTEMPTS)
    dialogues = attempts.join(new, ["slice", *ATTEMPT_KEY], "left_semi")
    sources = run.warehouse.read(CHUNKS).select("slice", "chunk_id", F.col("text").alias("source"))
    judged = (
        dialogues.join(sources, ["slice", "chunk_id"])
        .select(*INPUT_COLUMNS)
        .mapInArrow(judge.judge_batches, JUDGED_SCHEMA)
    )
    return judged.select(
        "*", F.lit(rules).alias("rules_id"), F.lit(run.started_at).alias("judged_at")
    )


INPUT_COLUMNS = (
    *("gen_key", "chunk_id", "doc_id", "spec_id", "style", "attempt", "wave_id", "bucket", "slice"),
    *("text", "source", "status", "finish_reason", "completion_tokens"),
)


def summarise(run: Run, accepted: Accepted) -> Result:
    """Accepted and rejected per style and reason, of all dialogues that the rules have judged."""
    verdicts = accepted.verdicts(run.warehouse)
    counted = verdicts.groupBy("style").agg(F.count("*"), F.count_if("accepted"))
    styles = sorted(counted.collect())
    exploded = verdicts.select("style", F.explode("reasons").alias("reason"))
    by_style: dict[str, Counter[str]] = defaultdict(Counter)
    for style, reason, count in exploded.groupBy("style", "reason").count().collect():
        by_style[style][reason] = count
    show_table(
        "Dialogues judged",
        ["style", "judged", "accepted", "rejected for"],
        [(*row, list_reasons(by_style[row[0]])) for row in styles],
    )
    kept = sum(row[2] for row in styles)
    say(f"filter: {kept} of {sum(row[1] for row in styles)} dialogues accepted")
    reasons = sum(by_style.values(), Counter())
    return {"accepted": kept, "reasons": dict(reasons.most_common()), "rules_id": accepted.rules}


def list_reasons(reasons: Counter[str]) -> str:
    """Reasons with their counts, the commonest first."""
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
