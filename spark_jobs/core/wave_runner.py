"""Runs waves: each one Spark job whose tasks ask the engines, one blind append, one ledger row."""

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.core.breaker import Breaker, count_outcomes
from spark_jobs.core.cluster import Cluster
from spark_jobs.core.commits import CommittedElsewhereError, append_once
from spark_jobs.core.console import describe_seconds
from spark_jobs.core.engine_metrics import save_samples
from spark_jobs.core.forecast import Forecast
from spark_jobs.core.idle import WaveTimes
from spark_jobs.core.ledger import WaveRow, count_wave, price, save_wave
from spark_jobs.core.pending import Wanted
from spark_jobs.core.runs import progress_folder
from spark_jobs.core.session import on_interrupt, with_properties
from spark_jobs.core.tables import ATTEMPTS
from spark_jobs.core.watch import Limits, Watch
from spark_jobs.core.waves import Wave, count_requests, run_lanes
from udfs.dialogue.specs import Spec
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.recipes import EnginePlan
from udfs.engine.spool import remove_folder
from udfs.engine.tally import remove_tallies
from udfs.errors import JobError

BATCH_ROWS = "64"  # chunk rows that Spark hands to Python at once: what a task holds unasked
# Under way for each request that an engine works on: its queue must outlast the moments in which
# several tasks end (measured with short tasks: with 2 it ran dry now and then, with 3 it did not).
OVERCOMMIT = 3
WINDOWS_PER_TASK = 2
TALLIES_PER_SECOND = 50  # of all tasks together: each is a small file, and on S3 a request


@dataclass(frozen=True)
class WaveRunner:
    """All that the waves of a run have in common.

    `spool` is the folder of the run's spool, or empty; `usual_length` the mean output tokens of
    earlier dialogues of the same specs, 0 if there are none.
    """

    wanted: Wanted
    plan: EnginePlan
    specs: dict[str, Spec]
    cluster: Cluster
    spool: str
    usual_length: float = 0.0

    def commit_all(self, waves: Sequence[Wave], forecast: Forecast | None = None) -> Watch:
        """Do all waves, some at once, until they are done or the watch says why to stop.

        After each, its forecast is told beside what came of it, if there is one.
        """
        run, settings = self.wanted.run, self.wanted.settings
        watch = self.make_watch(waves)

        def work(wave: Wave) -> bool:
            try:
                self.commit(wave, watch)
            except Exception as error:
                watch.abandon(error)
                raise
            if forecast and len(waves) > 1 and count_outcomes(watch.done):
                watch.line.say(describe_against(forecast, watch))
            return watch.stop is None

        try:
            with watch.looking(), small_batches(run.spark), on_interrupt(watch.interrupt):
                run_lanes(waves, work, lanes=settings.lanes)
        finally:
            remove_tallies(progress_folder(run, run.run_id))
        return watch

    def make_watch(self, waves: Sequence[Wave]) -> Watch:
        """The eye on these waves."""
        settings, prices = self.wanted.settings, self.wanted.run.settings.cost
        return Watch(
            wanted=count_requests(waves),
            planned=len(waves),
            seconds=self.tally_seconds,
            breaker=self.make_breaker(),
            limits=Limits(
                seconds=settings.max_hours * 3600,
                cost=0.0 if settings.confirmed else settings.max_cost,
                gpus=self.cluster.gpus,
                prices=prices,
                engine_memory=self.cluster.engine_memory,
            ),
        )

    def make_breaker(self) -> Breaker:
        """The circuit breaker.

        Dialogues asked for again are no fair sample, so then the run is its own measure.
        """
        settings = self.wanted.settings
        return Breaker(
            max_failed_share=settings.max_failed_share,
            max_length_change=settings.max_length_change,
            usual_length=0.0 if settings.retry else self.usual_length,
            at_once=self.plan.capacity * self.cluster.engines,
        )

    def commit(self, wave: Wave, watch: Watch) -> None:
        """Do one wave: ask, commit, note it in the ledger, and forget its spool."""
        run = self.wanted.run
        # A pool for each lane: fair shares keep a small job of one from waiting for the other.
        pool = threading.current_thread().name
        run.spark.sparkContext.setLocalProperty("spark.scheduler.pool", pool)
        job = self.make_job(wave)
        launched, elsewhere = watch.open(job.tally_folder), None
        try:
            attempts = ask(self.wanted.find(wave.first, wave.last), job, self.count_tasks(wave))
            version = append_once(run, attempts, job.wave_id, run_id=run.run_id)
        except CommittedElsewhereError as error:
            elsewhere = error
        finally:
            times = watch.close(job.tally_folder, launched)
        if elsewhere:
            raise JobError(
                f"{elsewhere}: {times.outcomes} dialogues were asked for twice and are not kept; "
                "run generate again for what is still missing"
            ) from elsewhere
        row = self.describe(wave, job.wave_id, times)
        save_wave(run, {**row, "committed_version": version})
        if job.spool_folder:
            remove_folder(job.spool_folder)
        save_samples(run, watch.take_samples())

    def describe(self, wave: Wave, wave_id: str, times: WaveTimes) -> WaveRow:
        """The wave's row in the ledger."""
        run, counts = self.wanted.run, count_wave(self.wanted.run, wave_id)
        gpu_seconds = self.cluster.gpus * times.seconds
        return {
            **counts,
            "wave_id": wave_id,
            "run_id": run.run_id,
            "status": "done" if counts["dialogues"] >= wave.requests else "stopped",
            "first_bucket": wave.first,
            "last_bucket": wave.last,
            "chunks": wave.chunks,
            "pending": wave.requests,
            "launched_at": datetime.fromtimestamp(times.launched, UTC),
            "committed_at": datetime.fromtimestamp(times.committed, UTC),
            "seconds": times.seconds,
            "asking_seconds": times.asking_seconds,
            "engines": self.cluster.engines,
            "gpu_seconds": gpu_seconds,
            "cost": price(
                run.settings.cost,
                gpu_seconds=gpu_seconds,
                input_tokens=counts["prompt_tokens"],
                output_tokens=counts["completion_tokens"],
            ),
            "chunks_version": self.wanted.chunks_version,
            "attempts_version": self.wanted.attempts_version,
        }

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
            tally_folder=f"{progress_folder(run, run.run_id)}/{wave_id}",
            tally_seconds=self.tally_seconds,
            spool_folder=f"{self.spool}/{wave_id}" if self.spool else "",
            spool_seconds=self.wanted.settings.spool_seconds,
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
        slots, most = self.cluster.slots, self.wanted.settings.tasks_per_slot
        long_enough = wave.requests // (WINDOWS_PER_TASK * self.window)
        return min(wave.chunks, max(slots, min(long_enough, most * slots)))


