"""The source copied, or quoted."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict
from udfs.dialogue.styles import Style

Judge = Callable[..., Verdict]
SENTENCES = [
    f"The {name} angle of the {figure} lies opposite to the {side} side, which we call ${letter}$."
    for figure in ("triangle", "square", "pentagon", "hexagon")
    for name, side, letter in (
        ("largest", "longest", "a"),
        ("smallest", "shortest", "b"),
        ("second", "middle", "c"),
    )
]
PAGE = " ".join(SENTENCES)
THEOREM = "In a triangle the sum of any two sides is greater than the third side."
TALK = """\
**Teacher:** Let me read the theorem to you. {}

**Student:** So going straight on is never longer than a detour over a third place?

**Teacher:** Exactly, that is how walkers see it. Why is it so?

**Student:** Because a straight line is the shortest way from one place to another one.

**Teacher:** Good. When are both ways equally long?

**Student:** Only if the third place lies on the way already, and then no figure is left.
"""


def test_a_page_with_labels_in_front_of_its_sentences_is_an_echo(judged: Judge) -> None:
    names = ["Teacher", "Student"]
    turns = [f"**{names[n % 2]}:** {sentence}" for n, sentence in enumerate(SENTENCES)]

    verdict = judged("\n\n".join(turns), source=PAGE)

    assert "echo" in verdict.reasons
    assert (verdict.values["copied_share"], verdict.values["returned_share"]) == (1.0, 1.0)


def test_a_copy_before_the_dialogue_is_an_echo(judged: Judge) -> None:
    verdict = judged(TALK.format(PAGE), source=PAGE)

    assert "echo" in verdict.reasons
    assert verdict.values["copied_words"] == sum(len(s.split()) - 1 for s in SENTENCES)


def test_a_theorem_that_is_quoted_once_is_none(judged: Judge) -> None:
    verdict = judged(TALK.format(THEOREM), source=f"{PAGE} {THEOREM}")

    assert (verdict.reasons, verdict.values["copied_words"]) == ((), 15)


def test_formulas_come_back_as_they_are(judged: Judge) -> None:
    chain = " ".join(f"$x_{n} = \\frac{{{n}}}{{2}} + a$" for n in range(40))

    assert judged(TALK.format(chain), source=chain).values["copied_words"] == 0


def test_a_copied_piece_is_counted_over_a_label_and_a_formula(judged: Judge) -> None:
    source = "Let us take the longest side $a$ and draw the height that stands on it."
    text = TALK.format("Let us take the longest side $c$ and draw")
    text = text.replace(
        "draw\n\n**Student:** So", "draw\n\n**Student:** the height that stands. So"
    )

    assert judged(text, source=source).values["copied_words"] == 12


def test_a_style_that_wants_the_sentences_of_the_page_is_measured_alone(
    judged: Judge, lesson: Style
) -> None:
    inpainting = lesson.model_copy(update={"quotes_source": True})

    verdict = judged(TALK.format(PAGE), source=PAGE, style=inpainting)

    assert "echo" not in verdict.reasons
    assert verdict.values["copied_words"] > 100


@pytest.mark.parametrize("source", ["", "Short.", "Another page with quite other words on it."])
def test_without_anything_copied_all_values_are_zero(source: str, judged: Judge) -> None:
    values = judged(TALK.format(""), source=source).values

    assert [values[name] for name in ("copied_words", "copied_share", "returned_share")] == [0] * 3
