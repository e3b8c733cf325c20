"""How much of an engine the Spark path uses: `python -m tests.bench.engine BENCH`.

simulated  30,000 requests in 10 waves at 8 slots against the simulated engine (10 minutes), beside
           a bare client that asks for the same in the same run
vllm       the real server on the CPU, three times each, beside the same bare client (10 minutes)
spool      with the spool and without it, by turns, against the simulated engine (6 minutes)
memory     peak memory of one task over 100,000 rows, at 1,000, 10,000 and at the end (5 minutes)

Tables go to stderr, one line of JSON to stdout. Nothing here is asserted: numbers of a busy machine
prove nothing.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
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
    spent,
    write_pages,
)
from udfs.engine import generation
from udfs.engine.processes import processes_in
from udfs.engine.supervisor import UnixConnection
from udfs.keys import content_key

STYLES = 7
SLOTS = 8
OVERCOMMIT = 2  # requests under way for each that the engine works on, for both clients
SPOOL_REPEATS = 2
VLLM_REPEATS = 3
VLLM_CHUNKS = 20
SPARK = ("spark.all.spark.sql.shuffle.partitions=2", "generate.limit_chunks=0")


def bench_simulated(folder: Path, requests: int, waves: int) -> dict[str, Any]:
    """The Spark path beside a bare client against the simulated engine."""
    pages = make_pages(requests // STYLES)
    settings = simulated_settings(folder, wave_requests=requests // waves)
    specs = list(make_specs(settings).values())
    say(f"bare client: {len(pages) * STYLES} requests …")
    with run_engine(folder) as address:
        bodies = make_bodies(pages, specs, "simulated")
        bare = run_bare(address, bodies, window=OVERCOMMIT * simulated.CAPACITY)
        alone = look_at_clock(address)
    say(f"bare client: {bare.seconds:.1f} s, engine busy {alone['busy']:.1f} s")
    spark, commit = run_spark(settings, folder, pages)
    asked = look_at_clock(find_socket(folder))
    ours = Pass(commit - asked["first"], spark.python_cpu, spark.jvm_cpu)
    return {
        **compare(bare, ours, asked["answered"], alone["answered"]),
        "commit_after_last_answer_seconds": round(commit - asked["last"], 2),
        "engine_busy_share": round(asked["busy"] / ours.seconds, 3),
        "engine_busy_share_bare": round(alone["busy"] / bare.seconds, 3),
    }


def simulated_settings(
    folder: Path,
    *,
    wave_requests: int,
    step_seconds: float = simulated.STEP_SECONDS,
    spool: str = "",
) -> Settings:
    """Settings of the Spark path with the simulated engine."""
    recipe = folder / "simulated.toml"
    recipe.write_text(simulated.RECIPE, encoding="utf-8")
    return load_settings(
        "local",
        assignments=[
            *SPARK,
            f"tables.root={folder / 'warehouse'}",
            f"generate.wave_requests={wave_requests}",
            f"generate.spool={spool}",
            "generate.opening=false",
            f"engine.recipe={recipe}",
            f'engine.extra_args=["{step_seconds}"]',
            f"engine.directory={folder / 'e'}",
            "engine.model=simulated",
            "generate.confirmed=true",
            "screen.enabled=false",
            f"spark.all.spark.master=local[{SLOTS}]",
        ],
    )


def run_spark(
    settings: Settings, folder: Path, pages: Sequence[dict[str, Any]]
) -> tuple[Pass, float]:
    """Ingest, chunk and generate; the CPU of generate, and the time of its last commit."""
    spark = open_session(settings, "pipeline")
    path = write_pages(folder / "pages.jsonl", pages)
    reading = settings.model_copy(
        update={"ingest": settings.ingest.model_copy(update={"input": str(path)})}
    )
    ingest.run(Run("ingest", reading, spark))
    chunk.run(Run("chunk", settings, spark))
    run = Run("generate", settings, spark)
    name = run.warehouse.name(ATTEMPTS)
    workers, jvm, started = cpu_of_workers(), cpu_of_jvm(), time.time()
    generate.run(run)
    spent = Pass(time.time() - started, cpu_of_workers() - workers, cpu_of_jvm() - jvm)
    history = spark.sql(f"DESCRIBE HISTORY {name}")
    writes = history.where("operation = 'WRITE'").count()
    say(f"waves: {writes}")
    return spent, history.first()["timestamp"].timestamp()


def compare(bare: Pass, ours: Pass, requests: int, bare_requests: int) -> dict[str, Any]:
    """Both clients' numbers side by side."""
    share = (bare.seconds / bare_requests) / (ours.seconds / requests)
    show_table(
        f"{requests} requests",
        ["client", "seconds", "of the bare client's speed", "Python CPU s per 1,000", "JVM"],
        [
            ("bare aiohttp", bare.seconds, 1.0, 1000 * bare.python_cpu / bare_requests, 0.0),
            (
                *("Spark, first request to last commit", ours.seconds),
                *(share, 1000 * ours.python_cpu / requests),
                1000 * ours.jvm_cpu / requests,
            ),
        ],
    )
    return {
        "requests": requests,
        "bare_seconds": round(bare.seconds, 1),
        "spark_seconds": round(ours.seconds, 1),
        "share_of_bare": round(share, 4),
        "python_cpu_per_1000_bare": round(1000 * bare.python_cpu / bare_requests, 2),
        "python_cpu_per_1000": round(1000 * ours.python_cpu / requests, 2),
        "jvm_cpu_per_1000": round(1000 * ours.jvm_cpu / requests, 2),
    }


