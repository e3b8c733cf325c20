"""SIGKILL anywhere: driver, JVM, Python workers, the engine, everything at once; real processes.

Each run of `generate` is a process of its own, as a user starts it. The engine is simulated in this
process, which so knows what was asked and answered when; the last story has the real embedded one.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.simulated import SimulatedEngine
from udfs.engine.processes import processes_in

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
PAGES, STYLES = 300, 7
DURABLE_SECONDS = 10.0
# Workers that die are replaced, as on a cluster; without a limit a driver ends with the fourth.
PATIENT = [
    *("spark.generate.spark.master=local[2,20]", "spark.generate.spark.task.maxFailures=20"),
    "generate.limit_chunks=0",
]


class Story:
    """Tables of their own, and runs on them; `kills` are the moments of deaths."""

    def __init__(self, folder: Path, settings: list[str]) -> None:
        self.folder, self.settings = folder, settings
        self.kills: list[float] = []
        self.runs = 0

    def command(self, job: str, *options: str) -> list[str]:
        settings = [part for text in self.settings for part in ("--set", text)]
        root = ["--root", str(self.folder / "warehouse")]
        return [sys.executable, "-m", "spark_jobs", "local", job, *root, *settings, *options]

    def do(self, job: str, *options: str) -> list[dict[str, Any]]:
        """A job that must end well; what it prints."""
        done = subprocess.run(
            self.command(job, *options), cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self) -> "subprocess.Popen[bytes]":
        """A run of generate in a process group of its own."""
        self.runs += 1
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self.command("generate"),
                cwd=PROJECT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def prepare(self, pages: int) -> None:
        lines = (
            json.dumps({"url": f"https://math.example/{n}", "text": f"Page {n}: it is {n * n}."})
            for n in range(pages)
        )
        (self.folder / "pages.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.do("ingest", "--input", str(self.folder / "pages.jsonl"))
        self.do("chunk")

    def keys(self) -> tuple[int, int]:
        """Rows, and dialogues among them."""
        query = "select count(*) n, count(distinct gen_key) k from synthetic.attempts"
        (row,) = self.do("sql", "--json", query)
        return row["n"], row["k"]


def processes_of(driver: int, kind: str) -> list[psutil.Process]:
    """A run's processes of a kind: its JVM, or the Python workers of its tasks."""
    children = psutil.Process(driver).children(recursive=True)
    java = [child for child in children if child.name() == "java"]
    daemons = [c for c in children if "pyspark.daemon" in " ".join(c.cmdline())]
    # The workers are the daemon's forks: killing the daemon itself would be another story.
    workers = [c for c in daemons if any(c.ppid() == d.pid for d in daemons)]
    return java if kind == "jvm" else workers


