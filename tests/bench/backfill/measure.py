"""What one corpus size costs: seconds, Spark jobs, and the memory of the driver, step by step."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.runs import Run
from spark_jobs.core.session import open_session
from spark_jobs.core.settings import Settings, load_settings
from spark_jobs.core.tables import ATTEMPTS, CHUNKS
from spark_jobs.core.waves import Wave, count_requests, plan_waves
from tests.bench.backfill.tables import CHUNKER, SLICES, SPECS, STYLES, make_tables
from tests.bench.engine.measure import spent
from tests.bench.watching import look_again

MIB = 2**20
HEAP_SECONDS = 0.1  # between two looks at the heap
CHUNK_COLUMNS = ("slice", "bucket", "chunk_id", "doc_id", "chunker_id")
ATTEMPT_COLUMNS = ("slice", "bucket", "chunk_id", "spec_id", "sample", "status")


@dataclass(frozen=True)
class Step:
    """One step of one size; of the second time but for `first`.

    `first` are the seconds in a session that has done nothing like it, `again` and `cpu` those of
    the second time and what the JVM's cores worked meanwhile: on a machine shared with others, the
    seconds on two cores of one's own lie between half of that and `again`. `rows` are those found,
    `heap` MiB used at most, garbage included, `live` what is left of them after a collection.
    """

    name: str
    first: float
    again: float
    cpu: float
    jobs: int
    rows: int
    heap: float
    live: float


@dataclass(frozen=True)
class Measured:
    """A size's steps, and the peak of the driver's processes in MiB of resident memory."""

    chunks: int
    steps: list[Step]
    python: float
    jvm: float
    load: float


def make_settings(root: Path, *, master: str, memory: str) -> Settings:
    """Settings of a run that wants all chunks."""
    return load_settings(
        "local",
        assignments=[
            f"tables.root={root}",
            f"tables.slices={SLICES}",
            "generate.limit_chunks=0",
            f"spark.all.spark.master={master}",
            f"spark.all.spark.driver.memory={memory}",
        ],
    )


def open_run(settings: Settings) -> Run:
    """A run of generate in a session of its own."""
    return Run("generate", settings, open_session(settings, "generate"))


def make(settings: Settings, chunks: int) -> None:
    """Make the tables; in a process of its own, whose memory is not the driver's."""
    make_tables(open_run(settings), chunks)


def measure(settings: Settings, wave_requests: int) -> Measured:
    """All steps over the tables under the settings' root."""
    run = open_run(settings)
    _ = run.warehouse
    planned: list[Wave] = []

    def plan() -> int:
        planned[:] = plan_one_style_more(run, wave_requests)
        return count_requests(planned)

    steps = [
        measure_step(run.spark, "nothing pending", lambda: count_pending(run)),
        measure_step(run.spark, "one style more, planned", plan),
    ]
    # As a run has it: looked up once for all waves, of which some are committed since.
    wanted, wave = look_up_wanted(run, SPECS, CHUNKER), max(planned, key=lambda wave: wave.requests)
    run.warehouse.append(run.warehouse.read(ATTEMPTS).limit(0), ATTEMPTS)
    steps += [
        measure_step(run.spark, name, partial(work, wanted, wave))
        for name, work in (
            ("a wave's rows", find_wave),
            ("limit: the wave's columns read", read_wave),
            ("limit: all columns read", read_all),
        )
    ]
    return Measured(
        chunks=run.warehouse.read(CHUNKS).count(),
        steps=steps,
        python=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        jvm=peak_of_jvm(),
        load=psutil.getloadavg()[0],
    )


def count_pending(run: Run) -> int:
    """Dialogues pending of the styles that are there: none."""
    return count_requests(look_up_wanted(run, SPECS[:STYLES], CHUNKER).count())


def plan_one_style_more(run: Run, wave_requests: int) -> list[Wave]:
    """The waves of one style that is not there yet."""
    return plan_waves(
        look_up_wanted(run, SPECS, CHUNKER).count(),
        size=wave_requests,
        buckets_per_slice=run.warehouse.buckets_per_slice,
    )


def find_wave(wanted: Wanted, wave: Wave) -> int:
    """The rows that a wave hands to the engine, texts and all."""
    return consume(wanted.find(wave.first, wave.last))


def read_wave(wanted: Wanted, wave: Wave) -> int:
    """The least for a wave: its columns, read and dropped."""
    attempts, chunks = (wanted.run.warehouse.read(table) for table in (ATTEMPTS, CHUNKS))
    place = wanted.place(wave.first, wave.last)
    texts = chunks.where(place).select(*CHUNK_COLUMNS, "text", "n_tokens", "created_at")
    return consume(attempts.where(place).select(*ATTEMPT_COLUMNS)) + consume(texts)


def read_all(wanted: Wanted, _: Wave) -> int:
    """The least for what is pending: its columns, read and dropped."""
    attempts, chunks = (wanted.run.warehouse.read(table) for table in (ATTEMPTS, CHUNKS))
    return consume(attempts.select(*ATTEMPT_COLUMNS)) + consume(chunks.select(*CHUNK_COLUMNS))


def consume(rows: DataFrame) -> int:
    """Compute all columns of all rows and drop them; how many rows there were."""
    counted = Observation()
    observed = rows.observe(counted, F.count("*").alias("rows"))
    observed.write.format("noop").mode("overwrite").save()
    return int(counted.get["rows"])


def measure_step(spark: SparkSession, name: str, work: Callable[[], int]) -> Step:
    """Do it twice."""
    seconds, cpu, jvm, rows = list[float](), 0.0, find_jvm(), 0
    with watch_heap(spark) as heap:
        for turn in ("first", "again"):
            spark.sparkContext.setJobGroup(f"{name}, {turn}", name)
            started, cpu = time.perf_counter(), spent(jvm, ended=False)
            rows = work()
            seconds.append(time.perf_counter() - started)
            cpu = spent(jvm, ended=False) - cpu
    jobs = len(spark.sparkContext.statusTracker().getJobIdsForGroup(f"{name}, again"))
    live = collect_garbage(spark)
    return Step(name, *seconds, cpu=cpu, jobs=jobs, rows=rows, heap=max(heap), live=live)


@contextmanager
def watch_heap(spark: SparkSession) -> Iterator[list[float]]:
    """MiB in use on the driver's heap, looked at again and again."""
    used = [used_heap(spark)]
    with look_again(HEAP_SECONDS, lambda: used.append(used_heap(spark))):
        yield used


def used_heap(spark: SparkSession) -> float:
    """MiB in use on the driver's heap now."""
    runtime = spark.sparkContext._jvm.java.lang.Runtime.getRuntime()
    return float(runtime.totalMemory() - runtime.freeMemory()) / MIB


def collect_garbage(spark: SparkSession) -> float:
    """MiB in use on the driver's heap after a collection."""
    spark.sparkContext._jvm.java.lang.System.gc()
    return used_heap(spark)


def find_jvm() -> psutil.Process:
    """Spark's JVM, which is the driver's: this process's child."""
    return next(child for child in psutil.Process().children() if child.name() == "java")


def peak_of_jvm() -> float:
    """The most memory in MiB that the JVM had resident."""
    status = Path(f"/proc/{find_jvm().pid}/status").read_text(encoding="ascii").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