def ask(pending: DataFrame, job: GenerationJob, tasks: int) -> DataFrame:
    """The engines' run: attempts at what is pending, with nothing behind them but the write."""
    # Spark's name for a worker's place in the stage, the same when its task is tried again.
    from pyspark import TaskContext

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context: Any = TaskContext.get()
        return generate(batches, job, partition=context.partitionId())

    # By number: adaptive execution would make one task of a small input.
    rows = pending.drop("n_tokens", "created_at").repartition(tasks, "chunk_id")
    return rows.mapInArrow(work, ATTEMPTS.ddl())


def describe_against(forecast: Forecast, watch: Watch) -> str:
    """What is done beside what was expected, and what that makes of the whole."""
    progress = watch.progress()
    share = max(1e-9, count_outcomes(progress.counts) / watch.wanted)
    tokens = progress.counts["completion_tokens"]
    expected = forecast.output_tokens.mid * watch.wanted / forecast.dialogues
    seconds = forecast.seconds.mid * watch.wanted / forecast.dialogues
    return (
        f"generate: wave {progress.waves} of {watch.planned}: {tokens:,} output tokens "
        f"(forecast {share * expected:,.0f}) in {describe_seconds(progress.seconds)} (forecast "
        f"{describe_seconds(share * seconds)}); all: about {tokens / share:,.0f} (forecast "
        f"{expected:,.0f}) in {describe_seconds(progress.seconds / share)} (forecast "
        f"{describe_seconds(seconds)})"
    )


def small_batches(spark: SparkSession) -> AbstractContextManager[None]:
    """Few chunk rows per Arrow batch, in a session that may be somebody else's."""
    return with_properties(spark, {"spark.sql.execution.arrow.maxRecordsPerBatch": BATCH_ROWS})
