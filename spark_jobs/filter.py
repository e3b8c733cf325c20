"""filter: a verdict for every dialogue, and the accepted ones in `filtered.dialogues`.

With `--rules FILE` other rules are tried: they judge everything, too, and what they would change is
said; the corpus follows them only with `--activate`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.core.benchmarks import load_rules
from spark_jobs.core.chunker import active_chunker, read_chunks
from spark_jobs.core.console import say, show_table
from spark_jobs.core.derived import bring_up_to_date
from spark_jobs.core.duplicates import find_duplicates
from spark_jobs.core.engine import known_styles
from spark_jobs.core.rule_trial import ATTEMPT_KEY, read_rules, show_changes
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.tables import CHUNKS, DIALOGUES, DUPLICATES, SPECS, VERDICTS, arrow_schema
from spark_jobs.core.withdrawn import delete_withdrawn
from udfs.checks import duplicate
from udfs.checks.judge_rows import DialogueJudge
from udfs.checks.rules import Rules, rules_id

JUDGED_COLUMNS = tuple(
    (name, kind) for name, kind, _ in VERDICTS.columns if name not in {"rules_id", "judged_at"}
)
JUDGED_SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in JUDGED_COLUMNS)


@dataclass(frozen=True)
class Duplicates:
    """Rows of `filtered.duplicates`, and whether they are left out of the corpus."""

    rows: DataFrame
    gate: bool

    def count_rejected(self) -> Counter[str]:
        """How many dialogues of each style they keep out."""
        if not self.gate:
            return Counter()
        return Counter(dict(self.rows.groupBy("style").count().collect()))


def run(run: Run) -> Result:
    """Judge what has no verdict by the rules in force, then bring the accepted up to date.

    Judged is every dialogue; the corpus has those of the active chunker, and of several wordings
    of one prompt the newest.
    """
    if run.settings.filter.rules:
        return try_rules(run)
    checks = run.settings.filter.checks
    rules, judged = judge_by(run, checks)
    with found_duplicates(run, rules, checks.duplicate) as duplicates:
        update_corpus(run, rules, duplicates)
        return {"judged": judged, **summarise(run, rules, duplicates)}


def try_rules(run: Run) -> Result:
    """Judge by the rules of a file, too, and say what they decide otherwise."""
    file = run.settings.filter.rules
    others = read_rules(run.settings)
    before, _ = judge_by(run, run.settings.filter.checks)
    rules, judged = judge_by(run, others)
    with found_duplicates(run, rules, others.duplicate) as duplicates:
        summary = summarise(run, rules, duplicates)
        changes = show_changes(run, before, rules)
        if run.settings.filter.activate:
            update_corpus(run, rules, duplicates)
            say(
                f"filter: filtered.dialogues follows {file} now; give the runs that come "
                f"--conf {file}, or they bring back what the settings accept"
            )
        else:
            say("filter: filtered.dialogues is as it was; --activate lets it follow these rules")
    activated = run.settings.filter.activate
    return {"judged": judged, **summary, "changes": changes, "activated": activated}


def judge_by(run: Run, checks: Rules) -> tuple[str, int]:
    """Judge what these rules have not judged: their id, and how many dialogues that were."""
    judge = make_judge(run, checks)
    judged = run.warehouse.append_counted(judge_new(run, judge), VERDICTS)
    return rules_id(judge.rules), judged


def make_judge(run: Run, checks: Rules) -> DialogueJudge:
    """What judges by these rules: all that executors need, benchmarks included."""
    loaded = load_rules(checks, run.settings.benchmark.folder)
    return DialogueJudge(loaded, known_styles(), arrow_schema(JUDGED_COLUMNS))


@contextmanager
def found_duplicates(run: Run, rules: str, limits: duplicate.Limits) -> Iterator[Duplicates]:
    """Rows of `filtered.duplicates` among what these rules accept, kept while they are used."""
    if limits.action == "off":
        yield Duplicates(run.warehouse.make_rows([], DUPLICATES), gate=False)
        return
    # On disk: each search reads them several times.
    signed = (
        accepted_dialogues(run, rules)
        .select(
            F.col("spec_id").alias("family"),
            F.struct("gen_key").alias("place"),
            *("signature", "gen_key", "spec_id", "style", "chunk_id", "doc_id", "rules_id"),
            *("bucket", "slice"),
        )
        .persist(StorageLevel.DISK_ONLY)
    )
    found = find_duplicates(signed.select("family", "place", "signature"), limits)
    rows = found.select("place", F.col("first.gen_key").alias("duplicate_of"), "similarity")
    rows = rows.join(signed, "place").select(*(name for name, _, _ in DUPLICATES.columns)).cache()
    try:
        yield Duplicates(rows, gate=limits.action == "gate")
    finally:
        rows.unpersist()
        signed.unpersist()


def update_corpus(run: Run, rules: str, duplicates: Duplicates) -> None:
    """Bring `filtered.duplicates` and `filtered.dialogues` up to date with the verdicts."""
    identity = ("gen_key", "duplicate_of", "rules_id")
    bring_up_to_date(run.warehouse, DUPLICATES, duplicates.rows, identity)
    accepted = accepted_dialogues(run, rules)
    if duplicates.gate:
        repeated = duplicates.rows.select("slice", "gen_key")
        accepted = accepted.join(repeated, ["slice", "gen_key"], "left_anti")
    dialogues = accepted.select(*(name for name, _, _ in DIALOGUES.columns))
    bring_up_to_date(run.warehouse, DIALOGUES, dialogues, (*ATTEMPT_KEY, "rules_id"))
    # A page may have been withdrawn while they were read.
    delete_withdrawn(run, DIALOGUES)


def judge_new(run: Run, judge: DialogueJudge) -> DataFrame:
    """Verdicts on the dialogues that these rules have not judged."""
    rules = rules_id(judge.rules)
    known = run.warehouse.read(VERDICTS).where(F.col("rules_id") == rules).select(*ATTEMPT_KEY)
    # A style whose file was taken away has no grammar to be judged by; its dialogues wait.
    judgeable = read_dialogues(run).where(F.col("style").isin(list(judge.styles)))
    dialogues = judgeable.join(known, [*ATTEMPT_KEY], "left_anti")
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


def read_dialogues(run: Run) -> DataFrame:
    """The attempt that counts of every dialogue."""
    return run.spark.table(f"{run.warehouse.schema('synthetic')}.dialogues")


def accepted_dialogues(run: Run, rules: str) -> DataFrame:
    """The accepted dialogues by a set of rules, their preambles left out, duplicates among them."""
    verdicts = run.warehouse.read(VERDICTS).where((F.col("rules_id") == rules) & F.col("accepted"))
    accepted = verdicts.select(
        "slice", "style", "bucket", *ATTEMPT_KEY, "preamble_length", "rules_id", "tags", "signature"
    )
    joined = read_dialogues(run).join(accepted, ["slice", "style", "bucket", *ATTEMPT_KEY])
    chunks = read_chunks(run.warehouse, active_chunker(run.settings.chunk).chunker_id)
    of_chunker = joined.join(chunks.select("slice", "chunk_id"), ["slice", "chunk_id"])
    body = F.substring("text", F.col("preamble_length") + 1, F.length("text"))
    return keep_newest_wording(run, of_chunker).withColumn("text", body)


def keep_newest_wording(run: Run, dialogues: DataFrame) -> DataFrame:
    """Of a chunk's dialogues by several wordings of one prompt, the newest wording's.

    The same style asked of the same model in the same way is one prompt; other models and other
    samplings stand side by side.
    """
    specs = run.warehouse.read(SPECS)
    prompt = F.xxhash64("style", "model", "model_revision", "quantisation", "sampling")
    worded = specs.select("spec_id", prompt.alias("prompt"), F.col("created_at").alias("worded_at"))
    if worded.groupBy("prompt").count().where("count > 1").isEmpty():
        return dialogues
    newest = Window.partitionBy("slice", "bucket", "chunk_id", "prompt", "sample").orderBy(
        F.desc("worded_at"), "spec_id"
    )
    ranked = dialogues.join(worded, "spec_id").withColumn("place", F.row_number().over(newest))
    return ranked.where("place = 1")


def summarise(run: Run, rules: str, duplicates: Duplicates) -> Result:
    """Accepted and rejected per style and reason, of all dialogues that the rules have judged."""
    verdicts = run.warehouse.read(VERDICTS).where(F.col("rules_id") == rules)
    counted = verdicts.groupBy("style").agg(F.count("*"), F.count_if("accepted"))
    repeated = duplicates.count_rejected()
    styles = sorted(
        (style, judged, accepted - repeated[style]) for style, judged, accepted in counted.collect()
    )
    exploded = verdicts.select("style", F.explode("reasons").alias("reason"))
    by_style = {style: Counter({duplicate.REASON: n}) for style, n in repeated.items()}
    for style, reason, count in exploded.groupBy("style", "reason").count().collect():
        by_style.setdefault(style, Counter())[reason] = count
    show_table(
        "Dialogues judged",
        ["style", "judged", "accepted", "rejected for"],
        [(*row, list_reasons(by_style.get(row[0], Counter()))) for row in styles],
    )
    accepted = sum(row[2] for row in styles)
    say(f"filter: {accepted} of {sum(row[1] for row in styles)} dialogues accepted")
    reasons = sum(by_style.values(), Counter())
    return {"accepted": accepted, "reasons": dict(reasons.most_common()), "rules_id": rules}


def list_reasons(reasons: Counter[str]) -> str:
    """Reasons with their counts, the commonest first."""
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
