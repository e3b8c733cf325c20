"""What the driver learns of its tasks, and tells them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from spark_jobs.core.breaker import WINDOW, Breaker
from spark_jobs.core.settings import load_settings
from spark_jobs.core.watch import Limits, Progress, Watch
from udfs.engine.metrics import Sample
from udfs.engine.outcomes import Outcome, failure
from udfs.engine.tally import Tally


def make_watch(wanted: int = 1000) -> Watch:
    limits = {"max_failed_share": 0.5, "max_length_change": 2.0, "usual_length": 0.0}
    breaker = Breaker(**limits, at_once=16)
    return Watch(wanted=wanted, planned=2, seconds=2.0, breaker=breaker, limits=no_limits())


def no_limits(**values: float) -> Limits:
    prices = load_settings("local").cost
    return Limits(**{"seconds": 0.0, "cost": 0.0, "gpus": 0, "prices": prices, **values})


@contextmanager
def wave(watch: Watch, folder: Path) -> Iterator[None]:
    launched = watch.open(str(folder))
    yield
    watch.close(str(folder), launched)


def make_tally(folder: Path, name: str, outcome: Outcome, times: int) -> Tally:
    tally = Tally(str(folder), name, seconds=2.0)
    for _ in range(times):
        tally.add({**asdict(outcome)})
    assert tally.write(tally.dump())
    return tally


GOOD = Outcome("ok", completion_tokens=700, prompt_tokens=600, cached_tokens=300)
BAD = failure("rejected", "HTTP 400", "no")


def test_progress_counts_the_tasks_of_all_waves_those_done_too(tmp_path: Path) -> None:
    watch = make_watch()

    with wave(watch, tmp_path / "first"):
        make_tally(tmp_path / "first", "a", GOOD, 100)
        make_tally(tmp_path / "first", "b", GOOD, 50)
    with wave(watch, tmp_path / "second"):
        make_tally(tmp_path / "second", "a", GOOD, 20)
        line = watch.look()

    assert "170/1000 (17%)  waves 1/2  ok 170" in line
    assert "cache hits 50%" in line
    assert [len(wave.tasks) for wave in watch.waves] == [2, 1]


def test_before_the_first_answer_the_engines_are_waited_for_or_say_what_they_do() -> None:
    progress = Progress(Counter(), waves=0, seconds=34.0, spent=0.0)

    lines = [
        make_watch().describe(progress, samples)
        for samples in ([], [Sample("a", 1, 0.0, running=16, waiting=1)])
    ]

    assert lines == [
        "generate: 0/1000  waiting for the engine  34 s",
        "generate: 0/1000  engines 1: 16 running, 1 waiting  34 s",
    ]


def test_bad_dialogues_stop_every_task_of_every_open_wave(tmp_path: Path) -> None:
    watch = make_watch()

    with wave(watch, tmp_path / "first"), wave(watch, tmp_path / "second"):
        bad = make_tally(tmp_path / "first", "a", BAD, WINDOW)
        good = make_tally(tmp_path / "second", "b", GOOD, 1)
        watch.look()
        bad.obey()
        good.obey()

    assert bad.stopped == good.stopped == watch.stop.reason
    assert "dialogues failed" in watch.stop.reason


def test_an_engine_that_gave_up_stops_the_tasks_of_all_others(tmp_path: Path) -> None:
    watch = make_watch()

    with wave(watch, tmp_path / "first"), wave(watch, tmp_path / "second"):
        gave_up = Tally(str(tmp_path / "first"), "a", seconds=2.0)
        gave_up.stop("no weights")
        gave_up.write(gave_up.dump())
        watch.look()
        other = Tally(str(tmp_path / "second"), "b", seconds=2.0)
        other.obey()

    assert other.stopped == watch.stop.reason == "no weights"