def bench_spool(folder: Path, requests: int) -> dict[str, Any]:
    """What the spool costs: the same work with it and without it, by turns."""
    plain = simulated_settings(folder, wave_requests=requests)
    say("the engine and its first workers start …")
    run_spark(plain, folder, make_pages(SLOTS))
    table, pages = [], requests // STYLES
    for turn, spool in enumerate(("", "off") * SPOOL_REPEATS, start=1):
        settings = simulated_settings(folder, wave_requests=requests, spool=spool)
        before = look_at_clock(find_socket(folder))
        spark, _ = run_spark(settings, folder, make_pages(pages, first=turn * requests))
        after = look_at_clock(find_socket(folder))
        asked = after["answered"] - before["answered"]
        busy = (after["busy"] - before["busy"]) / spark.seconds
        cpu = [1000 * seconds / asked for seconds in (spark.python_cpu, spark.jvm_cpu)]
        table.append((spool or "on", asked, spark.seconds, busy, *cpu))
    columns = ["spool", "requests", "seconds", "engine busy", "Python CPU s per 1,000", "JVM"]
    show_table("With the spool and without", columns, table)
    return {"turns": table}


def bench_vllm(folder: Path) -> dict[str, Any]:
    """The Spark path beside a bare client against one real vLLM server, in turns."""
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    settings = load_settings(
        "local",
        assignments=[
            *SPARK,
            f"tables.root={folder / 'warehouse'}",
            "generate.opening=false",
            "generate.sampling.max_tokens=32",
            "engine.recipe=vllm",
            f"engine.python={PROJECT / '.cache' / 'vllm' / 'bin' / 'python'}",
            f"engine.model={PROJECT / '.cache' / 'vllm-model'}",
            'engine.extra_args=["--enforce-eager"]',
            "engine.capacity=16",
            f"engine.directory={folder / 'e'}",
            "spark.all.spark.master=local[2]",
        ],
    )
    specs = list(make_specs(settings).values())
    say("vLLM starts, and answers its first pages …")
    run_spark(settings, folder, make_pages(2))
    shares, table = [], []
    for turn in range(1, VLLM_REPEATS + 1):
        pages = [make_pages(VLLM_CHUNKS, first=1000 * turn + 100 * half) for half in (0, 1)]
        bodies = make_bodies(pages[0], specs, specs[0].model)
        bare = run_bare(find_socket(folder), bodies, window=OVERCOMMIT * settings.engine.capacity)
        engine = cpu_of_engine(folder)
        spark, commit = run_spark(settings, folder, pages[1])
        engine = cpu_of_engine(folder) - engine
        seconds, requests = since_first_request(settings, commit)
        shares.append((bare.seconds / VLLM_CHUNKS / STYLES) / (seconds / requests))
        table.append((turn, bare.seconds, seconds, shares[-1], engine, spark.python_cpu))
        table[-1] += (spark.jvm_cpu,)
    show_table(
        f"{VLLM_CHUNKS * STYLES} requests of vLLM on the CPU, seconds",
        ["turn", "bare", "Spark", "share of bare", "CPU: vLLM", "Python workers", "JVM"],
        table,
    )
    return {"share_of_bare_median": round(statistics.median(shares), 3), "turns": table}


