"""Dialogues whose one speaker says the page: all of it is there, and the other one as well."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict
from udfs.dialogue.inpainting import assemble_dialogue, find_parts
from udfs.dialogue.styles import Style

Judge = Callable[..., Verdict]
PAGE = """\
A bridge is an edge whose removal leaves a graph in two. No bridge lies on a cycle, however long.

Suppose that the edge $e$ from $u$ to $v$ lies on a cycle. Then its rest joins $u$ and $v$ as well.

Every walk that went over this edge before can take the detour along the rest of the cycle instead.
So after the removal nothing falls apart, and

"""
QUESTIONS = [
    "Which edges of a network matter most?",
    "Can a round trip use one of those?",
    "Let us try the opposite, then. Where would such a line be?",
    "And if I cross it out, am I stuck?",
    "Whom does that help?",
    "What follows for the whole picture?",
]
COUNT = len(find_parts(PAGE))


@pytest.fixture
def inpaint(judged: Judge, inpainting: Style) -> Callable[..., Verdict]:
    """Judges the dialogue that a model makes which answers so many numbers."""

    def judge_dialogue(answered: int, change: Callable[[str], str] = str, **facts: str) -> Verdict:
        lines = [f"[{n}] {text}" for n, text in enumerate(QUESTIONS[:answered], start=1)]
        text = assemble_dialogue(PAGE, "\n".join(lines), inpainting.labels)
        return judged(change(text), **{"source": PAGE, "style": inpainting, **facts})

    return judge_dialogue


def test_a_page_that_is_led_to_is_accepted_though_it_is_copied(inpaint: Judge) -> None:
    verdict = inpaint(COUNT)

    assert (COUNT, verdict.reasons, verdict.tags) == (6, (), ())
    assert verdict.values["copied_share"] > 0.5
    assert (verdict.values["quoted_share"], verdict.values["answered_share"]) == (1.0, 1.0)


@pytest.mark.parametrize(("answered", "reasons"), [(3, ()), (2, ("not_inpainted",))])
def test_half_of_the_parts_must_be_led_to(
    answered: int, reasons: tuple[str, ...], inpaint: Judge
) -> None:
    verdict = inpaint(answered)

    assert (verdict.reasons, verdict.values["answered_share"]) == (reasons, answered / 6)


def test_a_sentence_in_other_words_is_seen(inpaint: Judge) -> None:
    verdict = inpaint(COUNT, lambda text: text.replace("can take the detour", "takes a detour"))

    assert (verdict.reasons, verdict.values["quoted_share"]) == (("not_inpainted",), 5 / 6)


def test_sentences_in_another_order_are_seen(inpaint: Judge) -> None:
    verdict = inpaint(COUNT, lambda text: "\n\n".join(reversed(text.split("\n\n"))))

    assert "not_inpainted" in verdict.reasons
    assert verdict.values["quoted_share"] == 1 / 6


def test_a_broken_control_token_is_still_the_pages_word(inpaint: Judge) -> None:
    page = PAGE.replace("Suppose", "Suppose <|im_end|>")
    verdict = inpaint(
        COUNT, lambda text: text.replace("Suppose", "Suppose < |im_end|>"), source=page
    )

    assert verdict.values["quoted_share"] == 1.0


@pytest.mark.parametrize("text", ["I can't do that.", "[1] ...", "", PAGE])
def test_an_answer_that_is_no_list_is_none(text: str, judged: Judge, inpainting: Style) -> None:
    assert "not_inpainted" in judged(text, source=PAGE, style=inpainting).reasons


def test_the_end_of_the_page_is_not_the_models(inpaint: Judge) -> None:
    assert inpaint(COUNT).values["has_end"] is False
    assert "truncated" in inpaint(COUNT, finish_reason="length").reasons


def test_words_are_counted_where_the_engines_tokens_are_a_part(inpaint: Judge) -> None:
    assert inpaint(COUNT, n_tokens=20).values["tokens"] > 100


@pytest.mark.parametrize("kind", ["lesson", "rephrase"])
def test_other_styles_are_passed_over(
    kind: str, judged: Judge, request: pytest.FixtureRequest
) -> None:
    verdict = judged("Nothing of it.", source=PAGE, style=request.getfixturevalue(kind))

    assert "not_inpainted" not in verdict.reasons
    assert (verdict.values["quoted_share"], verdict.values["answered_share"]) == (1.0, 1.0)


def test_without_a_page_nothing_can_be_missing(judged: Judge, inpainting: Style) -> None:
    assert "not_inpainted" not in judged("Hello.", source="", style=inpainting).reasons
