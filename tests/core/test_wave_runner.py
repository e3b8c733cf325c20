"""How a wave is cut into tasks, and what each may have under way."""

from types import SimpleNamespace
from typing import Any

import pytest

from spark_jobs.core.cluster import Cluster
from spark_jobs.core.settings import load_settings
from spark_jobs.core.wave_runner import WaveRunner
from spark_jobs.core.waves import Wave


def make_runner(*, engines: int, slots: int, capacity: int = 128) -> WaveRunner:
    wanted: Any = SimpleNamespace(settings=load_settings("local").generate)
    plan: Any = SimpleNamespace(capacity=capacity)
    return WaveRunner(wanted, plan, {}, Cluster(engines, slots), spool="")


@pytest.mark.parametrize(("engines", "slots"), [(1, 8), (4, 32), (1, 1)])
def test_the_tasks_of_an_engine_together_keep_three_times_its_capacity_under_way(
    engines: int, slots: int
) -> None:
    assert make_runner(engines=engines, slots=slots).window * slots // engines == 3 * 128


@pytest.mark.parametrize(
    ("chunks", "requests", "tasks"),
    [
        (2, 14, 2),  # never an empty task
        (50, 350, 8),  # every slot has one
        (200, 1400, 14),  # long enough to fill their window twice
        (3400, 24000, 32),  # four for each slot at most
    ],
)
def test_a_wave_has_as_many_tasks_as_are_worth_their_start(
    chunks: int, requests: int, tasks: int
) -> None:
    runner = make_runner(engines=1, slots=8)

    assert runner.count_tasks(Wave(0, 9, chunks, requests)) == tasks


def test_many_tasks_speak_seldom_so_that_all_together_write_fifty_files_a_second() -> None:
    assert make_runner(engines=1, slots=8).tally_seconds == 2
    assert make_runner(engines=512, slots=4096).tally_seconds == pytest.approx(82, rel=0.01)
