"""generate: every wanted dialogue that has no final attempt, from the engine, in one commit."""

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.console import ProgressLine, say, show_table, warn
from spark_jobs.core.engine import check_endpoint, make_plan, make_specs
from spark_jobs.core.engine_metrics import advise, describe_engines, save_samples
from spark_jobs.core.pending import find_pending
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.specs import register_specs
from spark_jobs.core.tables import ATTEMPTS
from udfs.dialogue.specs import Spec
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.metrics import Sample
from udfs.engine.recipes import EnginePlan
from udfs.engine.tally import Tallies, read_tallies, remove_tallies
from udfs.errors import EngineError, JobError
from udfs.keys import content_key

BATCH_ROWS = 64  # chunk rows that Spark hands to Python at once: what a task holds unasked
POLL_SECONDS = 2.0


def run(run: Run) -> Result:
    """Find what is pending, ask the engine for it, commit once, and say what became of it."""
    specs = {spec.spec_id: spec for spec in make_specs(run.settings).values()}
    plan = make_plan(run.settings.engine)
    version = run.warehouse.version(ATTEMPTS)
    pending = find_pending(run, list(specs), version=version)
    wanted = count_missing(pending)
    announce(run, wanted)
    if wanted == 0:
        return {"pending": 0, "requests": 0, "status": {}, **totals(Counter())}
    check_endpoint(plan)
    register_specs(run, list(specs.values()))
    wave_id = name_wave(run, sorted(specs), version)
    stopped = commit_wave(run, pending, make_job(run, plan, specs, wave_id), wanted)
    result = summarise(run, wave_id, wanted)
    if stopped:
        raise EngineError(f"{describe_rest(result)}: {stopped}")
    return result


def describe_rest(result: Result) -> str:
    """How far a run came that had to stop."""
    answered = sum(result["status"].values())
    return f"{answered} of {result['pending']} dialogues are kept, the rest stays pending"


def name_wave(run: Run, spec_ids: list[str], version: int) -> str:
    """The wave's identity: two runs that see the same tables and want the same are one wave."""
    settings = run.settings.generate
    wanted = [active_chunker(run.settings.chunk).chunker_id, settings.limit_chunks]
    wanted += [settings.samples, settings.retry, version]
    return content_key(*map(str, wanted), *spec_ids)


def count_missing(pending: DataFrame) -> int:
    """Dialogues pending."""
    return int(pending.select(F.coalesce(F.sum(F.size("missing")), F.lit(0))).collect()[0][0])


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


def make_job(run: Run, plan: EnginePlan, specs: dict[str, Spec], wave_id: str) -> GenerationJob:
    """What the tasks of the wave share."""
    slots = run.spark.sparkContext.defaultParallelism
    return GenerationJob(
        plan=plan,
        specs=specs,
        # Together twice what the engine works on, so that its queue never runs dry (measured:
        # an engine busy 0.95 of the time, against 0.84 with 1.2 times its capacity).
        window=math.ceil(2 * plan.capacity / slots),
        run_id=run.run_id,
        wave_id=wave_id,
        tally_folder=f"{run.settings.tables.root.rstrip('/')}/_progress/{wave_id}",
        schema=ATTEMPTS.arrow_schema(),
    )


def commit_wave(run: Run, pending: DataFrame, job: GenerationJob, wanted: int) -> str:
    """The engine's run: one Spark job, one append, nothing behind the engine but the write.

    Returns why tasks stopped early, empty if none did; what they had answered is committed.
    """
    slots = run.spark.sparkContext.defaultParallelism
    tasks = slots * run.settings.generate.tasks_per_slot
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
    with watch_tallies(run, job, wanted), small_batches(run.spark):
        try:
            run.warehouse.append(attempts, ATTEMPTS, options)
        except Exception as error:
            if "ConcurrentTransaction" not in type(error).__name__ + str(error)[:500]:
                raise
            raise JobError(
                f"another run committed the same {wanted} dialogues meanwhile: this one asked for "
                "them again and kept nothing; run generate again for what is still missing"
            ) from error
        return read_tallies(job.tally_folder).stopped


