"""How much of an engine the Spark path uses: `python -m tests.bench.engine simulated|vllm|memory`.

simulated  30,000 requests in 10 waves at 8 slots against the simulated engine (10 minutes), beside
           a bare client that asks for the same in the same run
vllm       the real server on the CPU, three times each, beside the same bare client (10 minutes)
memory     peak memory of one task over 100,000 rows, at 1,000, 10,000 and at the end (5 minutes)

Tables go to stderr, one line of JSON to stdout. Nothing here is asserted: numbers of a busy machine
prove nothing.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from spark_jobs import chunk, generate, ingest
from spark_jobs.core.console import print_result, say, show_table
from spark_jobs.core.engine import make_plan, make_specs
from spark_jobs.core.runs import Run
from spark_jobs.core.session import open_session
from spark_jobs.core.settings import PROJECT, Settings, load_settings
from spark_jobs.core.tables import ATTEMPTS
from tests.bench.engine import simulated
from tests.bench.engine.measure import (
    Pass,
    cpu_of_jvm,
    cpu_of_workers,
    make_bodies,
    make_pages,
    run_bare,
    write_pages,
)
from udfs.engine import generation
from udfs.keys import content_key

STYLES = 7
SLOTS = 8
WAVES = 10
OVERCOMMIT = 2  # requests under way for each that the engine works on, for both clients
VLLM_REPEATS = 3
VLLM_CHUNKS = 20
SPARK = ("spark.all.spark.sql.shuffle.partitions=2", "generate.limit_chunks=0")


def bench_simulated(folder: Path, requests: int) -> dict[str, Any]:
    """The Spark path beside a bare client against the simulated engine."""
    with run_simulated_engine() as url:
        settings = simulated_settings(folder, url, wave_requests=requests // WAVES)
        pages = make_pages(requests // STYLES)
        specs = list(make_specs(settings).values())
        say(f"bare client: {len(pages) * STYLES} requests …")
        bodies = make_bodies(pages, specs, "simulated")
        bare = run_bare(url, "", bodies, window=OVERCOMMIT * simulated.CAPACITY)
        engine = look_at_clock(url)
        say(f"bare client: {bare.seconds:.1f} s, engine busy {engine['busy']:.1f} s")
        run, spark, commit = run_spark(settings, folder, pages)
        asked = look_at_clock(url)
        ours = Pass(commit - asked["first"], spark.python_cpu, spark.jvm_cpu)
    count = asked["answered"]
    return {
        **compare(bare, ours, count),
        "waves": count_waves(run),
        "commit_after_last_answer_seconds": round(commit - asked["last"], 2),
        "engine_busy_share": round(asked["busy"] / ours.seconds, 3),
        "engine_busy_share_bare": round(engine["busy"] / bare.seconds, 3),
    }


def simulated_settings(folder: Path, url: str, *, wave_requests: int) -> Settings:
    """Settings of the Spark path against the simulated engine."""
    return load_settings(
        "local",
        assignments=[
            *SPARK,
            f"tables.root={folder / 'warehouse'}",
            f"generate.wave_requests={wave_requests}",
            "generate.opening=false",
            "engine.recipe=endpoint",
            f"engine.url={url}",
            "engine.model=simulated",
            f"engine.capacity={simulated.CAPACITY}",
            f"spark.all.spark.master=local[{SLOTS}]",
        ],
    )


def run_spark(
    settings: Settings, folder: Path, pages: Sequence[dict[str, Any]]
) -> tuple[Run, Pass, float]:
    """Ingest, chunk and generate; the CPU of generate, and the time of its last commit."""
    spark = open_session(settings, "pipeline")
    path = write_pages(folder / "pages.jsonl", pages)
    reading = settings.model_copy(
        update={"ingest": settings.ingest.model_copy(update={"input": str(path)})}
    )
    ingest.run(Run("ingest", reading, spark))
    chunk.run(Run("chunk", settings, spark))
    run = Run("generate", settings, spark)
    assert run.warehouse
    workers, jvm, started = cpu_of_workers(), cpu_of_jvm(), time.time()
    generate.run(run)
    spent = Pass(time.time() - started, cpu_of_workers() - workers, cpu_of_jvm() - jvm)
    history = spark.sql(f"DESCRIBE HISTORY {run.warehouse.name(ATTEMPTS)} LIMIT 1")
    return run, spent, history.collect()[0]["timestamp"].timestamp()


def count_waves(run: Run) -> int:
    """Commits of a run."""
    attempts = run.warehouse.read(ATTEMPTS).where(f"run_id = '{run.run_id}'")
    return attempts.select("wave_id").distinct().count()


def compare(bare: Pass, ours: Pass, requests: int) -> dict[str, Any]:
    """Both clients' numbers side by side."""
    show_table(
        f"{requests} requests",
        ["client", "seconds", "of the bare client's speed", "Python CPU s per 1,000", "JVM"],
        [
            ("bare aiohttp", bare.seconds, 1.0, 1000 * bare.python_cpu / requests, 0.0),
            (
                *("Spark, first request to last commit", ours.seconds),
                *(bare.seconds / ours.seconds, 1000 * ours.python_cpu / requests),
                1000 * ours.jvm_cpu / requests,
            ),
        ],
    )
    return {
        "requests": requests,
        "bare_seconds": round(bare.seconds, 1),
        "spark_seconds": round(ours.seconds, 1),
        "share_of_bare": round(bare.seconds / ours.seconds, 4),
        "python_cpu_per_1000_bare": round(1000 * bare.python_cpu / requests, 2),
        "python_cpu_per_1000": round(1000 * ours.python_cpu / requests, 2),
        "jvm_cpu_per_1000": round(1000 * ours.jvm_cpu / requests, 2),
    }


