"""Real deaths: SIGKILL to drivers, JVMs, workers and engines in the middle of `generate`."""

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from spark_jobs.core.tables import ATTEMPTS
from tests.crashes.jobs import ENDS_THE_JOB, Job
from tests.engine.conftest import find_running, wait_until
from tests.simulated import SCREENS_OFF, Death, SimulatedEngine
from udfs.engine.processes import processes_in

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(3000)]
# At a simulated engine: one of each kind; MIND_KILLS=20 takes a quarter of an hour.
KILLS = int(os.environ.get("MIND_KILLS", "5"))
KINDS = ["worker", "JVM", "daemon", "everything", "driver", "worker", "worker", "worker"]
PAGES = 48
STYLES = 'generate.styles=["debate", "interview", "two_students", "problem_solving"]'
DIALOGUES = 4 * PAGES
SETTINGS = [
    *SCREENS_OFF,
    *("generate.limit_chunks=0", "tables.slices=2", "generate.spool_seconds=1"),
    # Many workers die, each time with a task.
    *("engine.capacity=8", "generate.wave_requests=64", "spark.all.spark.master=local[2,64]"),
]
DURABLE_SECONDS = 5.0  # five times spool_seconds; by default it is twice five seconds


class Killer:
    """Kills something of a job after some more answers, again and again, until it has enough."""

    def __init__(self, engine: SimulatedEngine, start: Callable[..., Job]) -> None:
        self.engine, self.start = engine, start
        self.chance = random.Random(KILLS)
        self.deaths: list[Death] = []
        self.kinds: Counter[str] = Counter()
        self.jobs = 0

    def play(self, *settings: str) -> None:
        """Start jobs on the same work until one of them comes to its end."""
        while not self.has_finished(self.start(*settings)):
            self.jobs += 1

    def has_finished(self, job: Job) -> bool:
        """Kill parts of a job; False when the whole job went with one."""
        while self.wants_more:
            kind = KINDS[len(self.deaths) % len(KINDS)]
            if not self.wait_for_answers(job, self.chance.randint(4, 32)):
                break
            begun = time.time()
            if job.kill(kind):
                self.deaths.append((begun, time.time()))
                self.kinds[kind] += 1
                if kind in ENDS_THE_JOB:
                    return False
        job.result()
        return True

    @property
    def wants_more(self) -> bool:
        return len(self.deaths) < KILLS

    def wait_for_answers(self, job: Job, count: int) -> bool:
        """Whether the engine gave so many more before the job ended."""
        due = len(self.engine.answers) + count
        wait_until(lambda: job.has_ended or len(self.engine.answers) >= due, 300)
        return not job.has_ended


@pytest.fixture
def start(
    make_chunks: Callable[[int], None], tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Job]:
    """Starts a job on pages that are as far as chunks: `start(*settings)`."""
    make_chunks(PAGES)

    def start_job(*settings: str) -> Job:
        job = Job(tmp_path / "warehouse", tmp_path / "log", [*SETTINGS, *settings])
        request.addfinalizer(lambda: job.kill("everything"))
        return job

    return start_job


@pytest.mark.fault(
    "`kill -9` of the driver, its JVM, Python's daemon, a worker, or everything",
    "the next run goes on: nothing lost, nothing doubled, no older answer asked for again",
)
def test_whatever_is_killed_loses_and_doubles_nothing(
    start: Callable[..., Job],
    make_run: Any,
    engine: SimulatedEngine,
    tmp_path: Path,
    record_faults: Callable[[str], None],
) -> None:
    engine.delay, samples = 1.0, 0
    killer = Killer(engine, start)
    answered_before: list[str] = []

    while killer.wants_more:
        samples += 1
        engine.answers.clear()
        killer.play(*engine.settings, STYLES, f"generate.samples={samples}")
        answered_before += engine.repeats({"": killer.deaths}, durable=DURABLE_SECONDS)

    said = (tmp_path / "log").read_text()
    assert "Spark's JVM ended" in said
    assert "Traceback" not in said
    run = make_run("sql")
    attempts = run.warehouse.read(ATTEMPTS)
    dialogues = samples * DIALOGUES
    assert answered_before == []
    assert attempts.count() == attempts.select("gen_key").distinct().count() == dialogues
    assert attempts.where("status != 'ok'").count() == 0
    assert not list(Path(run.settings.tables.root, "_spool").iterdir())
    repeated = len(engine.requests) - dialogues
    killed = ", ".join(f"{count} {kind}" for kind, count in killer.kinds.items())
    record_faults(
        f"{KILLS} x SIGKILL ({killed}), {killer.jobs} jobs ended by it: {repeated} of "
        f"{len(engine.requests)} requests repeated ({repeated / len(engine.requests):.1%}), none "
        f"of them answered {DURABLE_SECONDS:g} s before; 0 lost, 0 doubled"
    )


@pytest.fixture
def engines() -> Iterator[Path]:
    """A folder for engines, whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mind-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def kill_one(folder: Path, word: str) -> None:
    """SIGKILL to the engine's process with that word in its command, a while after it is there."""
    assert wait_until(lambda: bool(find_running(folder, word)), 300)
    time.sleep(3)
    for process in find_running(folder, word):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_the_real_engine_killed_loses_and_doubles_nothing(
    start: Callable[..., Job], make_run: Any, engines: Path, record_faults: Callable[[str], None]
) -> None:
    settings = [
        # Enough work for all five deaths: ten seconds on two cores.
        *('generate.styles=["debate"]', f"engine.directory={engines}"),
        *("generate.sampling.max_tokens=32", "engine.capacity=4"),
    ]
    job = start(*settings)
    kill_one(engines, "udfs.engine.llamacpp_server")
    kill_one(engines, "udfs.engine.supervisor")
    assert job.kill("worker")
    assert job.kill("everything")
    assert wait_until(lambda: not processes_in(engines), 30)
    job = start(*settings)
    kill_one(engines, "udfs.engine.llamacpp_server")

    job.result()

    run = make_run("sql")
    attempts = run.warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count() == PAGES
    assert attempts.where("status not in ('ok', 'length')").count() == 0
    assert not list(Path(run.settings.tables.root, "_spool").iterdir())
    record_faults(
        "5 x SIGKILL (2 engine, 1 supervisor, 1 worker, 1 everything) with the embedded engine: "
        f"0 of {PAGES} dialogues lost, 0 doubled"
    )