@contextmanager
def small_batches(spark: SparkSession) -> Iterator[None]:
    """Few chunk rows per Arrow batch, in a session that may be somebody else's."""
    name = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(name)
    spark.conf.set(name, str(BATCH_ROWS))
    try:
        yield
    finally:
        spark.conf.set(name, str(before))


@contextmanager
def watch_tallies(run: Run, job: GenerationJob, wanted: int) -> Iterator[None]:
    """Show progress while the tasks run, keep what their engines did, and say what to change."""
    stop = threading.Event()
    line = ProgressLine()
    samples: dict[tuple[str, float], Sample] = {}

    def show() -> None:
        seconds = 0.0
        while not stop.wait(POLL_SECONDS):
            seconds += POLL_SECONDS
            tallies = read_tallies(job.tally_folder)
            samples.update({(s.engine, s.sampled_at): s for s in tallies.samples})
            line.show(describe_progress(tallies, wanted, seconds))

    thread = threading.Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        line.close()
        remove_tallies(job.tally_folder)
    save_samples(run, samples.values())
    for advice in advise(list(samples.values()), capacity=job.plan.capacity):
        warn(advice)


def describe_progress(tallies: Tallies, wanted: int, seconds: float) -> str:
    """One line: done of wanted, by status, tokens a second, cache hits, time left, engines."""
    counts = tallies.counts
    status = {n.removeprefix("status."): c for n, c in counts.items() if n.startswith("status.")}
    done = sum(status.values())
    if not done:
        return f"generate: 0/{wanted}  waiting for the engine  {seconds:.0f} s"
    listed = " ".join(f"{name} {count}" for name, count in sorted(status.items()))
    hits = counts["cached_tokens"] / max(1, counts["prompt_tokens"])
    left = seconds / done * (wanted - done)
    rate = counts["completion_tokens"] / seconds
    return (
        f"generate: {done}/{wanted} ({done / wanted:.0%})  {listed}  {rate:,.0f} tokens/s  "
        f"cache hits {hits:.0%}  {seconds:.0f} s, about {left:.0f} s left  "
        f"{describe_engines(tallies.samples)}"
    ).rstrip()


def summarise(run: Run, wave_id: str, wanted: int) -> Result:
    """Counts of the wave as the table has them, since task retries add to nothing there."""
    wave = run.warehouse.read(ATTEMPTS).where(F.col("wave_id") == wave_id)
    sums = [
        F.sum(name).alias(name)
        for name in ("attempt", "prompt_tokens", "cached_tokens", "completion_tokens")
    ]
    rows = wave.groupBy("style", "status").agg(F.count("*").alias("rows"), *sums).collect()
    show_table(
        "Dialogues generated",
        ["style", "status", "dialogues", "output tokens"],
        [(r["style"], r["status"], r["rows"], r["completion_tokens"]) for r in sorted(rows)],
    )
    status, counts = Counter[str](), Counter[str]()
    for row in rows:
        status[row["status"]] += row["rows"]
        counts.update({column: row[column] for column in row.asDict() if column in TOTALS})
    warn_of_errors(wave, status)
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


def warn_of_errors(wave: DataFrame, status: Counter[str]) -> None:
    """Say what the commonest errors were."""
    if not status.keys() - {"ok", "length", "empty"}:
        return
    errors = (
        wave.where("error_class is not null")
        .groupBy("status", "error_class")
        .agg(F.count("*").alias("rows"), F.min("error_message").alias("example"))
    )
    for row in errors.orderBy(F.desc("rows")).limit(3).collect():
        example: Any = row["example"]
        warn(f"{row['rows']} x {row['status']} ({row['error_class']}): {example}")
