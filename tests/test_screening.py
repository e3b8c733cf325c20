"""Chunks that are not worth an engine: judged before anything is paid, and asked for at wish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import chunk, generate, ingest, maintain
from spark_jobs.core import screening
from spark_jobs.core.tables import ATTEMPTS, CHUNK_VERDICTS, CHUNKS
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
ON = "screen.enabled=true"
ONE_STYLE = 'generate.styles=["debate"]'
ALL = "generate.limit_chunks=0"
PROOF = " ".join(f"Step {n} uses lemma {n * n} and bounds the term {n + 7}." for n in range(15))
ANGLES = " ".join(f"Case {n}: the angle {n} turns the square {3 * n}." for n in range(15))
CODE = "```python\n" + "".join(f"x{n} = {n} * y\n" for n in range(20)) + "```\n"


@pytest.fixture
def take_in(make_run: Any, write_pages: Callable[..., Path]) -> Callable[..., Any]:
    """Ingests pages and chunks them, judged: `take_in({"text": ...}, ...)`, the job's result."""

    def take(*pages: dict[str, str], settings: tuple[str, ...] = ()) -> Any:
        ingest.run(make_run("ingest", f"ingest.input={write_pages('pages.jsonl', *pages)}"))
        return chunk.run(make_run("chunk", ON, *settings))

    return take


@pytest.fixture
def ask(make_run: Any, engine: SimulatedEngine) -> Callable[..., Any]:
    """Generates what is pending: the run, and the job's result."""

    def ask(*settings: str) -> Any:
        run = make_run("generate", *engine.settings, ONE_STYLE, ALL, ON, *settings)
        return run, generate.run(run)

    return ask


def page(number: int, text: str) -> dict[str, str]:
    return {"url": f"https://math.example/{number}", "text": text}


def test_what_is_rejected_is_not_paid_for_until_somebody_asks_for_it(
    take_in: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    result = take_in(page(0, PROOF), page(1, CODE), page(2, "Too short."), page(3, f"{PROOF} End."))

    run, first = ask()
    _, opted_out = ask("screen.enabled=false")

    assert result["left_out"] == {"no_prose": 2, "too_short": 1, "duplicate": 1}
    assert first["requests"] == 1
    assert opted_out["requests"] == 3
    verdicts = {row["chunk_id"]: row for row in run.warehouse.read(CHUNK_VERDICTS).collect()}
    assert len(verdicts) == run.warehouse.read(CHUNKS).count() == 4
    assert sorted(row["reasons"] for row in verdicts.values()) == [
        [],
        ["duplicate"],
        ["no_prose"],
        ["too_short", "no_prose"],
    ]


def test_a_page_that_comes_later_is_the_duplicate_so_that_nothing_is_paid_twice(
    take_in: Callable[..., Any], ask: Callable[..., Any], engine: SimulatedEngine
) -> None:
    take_in(page(0, PROOF), page(1, ANGLES))
    ask()

    take_in(page(2, f"{PROOF} End."), page(3, f"{ANGLES} End."))
    run, result = ask()

    assert result["requests"] == 0
    assert len(engine.requests) == 2
    paid = {row["chunk_id"] for row in run.warehouse.read(ATTEMPTS).collect()}
    found = run.warehouse.read(CHUNK_VERDICTS).where("duplicate_of is not null").collect()
    assert len(found) == 2
    assert {row["duplicate_of"] for row in found} == paid
    assert all(row["similarity"] > 0.75 for row in found)


def test_a_duplicate_comes_back_when_the_page_that_it_repeats_is_withdrawn(
    take_in: Callable[..., Any], ask: Callable[..., Any], make_run: Any, tmp_path: Path
) -> None:
    take_in(page(0, PROOF))
    take_in(page(1, f"{PROOF} End."))
    (tmp_path / "gone").write_text("https://math.example/0\n", encoding="utf-8")
    ingest.run(make_run("ingest", f"ingest.withdraw={tmp_path / 'gone'}"))

    chunk.run(make_run("chunk", ON))
    run, result = ask()
    maintain.run(make_run("maintain"))

    assert result["requests"] == 1
    (verdict,) = run.warehouse.read(CHUNK_VERDICTS).collect()
    assert (verdict["accepted"], verdict["duplicate_of"]) == (True, None)


def test_other_rules_judge_again_and_chunks_wait_until_they_have(
    take_in: Callable[..., Any],
    ask: Callable[..., Any],
    make_run: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stricter = "screen.checks.too_short.min_tokens=400"
    take_in(page(0, PROOF), page(1, ANGLES), page(2, f"{PROOF} End."))

    _, waiting = ask(stricter)
    said = capsys.readouterr().err
    again = chunk.run(make_run("chunk", ON, stricter))
    _, stricter_run = ask(stricter)
    _, before = ask()

    assert waiting["pending"] == 0
    assert "3 chunks wait for a verdict" in said
    assert again["left_out"] == {"too_short": 3}
    # The duplicate is one by the rules of before still.
    assert (stricter_run["pending"], before["requests"]) == (0, 2)


def test_chunks_of_another_size_leave_the_verdicts_on_these_as_they_are(
    take_in: Callable[..., Any], ask: Callable[..., Any], make_run: Any
) -> None:
    take_in(page(0, PROOF), page(1, f"{PROOF} End."))

    chunk.run(make_run("chunk", ON, "chunk.max_tokens=64"))
    _, result = ask()

    assert result["requests"] == 1


def test_a_run_that_dies_before_it_has_found_the_duplicates_lets_nothing_in(
    take_in: Callable[..., Any],
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    pages = page(0, PROOF), page(1, f"{PROOF} End.")
    with monkeypatch.context() as patch:
        patch.setattr(screening, "add_duplicates", die)
        with pytest.raises(KeyboardInterrupt):
            take_in(*pages)
    _, after_death = ask()
    take_in(*pages)
    _, result = ask()

    assert (after_death["pending"], result["requests"]) == (0, 1)


def test_a_tag_is_recorded_and_asked_for(
    take_in: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    tags = (
        "screen.checks.no_prose.action=tag",
        "screen.checks.duplicate.action=tag",
    )
    result = take_in(page(0, CODE), page(1, PROOF), page(2, f"{PROOF} End."), settings=tags)

    run, asked = ask(*tags)

    assert result["left_out"] == {}
    assert asked["requests"] == 3
    tagged = run.warehouse.read(CHUNK_VERDICTS).where("size(tags) > 0").collect()
    assert sorted(row["tags"] for row in tagged) == [["duplicate"], ["no_prose"]]


def test_a_limit_counts_only_what_is_worth_it(
    take_in: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    take_in(page(0, PROOF), page(1, CODE), page(2, CODE + "\n"), page(3, ANGLES))

    _, result = ask("generate.limit_chunks=2")

    assert result["requests"] == 2
