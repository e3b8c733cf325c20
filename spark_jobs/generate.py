"""generate: every wanted dialogue that has no final attempt, from the engine, wave by wave."""

from collections import Counter
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.cluster import Cluster, look_at_cluster
from spark_jobs.core.console import say, show_table, warn
from spark_jobs.core.engine import check_endpoint, make_plan, make_specs
from spark_jobs.core.engine_metrics import advise
from spark_jobs.core.idle import Cause, attribute_idle, describe_idle
from spark_jobs.core.pending import look_up_wanted
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.specs import register_specs
from spark_jobs.core.tables import ATTEMPTS
from spark_jobs.core.watch import Watch
from spark_jobs.core.wave_runner import OVERCOMMIT, WaveRunner
from spark_jobs.core.waves import count_requests, plan_waves
from udfs.errors import EngineError


def run(run: Run) -> Result:
    """Find what is pending, ask the engines for it in waves, and say what became of it."""
    specs = {spec.spec_id: spec for spec in make_specs(run.settings).values()}
    plan = make_plan(run.settings.engine)
    wanted = look_up_wanted(run, list(specs))
    buckets = wanted.count()
    announce(run, count_requests(buckets))
    if not buckets:
        return {"pending": 0, "requests": 0, "status": {}, **totals(Counter())}
    check_endpoint(plan)
    cluster = look_at_cluster(run.spark, plan)
    register_specs(run, list(specs.values()))
    waves = plan_waves(
        buckets,
        size=run.settings.generate.wave_requests * cluster.engines,
        buckets_per_slice=run.warehouse.buckets_per_slice,
    )
    watch = WaveRunner(wanted, plan, specs, cluster).commit_all(waves)
    result = summarise(run, count_requests(buckets))
    result["idle_seconds"] = say_idle(watch, cluster)
    for advice in advise(list(watch.recent), capacity=plan.capacity):
        warn(advice)
    if watch.stopped:
        raise EngineError(f"{describe_rest(result)}: {watch.stopped}")
    return result


def announce(run: Run, wanted: int) -> None:
    """Say what will be done, and which limits shape it."""
    settings = run.settings.generate
    limits = [
        f"{settings.limit_chunks} chunks (generate.limit_chunks)" if settings.limit_chunks else "",
        f"{settings.sampling.max_tokens} output tokens (generate.sampling.max_tokens)"
        if settings.sampling.max_tokens
        else "",
    ]
    limited = " and ".join(filter(None, limits))
    say(f"generate: {wanted} dialogues pending" + (f", limited to {limited}" if limited else ""))


def say_idle(watch: Watch, cluster: Cluster) -> dict[Cause, float]:
    """Where the engines' idle time went, said and given back in seconds."""
    idle = attribute_idle(watch.waves, tasks_to_fill=cluster.slots / OVERCOMMIT)
    say(describe_idle(idle, seconds=watch.seconds_of_waves()))
    return idle


def describe_rest(result: Result) -> str:
    """How far a run came that had to stop."""
    answered = sum(result["status"].values())
    return f"{answered} of {result['pending']} dialogues are kept, the rest stays pending"


def summarise(run: Run, wanted: int) -> Result:
    """Counts of the run as the table has them, since task retries add to nothing there."""
    attempts = run.warehouse.read(ATTEMPTS).where(F.col("run_id") == run.run_id)
    sums = [
        F.sum(name).alias(name)
        for name in ("attempt", "prompt_tokens", "cached_tokens", "completion_tokens")
    ]
    rows = attempts.groupBy("style", "status").agg(F.count("*").alias("rows"), *sums).collect()
    show_table(
        "Dialogues generated",
        ["style", "status", "dialogues", "output tokens"],
        [(r["style"], r["status"], r["rows"], r["completion_tokens"]) for r in sorted(rows)],
    )
    status, counts = Counter[str](), Counter[str]()
    for row in rows:
        status[row["status"]] += row["rows"]
        counts.update({column: row[column] for column in row.asDict() if column in TOTALS})
    warn_of_errors(attempts, status)
    return {
        "pending": wanted,
        "requests": counts["attempt"],
        "status": dict(status.most_common()),
        **totals(counts),
    }


TOTALS = ("attempt", "prompt_tokens", "cached_tokens", "completion_tokens")


def totals(counts: Counter[str]) -> dict[str, int]:
    """Token counts of a result."""
    return {name: counts[name] for name in TOTALS if name != "attempt"}


def warn_of_errors(attempts: DataFrame, status: Counter[str]) -> None:
    """Say what the commonest errors were."""
    if not status.keys() - {"ok", "length", "empty"}:
        return
    errors = (
        attempts.where("error_class is not null")
        .groupBy("status", "error_class")
        .agg(F.count("*").alias("rows"), F.min("error_message").alias("example"))
    )
    for row in errors.orderBy(F.desc("rows")).limit(3).collect():
        example: Any = row["example"]
        warn(f"{row['rows']} x {row['status']} ({row['error_class']}): {example}")
