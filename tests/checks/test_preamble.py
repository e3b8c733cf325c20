"""What stands before the dialogue and is none of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.checks.preamble import strip_preamble
from udfs.checks.rules import Verdict

DIALOGUE = "**Teacher:** Sure! Here is the conversation between two numbers.\n**Student:** What?"


@pytest.mark.parametrize(
    "preamble",
    [
        "Here is the conversation between a teacher and a student:\n\n",
        "Here's a dialogue between the two:\n",
        "Here\u2019s the conversation:\n\n",
        "**Here is the conversation:**\n\n",
        "Sure! Here is the rewritten text as a discussion:\n\n",
        "Sure!\n\n",
        "Sure, I'd be happy to help.\n\nBelow is the debate.\n\n---\n\n",
        "What a great topic! Here's how two students might talk about it:\n\n",
        "The following conversation is faithful to the source.\n\n",
        "Certainly! I'll turn the text into an interview.\n\n",
        "Of course.\n",
        "\n\nOkay, let me write this conversation.\n",
        "Conversation:\n",
        "Dialogue between Teacher and Student:\n\n",
        "# A Conversation about Triangles\n\n",
        "**Title: Angles**\n\n",
        "This is a conversation between a teacher and a student.\n***\n",
        "With pleasure!\n\n",
        "Thanks for the notes, I learned something.\n",
        "I've recast the section as a chat between two colleagues.\n\n",
        "We now present the proof as a scene for two voices:\n",
        "As you wished, two students talk it over.\n",
        "It is a lovely theorem!\n\n",
        "Dialogue on prime numbers\n\n",
        "*Based on the page about primes.*\n\n",
        "Gladly! In the following, Ada is the expert.\n",
        "In my version below I tried to keep all the formulas:\n",
        "I hope you like it. I changed the names.\n\n",
        "What an interesting short proof!\n",
    ],
)
def test_words_to_the_person_who_asked_are_stripped(preamble: str) -> None:
    assert strip_preamble(preamble + DIALOGUE) == (preamble, DIALOGUE)


@pytest.mark.parametrize(
    "text",
    [
        DIALOGUE,
        "Sure: Here is the conversation.\n",
        "*A quiet evening in the library.*\n\n" + DIALOGUE,
        "A triangle has three angles.\n\n" + DIALOGUE,
        "Two colleagues drink tea. The window is open.\n\n" + DIALOGUE,
        "I met her on the tram that morning.\n\n" + DIALOGUE,
        "We set the table and waited for Ada.\n\n" + DIALOGUE,
        "Enjoying the sun, two students sat on the lawn.\n\n" + DIALOGUE,
        "A version of the proof hung on the wall.\n\n" + DIALOGUE,
        "Of course, a triangle has three angles. The sum of these is two right angles.",
        "This is a rewritten history of zero, and it begins in India\n\nLong ago.",
        "",
        "\n\n",
    ],
)
def test_all_else_stays(text: str) -> None:
    assert strip_preamble(text) == ("", text)


def test_a_label_led_line_is_never_preamble() -> None:
    text = "**Expert:** Sure! Here is the conversation:\n**Layman:** Great."

    assert strip_preamble(text) == ("", text)


def test_an_announcement_is_stripped_where_nobody_speaks_too() -> None:
    assert strip_preamble("Here is the rewritten text:\n\nZero is even.") == (
        "Here is the rewritten text:\n\n",
        "Zero is even.",
    )


def test_a_stripped_preamble_is_tagged(judged: Callable[..., Verdict]) -> None:
    assert "preamble" in judged(DIALOGUE, preamble="Sure!\n").tags
    assert "preamble" not in judged(DIALOGUE).tags


@given(
    st.lists(st.sampled_from(["Sure!", "\n", "---", "Here is the dialogue:", "Ada: "]) | st.text())
)
def test_both_parts_together_are_the_text(parts: list[str]) -> None:
    text = "".join(parts)

    assert "".join(strip_preamble(text)) == text
