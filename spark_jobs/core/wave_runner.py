"""Runs waves: each one Spark job whose tasks ask the engines, and one blind append behind it."""

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.core.breaker import GOOD, Breaker
from spark_jobs.core.cluster import Cluster
from spark_jobs.core.engine_metrics import save_samples
from spark_jobs.core.pending import Wanted
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS
from spark_jobs.core.watch import Watch
from spark_jobs.core.waves import Wave, count_requests, run_lanes
from udfs.dialogue.specs import Spec
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.recipes import EnginePlan
from udfs.errors import JobError

BATCH_ROWS = "64"  # chunk rows that Spark hands to Python at once: what a task holds unasked
# Under way for each request that an engine works on: its queue must outlast the moments in which
# several tasks end (measured with short tasks: with 2 it ran dry now and then, with 3 it did not).
OVERCOMMIT = 3
WINDOWS_PER_TASK = 2
TALLIES_PER_SECOND = 50  # of all tasks together: each is a small file, and on S3 a request
USUAL_ROWS = 2_000  # earlier dialogues whose length is the measure for new ones


@dataclass(frozen=True)
class WaveRunner:
    """All that the waves of a run have in common."""

    wanted: Wanted
    plan: EnginePlan
    specs: dict[str, Spec]
    cluster: Cluster

    def commit_all(self, waves: Sequence[Wave]) -> Watch:
        """Do all waves, some at once, until they are done or the watch says why to stop."""
        run = self.wanted.run
        wanted = count_requests(waves)
        breaker = make_breaker(self.wanted, at_once=self.plan.capacity * self.cluster.engines)
        watch = Watch(wanted=wanted, seconds=self.tally_seconds, breaker=breaker)
        with watch.looking(), small_batches(run.spark):
            run_lanes(
                waves, lambda wave: self.commit(wave, watch), lanes=run.settings.generate.lanes
            )
        return watch

    def commit(self, wave: Wave, watch: Watch) -> bool:
        """Do one wave; whether another may follow."""
        run = self.wanted.run
        # A pool for each lane: fair shares keep a small job of one from waiting for the other.
        pool = threading.current_thread().name
        run.spark.sparkContext.setLocalProperty("spark.scheduler.pool", pool)
        job = self.make_job(wave)
        with watch.wave(job.tally_folder):
            append_attempts(run, self.wanted.find_wave(wave), job, tasks=self.count_tasks(wave))
        save_samples(run, watch.take_samples())
        return not watch.stopped

    def make_job(self, wave: Wave) -> GenerationJob:
        """What the tasks of a wave share."""
        run, wave_id = self.wanted.run, self.wanted.wave_id(wave)
        return GenerationJob(
            plan=self.plan,
            specs=self.specs,
            window=self.window,
            engine_window=OVERCOMMIT * self.plan.capacity,
            run_id=run.run_id,
            wave_id=wave_id,
            tally_folder=f"{run.settings.tables.root.rstrip('/')}/_progress/{wave_id}",
            tally_seconds=self.tally_seconds,
            schema=ATTEMPTS.arrow_schema(),
        )

    @cached_property
    def window(self) -> int:
        """Requests that each task keeps under way: its share of what its engine shall have."""
        all_engines = OVERCOMMIT * self.plan.capacity * self.cluster.engines
        return math.ceil(all_engines / self.cluster.slots)

    @cached_property
    def tally_seconds(self) -> float:
        """How often a task says what it does."""
        return max(2.0, self.cluster.slots / TALLIES_PER_SECOND)

    def count_tasks(self, wave: Wave) -> int:
        """One task for each slot at least, `generate.tasks_per_slot` at most, none without a chunk.

        Between these, as many as can fill their window WINDOWS_PER_TASK times: a task that is
        nearly done asks for little.
        """
        slots, most = self.cluster.slots, self.wanted.run.settings.generate.tasks_per_slot
        long_enough = wave.requests // (WINDOWS_PER_TASK * self.window)
        return min(wave.chunks, max(slots, min(long_enough, most * slots)))


def append_attempts(run: Run, pending: DataFrame, job: GenerationJob, *, tasks: int) -> None:
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


def make_breaker(wanted: Wanted, *, at_once: int) -> Breaker:
    """The circuit breaker, with the length of earlier dialogues of the same specs.

    Dialogues asked for again are no fair sample, so then the run is its own measure.
    """
    settings = wanted.run.settings.generate
    return Breaker(
        max_failed_share=settings.max_failed_share,
        max_length_change=settings.max_length_change,
        usual_length=0.0 if settings.retry else measure_usual_length(wanted),
        at_once=at_once,
    )


def measure_usual_length(wanted: Wanted) -> float:
    """Mean output tokens of some earlier dialogues of the same specs, 0 without any."""
    attempts = wanted.run.warehouse.read(ATTEMPTS, version=wanted.attempts_version)
    same_specs = F.col("spec_id").isin(list(wanted.spec_ids))
    earlier = attempts.where(same_specs & F.col("status").isin(*GOOD))
    mean = earlier.select("completion_tokens").limit(USUAL_ROWS).agg(F.avg("completion_tokens"))
    return float(mean.collect()[0][0] or 0.0)