def cpu_of_engine(folder: Path) -> float:
    """CPU seconds so far of the engine's processes."""
    return sum(spent(process, ended=False) for process in processes_in(folder / "e"))


def since_first_request(settings: Settings, commit: float) -> tuple[float, int]:
    """Seconds from the newest run's first request to its commit, and its dialogues."""
    run = Run("bench", settings, open_session(settings, "pipeline"))
    attempts = run.warehouse.read(ATTEMPTS)
    newest = attempts.orderBy("created_at", ascending=False).first()
    assert newest
    rows = attempts.where(f"run_id = '{newest['run_id']}'")
    begin = "min(unix_micros(created_at) / 1e6 - latency_seconds)"
    first, count = rows.selectExpr(begin, "count(*)").collect()[0]
    return commit - first, count


def bench_memory(folder: Path, rows: int) -> dict[str, Any]:
    """Peak memory of this process, which does what one Spark task does."""
    settings = simulated_settings(folder, wave_requests=rows, step_seconds=0.0)
    specs = {s.spec_id: s for s in list(make_specs(settings).values())[:1]}
    job = generation.GenerationJob(
        plan=make_plan(settings.engine),
        specs=specs,
        window=OVERCOMMIT * simulated.CAPACITY // SLOTS,
        engine_window=OVERCOMMIT * simulated.CAPACITY,
        run_id="run",
        wave_id="wave",
        tally_folder=str(folder / "progress"),
        tally_seconds=2.0,
        spool_folder=str(folder / "spool"),
        spool_seconds=5.0,
        schema=ATTEMPTS.arrow_schema(),
    )
    marks, done = {1_000: 0.0, 10_000: 0.0, rows: 0.0}, 0
    batches = make_batches(rows, next(iter(specs)))
    for batch in generation.generate(batches, job, partition=0):
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
def run_engine(folder: Path) -> Iterator[Path]:
    """The socket of a simulated engine that nobody supervises."""
    address = folder / "bare.sock"
    step = str(simulated.STEP_SECONDS)
    command = [sys.executable, "-m", "tests.bench.engine.simulated", str(address), step]
    with subprocess.Popen(command, cwd=PROJECT) as server:
        while not address.exists():
            time.sleep(0.1)
        yield address
        server.terminate()


def find_socket(folder: Path) -> Path:
    """The socket of the engine that Spark's tasks started."""
    return next((folder / "e").glob("*/engine.sock"))


def look_at_clock(address: Path) -> dict[str, float]:
    """What a simulated engine has seen."""
    connection = UnixConnection(address)
    connection.request("GET", "/clock")
    seen = json.loads(connection.getresponse().read())
    connection.close()
    return dict(seen)


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("bench", choices=["simulated", "vllm", "spool", "memory"])
    parser.add_argument("--requests", type=int, help="or rows; each bench has its own")
    parser.add_argument("--waves", type=int, default=10)
    options = parser.parse_args()
    os.environ.setdefault("MIND_MODELS_DIR", str(PROJECT / ".cache" / "models"))
    os.environ.setdefault("DELTA_JARS_DIR", str(PROJECT / ".cache" / "jars"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        benches = {
            "simulated": lambda: bench_simulated(
                Path(folder), options.requests or 30_000, options.waves
            ),
            "vllm": lambda: bench_vllm(Path(folder)),
            "spool": lambda: bench_spool(Path(folder), options.requests or 8_000),
            "memory": lambda: bench_memory(Path(folder), options.requests or 100_000),
        }
        print_result({"bench": options.bench, **benches[options.bench]()})


if __name__ == "__main__":
    main()
