"""Questions of a benchmark in a dialogue or its source."""

from collections.abc import Callable

import pytest

from tests.contamination.questions import BISCUITS, FERRY, LIGHTHOUSE, benchmark_of, with_benchmarks
from udfs.checks.base import Dialogue
from udfs.checks.rules import Rules, Verdict, judge, rules_id
from udfs.contamination.index import Benchmark
from udfs.dialogue.styles import Style

PAGE = "The island has a light, and a keeper who counts the steps to it. "
LESSON = """\
**Teacher:** {}

**Student:** {}

**Teacher:** {}

**Student:** Then I shall draw it, and count.
"""
CLEAN = LESSON.format(
    "How many steps does the keeper climb in a week?", "Seven times as many as in a day.", "Good."
)
FERRY_IN_TURNS = LESSON.format(
    "The ferry to Inishbofin carries 84 passengers and 11 bicycles.",
    "It sails 4 times a day.",
    "How many passengers can it carry in the month of June?",
)
REWORDED = FERRY_IN_TURNS.replace("84 passengers", "90 people").replace("can it", "will it")


@pytest.fixture
def judge_ours(rules: Rules, lesson: Style) -> Callable[..., Verdict]:
    return lambda text, source="": judge(
        Dialogue(text=text, source=source, style=lesson, n_tokens=300),
        with_benchmarks(rules, benchmark_of()),
    )


def test_a_lesson_on_the_same_subject_is_clean(judge_ours: Callable[..., Verdict]) -> None:
    verdict = judge_ours(CLEAN, PAGE)

    assert (verdict.reasons, verdict.tags) == ((), ())
    assert (verdict.values["contaminated_item"], verdict.values["contaminated_grams"]) == ("", 0)
    assert (verdict.values["loose_item"], verdict.values["loose_score"]) == ("", 0.0)


def test_a_question_spread_over_turns_rejects_and_says_which_and_where(
    judge_ours: Callable[..., Verdict],
) -> None:
    verdict = judge_ours(FERRY_IN_TURNS, PAGE)

    values = verdict.values
    assert (verdict.reasons, verdict.tags) == (("contaminated",), ("contaminated_loose",))
    assert (values["contaminated_item"], values["contaminated_in"]) == ("ours:2", "output")
    assert values["contaminated_grams"] == 15
    span = FERRY_IN_TURNS[int(values["contaminated_start"]) : int(values["contaminated_end"])]
    assert span.startswith("The ferry")
    assert span.endswith("month of June")


def test_a_label_without_words_does_not_part_a_question(
    judge_ours: Callable[..., Verdict],
) -> None:
    text = FERRY_IN_TURNS.replace("**Student:** It sails", "**Student:**\n\n**Teacher:** It sails")

    assert judge_ours(text).values["contaminated_grams"] == 15


def test_a_question_in_the_source_rejects_whatever_was_made_of_it(
    judge_ours: Callable[..., Verdict],
) -> None:
    source = PAGE + BISCUITS + PAGE

    verdict = judge_ours(CLEAN, source)

    values = verdict.values
    assert verdict.reasons == ("contaminated",)
    assert (values["contaminated_item"], values["contaminated_in"]) == ("ours:1", "source")
    start, end = int(values["contaminated_start"]), int(values["contaminated_end"])
    assert source[start:end] == BISCUITS[:-1]


def test_a_reworded_question_is_tagged_with_its_score(judge_ours: Callable[..., Verdict]) -> None:
    verdict = judge_ours(REWORDED)

    values = verdict.values
    assert (verdict.reasons, verdict.tags) == ((), ("contaminated_loose",))
    assert (values["loose_item"], values["loose_in"]) == ("ours:2", "output")
    assert 0.4 <= float(values["loose_score"]) < 1
    span = REWORDED[int(values["loose_start"]) : int(values["loose_end"])]
    assert "Inishbofin" in span
    assert "month of June" in span


def test_a_low_score_is_measured_and_not_tagged(judge_ours: Callable[..., Verdict]) -> None:
    first = "The ferry to Inishbofin carries 84 passengers and 11 bicycles."
    part = LESSON.format(first, "When does it sail?", "At nine.")

    verdict = judge_ours(part)

    assert verdict.tags == ()
    assert 0.2 <= float(verdict.values["loose_score"]) < 0.4


def test_of_several_benchmarks_the_best_match_is_named(rules: Rules, lesson: Style) -> None:
    half = " ".join(FERRY.split()[:14])
    both = with_benchmarks(rules, benchmark_of(LIGHTHOUSE, half), benchmark_of())

    verdict = judge(Dialogue(text=FERRY_IN_TURNS, source="", style=lesson), both)

    assert verdict.values["contaminated_item"] == "ours:2"


def test_without_benchmarks_nothing_is_looked_for(rules: Rules, lesson: Style) -> None:
    dialogue = Dialogue(text=FERRY_IN_TURNS, source=FERRY, style=lesson)

    verdict = judge(dialogue, with_benchmarks(rules))

    assert "contaminated" not in verdict.reasons


def test_another_index_makes_other_rules(rules: Rules) -> None:
    ids = [
        rules_id(with_benchmarks(rules, *benchmarks))
        for benchmarks in ((), (benchmark_of(),), (benchmark_of(FERRY),))
    ]

    assert len(set(ids)) == 3


def test_rules_have_no_identity_before_their_benchmarks_are_loaded(rules: Rules) -> None:
    named = with_benchmarks(rules, Benchmark(name="ours"))

    with pytest.raises(ValueError, match="ours is not loaded"):
        rules_id(named)