def wait_in_run(condition: Callable[[], Any], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for a moment in a run that must come."""
    deadline = time.monotonic() + 180
    while not condition():
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.02)


def count_late(engine: SimulatedEngine, kills: list[float]) -> int:
    """Answers that came a second time though the first was durable at a kill between them."""
    first: dict[str, float] = {}
    return sum(
        any(first.setdefault(prompt, moment) + DURABLE_SECONDS < kill < moment for kill in kills)
        for prompt, moment in engine.answers
    )


def count_repeated(engine: SimulatedEngine) -> int:
    """Requests for a dialogue that had been asked for before."""
    return len(engine.requests) - len({str(request["messages"]) for request in engine.requests})


@pytest.mark.fault("`kill -9` of everything at half way", "what was answered 10 s before is kept")
def test_a_resume_repeats_only_what_was_under_way_or_younger_than_ten_seconds(
    tmp_path: Path, engine: SimulatedEngine, record_faults: Callable[[str], None]
) -> None:
    story = Story(tmp_path, [*engine.settings, *PATIENT])
    story.prepare(PAGES)
    engine.delay = 1.2
    half = PAGES * STYLES // 2

    process = story.start()
    wait_in_run(lambda: len(engine.requests) >= half, process, tmp_path / "log")
    os.killpg(process.pid, signal.SIGKILL)
    kill = time.time()
    process.wait()
    time.sleep(2)
    answered = len({prompt for prompt, _ in engine.answers})
    old = sum(moment < kill - DURABLE_SECONDS for _, moment in engine.answers)
    (result,) = story.do("generate")

    assert story.keys() == (PAGES * STYLES, PAGES * STYLES)
    assert old > 200
    assert count_late(engine, [kill]) == 0
    assert result["requests"] <= PAGES * STYLES - old
    repeated = count_repeated(engine)
    record_faults(
        f"kill -9 of everything after {answered} of {PAGES * STYLES} answers, {old} of them older "
        f"than 10 s: {repeated} requests repeated, 0 of the older ones; 0 lost, 0 doubled"
    )
    asked = len(engine.requests)
    assert story.do("generate")[0]["requests"] == 0
    assert len(engine.requests) == asked


def test_without_a_spool_a_kill_costs_the_open_waves(
    tmp_path: Path, engine: SimulatedEngine
) -> None:
    waves = ["generate.spool=off", "generate.wave_requests=20"]
    story = Story(tmp_path, [*engine.settings, *PATIENT, *waves, 'generate.styles=["debate"]'])
    story.prepare(100)
    engine.delay = 0.5

    process = story.start()
    wait_in_run(lambda: len(engine.answers) >= 60, process, tmp_path / "log")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    story.do("generate")

    assert story.keys() == (100, 100)
    # Two waves were open, each of at most one bucket more than its size.
    assert count_repeated(engine) <= 2 * 21


@pytest.mark.fault("SIGKILL of the driver, the JVM or Python workers at random moments", "the same")
def test_sigkills_at_random_moments_lose_and_double_nothing(
    tmp_path: Path, engine: SimulatedEngine, record_faults: Callable[[str], None]
) -> None:
    story, chance = Story(tmp_path, [*engine.settings, *PATIENT]), random.Random(5)
    story.prepare(PAGES)
    engine.delay = 0.5
    total = PAGES * STYLES

    for victim in ("worker", "driver", "worker", "jvm", "everything"):
        process = story.start()
        before = len(engine.requests)
        wait_in_run(lambda at=before: len(engine.requests) > at, process, tmp_path / "log")
        # Workers die several times in one run, which goes on.
        for _ in range(5 if victim == "worker" else 1):
            goal = len(engine.answers) + chance.randint(20, 120)
            wait_in_run(lambda at=goal: len(engine.answers) > at, process, tmp_path / "log")
            kill(process, victim, chance)
            story.kills.append(time.time())
        if victim == "worker":
            os.killpg(process.pid, signal.SIGKILL)
            story.kills.append(time.time())
        process.wait(60)
    story.do("generate")

    assert story.keys() == (total, total)
    assert count_late(engine, story.kills) == 0
    repeated = count_repeated(engine)
    record_faults(
        f"{len(story.kills)} SIGKILLs in {story.runs} runs: {repeated} of {len(engine.requests)} "
        f"requests repeated ({repeated / len(engine.requests):.1%}), 0 lost, 0 doubled"
    )


def kill(process: "subprocess.Popen[bytes]", victim: str, chance: random.Random) -> None:
    """SIGKILL of one process of a run, or of all."""
    if victim == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    elif victim == "driver":
        process.kill()
    else:
        found = processes_of(process.pid, victim)
        if found:
            chance.choice(found).kill()


def test_the_real_engine_killed_again_and_again_answers_everything_once(
    tmp_path_factory: pytest.TempPathFactory, record_faults: Callable[[str], None]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    (folder / "e").mkdir(mode=0o700)
    small = ["generate.sampling.max_tokens=32", "generate.spool_seconds=1"]
    story = Story(folder, [*PATIENT, *small, f"engine.directory={folder / 'e'}"])
    story.prepare(12)
    chance, total = random.Random(3), 12 * STYLES

    process = story.start()
    for _ in range(4):
        wait_in_run(lambda: engine_processes(folder), process, folder / "log")
        time.sleep(chance.uniform(1.0, 4.0))
        for victim in engine_processes(folder)[:1]:
            victim.kill()
            story.kills.append(time.time())
        time.sleep(1)
    os.killpg(process.pid, signal.SIGKILL)
    story.kills.append(time.time())
    process.wait()
    story.do("generate")

    assert story.keys() == (total, total)
    record_faults(f"{len(story.kills)} SIGKILLs, of the embedded engine and of its run: 0 lost")


def engine_processes(folder: Path) -> list[psutil.Process]:
    """The servers of the embedded engine."""
    found = processes_in(folder / "e")
    return [p for p in found if "llamacpp_server" in " ".join(p.cmdline())]
