"""The data card of an export: Markdown with the front matter of Hugging Face's hub."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.accepted import read_dialogues
from spark_jobs.core.runs import Run, current_commit
from spark_jobs.core.tables import CHUNKS, DIALOGUES, DOCUMENTS, SPECS, VERDICTS

# Whose terms a generator's name stands for: what it wrote may be used under these.
TERMS = {
    "llama": "the Llama Community License of its version (names of models trained on its output "
    'begin with "Llama"; version 3 forbids to improve other models with it)',
    "smollm": "Apache 2.0",
    "embedded": "Apache 2.0 (SmolLM2-135M-Instruct)",
    "qwen": "the licence of its checkpoint: Apache 2.0 for most sizes",
}
UNKNOWN_TERMS = "not known to this project: look at its licence"
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
READABLE = {"parquet": "*.parquet", "jsonl": "*.jsonl", "chat": "*.jsonl"}


def write_card(run: Run, manifest: dict[str, Any]) -> str:
    """The card as Markdown."""
    sections = {
        "What it is": describe_export(manifest),
        "Where it comes from": describe_sources(run),
        "Who wrote it": describe_generators(run),
        "What was kept": describe_funnel(run),
        "Why dialogues were rejected": describe_reasons(run),
        "What it took": describe_cost(run),
        "How to make it again": describe_command(manifest),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"{front_matter(run, manifest)}\n\n# Conversations on mathematics\n\n{body}\n"


def front_matter(run: Run, manifest: dict[str, Any]) -> str:
    """What the hub reads: licence, size, and where the files are (Megatron's are none of its)."""
    license_name = run.settings.export.license
    lines = [
        *(
            "---",
            f"license: {license_name}",
            "language: [en]",
            "task_categories: [text-generation]",
        ),
        *(
            "tags: [mathematics, synthetic, mind]",
            f"size_categories: [{size(manifest['records'])}]",
        ),
    ]
    if manifest["format"] in READABLE:
        lines += [
            *("configs:", "- config_name: default", "  data_files:", "  - split: train"),
            f"    path: data/{READABLE[manifest['format']]}",
        ]
    return "\n".join([*lines, "---"])


def size(records: int) -> str:
    """The hub's word for so many records."""
    return SIZES[min(max(len(str(records)) - 3, 0), len(SIZES) - 1)]


def describe_export(manifest: dict[str, Any]) -> str:
    """Its parts and sizes."""
    rows = [
        (part["layout"], part["weight"], part["repeated"], part["tokens"] or manifest["tokens"])
        for part in manifest["parts"]
    ]
    return (
        "Pieces of math pages and conversations that retell them, made after MIND (Akter et al., "
        f"ICLR 2025) by MIND on Spark. {manifest['records']:,} records, {manifest['tokens']:,} "
        f"tokens, format {manifest['format']}.\n\n"
        + markdown(("layout", "weight", "times taken whole", "tokens"), rows)
        + "\n\nEvery record names the dialogue (`gen_key`), chunk and page that it comes from."
    )


def describe_sources(run: Run) -> str:
    """The corpora behind it and the licence that they came with."""
    pages = run.warehouse.read(DOCUMENTS).groupBy("source", "source_revision")
    rows = collect(pages.agg(F.count("*").alias("pages")).orderBy("source", "source_revision"))
    return (
        markdown(("source", "revision", "pages"), rows)
        + f"\n\nLicence of the pages: {run.settings.export.license}. Their texts remain "
        "their authors'."
    )


def describe_generators(run: Run) -> str:
    """Each way of asking with what it gave, and the terms of each model."""
    specs = run.warehouse.read(SPECS)
    counted = run.warehouse.read(DIALOGUES).groupBy("spec_id", "style")
    sums = counted.agg(
        F.count("*").alias("dialogues"), F.sum("completion_tokens").alias("tokens")
    ).join(specs.drop("style"), "spec_id")
    shown = ("style", "model", "model_revision", "quantisation", "prompt_hash", "sampling")
    rows = collect(sums.select(*shown, "dialogues", "tokens").orderBy(*shown))
    terms = "\n".join(
        f"- {model}: {find_terms(model)}" for model in sorted({row[1] for row in rows})
    )
    head = (
        *("style", "model", "revision", "quantisation", "prompt", "sampling"),
        "dialogues",
        "tokens",
    )
    return f"{markdown(head, rows)}\n\nTerms of the generators:\n\n{terms}"


def find_terms(model: str) -> str:
    """Under what terms a model's output may be used, as far as its name tells."""
    known = (terms for name, terms in TERMS.items() if name in model.lower())
    return next(known, UNKNOWN_TERMS)


def describe_funnel(run: Run) -> str:
    """How many chunks there were, and what became of the dialogues on them, per style."""
    chunks = run.warehouse.read(CHUNKS).count()
    asked = (
        read_dialogues(run)
        .groupBy("style")
        .agg(F.count("*").alias("asked"), F.count_if(F.col("status") == "ok").alias("ok"))
    )
    accepted = run.warehouse.read(DIALOGUES).groupBy("style").agg(F.count("*").alias("accepted"))
    joined = asked.join(accepted, "style", "left").fillna(0).orderBy("style")
    table = markdown(("style", "asked for", "ended by the model", "accepted"), collect(joined))
    return f"{chunks:,} chunks.\n\n{table}"


def describe_reasons(run: Run) -> str:
    """Reasons of the newest rules and how often each was given, contamination among them."""
    verdicts = run.warehouse.read(VERDICTS)
    newest = verdicts.agg(F.max_by("rules_id", "judged_at")).collect()[0][0]
    reasons = verdicts.where(F.col("rules_id") == F.lit(newest)).select(
        F.explode("reasons").alias("reason")
    )
    rows = collect(reasons.groupBy("reason").count().orderBy(F.desc("count"), "reason"))
    return (
        f"Rules {newest}. A dialogue may have several reasons; `contaminated` are those that hold "
        f"a benchmark's question.\n\n{markdown(('reason', 'dialogues'), rows)}"
    )


def describe_cost(run: Run) -> str:
    """Tokens, GPU-hours and money of all runs that generated."""
    cost = run.spark.table(f"{run.warehouse.schema('ops')}.cost")
    names = ("requests", "prompt_tokens", "cached_tokens", "output_tokens", "gpu_hours", "cost")
    row = cost.agg(*(F.sum(name).alias(name) for name in names))
    head = (*("requests", "tokens in", "of these cached", "tokens out", "GPU-hours"),)
    return markdown((*head, run.settings.cost.currency), collect(row))


def describe_command(manifest: dict[str, Any]) -> str:
    """What makes the same files of the same tables."""
    changed = {k: v for k, v in manifest["settings"].items() if k != "license"}
    settings = json.dumps(changed, indent=2, ensure_ascii=False)
    return (
        f"MIND on Spark at commit {current_commit() or 'unknown'}, `./submit.sh TARGET export` on "
        "the same tables with these settings of [export] and the tokenizer "
        f"{manifest['tokenizer']} gives the same bytes:\n\n```json\n{settings}\n```"
    )


def collect(rows: DataFrame) -> list[tuple[Any, ...]]:
    """Rows as tuples."""
    return [tuple(row) for row in rows.collect()]


def markdown(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; what would end a cell is spelled out."""
    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
