"""generate: every wanted dialogue that has no final attempt, from the engine, wave by wave."""

import os
from collections import Counter
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.budget_guard import check_budget
from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.cluster import Cluster, look_at_cluster
from spark_jobs.core.commits import read_commits
from spark_jobs.core.console import describe_seconds, say, show_table, warn
from spark_jobs.core.engine import check_endpoint, choose_specs, make_plan, warn_of_gate
from spark_jobs.core.engine_metrics import advise
from spark_jobs.core.evidence import read_evidence
from spark_jobs.core.forecast import Evidence, Forecast, StylePending, forecast
from spark_jobs.core.idle import Cause, attribute_idle, describe_idle
from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.recovery import open_spool
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.settings import Settings
from spark_jobs.core.specs import find_new_specs, register_specs
from spark_jobs.core.tables import ATTEMPTS
from spark_jobs.core.watch import Watch
from spark_jobs.core.wave_runner import OVERCOMMIT, WaveRunner
from spark_jobs.core.waves import count_requests, plan_waves
from udfs.dialogue.specs import Spec
from udfs.engine.recipes import EnginePlan
from udfs.engine.tally import TOKENS
from udfs.errors import JobError

Specs = dict[str, Spec]


def run(run: Run) -> Result:
    """Commit what dead runs left, find what is pending, and ask the engines for it."""
    specs = choose_specs(run.settings)
    plan = make_plan(run.settings.engine)
    chunker_id = active_chunker(run.settings.chunk).chunker_id
    with open_spool(run, list(specs), chunker_id) as spool:
        return generate(look_up_wanted(run, list(specs), chunker_id), specs, plan, spool)


def generate(wanted: Wanted, specs: Specs, plan: EnginePlan, spool: str) -> Result:
    """Ask the engines for all that is wanted and pending, in waves, and say what became of it."""
    run, buckets = wanted.run, wanted.count()
    pending = count_requests(buckets)
    announce(run, pending)
    if not buckets:
        return {"pending": 0, "requests": 0, "status": {}, **totals(Counter())}
    check_endpoint(plan)
    warn_of_gate(run.settings, plan, os.environ)
    cluster = look_at_cluster(run.spark, plan)
    evidence = read_evidence(wanted, specs)
    expected = look_ahead(run.settings, evidence, pending, cluster)
    new = find_new_specs(run, specs)
    check_budget(wanted, new, buckets, expected)
    register_specs(run, new)
    waves = plan_waves(
        buckets,
        size=wanted.settings.wave_requests * cluster.engines,
        buckets_per_slice=run.warehouse.buckets_per_slice,
    )
    runner = WaveRunner(wanted, plan, specs, cluster, spool, evidence.usual_length)
    watch = runner.commit_all(waves[: wanted.settings.max_waves or None], expected)
    result = summarise(run, pending)
    result["waves"] = len(watch.waves)
    result["idle_seconds"] = say_idle(watch, cluster)
    for advice in advise(list(watch.recent), capacity=plan.capacity):
        warn(advice)
    # Without a spool there are no claims, and nobody saw who else was at work.
    say_end(result, watch, "" if spool else describe_repeats(wanted))
    return result


def announce(run: Run, wanted: int) -> None:
    """Say what will be done, and which limits shape it."""
    settings = run.settings.generate
    limits = [
        f"{settings.limit_chunks} chunks (generate.limit_chunks)" if settings.limit_chunks else "",
        f"buckets {settings.buckets}" if settings.buckets else "",
        f"pages where {settings.where}" if settings.where else "",
        f"{settings.sampling.max_tokens} output tokens (generate.sampling.max_tokens)"
        if settings.sampling.max_tokens
        else "",
    ]
    limited = ", ".join(filter(None, limits))
    say(f"generate: {wanted} dialogues pending" + (f", limited to {limited}" if limited else ""))


def say_idle(watch: Watch, cluster: Cluster) -> dict[Cause, float]:
    """Where the engines' idle time went, said and given back in seconds."""
    idle = attribute_idle(watch.waves, tasks_to_fill=cluster.slots / OVERCOMMIT)
    say(describe_idle(idle, seconds=watch.seconds_of_waves()))
    return idle


def look_ahead(settings: Settings, evidence: Evidence, pending: int, cluster: Cluster) -> Forecast:
    """What all that is pending will take, said if it was measured before."""
    expected = forecast(
        # By and large: which styles these are, `estimate` counts.
        {"": StylePending(pending, pending * settings.chunk.max_tokens)},
        evidence,
        settings,
        engines=cluster.engines,
        gpus=cluster.gpus,
    )
    if expected.measured:
        seconds = describe_seconds(expected.seconds.mid)
        say(f"generate: about {expected.output_tokens.mid:,.0f} output tokens in {seconds}")
    return expected


def say_end(result: Result, watch: Watch, repeats: str) -> None:
    """How far a run came that did not come to its end; raises what ended it, or its repeats."""
    answered = sum(result["status"].values())
    rest = f"{answered} of {result['pending']} dialogues are kept, the rest stays pending"
    if watch.stop and watch.stop.error:
        raise watch.stop.error("\n".join(filter(None, [f"{rest}: {watch.stop.reason}", repeats])))
    if watch.stop:
        say(f"generate: {rest}: {watch.stop.reason}")
    elif answered < result["pending"]:
        say(f"generate: {rest}")
    if repeats:
        raise JobError(repeats)


def describe_repeats(wanted: Wanted) -> str:
    """What another run asked for meanwhile as well, and how to keep it from that; else empty."""
    run, before = wanted.run, wanted.attempts_version
    newest = run.warehouse.version(ATTEMPTS) - before
    runs = {run_id for version, run_id in read_commits(run, newest).values() if version > before}
    others = sorted(runs - {run.run_id})
    if not others:
        return ""
    attempts = run.warehouse.read(ATTEMPTS).select("gen_key", "run_id", "created_at")
    mine = attempts.where(F.col("run_id") == run.run_id)
    theirs = attempts.where(F.col("run_id").isin(others) & (F.col("created_at") > run.started_at))
    twice = mine.join(theirs, "gen_key", "left_semi").count()
    if not twice:
        return ""
    return (
        f"{twice} dialogues were asked for twice, by this run and by {', '.join(others)}: both "
        "attempts are kept, synthetic.dialogues shows one; give runs at one time different "
        "--buckets or --styles"
    )


def summarise(run: Run, wanted: int) -> Result:
    """Counts of the run as the table has them, since task retries add to nothing there."""
    attempts = run.warehouse.read(ATTEMPTS).where(F.col("run_id") == run.run_id)
    sums = [F.sum(name).alias(name) for name in ("attempt", *TOKENS)]
    rows = attempts.groupBy("style", "status").agg(F.count("*").alias("rows"), *sums).collect()
    show_table(
        "Dialogues generated",
        ["style", "status", "dialogues", "output tokens"],
        [(r["style"], r["status"], r["rows"], r["completion_tokens"]) for r in sorted(rows)],
    )
    status, counts = Counter[str](), Counter[str]()
    for row in rows:
        status[row["status"]] += row["rows"]
        counts.update({name: row[name] for name in ("attempt", *TOKENS)})
    warn_of_errors(attempts, status)
    return {
        "pending": wanted,
        "requests": counts["attempt"],
        "status": dict(status.most_common()),
        **totals(counts),
    }


def totals(counts: Counter[str]) -> dict[str, int]:
    """Token counts of a result."""
    return {name: counts[name] for name in TOKENS}


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
