"""no_dialogue, one_sided, role_names, alternation."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict
from udfs.dialogue.styles import Style

Judge = Callable[..., Verdict]

LESSON = """\
**Teacher:** What is the sum of the angles in a triangle?

**Student:** Two right angles, as we saw with the parallel line.

**Teacher:** And in a square?

**Student:** A square is two triangles, so it must be four.
"""
ARTICLE = """\
**Prime Numbers:** A prime has exactly two divisors.

**Composite Numbers:** They have more than two.

**Perfect Squares:** They have an odd number of divisors.

**Large Powers:** They have many divisors.
"""


def test_four_turns_of_two_speakers_are_a_dialogue(judged: Judge) -> None:
    verdict = judged(LESSON)

    assert (verdict.reasons, verdict.tags) == ((), ())
    assert (verdict.values["turns"], verdict.values["speakers"]) == (4, 2)


@pytest.mark.parametrize(
    "text",
    [
        "A triangle has three angles. Their sum is two right angles.",
        "**Teacher:** What is a prime?\n\n**Student:** It has two divisors.",
        "\n\n".join(f"**Teacher:** Remark {n} is on page {n}." for n in range(1, 7)),
        LESSON.replace("It must", "").replace("**Student:** Two right", "Two right"),
        ARTICLE,
        "The theorem of Thales is about a circle and a triangle in it. " * 9 + "\n\n" + LESSON,
        "**Teacher:**\n\n**Student:**\n\n**Teacher:**\n\n**Student:** I have a question.",
    ],
    ids=["prose", "two turns", "monologue", "three turns", "headings", "article first", "labels"],
)
def test_what_is_no_dialogue(text: str, judged: Judge) -> None:
    assert "no_dialogue" in judged(text).reasons


def test_the_styles_grammar_decides(judged: Judge, lesson: Style) -> None:
    debate_of_three = lesson.model_copy(update={"min_speakers": 3})
    short_chat = lesson.model_copy(update={"min_turns": 2})

    assert judged(LESSON, style=debate_of_three).reasons == ("no_dialogue",)
    assert judged(LESSON, style=short_chat).reasons == ()


def test_a_style_without_conversation_needs_no_turns(judged: Judge, rephrase: Style) -> None:
    verdict = judged("The angles of a triangle make two right angles.", style=rephrase)

    assert (verdict.reasons, verdict.tags) == ((), ())


def test_a_speaker_who_says_nearly_everything_is_tagged(judged: Judge) -> None:
    lecture = "Every triangle can be cut into two right triangles by one of its heights. " * 8
    text = LESSON.replace("And in a square?", lecture + "And in a square?").replace(
        "Two right angles, as we saw with the parallel line.", "Two?"
    )

    assert "one_sided" in judged(text.replace("A square is two triangles, so it", "It")).tags
    assert "one_sided" not in judged(LESSON).tags


def test_other_names_than_the_styles_are_tagged(judged: Judge) -> None:
    verdict = judged(LESSON.replace("Teacher", "Ms. Lovelace"))

    assert (verdict.reasons, verdict.tags) == ((), ("role_names",))
    assert verdict.values["role_share"] == 0.5


def test_the_styles_names_count_in_any_spelling(judged: Judge) -> None:
    assert judged(LESSON.replace("**Teacher:**", "[TEACHER]:")).tags == ()


def test_three_turns_in_a_row_are_tagged(judged: Judge) -> None:
    aside = "**Student:** Wait a moment.\n\n"

    assert judged(LESSON + "\n" + aside).tags == ()
    assert judged(LESSON + "\n" + aside * 2).tags == ("alternation",)
