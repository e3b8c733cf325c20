"""Real deaths: SIGKILL to drivers, JVMs, workers, executors and engines at work on `generate`.

Each job is a process of its own, as people start it; the engine is a simulated one in this
process, which notes what it answered and when, or the real embedded one.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from spark_jobs import chunk, ingest
from spark_jobs.core.tables import ATTEMPTS
from tests.engine.conftest import wait_until
from tests.simulated import SimulatedEngine
from udfs.engine.processes import processes_in

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(1200)]
PROJECT = Path(__file__).parents[2]
ALL_STYLES = (
    *("two_students", "teacher_student", "two_professors", "debate"),
    *("problem_solving", "layman_knowall", "interview"),
)
WAITING = 240  # seconds for a job to come so far, on a busy machine


class Job:
    """A `generate` of its own, with all the processes that it started."""

    def __init__(self, root: str, folder: Path, settings: tuple[str, ...]) -> None:
        options = [part for text in settings for part in ("--set", text)]
        command = [sys.executable, "-m", "spark_jobs", "local", "generate", "--root", root]
        self.log = folder / "log"
        with self.log.open("a") as log:
            self.process = psutil.Popen(
                [*command, *options],
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def find(self, kind: str) -> list[psutil.Process]:
        """The processes of a kind, for a killer to choose from."""
        tree = [self.process, *self.process.children(recursive=True)]
        if kind == "everything":
            return tree
        if kind == "driver":
            return [self.process]
        named = [(process, " ".join(read_command(process))) for process in tree]
        daemons = [process for process, command in named if "pyspark.daemon" in command]
        pids = {process.pid for process in daemons}
        parts = {
            "JVM": [p for p, command in named if "SparkSubmit" in command],
            "executor": [p for p, command in named if "CoarseGrainedExecutorBackend" in command],
            "worker": [process for process in daemons if process.ppid() in pids],
            "daemon": [process for process in daemons if process.ppid() not in pids],
        }
        return parts[kind]

    def result(self) -> dict[str, Any]:
        """What it printed when it ended well."""
        out, _ = self.process.communicate(timeout=2 * WAITING)
        assert self.process.returncode == 0, self.log.read_text()
        return dict(json.loads(out.splitlines()[-1]))

    def end(self) -> None:
        """Wait until nothing of a killed job is left: its JVM follows its driver."""
        psutil.wait_procs(self.find_quietly(), timeout=30)
        self.process.wait()

    def find_quietly(self) -> list[psutil.Process]:
        """What is left of it."""
        try:
            return self.find("everything")
        except psutil.NoSuchProcess:
            return []


def read_command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


class Backfill:
    """A corpus with a chunk per page, and the jobs that work on it."""

    def __init__(self, make_run: Any, folder: Path, settings: tuple[str, ...]) -> None:
        self.make_run, self.folder, self.settings = make_run, folder, settings
        self.root = make_run("sql").settings.tables.root

    def read(self, pages: Path) -> None:
        ingest.run(self.make_run("ingest", f"ingest.input={pages}"))
        chunk.run(self.make_run("chunk"))

    def start(self, *settings: str) -> Job:
        chosen = ("tables.slices=2", "generate.limit_chunks=0", *self.settings, *settings)
        return Job(self.root, self.folder, chosen)

    def attempts(self) -> Any:
        return self.make_run("sql").warehouse.read(ATTEMPTS)

    def check_whole(self, dialogues: int) -> None:
        """Every key is there, once, with a text; nothing is left in the spool; nothing to ask."""
        attempts = self.attempts()
        assert attempts.count() == attempts.select("gen_key").distinct().count() == dialogues
        assert attempts.where("status not in ('ok', 'length')").count() == 0
        assert not list(Path(self.root, "_spool").iterdir())
        assert self.start().result()["requests"] == 0


@pytest.fixture
def start_backfill(make_run: Any, write_pages: Any, tmp_path: Path) -> Callable[..., Backfill]:
    """A corpus of so many pages: `start_backfill(pages, *settings)`."""

    def start(pages: int, *settings: str) -> Backfill:
        texts = [{"text": f"Page {n}: the square of {n} is {n * n}."} for n in range(pages)]
        backfill = Backfill(make_run, tmp_path, settings)
        backfill.read(write_pages("pages.jsonl", *texts))
        return backfill

    return start


def kill(job: Job, kind: str, chance: random.Random) -> None:
    """SIGKILL to one process of a kind, or to all there are."""
    assert wait_until(lambda: bool(job.find(kind)), WAITING), job.log.read_text()
    found = job.find(kind)
    for process in found if kind == "everything" else [chance.choice(found)]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def play(
    backfill: Backfill, kinds: list[str], progress: Callable[[], int], chance: random.Random
) -> list[float]:
    """Kill one after the other, each when some more was answered; when that was.

    After a death that ends the job, the next one is started; the last job ends by itself.
    """
    job, killed = backfill.start(), []
    for kind in kinds:
        due = progress() + chance.randint(5, 60)
        assert wait_until(lambda: progress() >= due, WAITING), job.log.read_text()  # noqa: B023
        killed.append(time.time())
        kill(job, kind, chance)
        if kind in {"everything", "driver", "JVM"}:
            job.end()
            job = backfill.start()
    job.result()
    return killed


def test_drivers_jvms_and_workers_killed_lose_and_double_nothing(
    start_backfill: Callable[..., Backfill],
    engine: SimulatedEngine,
    record_faults: Callable[[str], None],
) -> None:
    chance, styles = random.Random(11), ALL_STYLES[:4]
    backfill = start_backfill(
        300,
        *(*engine.settings, f"generate.styles={json.dumps(styles)}", "engine.capacity=16"),
        *("generate.wave_requests=200", "generate.spool_seconds=1"),
        # Many workers die, each time with a task.
        "spark.all.spark.master=local[2,16]",
    )
    engine.delay = 1.0
    kinds = ["worker", "everything", "worker", "daemon", "worker", "driver", "worker", "JVM"]
    kinds += ["worker", "everything", "worker", "worker", "driver"]

    killed = play(backfill, kinds, lambda: len(engine.answers), chance)

    backfill.check_whole(300 * len(styles))
    assert engine.repeats(killed, durable=5.0) == []
    repeated = len(engine.requests) / (300 * len(styles)) - 1
    record_faults(
        f"{len(kinds)} x SIGKILL ({describe(kinds)}), {len(engine.requests)} requests for "
        f"{300 * len(styles)} dialogues: {repeated:.1%} repeated, none of them answered 5 s "
        "before (generate.spool_seconds=1); 0 lost, 0 doubled"
    )


def describe(kinds: list[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).items())


def test_executors_killed_lose_and_double_nothing(
    start_backfill: Callable[..., Backfill],
    engine: SimulatedEngine,
    record_faults: Callable[[str], None],
) -> None:
    backfill = start_backfill(
        120,
        *(*engine.settings, 'generate.styles=["debate", "interview"]', "engine.capacity=4"),
        *("generate.wave_requests=100", "generate.spool_seconds=1"),
        "spark.all.spark.master=local-cluster[2,1,1024]",
        # One host is the whole cluster here.
        "spark.generate.spark.excludeOnFailure.enabled=false",
    )
    engine.delay = 1.0
    kinds = ["executor", "everything", "executor"]

    killed = play(backfill, kinds, lambda: len(engine.answers), random.Random(3))

    backfill.check_whole(240)
    assert engine.repeats(killed, durable=5.0) == []
    record_faults(
        f"{len(kinds)} x SIGKILL ({describe(kinds)}) on two executors: {len(engine.requests)} "
        "requests for 240 dialogues; 0 lost, 0 doubled"
    )


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mind-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def test_the_real_engine_killed_loses_and_doubles_nothing(
    start_backfill: Callable[..., Backfill],
    short_folder: Path,
    record_faults: Callable[[str], None],
) -> None:
    backfill = start_backfill(
        20,
        *('generate.styles=["debate", "interview"]', f"engine.directory={short_folder / 'e'}"),
        *("generate.sampling.max_tokens=48", "generate.spool_seconds=0.5"),
        *("generate.wave_requests=20", "spark.all.spark.master=local[2,16]"),
    )
    job = backfill.start()

    def answered() -> int:
        spooled = Path(backfill.root, "_spool").rglob("*.arrow")
        return sum(1 for _ in spooled) + backfill.attempts().count()

    def kill_engine(part: str) -> None:
        def find() -> list[psutil.Process]:
            there = processes_in(short_folder / "e")
            return [p for p in there if any(part in word for word in read_command(p))]

        assert wait_until(lambda: bool(find()) and answered() > 0, WAITING), job.log.read_text()
        find()[0].kill()
        time.sleep(4)

    kill_engine("llamacpp_server")
    kill(job, "worker", random.Random(1))
    kill_engine("supervisor")
    kill(job, "everything", random.Random(1))
    job.end()
    job = backfill.start()
    kill_engine("llamacpp_server")
    job.result()

    backfill.check_whole(40)
    record_faults(
        "5 x SIGKILL (2 engine, 1 supervisor, 1 worker, 1 everything) with the embedded model: "
        "40 dialogues; 0 lost, 0 doubled"
    )


@pytest.mark.parametrize("spool", ["", "off"], ids=["spool", "no spool"])
def test_a_backfill_killed_at_half_way_repeats_only_what_was_not_safe(
    start_backfill: Callable[..., Backfill],
    engine: SimulatedEngine,
    record_faults: Callable[[str], None],
    *,
    spool: str,
) -> None:
    backfill = start_backfill(
        300,
        *(*engine.settings, "engine.capacity=16", "generate.wave_requests=600"),
        f"generate.styles={json.dumps(ALL_STYLES)}",
        f"generate.spool={spool}",
    )
    engine.delay, dialogues = 0.5, 300 * len(ALL_STYLES)
    job = backfill.start()
    assert wait_until(lambda: len(engine.answers) >= dialogues / 2, WAITING), job.log.read_text()

    kill(job, "everything", random.Random(1))
    killed = time.time()
    job.end()
    answered, asked = len(engine.answers), len(engine.requests)
    committed = backfill.attempts().count()
    resumed = backfill.start().result()

    Path(backfill.root, "_spool").mkdir(exist_ok=True)
    backfill.check_whole(dialogues)
    again = len(engine.answers) - dialogues
    if spool:
        assert resumed["requests"] == dialogues - committed
    else:
        assert engine.repeats([killed], durable=10.0) == []
    record_faults(
        f"kill -9 of everything at half way, spool {spool or 'on'}: {answered} answered, "
        f"{asked - answered} in flight, {committed} committed; {again} answered requests asked "
        f"again, {dialogues} dialogues in the end, 0 lost, 0 doubled"
    )
