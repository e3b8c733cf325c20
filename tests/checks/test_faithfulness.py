"""new_numbers and lost_numbers: what a dialogue makes up, and what it leaves out."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
PAGE = (
    "A shop sells 120 pens at $1.50 each and 45 notebooks at 2.25 dollars. "
    "It was founded in 1987 and has $\\frac{15}{16}$ of the market, say 1,200 customers."
)
TALK = """\
**Teacher:** A shop sells 120 pens at 1.5 dollars and 45 notebooks at 2.25 dollars. {}

**Student:** Since 1987, I know. How many customers has it?

**Teacher:** It has 1{{,}}200 of them, which is $\\frac{{15}}{{16}}$ of the market.

**Student:** So nearly everybody goes there.
"""


def new(text: str, judged: Judge, source: str = PAGE) -> int:
    return judged(TALK.format(text), source=source).values["new_number_count"]  # type: ignore[return-value]


def test_a_faithful_dialogue_has_no_new_and_no_lost_number(judged: Judge) -> None:
    verdict = judged(TALK.format(""), source=PAGE)

    assert (verdict.reasons, verdict.tags) == ((), ())
    assert verdict.values["distinct_numbers"] == verdict.values["source_number_count"] == 8
    assert (verdict.values["new_number_count"], verdict.values["kept_number_share"]) == (0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "That makes $120 \\cdot 1.5 = 180$.",
        "The pens bring 180 dollars.",
        "Together they sell 165 things.",
        "They are 75 pens ahead.",
        "It costs \\approx 101.25 dollars.",
        "The rest is $= \\frac{17}{31}$.",
        "That is 150% of a dollar.",
        "He is the 23rd customer, in the 3rd row.",
        "There are 7 shops and 10 streets.",
        "Write $x_{5}$ and $x_12$ and H2O and SHA256.",
        "See\n11. this\n12. that\n13. and more",
        "See https://example.org/page/77777.",
        "Twice 120 is 240.",
    ],
)
def test_what_is_derived_or_counts_nothing_is_not_new(text: str, judged: Judge) -> None:
    assert new(text, judged) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The owner is 53.", 1),
        ("The owner is 53, and again 53.", 1),
        ("It is 3.7 miles away, 0.119 from the river.", 2),
        ("In 2024 it sold 77,777 pens.", 2),
    ],
)
def test_what_nobody_derives_is_new(text: str, count: int, judged: Judge) -> None:
    assert new(text, judged) == count


@pytest.mark.parametrize(
    ("page", "talk"),
    [
        ("It is 1,234.", "It is 1{,}234."),
        ("It is 1\\,234.", "It is 1234."),
        ("It is 0.50.", "It is .5."),
        ("It is $\\frac{31}{57}$.", "It is 31/57."),
        ("It is twenty-four.", "It is 24."),
        ("It is three hundred.", "It is 300."),
        ("It is 25%.", "It is 0.25."),
        ("It is 0.125.", "It is 12.5%."),
    ],
)
def test_one_number_in_two_spellings_is_one(page: str, talk: str, judged: Judge) -> None:
    assert judged(TALK.format(talk), source=PAGE + page).values["new_number_count"] == 0


def test_a_lost_number_may_come_back_in_words(judged: Judge) -> None:
    page = "There are 24 hours."

    assert judged("**Ada:** There are twenty-four.", source=page).values["kept_number_share"] == 1.0
    assert judged("**Ada:** There are hours.", source=page).values["kept_number_share"] == 0.0


def test_labels_are_no_numbers(judged: Judge) -> None:
    text = "**Student 11:** Why?\n\n**Student 12:** So.\n\n" * 2

    assert judged(text, source=PAGE).values["distinct_numbers"] == 0


def test_many_new_numbers_are_tagged(judged: Judge) -> None:
    verdict = judged(TALK.format("Born in 1931, 1957 and 2003, he is 1.93 tall."), source=PAGE)

    assert (verdict.reasons, verdict.tags) == ((), ("new_numbers",))
    assert verdict.values["new_number_share"] == pytest.approx(4 / 12)


def test_many_lost_numbers_are_tagged(judged: Judge) -> None:
    text = "**Ada:** A shop sells 120 pens.\n\n**Ben:** Many?\n\n" * 2

    verdict = judged(text, source=PAGE)

    assert "lost_numbers" in verdict.tags
    assert verdict.values["kept_number_share"] == pytest.approx(1 / 8)


FORMULAS = "From $x^2 = 5x - 6$ we get $(x - 2)(x - 3) = 0$, so $x = 2$ or $x = 3$.\n"


def test_a_source_of_few_numbers_loses_its_formulas(judged: Judge) -> None:
    text = "**Ada:** One has to think.\n\n**Ben:** Always?\n\n" * 2

    assert "lost_numbers" in judged(text, source=FORMULAS).tags
    assert "lost_numbers" not in judged(text, source="One has $x = 2$.").tags


@pytest.mark.parametrize(
    "line",
    [
        "It is $x^2=5x-6$.",
        "The product $(x - 2)(x - 3) = 0$ vanishes.",
        "The roots are two and three.",
        "We find $$x_1 + x_2 = 5, x = 2.$$",
    ],
)
def test_what_comes_back_as_a_formula_or_a_word_is_not_lost(line: str, judged: Judge) -> None:
    text = f"**Ada:** {line}\n\n**Ben:** I see.\n\n" * 2

    assert "lost_numbers" not in judged(text, source=FORMULAS).tags


def test_formulas_are_compared_without_blanks_and_delimiters(judged: Judge) -> None:
    source = "We have $a + b = c$ and \\[x^2\\] and $n$ and $y_1 - y_2$."
    text = "**Ada:** So $$a+b = c.$$\n\n**Ben:** And \\(x^2\\) too."

    assert judged(text, source=source).values["kept_formula_share"] == pytest.approx(2 / 3)


def test_the_ratio_of_lengths_is_in_characters(judged: Judge) -> None:
    assert judged("**Ada:** Hi!", source="abcd").values["length_ratio"] == 3.0


def test_without_a_source_nothing_is_new_or_lost(judged: Judge) -> None:
    values = judged(TALK.format("The owner is 53.")).values

    assert (values["new_number_count"], values["kept_number_share"]) == (0, 1.0)
    assert (values["kept_formula_share"], values["length_ratio"]) == (1.0, 0.0)
