"""estimate: what is pending, and what it will take in tokens, time and money."""

from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.cluster import Cluster, look_at_cluster
from spark_jobs.core.console import describe_seconds, say, show_table, warn
from spark_jobs.core.engine import choose_specs, make_plan
from spark_jobs.core.evidence import count_pending, read_evidence
from spark_jobs.core.forecast import (
    Evidence,
    Forecast,
    Interval,
    add_staging,
    forecast,
    predict_staging,
)
from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.recovery import open_spool
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.settings import Settings
from spark_jobs.generate import Specs, generate
from udfs.engine.recipes import EnginePlan
from udfs.engine.weight_files import look_up
from udfs.errors import EngineError

STRATA = 10  # of a pilot, by the length of the chunk: what a dialogue costs goes with it


def run(run: Run) -> Result:
    """Measure first if asked to, then say what the rest will take."""
    specs, plan = choose_specs(run.settings), make_plan(run.settings.engine)
    chunker_id = active_chunker(run.settings.chunk).chunker_id
    if run.settings.estimate.pilot:
        run_pilot(run, specs, plan, chunker_id)
    wanted = look_up_wanted(run, list(specs), chunker_id)
    pending, evidence = count_pending(wanted, specs), read_evidence(wanted, specs)
    cluster = plan_cluster(run, plan)
    size = {"engines": cluster.engines, "gpus": cluster.gpus}
    styles = {
        name: forecast({name: found}, evidence, run.settings, **size)
        for name, found in pending.items()
    }
    weights = weigh(run.settings, plan)
    total = forecast(pending, evidence, run.settings, **size)
    if weights and total.dialogues:
        total = add_staging(total, weights.seconds, run.settings.cost, gpus=cluster.gpus)
    show(styles, total, evidence, run.settings, cluster)
    show_weights(weights)
    return describe(styles, total, cluster, weights)


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes that each host stages, and the seconds that it takes where they are not yet."""

    size: int
    seconds: Interval


def weigh(settings: Settings, plan: EnginePlan) -> Weights | None:
    """What engine.weights has; None if nothing is staged, or it cannot be seen from here.

    Executors may reach what the driver cannot: that is said, and no reason to give up.
    """
    if not plan.weights or not plan.starts_engine:
        return None
    try:
        size = look_up(plan.weights).size
    except EngineError as error:
        warn(f"{error}; the estimate leaves out the time to stage it")
        return None
    return Weights(size, predict_staging(size, settings.estimate))


def run_pilot(run: Run, specs: Specs, plan: EnginePlan, chunker_id: str) -> None:
    """Generate the dialogues of some pending chunks, short and long ones alike."""
    with open_spool(run, list(specs), chunker_id) as spool:
        wanted = look_up_wanted(run, list(specs), chunker_id)
        chosen = choose_pilot(wanted, run.settings.estimate.pilot)
        say(f"estimate: a pilot of {len(chosen)} chunks")
        generate(replace(wanted, only=chosen), specs, plan, spool)


def choose_pilot(wanted: Wanted, size: int) -> tuple[str, ...]:
    """So many pending chunks, as many from each tenth of the lengths, drawn by hash."""
    pending = wanted.find_missing(*wanted.buckets).where("missing is not null")
    chunks = pending.select("chunk_id", "n_tokens")
    bounds = chunks.approxQuantile("n_tokens", [n / STRATA for n in range(1, STRATA)], 0.01)
    stratum = sum((F.col("n_tokens") > bound).cast("int") for bound in bounds) + F.lit(0)
    drawn = F.row_number().over(Window.partitionBy("stratum").orderBy(F.xxhash64("chunk_id")))
    numbered = chunks.withColumn("stratum", stratum).withColumn("drawn", drawn)
    rows = numbered.orderBy("drawn", "stratum").select("chunk_id").limit(size).collect()
    return tuple(row["chunk_id"] for row in rows)


def plan_cluster(run: Run, plan: EnginePlan) -> Cluster:
    """The cluster to plan for: this one, or one of estimate.gpus GPUs."""
    here, gpus = look_at_cluster(run.spark, plan), run.settings.estimate.gpus
    engines = max(1, gpus // plan.tensor_parallel_size)
    return replace(here, engines=engines, gpus=gpus) if gpus else here


def show(
    styles: dict[str, Forecast],
    total: Forecast,
    evidence: Evidence,
    settings: Settings,
    cluster: Cluster,
) -> None:
    """A table for people, and what it goes by."""
    # The weights are staged once: only the total has their time.
    rows = [(name, total) for name in styles] if len(styles) == 1 else [*sorted(styles.items())]
    rows += [("all", total)] if len(styles) != 1 else []
    currency = settings.cost.currency
    columns = ["style", "dialogues", "tokens in", "to compute", "tokens out", "time", "GPU hours"]
    show_table(
        "What is pending, and what it will take (low - high)",
        [*columns, currency],
        [describe_row(name, found) for name, found in rows],
    )
    size = f"{cluster.engines} engines" + (f" on {cluster.gpus} GPUs" if cluster.gpus else "")
    rate = f", {evidence.rate:,.0f} tokens/s and engine" if evidence.rate else ""
    measured = f"from {len(evidence.chunks)} chunks measured{rate}"
    presets = "from the presets of [estimate], --pilot 100 measures"
    say(f"estimate: {measured if total.measured else presets}; for {size}")
    accepted = between(total.accepted_tokens, "{:,.0f}")
    say(f"estimate: accepted tokens {accepted}; {price_accepted(total, currency)}")


def show_weights(weights: Weights | None) -> None:
    """What the weights add, for people."""
    if weights:
        low, high = map(describe_seconds, (weights.seconds.low, weights.seconds.high))
        say(
            f"estimate: {weights.size / 1e9:,.1f} GB of weights on each host, staged in {low} - "
            f"{high} where they are not yet; counted once, in the total"
        )


def describe_row(name: str, found: Forecast) -> tuple[Any, ...]:
    """One line of the table."""
    return (
        name,
        found.dialogues,
        int(found.input_tokens),
        int(found.prefill_tokens),
        between(found.output_tokens, "{:,.0f}"),
        f"{describe_seconds(found.seconds.low)} - {describe_seconds(found.seconds.high)}",
        between(found.gpu_hours, "{:,.1f}"),
        between(found.cost, "{:,.2f}"),
    )


def between(interval: Interval, form: str) -> str:
    """Low and high for people."""
    return f"{form.format(interval.low)} - {form.format(interval.high)}"


def price_accepted(total: Forecast, currency: str) -> str:
    """Money for a million tokens that the filter lets through."""
    if not total.cost.mid or not total.accepted_tokens.mid:
        return "no price is set (cost.gpu_hour)"
    return f"{total.cost.mid / total.accepted_tokens.mid * 1e6:,.2f} {currency} per million of them"


def describe(
    styles: dict[str, Forecast],
    total: Forecast,
    cluster: Cluster,
    weights: Weights | None,
) -> Result:
    """The job's result."""
    return {
        "pending": total.dialogues,
        "basis": "measured" if total.measured else "presets",
        "engines": cluster.engines,
        "gpus": cluster.gpus,
        "weights": weights
        and {"bytes_per_host": weights.size, "seconds": weights.seconds.to_json()},
        **describe_forecast(total),
        "styles": {name: describe_forecast(found) for name, found in sorted(styles.items())},
    }


def describe_forecast(found: Forecast) -> dict[str, Any]:
    """One forecast as JSON."""
    return {
        "dialogues": found.dialogues,
        "input_tokens": int(found.input_tokens),
        "prefill_tokens": int(found.prefill_tokens),
        "output_tokens": found.output_tokens.to_json(),
        "accepted_tokens": found.accepted_tokens.to_json(),
        "seconds": found.seconds.to_json(),
        "gpu_hours": found.gpu_hours.to_json(),
        "cost": found.cost.to_json(),
    }
