"""Loops, and what only looks like one."""

from collections.abc import Callable

import pytest

from udfs.checks.repetition import find_tail_loop, measure_compression, measure_duplicates
from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
START = "**Teacher:** What is a prime?\n\n**Student:** It has two divisors.\n\n"
ROUND = (
    "**Teacher:** And is seven a prime number?\n\n**Student:** Yes, seven is a prime number.\n\n"
)
OTHER_WORDS = " ".join(f"word{n}" for n in range(200))


@pytest.mark.parametrize(
    "text",
    [
        START + ROUND * 8,
        START + ROUND * 8 + "**Teacher:** Let us stop here, this leads nowhere.",
        START + "**Teacher:** " + "The answer is the sum of the two numbers. " * 12,
        START + "**Teacher:** So\n\n" + "$$x = x + 0 = x + 0 + 0$$\n\n" * 12,
        START + "**Teacher:** It is $1" + " + 1" * 60 + "$.",
        START + "**Teacher:** Ha" + "ha" * 200 + ".",
        START
        + "**Teacher:** "
        + "The plan is to find the smallest solution of all. " * 9
        + "Good.",
    ],
    ids=["turns", "turns, then free", "sentence", "display", "formula", "syllable", "then free"],
)
def test_a_loop(text: str, judged: Judge) -> None:
    assert "repetition" in judged(text).reasons


@pytest.mark.parametrize(
    "text",
    [
        START + ROUND * 2,
        START + "".join(ROUND.replace("seven", word) for word in ["three", "five", "eleven"]),
        START
        + "".join(f"**Teacher:** ${n} \\cdot 7$?\n\n**Student:** ${7 * n}$.\n\n" for n in range(9)),
        START + "**Teacher:** One third is $0." + "3" * 60 + "\\ldots$, it never ends.",
        START
        + "**Teacher:** So\n\n"
        + "".join(f"$$S_{n} = S_{n - 1} + {n}$$\n\n" for n in range(1, 12)),
    ],
    ids=["said twice", "three primes", "table of seven", "decimals", "displays"],
)
def test_no_loop(text: str, judged: Judge) -> None:
    assert "repetition" not in judged(text).reasons


TURNED_ROUND = """
**Teacher:** So the slope tells us how steep the line is.

**Student:** Yes, how steep the line is, that is what the slope tells us.

**Teacher:** The slope tells us that, indeed, how steep the line is.

**Student:** And how steep the line is we know, since the slope tells us.

**Teacher:** Since the slope tells us, we always know how steep the line is.

**Student:** So we know how steep the line is when the slope tells us.

**Teacher:** When the slope tells us, yes, and how steep the line is, it always tells us.

**Student:** It always tells us how steep the line is, which is what the slope tells us.

**Teacher:** So what the slope tells us is always how steep the line is, no more and no less.

**Student:** No more and no less, it always tells us how steep the line is.
"""
TRIED = (
    "**Student:** Then $3x + 1 = 10$, so $x = 3$.\n\n**Teacher:** No, $3x + 1 = 9$, look again.\n\n"
)
PATIENT = """
**Teacher:** {}. Go on.

**Student:** Is it prime?

**Teacher:** Divide it by two, three, five and seven, then you will see.
"""


@pytest.mark.parametrize(
    "text",
    [
        START + TURNED_ROUND,
        START + TRIED * 4 + "**Student:** Oh, $x$ is no whole number.",
        START + "".join(TRIED + PATIENT.format(n).lstrip() for n in (11, 13, 17, 19)),
    ],
    ids=["a thought turned round", "turns of formulas, then free", "turns with others between"],
)
def test_a_loop_that_is_no_copy_in_a_row(text: str, judged: Judge) -> None:
    assert "repetition" in judged(text).reasons


@pytest.mark.parametrize(
    "text",
    [
        START + "".join(f"**Teacher:** And {n}?\n\n**Student:** Yes.\n\n" for n in range(20, 30)),
        START + TRIED + "**Student:** Then $3x = 8$.\n\n" + TRIED,
        START
        + "**Teacher:** The slope tells us how steep the line is.\n\n"
        + "**Student:** And the sign of the slope?\n\n"
        + "**Teacher:** Whether it goes up or down, as the slope tells us more than steepness.",
    ],
    ids=["short answers", "said twice", "a term that comes again"],
)
def test_whoever_comes_back_to_a_thing_does_not_loop(text: str, judged: Judge) -> None:
    assert "repetition" not in judged(text).reasons


def test_duplicates_are_the_ngrams_that_came_before() -> None:
    assert measure_duplicates(["a", "b", "c", "a", "b", "c"], 3) == (0.25, 4)
    assert measure_duplicates(["a", "b", "c", "d", "e", "f"], 3) == (0.0, 4)
    assert measure_duplicates(["a"], 3) == (0.0, 0)


@pytest.mark.parametrize("period", [1, 7, 30, 400])
def test_the_loop_at_the_end_has_its_length(period: int) -> None:
    block = OTHER_WORDS[:period].replace(" ", "-")
    text = "Once upon a time: " + block * (500 // period + 4)

    assert find_tail_loop(text, rounds=3) == period * (500 // period + 4)


@pytest.mark.parametrize(
    "text", ["", "a", "aaa", "Nothing comes twice in here, or hardly.", OTHER_WORDS]
)
def test_a_text_without_loop_has_length_zero(text: str) -> None:
    assert find_tail_loop(text, rounds=3) == 0


def test_a_loop_that_is_cut_in_its_block_is_found() -> None:
    assert find_tail_loop("Well, " + "and so on and on, " * 9 + "and so", rounds=3) > 150


def test_an_empty_text_compresses_to_itself() -> None:
    assert measure_compression("") == 1.0


def test_a_loop_in_the_middle_is_found_at_the_end_of_its_paragraph(judged: Judge) -> None:
    looping = f"$$S = {'1/(1 - x) = ' * 20}1/(1 - x)$$"
    text = f"**A:** What is the sum?\n\n**B:** We have\n\n{looping}\n\n**A:** Thank you."

    assert "repetition" in judged(text).reasons


def test_steps_that_say_the_same_under_other_numbers_are_a_loop(judged: Judge) -> None:
    steps = (f"**{'AB'[n % 2]}:** Step {n}: check that 3 times 5 is 15." for n in range(12))

    assert "repetition" in judged("\n\n".join(steps)).reasons
