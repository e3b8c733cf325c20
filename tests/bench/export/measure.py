"""What an export of one size costs: seconds, and the peak memory of driver and executors."""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from spark_jobs import export
from spark_jobs.core.runs import Run
from spark_jobs.core.session import open_session
from spark_jobs.core.settings import Settings, load_settings
from tests.bench.backfill.tables import SLICES
from tests.bench.export.tables import make_tables
from tests.bench.watching import look_again

MIB = 2**20
LOOK_SECONDS = 0.2  # between two looks at the processes
EXECUTOR = "CoarseGrainedExecutorBackend"  # in the command of an executor's JVM
ROLES = ("driver's Python", "driver's JVM", "executor's JVM", "executor's Python")


@dataclass(frozen=True)
class Measured:
    """One export: what was written, how long it took, and the most MiB resident at a time.

    `peaks` are by ROLES; of several executors the largest counts, with all Python processes of its
    tasks together.
    """

    records: int
    tokens: int
    megabytes: float
    seconds: float
    peaks: dict[str, float]


def make_settings(root: Path, *, form: str, executors: int, memory: str) -> Settings:
    """Settings of a run with so many executors of one core, each a process of its own."""
    megabytes = memory.removesuffix("m")
    return load_settings(
        "local",
        assignments=[
            f"tables.root={root / 'warehouse'}",
            f"tables.slices={SLICES}",
            f"export.output={root / 'export'}",
            f"export.format={form}",
            "export.end_token=<|im_end|>",
            f"spark.all.spark.master=local-cluster[{executors},1,{megabytes}]",
            f"spark.all.spark.executor.memory={memory}",
            f"spark.all.spark.driver.memory={memory}",
        ],
    )


def make(settings: Settings, dialogues: int) -> None:
    """Make the tables; in a process of its own, whose memory is not the driver's."""
    make_tables(Run("export", settings, open_session(settings, "export")), dialogues)


def measure(settings: Settings) -> Measured:
    """Export, from tables that no one has read before in this session."""
    output = Path(settings.export.output)
    shutil.rmtree(output, ignore_errors=True)
    run = Run("export", settings, open_session(settings, "export"))
    with watch_memory() as peaks:
        started = time.perf_counter()
        result = export.run(run)
        seconds = time.perf_counter() - started
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    return Measured(result["records"], result["tokens"], size / 1e6, seconds, peaks)


@contextmanager
def watch_memory() -> Iterator[dict[str, float]]:
    """The peaks of all roles, complete when the work is done."""
    peaks = dict.fromkeys(ROLES, 0.0)

    def look() -> None:
        for role, size in look_at_memory().items():
            peaks[role] = max(peaks[role], size)

    with look_again(LOOK_SECONDS, look):
        yield peaks


def look_at_memory() -> Counter[str]:
    """MiB that each role has resident now."""
    own = psutil.Process()
    found = Counter({"driver's Python": own.memory_info().rss / MIB})
    for process in own.children(recursive=True):
        try:
            if process.name() != "java":
                continue
            size = process.memory_info().rss / MIB
            if EXECUTOR not in " ".join(process.cmdline()):
                found["driver's JVM"] += size if process.ppid() == own.pid else 0
                continue
            workers = process.children(recursive=True)
            python = sum(worker.memory_info().rss for worker in workers) / MIB
        except psutil.NoSuchProcess:
            continue
        found["executor's JVM"] = max(found["executor's JVM"], size)
        found["executor's Python"] = max(found["executor's Python"], python)
    return found
