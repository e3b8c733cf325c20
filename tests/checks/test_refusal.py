"""The model declines; people in a lesson only doubt."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
GOES_ON = """
**Student:** I'm sorry, I can't see why that is so.

**Teacher:** Then let us draw the triangle again.

**Student:** Ah, the two angles are the same. I cannot find any text about it in my book.
"""


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I apologize, but this is not possible.",
        "Unfortunately, I do not know how to go on with this.",
        "**Teacher:** I'm sorry, but I can't help with that.",
        "As an AI language model, I have no access to the page.",
        "I cannot fulfill this request." + GOES_ON,
        "I am unable to create a conversation from this page." + GOES_ON,
        "**Teacher:** I can\u2019t create a dialogue without the text. " + GOES_ON,
        "**Teacher:** Please provide the text that I should rewrite." + GOES_ON,
        "No text was provided." + GOES_ON,
    ],
)
def test_a_refusal(text: str, judged: Judge) -> None:
    assert "refusal" in judged(text).reasons


@pytest.mark.parametrize(
    "line",
    [
        "I'm sorry, but I can't see it.",
        "Unfortunately, I cannot divide by zero.",
        "I am not able to do this in my head.",
        "I can't compute the square root, and nobody can provide an exact decimal.",
        "We cannot assume that. Please provide a reason.",
        "There is no solution, so there is nothing to solve here.",
        "The text does not contain any information on the height.",
    ],
)
def test_doubts_of_people_are_no_refusal(line: str, judged: Judge) -> None:
    assert "refusal" not in judged(f"**Teacher:** {line}\n{GOES_ON}").reasons


def test_speakers_who_agree_that_there_is_nothing_to_discuss_refuse(judged: Judge) -> None:
    text = (
        "**Teacher:** It seems that there is nothing to discuss on this page.\n\n"
        "**Student:** You are right, the text does not contain any mathematical content.\n\n"
        "**Teacher:** Only a list of links and dates.\n\n"
        "**Student:** Then let us stop here.\n"
    )

    verdict = judged(text)

    assert (verdict.reasons, verdict.values["nothing_turns"]) == (("refusal",), 2)


def test_one_speaker_who_finds_nothing_is_contradicted(judged: Judge) -> None:
    text = (
        "**Student:** There is nothing to discuss here, the page has no problem.\n\n"
        "**Teacher:** Look again, the second line is one.\n\n"
        "**Student:** Oh, the sum of the odd numbers!\n\n"
        "**Teacher:** And what is the sum of the first three?\n"
    )

    assert judged(text).reasons == ()
