"""Idle engine time has a cause."""

import pytest

from spark_jobs.core.idle import WaveTimes, attribute_idle, describe_idle
from udfs.engine.tally import TaskTimes


def test_one_task_that_could_fill_the_engine_leaves_start_read_and_commit() -> None:
    wave = WaveTimes(0.0, 30.0, (TaskTimes(3.0, 10.0, 28.0),))

    assert attribute_idle([wave], tasks_to_fill=1) == {"read": 3.0, "start_up": 7.0, "commit": 2.0}


def test_tasks_that_end_early_leave_a_tail() -> None:
    tasks = (TaskTimes(0.0, 0.0, 10.0), TaskTimes(0.0, 0.0, 20.0))

    assert attribute_idle([WaveTimes(0.0, 20.0, tasks)], tasks_to_fill=2) == {"tail": 5.0}


def test_a_second_wave_fills_what_the_first_leaves() -> None:
    first = WaveTimes(0.0, 12.0, (TaskTimes(0.0, 0.0, 10.0),))
    second = WaveTimes(5.0, 20.0, (TaskTimes(6.0, 6.0, 20.0),))

    assert attribute_idle([first, second], tasks_to_fill=1) == {}


def test_a_wave_whose_tasks_said_nothing_was_never_read() -> None:
    assert attribute_idle([WaveTimes(0.0, 4.0, ())], tasks_to_fill=1) == {"read": 4.0}


@pytest.mark.parametrize(
    ("idle", "line"),
    [
        ({}, "engines idle for 0.0 of 60.0 s: never"),
        (
            {"start_up": 8.5, "tail": 2.0},
            "engines idle for 10.5 of 60.0 s: start-up 8.5 s, tail 2 s",
        ),
    ],
)
def test_it_is_one_line(idle: dict[str, float], line: str) -> None:
    assert describe_idle(idle, seconds=60.0) == line  # type: ignore[arg-type]
