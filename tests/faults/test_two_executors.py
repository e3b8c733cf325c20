"""Two executors on one host, a GPU each: one is killed in the middle of `generate`.

The whole job on Spark's local-cluster, with an engine whose answers take their time, and which one
of the pages kills. One run tells the story.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from spark_jobs import chunk, ingest
from tests.conftest import SLICES, quick_environment, runs_on
from tests.engine import ill_mannered
from tests.engine.conftest import find_running, wait_until
from tests.simulated import SCREENS_OFF
from udfs.engine.processes import processes_in

pytestmark = pytest.mark.spark
PROMISED_SECONDS = 15  # from the end of an executor to that of its engine
START_SECONDS = 300  # of both engines, on a busy machine
CHUNKS, STYLES = 100, 2
POISON = 50  # the page that kills
RECIPE = f"""
name = "ill-mannered"
command = ["$python", "{ill_mannered.__file__}", "$socket"]
capacity = 1
distributions = []
control_tokens = "pattern"
[opening_fields]
[environment]
[metrics]
running = "ill:running"
generation_tokens = "ill:tokens_total"
"""
# Hands out one address to each caller, as nvidia-smi would show one GPU to each container.
DISCOVERY = """#!/bin/bash
exec 9>>"$0.count"; flock 9; echo x >&9
echo "{\\"name\\": \\"gpu\\", \\"addresses\\": [\\"$(($(wc -l <"$0.count") - 1))\\"]}"
"""
GPUS = {
    "spark.worker.resource.gpu.amount": "1",
    "spark.executor.resource.gpu.amount": "1",
    "spark.task.resource.gpu.amount": "0.5",
}


@dataclass(frozen=True)
class Engine:
    """One executor's engine: the JVM's pid, and the GPUs that its process may see."""

    directory: Path
    executor: int
    gpus: str

    @property
    def is_there(self) -> bool:
        """Whether any of its processes lives."""
        return bool(processes_in(self.directory))


@dataclass(frozen=True)
class Story:
    """What was seen: engines before and after the kill, and how the job ended."""

    before: list[Engine]
    after: list[Engine]
    left_of_victim: bool
    result: dict[str, Any]
    keys: list[str]
    left_at_end: list[psutil.Process]


def find_engines(base: Path) -> list[Engine]:
    """The engines that run now."""
    found = []
    for directory in sorted(base.glob("*-*-*")):
        for process in find_running(directory, str(ill_mannered.__file__)):
            with suppress(psutil.NoSuchProcess):
                gpus = process.environ().get("CUDA_VISIBLE_DEVICES", "")
                found.append(Engine(directory, int(directory.name.split("-")[0]), gpus))
    return found


def wait_for_two_engines(base: Path) -> list[Engine]:
    """Both executors' engines, once both run at the same moment; empty if that never happens."""
    found: list[Engine] = []

    def see_two() -> bool:
        found[:] = find_engines(base)
        return len(found) == 2

    return found if wait_until(see_two, START_SECONDS) else []


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mind-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def tables(spark: Any, folder: Path, empty_tables: Path) -> Path:
    """The root of tables with a chunk of each page."""
    pages = [
        {
            "url": f"https://math.example/{n}",
            "text": f"Page {n}: {'POISON' if n == POISON else n} is {n}.",
        }
        for n in range(CHUNKS)
    ]
    lines = "\n".join(json.dumps(page) for page in pages)
    (folder / "pages.jsonl").write_text(lines + "\n", encoding="utf-8")
    root = folder / "warehouse"
    with runs_on(spark, folder / "made", empty_tables, "chunk.max_tokens=64") as make:
        ingest.run(make("ingest", f"ingest.input={folder / 'pages.jsonl'}"))
        chunk.run(make("chunk"))
        shutil.copytree(folder / "made", root)
    return root


@pytest.fixture(scope="module")
def command(folder: Path, tables: Path) -> list[str]:
    """The command line of `generate`."""
    (folder / "slow.toml").write_text(RECIPE, encoding="utf-8")
    script = folder / "discover.sh"
    script.write_text(DISCOVERY, encoding="utf-8")
    script.chmod(0o755)
    discovery = {"spark.worker.resource.gpu.discoveryScript": str(script)}
    cluster = {"spark.master": "local-cluster[2,2,1024]", **GPUS, **discovery}
    assignments = [
        *(*SCREENS_OFF, f"tables.slices={SLICES}"),
        *(f"spark.generate.{name}={value}" for name, value in cluster.items()),
        *("generate.limit_chunks=0", "generate.opening=false", "engine.model=slow"),
        *("chunk.max_tokens=64", 'generate.styles=["debate", "interview"]'),
        *(f"engine.recipe={folder / 'slow.toml'}", f"engine.directory={folder / 'e'}"),
    ]
    options = [part for text in assignments for part in ("--set", text)]
    job = [sys.executable, "-m", "spark_jobs", "local", "generate"]
    return [*job, "--root", str(tables), *options]


@pytest.fixture(scope="module")
def story(spark: Any, folder: Path, tables: Path, command: list[str]) -> Story:
    base = folder / "e"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command,
            env=quick_environment(),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        before = wait_for_two_engines(base)
        assert before, read(folder)
        time.sleep(2)
        psutil.Process(before[0].executor).kill()
        left = not wait_until(lambda: not before[0].is_there, PROMISED_SECONDS)
        after = wait_for_two_engines(base)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, read(folder)
    wait_until(lambda: not processes_in(base), PROMISED_SECONDS)
    attempts = spark.read.format("delta").load(f"{tables}/synthetic/attempts")
    keys = [row.gen_key for row in attempts.select("gen_key").collect()]
    return Story(before, after, left, json.loads(out), keys, processes_in(base))


def read(folder: Path) -> str:
    """What the job said."""
    return (folder / "log").read_text(encoding="utf-8")


@pytest.mark.fault("two executors on one host", "an engine each, on the GPU of its own executor")
def test_two_executors_of_one_host_have_an_engine_each(story: Story) -> None:
    assert len({engine.directory for engine in story.before}) == 2
    assert len({engine.executor for engine in story.before}) == 2


def test_each_engine_sees_the_gpu_of_its_own_executor(story: Story) -> None:
    assert sorted(engine.gpus for engine in story.before) == ["0", "1"]


@pytest.mark.fault("an executor is killed with `kill -9`", "no engine 15 s later")
def test_an_executor_killed_with_sigkill_leaves_no_engine(story: Story) -> None:
    assert not story.left_of_victim


def test_the_other_engine_lives_on_and_the_replaced_executor_gets_a_new_one(story: Story) -> None:
    victim, survivor = story.before
    assert survivor in story.after
    assert len(story.after) == 2
    assert victim.executor not in {engine.executor for engine in story.after}


@pytest.mark.fault(
    "a page kills whichever engine reads it", "its dialogues are `poisoned`, no others"
)
def test_a_page_that_kills_engines_costs_its_own_dialogues(story: Story) -> None:
    assert story.result["status"] == {"ok": (CHUNKS - 1) * STYLES, "poisoned": STYLES}


@pytest.mark.fault("its tasks start over elsewhere", "every dialogue comes once")
def test_the_job_ends_with_every_dialogue_once(story: Story) -> None:
    assert len(story.keys) == len(set(story.keys)) == CHUNKS * STYLES


def test_nothing_is_left_behind(story: Story) -> None:
    assert story.left_at_end == []
