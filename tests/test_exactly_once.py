"""Exactly once: whoever dies, comes late or comes twice, every dialogue is paid and there once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spark_jobs import filter as filter_job
from spark_jobs import generate
from spark_jobs.core import wave_runner
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, DIALOGUES, SPECS, VERDICTS, WAVES
from tests.simulated import GOOD, SimulatedEngine
from udfs.errors import JobError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLE = 'generate.styles=["teacher_student"]'


class DeathError(BaseException):
    """The driver is gone."""


def count_keys(run: Any) -> tuple[int, int]:
    """Rows of the attempts, and the different dialogues among them."""
    attempts = run.warehouse.read(ATTEMPTS)
    return attempts.count(), attempts.select("gen_key").distinct().count()


@pytest.mark.fault(
    "the driver dies between a wave's commit and its row in the ledger",
    "the next run asks for nothing and adds the row",
)
def test_a_driver_that_dies_before_the_ledger_has_its_wave_is_made_good_by_the_next(
    make_chunks: Callable[[int], None],
    make_run: Any,
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any) -> None:
        raise DeathError

    make_chunks(4)
    dead = make_run("generate", *engine.settings, STYLE)
    with monkeypatch.context() as patch:
        patch.setattr(wave_runner, "save_wave", die)
        with pytest.raises(DeathError):
            generate.run(dead)

    run = make_run("generate", *engine.settings, STYLE)
    result = generate.run(run)

    assert (result["pending"], len(engine.requests)) == (0, 4)
    assert count_keys(run) == (4, 4)
    waves = run.warehouse.read(WAVES).select("run_id", "status", "dialogues").collect()
    assert [tuple(row) for row in waves] == [(dead.run_id, "recovered", 4)]


def test_waves_may_finish_in_any_order(
    make_chunks: Callable[[int], None],
    make_run: Any,
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_chunks(8)
    run = make_run("generate", *engine.settings, STYLE, "generate.wave_requests=4")
    first_page = run.warehouse.read(CHUNKS).orderBy("bucket").first()["text"]
    committed, append_once = threading.Event(), wave_runner.append_once

    def append_and_tell(*arguments: Any, **named: Any) -> Any:
        version = append_once(*arguments, **named)
        committed.set()
        return version

    monkeypatch.setattr(wave_runner, "append_once", append_and_tell)
    engine.hold = lambda prompt: first_page in prompt and not committed.is_set()

    result = generate.run(run)

    assert result["status"] == {"ok": 8}
    assert count_keys(run) == (8, 8)
    waves = run.warehouse.read(WAVES).orderBy("committed_version").collect()
    starts = [wave["first_bucket"] for wave in waves]
    assert min(starts) in starts[1:]
    assert sum(wave["dialogues"] for wave in waves) == 8
    again = generate.run(make_run("generate", *engine.settings, STYLE))
    assert again["pending"] == 0


@pytest.mark.fault(
    "two runs submit the same wave at once, without a spool",
    "one of them is kept, the other ends with an error and what it repeated",
)
def test_of_one_wave_submitted_twice_at_once_one_is_kept(
    make_chunks: Callable[[int], None],
    make_run: Any,
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One chunk is one task, so that there are slots for both; none is answered before both ask.
    make_chunks(1)
    start_together(monkeypatch)
    engine.hold = lambda _: len(engine.requests) < 3
    settings = [*engine.settings, STYLE, "generate.samples=2", "generate.spool=off"]
    runs = [make_run("generate", *settings) for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(generate.run, run) for run in runs]
        errors = [str(job.exception()) for job in done if job.exception()]
        results = [job.result() for job in done if not job.exception()]

    assert [result["status"] for result in results] == [{"ok": 2}]
    assert len(errors) == 1
    assert "another run committed the same wave" in errors[0]
    assert "2 dialogues were asked for twice and are not kept" in errors[0]
    assert count_keys(runs[0]) == (2, 2)
    assert runs[0].warehouse.read(WAVES).count() == 1
    assert runs[0].warehouse.read(SPECS).count() == 1


def start_together(patch: pytest.MonkeyPatch) -> None:
    """Neither of two runs begins its wave before the other has looked up what is pending."""
    both, append_once = threading.Barrier(2), wave_runner.append_once

    def wait_and_append(*arguments: Any, **named: Any) -> Any:
        both.wait(300)
        return append_once(*arguments, **named)

    patch.setattr(wave_runner, "append_once", wait_and_append)


def test_a_wave_that_another_run_committed_before_is_neither_asked_for_nor_noted_again(
    make_chunks: Callable[[int], None],
    make_run: Any,
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_chunks(4)
    settings = [*engine.settings, STYLE, "generate.spool=off"]
    append_once = wave_runner.append_once

    def come_second(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(wave_runner, "append_once", append_once)
        generate.run(make_run("generate", *settings))
        return append_once(*arguments, **named)

    monkeypatch.setattr(wave_runner, "append_once", come_second)
    run = make_run("generate", *settings)
    with pytest.raises(JobError, match=r"had committed the same wave .*: 0 dialogues"):
        generate.run(run)

    assert len(engine.requests) == 4
    assert run.warehouse.read(WAVES).count() == 1


def test_a_better_attempt_is_judged_again_and_its_dialogue_takes_the_old_ones_place(
    make_chunks: Callable[[int], None], make_run: Any, engine: SimulatedEngine
) -> None:
    make_chunks(2)
    settings = [*engine.settings, STYLE]
    # Accepted though it was cut off: the laptop's overlay only notes that.
    engine.text, engine.finish_reason = GOOD.replace("Teacher", "Tutor"), "length"
    generate.run(make_run("generate", *settings))
    first = filter_job.run(make_run("filter"))
    old = make_run("filter").warehouse.read(DIALOGUES).collect()
    engine.text, engine.finish_reason = GOOD, "stop"

    generate.run(make_run("generate", *settings, 'generate.retry=["length"]'))
    run = make_run("filter")
    second = filter_job.run(run)

    assert [(result["judged"], len(old)) for result in (first, second)] == [(2, 2), (2, 2)]
    dialogues = run.warehouse.read(DIALOGUES).collect()
    assert [row["text"] for row in dialogues] == [GOOD, GOOD]
    assert {row["gen_key"] for row in dialogues} == {row["gen_key"] for row in old}
    assert run.warehouse.read(VERDICTS).count() == 4
