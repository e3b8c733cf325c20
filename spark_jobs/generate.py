"""generate: every wanted dialogue that has no final attempt, from the engine, wave by wave."""

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.core.breaker import GOOD, Breaker
from spark_jobs.core.cluster import Cluster, look_at_cluster
from spark_jobs.core.console import say, show_table, warn
from spark_jobs.core.engine import check_endpoint, make_plan, make_specs
from spark_jobs.core.engine_metrics import advise, save_samples
from spark_jobs.core.idle import Cause, attribute_idle, describe_idle
from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.specs import register_specs
from spark_jobs.core.tables import ATTEMPTS
from spark_jobs.core.watch import Watch
from spark_jobs.core.waves import Wave, count_requests, plan_waves, run_lanes
from udfs.dialogue.specs import Spec
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.recipes import EnginePlan
from udfs.errors import EngineError, JobError

BATCH_ROWS = "64"  # chunk rows that Spark hands to Python at once: what a task holds unasked
# Together twice what the engines work on, so that their queues never run dry (measured: an engine
# busy 0.95 of the time, against 0.84 with 1.2 times its capacity).
OVERCOMMIT = 3
WINDOWS_PER_TASK = 2
TALLIES_PER_SECOND = 50  # of all tasks together: each is a small file, and on S3 a request
USUAL_ROWS = 2_000  # earlier dialogues whose length is the measure for new ones


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
    register_specs(run, list(specs.values()))
    cluster = look_at_cluster(run.spark, plan)
    waves = plan_waves(
        buckets,
        size=run.settings.generate.wave_requests * cluster.engines,
        buckets_per_slice=run.warehouse.buckets_per_slice,
    )
    watch = commit_waves(wanted, waves, plan, specs, cluster)
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


def commit_waves(
    wanted: Wanted,
    waves: list[Wave],
    plan: EnginePlan,
    specs: dict[str, Spec],
    cluster: Cluster,
) -> Watch:
    """All waves, some at once, until they are done or the watch says why to stop."""
    run, settings = wanted.run, wanted.run.settings.generate
    seconds = max(2.0, cluster.slots / TALLIES_PER_SECOND)
    window = math.ceil(OVERCOMMIT * plan.capacity * cluster.engines / cluster.slots)
    breaker = make_breaker(wanted)
    watch = Watch(wanted=count_requests(waves), seconds=seconds, breaker=breaker)

    def work(wave: Wave) -> bool:
        # A pool for each lane: fair shares keep a small job of one from waiting for the other.
        pool = threading.current_thread().name
        run.spark.sparkContext.setLocalProperty("spark.scheduler.pool", pool)
        tasks = count_tasks(wave, window=window, slots=cluster.slots, most=settings.tasks_per_slot)
        wave_id = wanted.wave_id(wave)
        job = GenerationJob(
            plan=plan,
            specs=specs,
            window=window,
            engine_window=OVERCOMMIT * plan.capacity,
            run_id=run.run_id,
            wave_id=wave_id,
            tally_folder=f"{run.settings.tables.root.rstrip('/')}/_progress/{wave_id}",
            tally_seconds=seconds,
            schema=ATTEMPTS.arrow_schema(),
        )
        with watch.wave(job.tally_folder):
            commit_wave(run, wanted.find_wave(wave), job, tasks)
        save_samples(run, watch.take_samples())
        return not watch.stopped

    with watch.looking(), small_batches(run.spark):
        run_lanes(waves, work, lanes=settings.lanes)
    return watch


def count_tasks(wave: Wave, *, window: int, slots: int, most: int) -> int:
    """Tasks of a wave: one for each slot at least, `most` for each slot, none without a chunk.

    Between these, as many as can fill their window WINDOWS_PER_TASK times: a task that is nearly
    done asks for little.
    """
    long_enough = wave.requests // (WINDOWS_PER_TASK * window)
    return min(wave.chunks, max(slots, min(long_enough, most * slots)))


def make_breaker(wanted: Wanted) -> Breaker:
    """The circuit breaker, with the length of earlier dialogues of the same specs."""
    run, settings = wanted.run, wanted.run.settings.generate
    earlier = run.warehouse.read(ATTEMPTS, version=wanted.attempts_version).where(
        F.col("spec_id").isin(list(wanted.spec_ids)) & F.col("status").isin(*GOOD)
    )
    some = earlier.select("completion_tokens").limit(USUAL_ROWS)
    return Breaker(
        max_failed_share=settings.max_failed_share,
        max_length_change=settings.max_length_change,
        usual_length=some.agg(F.coalesce(F.avg("completion_tokens"), F.lit(0.0))).collect()[0][0],
    )


def commit_wave(run: Run, pending: DataFrame, job: GenerationJob, tasks: int) -> None:
    """The engines' run: one Spark job, one append, nothing behind the engine but the write."""
    # By number: adaptive execution would make one task of a small input.
    attempts = pending.repartition(tasks, "chunk_id").mapInArrow(
        lambda batches: generate(batches, job), ATTEMPTS.ddl()
    )
    metadata = {"job": "generate", "run_id": run.run_id, "wave_id": job.wave_id}
    options = {
        "txnAppId": job.wave_id,
        "txnVersion": "1",
        "userMetadata": json.dumps(metadata),
    }
    try:
        run.warehouse.append(attempts, ATTEMPTS, options)
    except Exception as error:
        if "ConcurrentTransaction" not in type(error).__name__ + str(error)[:500]:
            raise
        raise JobError(
            f"another run committed the same wave {job.wave_id} meanwhile: this one asked for its "
            "dialogues again and kept nothing; run generate again for what is still missing"
        ) from error


@contextmanager
def small_batches(spark: SparkSession) -> Iterator[None]:
    """Few chunk rows per Arrow batch, in a session that may be somebody else's."""
    name = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(name)
    spark.conf.set(name, BATCH_ROWS)
    try:
        yield
    finally:
        spark.conf.set(name, str(before))


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
