"""What a set of rules accepts of the dialogues that count, and what of it is a duplicate.

Found once and kept on disk, texts left out: to write, to count and to compare needs the keys alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker, read_chunks
from spark_jobs.core.duplicates import find_duplicates
from spark_jobs.core.kept import keep
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS, DIALOGUES, SPECS, VERDICTS, Warehouse, select_columns
from udfs.checks import duplicate

# A verdict is on one attempt: these tell which.
ATTEMPT_KEY = ("gen_key", "attempt", "wave_id")


@dataclass(frozen=True)
class Accepted:
    """The dialogues that the checks of `rules` let through, without `text`.

    `duplicates` are those of them that repeat another, as filtered.duplicates has them, with their
    attempt beside; `gate` says whether they are left out of the corpus.
    """

    rules: str
    dialogues: DataFrame
    duplicates: DataFrame
    gate: bool

    def corpus(self) -> DataFrame:
        """What belongs into the corpus."""
        if not self.gate:
            return self.dialogues
        repeated = self.duplicates.select("slice", "gen_key")
        return self.dialogues.join(repeated, ["slice", "gen_key"], "left_anti")

    def verdicts(self, warehouse: Warehouse) -> DataFrame:
        """The verdicts by these rules, with `duplicate` among the reasons of what is one."""
        verdicts = warehouse.read(VERDICTS).where(F.col("rules_id") == self.rules)
        verdicts = verdicts.select("slice", *ATTEMPT_KEY, "style", "accepted", "reasons")
        if not self.gate:
            return verdicts
        reason = F.array(F.lit(duplicate.REASON)).alias("repeats")
        repeated = self.duplicates.select("slice", *ATTEMPT_KEY, reason)
        return verdicts.join(repeated, ["slice", *ATTEMPT_KEY], "left").select(
            *("slice", *ATTEMPT_KEY, "style"),
            (F.col("accepted") & F.col("repeats").isNull()).alias("accepted"),
            F.concat("reasons", F.coalesce("repeats", F.array().cast("array<string>"))).alias(
                "reasons"
            ),
        )


@contextmanager
def find_accepted(run: Run, rules: str, limits: duplicate.Limits) -> Iterator[Accepted]:
    """What these rules accept, kept while it is used; `limits` are those of their duplicates."""
    with (
        keep(accepted_dialogues(run, rules)) as dialogues,
        keep(repeating(dialogues, limits)) as duplicates,
    ):
        yield Accepted(rules, dialogues, duplicates, gate=limits.action == "gate")


def accepted_dialogues(run: Run, rules: str) -> DataFrame:
    """The accepted dialogues by a set of rules, their texts left out, duplicates among them."""
    verdicts = run.warehouse.read(VERDICTS).where((F.col("rules_id") == rules) & F.col("accepted"))
    accepted = verdicts.select(
        "slice", "style", "bucket", *ATTEMPT_KEY, "preamble_length", "rules_id", "tags", "signature"
    )
    dialogues = read_dialogues(run).drop("text")
    joined = dialogues.join(accepted, ["slice", "style", "bucket", *ATTEMPT_KEY])
    chunks = read_chunks(run.warehouse, active_chunker(run.settings.chunk).chunker_id)
    of_chunker = joined.join(chunks.select("slice", "chunk_id"), ["slice", "chunk_id"])
    columns = {name for name, _, _ in DIALOGUES.columns if name != "text"}
    kept = keep_newest_wording(run, of_chunker)
    return kept.select(*sorted(columns), "preamble_length", "signature")


def repeating(dialogues: DataFrame, limits: duplicate.Limits) -> DataFrame:
    """The dialogues that repeat one of a smaller key by the same spec: `duplicate_of` which."""
    if limits.action == "off":
        dialogues = dialogues.where("false")
    signed = dialogues.select(
        F.col("spec_id").alias("family"), F.struct("gen_key").alias("place"), "signature"
    )
    found = find_duplicates(signed, limits).select(
        F.col("place.gen_key").alias("gen_key"),
        F.col("first.gen_key").alias("duplicate_of"),
        "similarity",
    )
    return dialogues.join(found, "gen_key")


def add_texts(run: Run, kept: DataFrame) -> DataFrame:
    """Rows of filtered.dialogues from what was kept of them, the text without its preamble."""
    texts = run.warehouse.read(ATTEMPTS).select("slice", "style", "bucket", *ATTEMPT_KEY, "text")
    body = F.substring("text", F.col("preamble_length") + 1, F.length("text"))
    joined = kept.join(texts, ["slice", "style", "bucket", *ATTEMPT_KEY])
    return select_columns(joined.withColumn("text", body), DIALOGUES)


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


def read_dialogues(run: Run) -> DataFrame:
    """The attempt that counts of every dialogue."""
    return run.spark.table(f"{run.warehouse.schema('synthetic')}.dialogues")
