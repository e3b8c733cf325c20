"""What the driver learns of its tasks, and tells them."""

from pathlib import Path

from spark_jobs.core.breaker import WINDOW, Breaker
from spark_jobs.core.watch import Watch
from udfs.engine.outcomes import Outcome, failure
from udfs.engine.tally import Tally


def make_watch(wanted: int = 1000) -> Watch:
    limits = {"max_failed_share": 0.5, "max_length_change": 2.0, "usual_length": 0.0}
    breaker = Breaker(**limits, at_once=16)
    return Watch(wanted=wanted, seconds=2.0, breaker=breaker)


def make_tally(folder: Path, name: str, outcome: Outcome, times: int) -> Tally:
    tally = Tally(str(folder), name, seconds=2.0)
    for _ in range(times):
        tally.add(outcome)
    assert tally.write(tally.dump())
    return tally


GOOD = Outcome("ok", completion_tokens=700, prompt_tokens=600, cached_tokens=300)
BAD = failure("rejected", "HTTP 400", "no")


def test_progress_counts_the_tasks_of_all_waves_those_done_too(tmp_path: Path) -> None:
    watch = make_watch()

    with watch.wave(str(tmp_path / "first")):
        make_tally(tmp_path / "first", "a", GOOD, 100)
        make_tally(tmp_path / "first", "b", GOOD, 50)
    with watch.wave(str(tmp_path / "second")):
        make_tally(tmp_path / "second", "a", GOOD, 20)
        line = watch.look()

    assert "170/1000 (17%)  ok 170" in line
    assert "cache hits 50%" in line
    assert [len(wave.tasks) for wave in watch.waves] == [2, 1]


def test_bad_dialogues_stop_every_task_of_every_open_wave(tmp_path: Path) -> None:
    watch = make_watch()

    with watch.wave(str(tmp_path / "first")), watch.wave(str(tmp_path / "second")):
        bad = make_tally(tmp_path / "first", "a", BAD, WINDOW)
        good = make_tally(tmp_path / "second", "b", GOOD, 1)
        watch.look()
        bad.obey()
        good.obey()

    assert bad.stopped == good.stopped == watch.stopped
    assert "dialogues failed" in watch.stopped


def test_an_engine_that_gave_up_stops_the_tasks_of_all_others(tmp_path: Path) -> None:
    watch = make_watch()

    with watch.wave(str(tmp_path / "first")), watch.wave(str(tmp_path / "second")):
        gave_up = Tally(str(tmp_path / "first"), "a", seconds=2.0)
        gave_up.stop("no weights")
        gave_up.write(gave_up.dump())
        watch.look()
        other = Tally(str(tmp_path / "second"), "b", seconds=2.0)
        other.obey()

    assert other.stopped == watch.stopped == "no weights"


def test_what_a_killed_run_said_of_the_same_wave_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / "stop").write_text("an old reason")
    task = Tally(str(tmp_path / "wave"), "a", seconds=2.0)

    with make_watch().wave(str(tmp_path / "wave")):
        task.obey()

    assert task.stopped == ""