def bench_memory(folder: Path, rows: int) -> dict[str, Any]:
    """Peak memory of this process, which does what one Spark task does."""
    with run_simulated_engine(step_seconds=0.0) as url:
        settings = simulated_settings(folder, url, wave_requests=rows)
        specs = {s.spec_id: s for s in list(make_specs(settings).values())[:1]}
        job = generation.GenerationJob(
            plan=make_plan(settings.engine),
            specs=specs,
            window=OVERCOMMIT * simulated.CAPACITY // SLOTS,
            run_id="run",
            wave_id="wave",
            tally_folder=str(folder / "progress"),
            tally_seconds=2.0,
            schema=ATTEMPTS.arrow_schema(),
        )
        marks, done = {1_000: 0.0, 10_000: 0.0, rows: 0.0}, 0
        for batch in generation.generate(make_batches(rows, next(iter(specs))), job):
            done += batch.num_rows
            for mark, peak in marks.items():
                if done >= mark and not peak:
                    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                    marks[mark] = round(kilobytes / 1024, 1)
    show_table("Peak memory of a task", ["rows", "MiB"], list(marks.items()))
    return {"rows": done, "peak_mib": marks}


def make_batches(rows: int, spec_id: str) -> Iterator[pa.RecordBatch]:
    """Chunk rows as Spark hands them over: in Arrow batches, one dialogue missing for each."""
    page = make_pages(1)[0]["text"]
    missing = [{"spec_id": spec_id, "sample": 0}]
    for start in range(0, rows, 64):
        keys = [content_key(str(number)) for number in range(start, min(start + 64, rows))]
        fixed = {"bucket": 0, "slice": 0, "missing": missing}
        yield pa.RecordBatch.from_pylist(
            [{"chunk_id": key, "doc_id": key, "text": f"{key} {page}", **fixed} for key in keys]
        )


@contextmanager
def run_simulated_engine(step_seconds: float = simulated.STEP_SECONDS) -> Iterator[str]:
    """The simulated engine's URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.bench.engine.simulated", str(port), str(step_seconds)]
    with subprocess.Popen(command, cwd=PROJECT) as server:
        url = f"http://127.0.0.1:{port}/v1"
        try:
            wait_for(f"{url}/models")
            yield url
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    """Return once it answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def look_at_clock(url: str) -> dict[str, float]:
    """What the simulated engine has seen since the last look."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/clock", timeout=30) as answer:
        return dict(json.load(answer))


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("bench", choices=["simulated", "vllm", "memory"])
    parser.add_argument("--requests", type=int, help="30,000, 140 a time, or 100,000 rows")
    options = parser.parse_args()
    os.environ.setdefault("MIND_MODELS_DIR", str(PROJECT / ".cache" / "models"))
    os.environ.setdefault("DELTA_JARS_DIR", str(PROJECT / ".cache" / "jars"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        benches = {
            "simulated": lambda: bench_simulated(Path(folder), options.requests or 30_000),
            "memory": lambda: bench_memory(Path(folder), options.requests or 100_000),
        }
        print_result({"bench": options.bench, **benches[options.bench]()})


if __name__ == "__main__":
    main()
