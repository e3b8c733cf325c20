"""Equalities of numbers: true, false, or better left alone."""

import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.arithmetic.comparison import Truth
from udfs.arithmetic.equalities import MAX_EQUALITIES, find_equalities
from udfs.checks import false_arithmetic
from udfs.checks.base import Dialogue
from udfs.checks.rules import Verdict
from udfs.dialogue.styles import Style
from udfs.text.math_spans import find_spans

TRUE = (1, 0, 0)
FALSE = (0, 1, 0)
UNDECIDED = (0, 0, 1)
NOTHING = (0, 0, 0)


@pytest.fixture
def count(lesson: Style) -> Callable[[str], tuple[int, int, int]]:
    """How many equalities of a text are true, false and undecided."""

    def count_text(text: str) -> tuple[int, int, int]:
        counts = false_arithmetic.count_truths(Dialogue(text=text, source="", style=lesson))
        return counts[Truth.TRUE], counts[Truth.FALSE], counts[Truth.UNDECIDED]

    return count_text


Count = Callable[[str], tuple[int, int, int]]


@pytest.mark.parametrize(
    "text",
    [
        "7 * 8 = 56",
        "So 7 × 8 = 56, as you said.",
        "3 x 4 = 12",
        "12 ÷ 4 = 3",
        "12 / 4 = 3.",
        "(since 3 + 4 = 7)",
        "**3 + 4 = 7**",
        "3 + 4 = *7*",
        "1. 3 + 4 = 7",
        "- 3 + 4 = 7",
        "> 3 + 4 = 7",
        "2^10 = 1024",
        "2**10 = 1024",
        "5² = 25",
        "√9 = 3",
        "7 − 10 = -3",
        "7 – 3 = 4",
        "$7 \\cdot 8 = 56$",
        "\\(7 \\times 8 = 56\\)",
        "\\[ 2^{10} = 1024 \\]",
        "$$\\sqrt{144} = 12$$",
        "$\\sqrt[3]{27} = 3$",
        "$\\sqrt{\\frac{1}{4}} = \\frac12$",
        "$\\sqrt{8} = 2\\sqrt{2}$",
        "$8^{1/3} = 2$",
        "$\\frac{1}{2} + \\frac13 = \\dfrac56$",
        "$\\tfrac{3}{4} = 0.75$",
        "$\\left( 1 + 2 \\right)^2 = 9$",
        "$2(3 + 4) = 14$",
        "$(2)(3) = 6$",
        "$5! = 120$",
        "$\\binom{5}{2} = 10$",
        "$10^{-3} = 0.001$",
        "$\\boxed{3 + 4 = 7}$",
        "$(3 + 4 = 7)$",
        "$3 \\times 4 = 12 \\text{ apples}$",
        "$1 - 2 = -1 \\quad (1)$",
        "\\begin{equation} 3 + 4 = 7 \\label{e} \\end{equation}",
        "the area is $3 \\cdot 4 = 12$ square feet",
    ],
)
def test_what_is_true_is_true_in_prose_and_in_latex(text: str, count: Count) -> None:
    assert count(text) == TRUE


@pytest.mark.parametrize(
    "text",
    [
        "7 * 8 = 54",
        "So 7 × 8 = 54, as you said.",
        "(since 3 + 4 = 8)",
        "**3 + 4 = 8**",
        "- 3 x 4 = 13",
        "The total is 12 + 13 = 26 dollars.",
        "a total of 12 + 13 = 26",
        "Step 2: 12 + 13 = 26",
        "2**10 = 1000",
        "$7 \\cdot 8 = 54$",
        "\\[ 2^{10} = 1000 \\]",
        "$$\\sqrt{144} = 14$$",
        "$\\frac{1}{2} + \\frac{1}{3} = \\frac{2}{5}$",
        "$5! = 100$",
        "$2^{64} = 1.9 \\times 10^{18}$",
        "$(1 + 2)^2 = 1 + 4$",
        "Then $12 + 30 = 43$, and we go on.",
        "$24 = 5 \\cdot 5$",
        "$\\binom{5}{2} = 20$",
    ],
)
def test_what_is_certainly_false_is_false(text: str, count: Count) -> None:
    assert count(text) == FALSE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$5 + $6 = $11", TRUE),
        ("$5 + $6 = $12", FALSE),
        ("$\\$5 + \\$6 = \\$11$", TRUE),
        ("€1,200.50 - €200.50 = €1,000", TRUE),
        ("3 * $5 = $15", TRUE),
        ("$35/hour * 3 hours = $105", TRUE),
        ("5 dollars + 50 cents = 5.50 dollars", UNDECIDED),
        ("$1 = 100 cents", UNDECIDED),
        ("3 m + 4 m = 7 m", TRUE),
        ("3 m + 4 m = 8 m", FALSE),
        ("3 boxes * 12 eggs = 35 eggs", FALSE),
        ("3 apples + 4 pears = 8 fruits", UNDECIDED),
        ("3 feet = 36 inches", TRUE),
        ("2.4 kg = 240 g", FALSE),
        ("1.5 hours = 90 minutes", TRUE),
        ("10 feet = 3 m", UNDECIDED),
        ("150 cm = 1 m and 50 cm", UNDECIDED),
        ("1 cm = 10 km", UNDECIDED),
        ("$3 \\times 5 = 15 \\text{ cm}^2$", TRUE),
        ("40 + 50 = 1.5 hours", UNDECIDED),
        ("12 V / 4 = 4 V", FALSE),
        ("30 N + 20 N = 60 N", FALSE),
        ("4 N * 3 m = 12 J", TRUE),
        ("9.9 kJ / 3 = 2.3 kJ", FALSE),
        ("2 N + 1 = 7", UNDECIDED),
        ("2 N / 2 = 8", UNDECIDED),
        ("6 V - 2 = 3 V", UNDECIDED),
        ("8 * 1/16 = 1/4 inch", FALSE),
        ("3 * 2 = 3 pairs", UNDECIDED),
        ("so $0.0042 = 4.2 \\times 10^{-2}$", FALSE),
        ("so $300 = 3 \\times 10^{2}$", TRUE),
        ("so 0.0042 = 4.2 * 10-3", UNDECIDED),
        ("0.0042 = 4.2 * 10-3", UNDECIDED),
        ("60 km/h * 30 minutes = 30 km", UNDECIDED),
        ("1,234 + 1 = 1,235", TRUE),
        ("1,234 + 1 = 1,236", FALSE),
        ("$1{,}234 + 1 = 1{,}235$", TRUE),
        ("$1\\,234 + 1 = 1\\,235$", TRUE),
        ("25% of 80 = 20", TRUE),
        ("25% of 80 = 25", FALSE),
        ("$15\\% \\cdot 200 = 30$", TRUE),
        ("3/4 * 100 = 75%", TRUE),
        ("$50\\% = \\frac12$", TRUE),
        ("1/3 = 33%", TRUE),
        ("100 + 10% = 110", TRUE),
        ("100 + 10% = 120", UNDECIDED),
        ("350° + 20° = 10°", UNDECIDED),
    ],
)
def test_money_units_and_percents(text: str, expected: tuple[int, ...], count: Count) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/3 = 0.33", TRUE),
        ("2/3 = 0.67", TRUE),
        ("2/3 = 0.66", TRUE),
        ("2/3 = 0.68", FALSE),
        ("1/3 = 0.5", FALSE),
        ("$\\sqrt{2} = 1.414$", TRUE),
        ("$\\sqrt{2} = 1.6$", FALSE),
        ("$2^{64} = 1.8 \\times 10^{19}$", TRUE),
        ("$\\pi = 3.14$", TRUE),
        ("$\\pi \\approx 3.14$", TRUE),
        ("$2\\pi = 6.28$", TRUE),
        ("$\\pi = \\frac12$", UNDECIDED),
        ("0.33 * 3 = 1", UNDECIDED),
        ("3.14 * 2 = 6.2832", UNDECIDED),
        ("7 / 2 = 3", UNDECIDED),
        ("10/3 = 3", UNDECIDED),
        ("17 / 5 = 3 remainder 2", UNDECIDED),
        ("$2^{10} \\approx 1000$", UNDECIDED),
        ("3 * 4 ≈ 12", TRUE),
        ("That is roughly 19 * 21 = 400.", UNDECIDED),
        ("1.5 * 4 = 7", FALSE),
        ("180 / 1.2 = 160", FALSE),  # 1.125 would be printed 1.1 or 1.13
        ("180 / 1.2 = 155", UNDECIDED),
        ("180 / 1.2 = 140", UNDECIDED),
        ("3 / 0.7 = 4.5", UNDECIDED),
        ("1/3 - 1 = -0.67", TRUE),
        ("1/3 - 1 = -0.66", TRUE),
        ("1/3 - 1 = -0.68", FALSE),
        ("10 / 3 = 3.34", UNDECIDED),
        ("$\\frac{10}{3} = 3.34$", UNDECIDED),
        ("$25 / 12 = $2.09", UNDECIDED),
        ("10 / 3 = 3.35", FALSE),
        ("$10 / 3 = $3.32", FALSE),
        ("23/10 + 1/2 = 2.9", FALSE),
    ],
)
def test_a_rounding_is_not_false(text: str, expected: tuple[int, ...], count: Count) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2^2 = 4", TRUE),
        ("-2^2 = -4", TRUE),
        ("2^3^2 = 512", TRUE),
        ("10/2*5 = 1", TRUE),
        ("10/2*5 = 7", FALSE),
        ("2 + 2 = 4!", TRUE),
        ("2 + 2 = 5!", FALSE),
        ("60 / 15 = 4 (15 minutes)", TRUE),
        ("pages 3-5 = 3 pages", UNDECIDED),
        ("$2\\frac{1}{2} = \\frac52$", TRUE),
        ("$1/0 = 5$", UNDECIDED),
        ("$0^0 = 2$", UNDECIDED),
        ("$\\sqrt{-1} = 3$", UNDECIDED),
        ("2 + 3 = 5 + 4 = 9", (1, 0, 1)),
    ],
)
def test_what_can_be_read_in_two_ways_is_read_kindly(
    text: str, expected: tuple[int, ...], count: Count
) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$3 \\cdot 4 = 12 = 10 + 2$", (2, 0, 0)),
        ("$x = 3 \\cdot 4 = 12$", TRUE),
        ("$x = 3 \\cdot 4 = 13$", FALSE),
        ("$2 < 1 + 2 = 3 \\le 4$", TRUE),
        ("\\begin{align} 3 \\cdot 4 &= 12 \\\\ &= 10 + 2 \\end{align}", (2, 0, 0)),
        ("\\begin{align} 3 \\cdot 4 &= 12 \\\\ &= 10 + 3 \\end{align}", (1, 1, 0)),
        ("\\begin{align}\n3 \\cdot 4 &= 12 \\\\\n&= 10 + 3\n\\end{align}", (1, 1, 0)),
        ("\\begin{align}\n3 \\cdot 4 &= 12 \\\\\n\n5 + 1 &= 6\n\\end{align}", (2, 0, 0)),
        ("$$\n3 + 4\n= 8\n$$", FALSE),
        ("$$1 + 1 = 2, \\quad 2 + 2 = 5$$", (1, 1, 0)),
        ("$3 + 4 = 7 \\implies 4 + 3 = 7$", (2, 0, 0)),
        ("Then 3 + 4 = 7 and 7 * 2 = 14.", (2, 0, 0)),
    ],
)
def test_chains_are_judged_link_by_link(text: str, expected: tuple[int, ...], count: Count) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 times 8 is 56.", TRUE),
        ("7 times 8 is 54.", FALSE),
        ("So 63 minus 17 is 44.", FALSE),
        ("54 and 9 makes 63", TRUE),
        ("54 and 9 makes 62", FALSE),
        ("15% of $84 is $12.60, your discount.", TRUE),
        ("15% of $84 is $13.40, your discount.", FALSE),
        ("29 less 12.50 leaves 17.50 euros.", FALSE),
        ("336 divided by 6 is 65.", FALSE),
        ("8 times 7 times 6 is 336.", TRUE),
        ("0.05 × $71.60, which is $3.58", TRUE),
        ("12 + 15 + 9 makes a total of 35.", FALSE),
        ("seven factorial equals 5400", FALSE),
        ("$7$ times $8$ is $56$", TRUE),
        # What stands around it may be a part of it.
        ("the product of 3 plus 4 is 12", UNDECIDED),
        ("10% of 10% of 200 is 2", UNDECIDED),
        ("half of 3 plus 4 is 5", UNDECIDED),
        ("3 plus 4 times 2 is 14", UNDECIDED),
        ("17 divided by 5 leaves 2.", UNDECIDED),
        ("thirty four divided by two is 17", UNDECIDED),
        ("Pages 3 - 5 is 3.", UNDECIDED),
        ("3, 4 and 5 make 12.", UNDECIDED),
        ("The factors 4 and 6 make 24.", UNDECIDED),
        ("The absolute value of 3 minus 5 is 2.", UNDECIDED),
        ("$2 \\cdot 3$ plus 4 is 10.", UNDECIDED),
        ("x * 3 + 2 is 11.", UNDECIDED),
        # And these are no equalities.
        *(
            (sentence, NOTHING)
            for sentence in (
                "9 times 7 is 6 tens and 3",
                "8 times 8 is 60 and 4",
                "17 divided by 5 is 3 with 2 left over",
                "6 times 8 is 8 more than 40",
                "5 times 3 is 5 groups of 3",
                "3 squared plus 4 squared is 25.",
                "One third plus two thirds is one.",
                "3 tens plus 4 is 34.",
                "$5 minus 75 cents is $4.25.",
                "3 nickels plus 2 dimes is 35 cents.",
                "500 times 4 is 2 000.",
                "9 plus 4 is 3, carry 1.",
                "4 times 6 is $3 \\cdot 8$",
                "3 of 12 is 25%.",
                "5 times 60 is 5 hours",
                "3 timeſ 4 is 12.",
            )
        ),
        ("12 less than 30 is 18", NOTHING),
        ("2 and 3 are 2 of the primes", NOTHING),
        ("2x plus 3 is 7", NOTHING),
        ("10^3 minus 1 is 99", NOTHING),
        ("7 times 8 is about 60", NOTHING),
        ("`7 times 8 is 54`", NOTHING),
    ],
)
def test_what_is_said_in_words_counts_too(
    text: str, expected: tuple[int, ...], count: Count
) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$\\sqrt{85} \\approx 9.2$", TRUE),
        ("$\\sqrt{85} \\approx 9.6$", FALSE),
        ("$\\sqrt{30} \\approx 5.74$", FALSE),
        ("$17 \\cdot 23 \\approx 400$", UNDECIDED),
        ("$365 / 12 \\approx 30$", UNDECIDED),
        ("$365 / 12 \\approx 37$", FALSE),
        ("$\\frac{22}{7} \\approx 3.1$", TRUE),
        ("$\\log_2 64 = 6$", TRUE),
        ("$\\log_2 64 = 5$", FALSE),
        ("$\\log_{10} 1000 = 3$", TRUE),
        ("$\\ln 20 \\approx 2.996$", TRUE),
        ("$\\ln 20 \\approx 2.796$", FALSE),
        ("$\\log 100 = 5$", NOTHING),
        ("$\\log_2 8 \\cdot 4 = 5$", UNDECIDED),
        ("$e^{-0.5} \\approx 0.6065$", TRUE),
        ("$e^{-0.5} \\approx 0.6605$", FALSE),
        ("$e^2 = 1$", UNDECIDED),
        ("$6.4^2 = 40.96$", TRUE),
        ("$6.4^2 = 40.69$", FALSE),
        ("$6.4^2 = 41.3$", UNDECIDED),
        ("1.4 × 1.4 = 2.00", UNDECIDED),
        ("3.1 × 2.5 = 7.85", UNDECIDED),
        ("$365 \\times 24 \\times 3600 \\approx 31.5 \\text{ million}$", UNDECIDED),
        ("$1/3 \\approx 33$%", UNDECIDED),
        ("$148 + 251 \\approx 350$", UNDECIDED),
        ("$\\ln(10^{-400}) = -921$", UNDECIDED),
        ("$4 : 6 : 8 = 2 : 3 : 4$", UNDECIDED),
        ("72 : 3.6 = 20", TRUE),
        ("72 : 3.6 = 25", FALSE),
    ],
)
def test_roots_logarithms_and_decimals_are_worked_out(
    text: str, expected: tuple[int, ...], count: Count
) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In binary, 10 + 11 = 101.", UNDECIDED),
        ("In binary we know 16 + 4 + 2 = 24.", FALSE),
        ("Hexadecimal: 9 + 8 = 11.", UNDECIDED),
        ("In base 5, 3 + 4 = 12.", UNDECIDED),
        ("In base 5, 3 + 4 = 11.", FALSE),
        ("Work mod 7. There 3 * 5 = 1.", UNDECIDED),
        ("Work mod 7. There 3 * 5 = 2.", FALSE),
        ("The moduli of both: $\\sqrt{13 \\cdot 17} = \\sqrt{231}$", FALSE),
    ],
)
def test_another_arithmetic_excuses_only_what_is_true_in_it(
    text: str, expected: tuple[int, ...], count: Count
) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2x + 3 = 7",
        "$2x + 3 = 7$",
        "f(2) = 5",
        "$x_1 = 3$",
        "$n! = 7$",
        "$|S| = 5$",
        "10 = n",
        "$a[3] = 4$",
        "$2 + 3 = 5 \\cdot x$",
        "$\\sum_{i=1}^{3} = 7$",
        "$\\gcd(4, 6) = 3$",
        "$\\log 100 = 3$",
        "$P(X = 1) = 0.5$",
        "$(1, 2) = 3$",
        "$\\{1, 2\\} = 3$",
        "$101_2 + 1_2 = 110_2$",
        "$\\begin{pmatrix} 1 & 2 \\\\ 3 = 4 \\end{pmatrix} = 3$",
        "3:4 = 6:9",
        "version 1.2.3 = 1.2.4",
        "at 10:30 = 11:30",
        "3 + 4 \\neq 8",
        "3 + 4 <= 8",
        "`x = 2 + 2 = 5`",
        "```\nx = 2 + 2 = 5\n```",
        "| 2 + 2 = 5 |\n|---|\n| 3 |",
        "The answer is 42.",
        "",
    ],
)
def test_what_is_not_numbers_alone_is_no_equality(text: str, count: Count) -> None:
    assert count(text) == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "We add 3 and get the sum of 3 and 4 + 5 = 12.",
        "half of 3 + 5 = 4",
        "log of 100 + 3 = 7",
        "12 + 2 = 7 times 2",
        "2000 * 3000 = 6 million",
        "half of $3 + 5 = 4$",
        "$12 + 2 = 7$ times 2",
        "$n$ - 3 + 1 = 7",
        "2 * 3 = 5 $x$",
        "1 + 2 + ... + 10 = 54",
        "$1 + 2 + \\dots + 10 = 54$",
        "$0.999\\ldots = 1$",
        "$1 = 0$",
        "5 = 7",
    ],
)
def test_what_is_cut_by_words_or_dots_is_undecided(text: str, count: Count) -> None:
    assert count(text)[1] == 0


@pytest.mark.parametrize(
    "text",
    [
        "$7 + 8 = 3 \\pmod{12}$",
        "Modulo 12 we have $7 + 8 = 3$.",
        "On a clock, 10 + 5 = 3.",
        "In binary, 1 + 1 = 10.",
        "1 + 1 = 10",
        "1 + 1 = 0",
        "11 + 1 = 100",
        "In base 5, 3 + 4 = 12.",
        "$7 \\cdot 8 \\equiv 1$, so $2 \\cdot 3 = 1$",
        "In $\\mathbb{Z}_5$ we have $3 \\cdot 4 = 2$.",
    ],
)
def test_another_arithmetic_is_undecided(text: str, count: Count) -> None:
    assert count(text)[1] == 0


@pytest.mark.parametrize(
    "text",
    [
        "Suppose 2 + 2 = 5.",
        "Suppose that\n$$2 + 2 = 5.$$",
        "Suppose 2 + 2 = 5. Then 2 + 3 = 6.",
        "What if 2 + 2 = 5? Nothing.",
        "If 2 + 2 = 5, then I am the Pope.",
        "Is 2 + 2 = 5?",
        "2 + 2 = 5 is wrong.",
        "It is not true that 2 + 2 = 5.",
        "That doesn't mean 2 + 2 = 5.",
        "We would get 2 + 2 = 5.",
        "Then $2 \\cdot 3 = 7$, a contradiction.",
        "Then $2 \\cdot 3 = 7$. That is absurd!",
        "$$2 \\cdot 3 = 7$$\n\nwhich is impossible.",
        "He claims 2 + 2 = 5.",
        "2 + 2 = 5 ❌",
        "2 + 2 = 5. Wait, that is not right.",
        "2 + 2 = 5. Later: 2 + 2 = 4.",
    ],
)
def test_what_is_doubted_assumed_or_taken_back_is_not_false(text: str, count: Count) -> None:
    assert count(text)[1] == 0


@pytest.mark.parametrize(
    "text",
    [
        "When $x = 2$, we get $f(2) - 1 = 6$.",
        "$x = \\frac{3 \\pm 1}{2} = 5$",
        "9 + 4 = 1 hour later",
        "2 million * 3 = 6,000,000",
        "$0.1\\overline{6} = \\frac16$",
        "$\\lfloor 7/2 \\rfloor = 3$",
        "$|-3| + 2 = 1$",
        "$i^2 = -1$",
        "$3 + 4i + 2 = 9$",
        "$\\sin(30^\\circ) = 1/2$",
        "$\\log_2 8 = 3$",
        "$\\left[ \\frac{x^2}{2} \\right]_0^1 = \\frac{1}{2}$",
        "$\\begin{vmatrix} 1 & 2 \\\\ 3 & 4 \\end{vmatrix} = -2$",
        "3,5 + 2,5 = 6",
        "$5P2 = 20$ and 5C2 = 10",
        "3e8 = 300000000",
        "10 // 3 = 3",
        "7 % 3 = 1",
        "0x10 = 16",
        "$(101)_2 = 5$",
        "20% off $50 = $40",
        "$40 + 15% tip = $46",
        "5 km = 5000 m",
        "2 1/2 + 1 = 3 1/2",
        "twenty-5 + 3 = 28",
        "$R_2 - 2 R_1: 4 - 2 \\cdot 2 = 0$",
        "1/6 (21) = 3.5",
        "0.1 + 0.2 = 0.30000000000000004",
        "3 000 + 200 = 3 200",
        "In $F_7$: 3 + 5 = 1",
        "4 rows of 6 = 24 chairs",
        "there are 2 pairs of 3 = 6 in all",
        "12 is 3 more than 9 = 3 * 3",
        "1 << 3 = 8",
        "$5!! = 15$",
        "$\\pi(10) = 4$",
        "$180° = \\pi$",
        "$\\frac{1}{5} = 20$ percent",
    ],
)
def test_what_looks_false_to_a_hasty_reader_is_not(text: str, count: Count) -> None:
    assert count(text)[1] == 0


LESSON = """\
**Teacher:** How do we get the area of the garden?

**Student:** We multiply, so it is {first}.

**Teacher:** {reply} And the fence around it?

**Student:** Both sides twice, which makes {second}.

**Teacher:** Then we can order the wood.
"""


def test_two_uncorrected_errors_reject(judged: Callable[..., Verdict]) -> None:
    text = LESSON.format(first="$7 \\cdot 8 = 54$", reply="Good.", second="2 * 7 + 2 * 8 = 32")

    verdict = judged(text)

    assert verdict.reasons == ("false_arithmetic",)
    assert verdict.values["false_equalities"] == 2


def test_one_error_is_forgiven(judged: Callable[..., Verdict]) -> None:
    text = LESSON.format(first="$7 \\cdot 8 = 54$", reply="Good.", second="2 * 7 + 2 * 8 = 30")

    verdict = judged(text)

    assert verdict.reasons == ()
    assert (verdict.values["true_equalities"], verdict.values["false_equalities"]) == (1, 1)


@pytest.mark.parametrize(
    "reply",
    [
        "Careful.",
        "I get 56, look again.",
        "No, try again.",
        "That isn't right.",
        "Hmm.",
        "Count once more: $7 \\cdot 8 = 56$.",
        "Count once more: 7 * 8 = 56.",
        "Turned round, $8 \\times 7 = 56$.",
    ],
)
def test_what_the_next_speaker_corrects_does_not_count(
    reply: str, judged: Callable[..., Verdict]
) -> None:
    text = LESSON.format(first="$7 \\cdot 8 = 54$", reply=reply, second="2 * 7 + 2 * 8 = 32")

    assert judged(text).values["false_equalities"] == 1


DOUBTED = """\
**Teacher:** The garden has $7 \\cdot 8 = 54$ square feet.

**Student:** {doubt}

**Teacher:** {answer}

**Student:** And the fence?

**Teacher:** It is 2 * 7 + 2 * 8 = 32 feet long.
"""


@pytest.mark.parametrize(
    ("doubt", "answer"),
    [
        ("Hmm, are you sure?", "Quite sure. Now the fence."),
        ("Isn't seven times eight something else?", "It is all the same, trust me."),
        ("Wait, should it be so small?", "There is no mistake."),
        ("Are you sure? Well, if you say so.", "Good."),
        ("Hmm. Did you slip?", "Never mind, it is good enough."),
    ],
)
def test_a_doubt_that_is_brushed_aside_corrects_nothing(
    doubt: str, answer: str, judged: Callable[..., Verdict]
) -> None:
    text = DOUBTED.format(doubt=doubt, answer=answer)

    assert judged(text).values["false_equalities"] == 2


@pytest.mark.parametrize(
    ("doubt", "answer"),
    [
        ("Hmm, are you sure?", "You have sharp eyes."),
        ("Hmm, are you sure?", "Quite sure. Oh wait, I was wrong."),
        ("Are you sure?", "Trust me. Or count: it is 56."),
        ("That is not right.", "I am quite sure."),
        ("I get 56.", "I am quite sure."),
        ("Hmm?", "Anyway, you are right that I made a mistake."),
        ("Hold on, I count 56 squares.", "Well spotted! In any case the method stands."),
        ("Careful: seven eights are 56.", "Thank you. The method still holds."),
        ("Wait, isn't that 56?", "No need to write it again."),
        ("Hmm, isn't seven times eight fifty-six?", "No doubt about it."),
        ("Hmm, did you slip?", "Good catch! Either way the method stands."),
    ],
)
def test_a_doubt_that_somebody_follows_counts(
    doubt: str, answer: str, judged: Callable[..., Verdict]
) -> None:
    text = DOUBTED.format(doubt=doubt, answer=answer)

    assert judged(text).values["false_equalities"] == 1


def test_a_doubt_of_what_is_not_whole_counts(judged: Callable[..., Verdict]) -> None:
    text = DOUBTED.format(doubt="Hmm, are you sure?", answer="Quite sure.")
    broken = text.replace("7 \\cdot 8 = 54", "3 / 2 + 1 = 3.5")

    assert judged(broken).values["false_equalities"] == 1


@pytest.mark.parametrize("reply", ["Great, thanks!", "And what about the fence?"])
def test_whoever_does_not_doubt_brushes_nothing_aside(
    reply: str, judged: Callable[..., Verdict]
) -> None:
    counts = [
        judged(DOUBTED.format(doubt=reply, answer=answer)).values["false_equalities"]
        for answer in ("Anyway, now the fence.", "Now the fence.")
    ]

    assert counts[0] == counts[1]


def test_what_is_corrected_after_a_doubt_was_brushed_aside_does_not_count(
    judged: Callable[..., Verdict],
) -> None:
    text = DOUBTED.format(doubt="Hmm?", answer="Quite sure.").replace(
        "And the fence?", "I count and get 56. And the fence?"
    )

    assert judged(text).values["false_equalities"] == 1


@pytest.mark.parametrize(
    ("first", "reply"),
    [
        ("$7 \\cdot 8 = 54$", "The other class has $40 + 16 = 56$ pupils."),
        ("$7 \\cdot 8 = 54$", "And $56 / 7 = 8$, as we saw."),
        ("$2.5 \\cdot 4 = 11$", "The other class has $6 + 4 = 10$ pupils."),
    ],
    ids=["another sum of that value", "the value as an operand", "as many numbers"],
)
def test_an_equality_of_something_else_corrects_nothing(
    first: str, reply: str, judged: Callable[..., Verdict]
) -> None:
    text = LESSON.format(first=first, reply=reply, second="2 * 7 + 2 * 8 = 32")

    assert judged(text).values["false_equalities"] == 2


def test_steps_that_work_it_out_anew_correct_it(judged: Callable[..., Verdict]) -> None:
    text = LESSON.format(
        first="$2 + 3 \\cdot 4 = 20$", reply="$3 \\cdot 4 = 12$ and $2 + 12 = 14$.", second="done"
    )

    assert judged(text).values["false_equalities"] == 0


@pytest.mark.parametrize(
    "reply", ["You don't have to write the units.", "Nice that the sum isn't the whole story."]
)
def test_a_not_about_something_else_corrects_nothing(
    reply: str, judged: Callable[..., Verdict]
) -> None:
    text = LESSON.format(first="$7 \\cdot 8 = 54$", reply=reply, second="2 * 7 + 2 * 8 = 32")

    assert judged(text).values["false_equalities"] == 2


def test_a_no_to_a_later_question_is_none_to_the_sum(judged: Callable[..., Verdict]) -> None:
    text = (
        "**Teacher:** $180 / 12 = 16$.\n\n**Student:** May I take 20 off?\n\n"
        "**Teacher:** No. And $7 * 8 = 54$.\n\n**Student:** Good.\n"
    )

    assert judged(text).values["false_equalities"] == 2


def test_a_proof_by_contradiction_may_calculate_wrongly(judged: Callable[..., Verdict]) -> None:
    text = (
        "**Expert:** Assume there were a largest number, and call it $5$, so that $5 = 5 + 1$.\n\n"
        "**Layman:** And then?\n\n"
        "**Expert:** We take $5$ away:\n\n$$0 + 0 = 1 + 0$$\n\nand $2 + 2 = 2 + 3$.\n\n"
        "**Layman:** That is a contradiction. So there is none.\n"
    )

    assert judged(text).values["false_equalities"] == 0


def test_the_limit_decides(lesson: Style) -> None:
    dialogue = Dialogue(text="7 * 8 = 54", source="", style=lesson)
    strict = false_arithmetic.Limits(action="gate", max_false=0)
    lenient = false_arithmetic.Limits(action="gate", max_false=1)

    assert false_arithmetic.check(dialogue, strict).reason == "false_arithmetic"
    assert false_arithmetic.check(dialogue, lenient).reason is None


Tree = tuple[str, str, int]  # in prose, in LaTeX, and its value


def join(operator: str, left: Tree, right: Tree) -> Tree:
    values = {"*": left[2] * right[2], "+": left[2] + right[2], "-": left[2] - right[2]}
    sign = "\\cdot" if operator == "*" else operator
    return (
        f"({left[0]}) {operator} ({right[0]})",
        f"\\left({left[1]}\\right) {sign} \\bigl({right[1]}\\bigr)",
        values[operator],
    )


NUMBERS = st.integers(2, 99).map(lambda n: (str(n), f"{{{n}}}", n))
SUMS = st.builds(join, st.sampled_from("+-*"), NUMBERS, NUMBERS)
TREES = st.recursive(
    SUMS,
    lambda inner: st.builds(join, st.sampled_from("+-*"), inner, inner | NUMBERS),
    max_leaves=5,
)


def judge_alone(text: str) -> list[Truth]:
    return [equality.truth for equality in find_equalities(text, find_spans(text))]


@settings(max_examples=150, deadline=None)
@given(tree=TREES)
def test_every_calculation_has_its_value_in_prose_and_in_latex(tree: Tree) -> None:
    prose, latex, value = tree

    for text in (f"So: {prose} = {value}.", f"${latex} = {value}$", f"\\[{value} = {latex}\\]"):
        assert judge_alone(text) == [Truth.TRUE]


@settings(max_examples=150, deadline=None)
@given(tree=TREES, wrong=st.integers(1, 50))
def test_another_value_is_never_true(tree: Tree, wrong: int) -> None:
    prose, latex, value = tree

    for text in (f"So: {prose} = {value + wrong}.", f"${latex} = {value + wrong}$"):
        assert judge_alone(text) == [Truth.FALSE]


@settings(max_examples=150, deadline=None)
@given(top=st.integers(1, 999), bottom=st.integers(2, 999), places=st.integers(2, 6))
def test_a_fraction_equals_its_rounded_and_its_cut_decimal(
    top: int, bottom: int, places: int
) -> None:
    scaled = top * 10**places
    for digits in {scaled // bottom, (2 * scaled + bottom) // (2 * bottom)} - {0}:
        decimal = f"{digits // 10**places}.{digits % 10**places:0{places}d}"
        assert judge_alone(f"$\\frac{{{top}}}{{{bottom}}} = {decimal}$") == [Truth.TRUE]


SIGNS = st.sampled_from(
    [
        "=",
        "==",
        "≈",
        "+",
        "-",
        "*",
        "/",
        "^",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "$",
        "$$",
        "\\[",
        "\\]",
        "\\(",
        "\\)",
        "!",
        "%",
        ",",
        ".",
        "...",
        "&",
        "\\\\",
        "1",
        "2",
        "10",
        "0",
        "0.5",
        "1,234",
        ".5",
        "\\frac\n",
        "",
        "",
        "",
        "\\sqrt",
        "\\binom",
        "\\cdot",
        "\\times",
        "\\pi",
        "\\text{",
        "\\left",
        "\\right",
        "\\begin{align}",
        "\\end{align}",
        "x",
        "of",
        "and\n",
        "",
        "",
        "",
        "kg",
        "apples",
        "²",
        "√",
        "€",
        "٣",
        "½",
        "\\equiv",
        "\n",
        "�",
        "mod",
        "**",
        "`",
    ]
)


@settings(max_examples=400, deadline=None)
@given(text=st.lists(SIGNS | st.text(max_size=4), max_size=30).map(" ".join))
def test_no_text_raises(text: str, lesson: Style) -> None:
    false_arithmetic.count_truths(Dialogue(text=text, source="", style=lesson))


@pytest.mark.parametrize(
    "text",
    [
        "2" + "^9" * 300 + " = 3",
        "$" + "9^{" * 200 + "9" + "}" * 200 + " = 3$",
        "(" * 400 + "1" + ")" * 400 + " = 2",
        "$" + "\\sqrt" * 190 + "{2} = 1$",
        "$" + "\\frac{1}{" * 90 + "3" + "}" * 90 + " = 1$",
        "1" + "!" * 300 + " = 3",
        "170! ^ 170 = 3",
        "9" * 900 + " = 2 + 1",
        " + ".join(f"1/{n}" for n in range(2, 140)) + " = 3",
        "- " * 300 + "1 = 1",
        "$2^{0.123456789} = 3$",
        "$(-8)^{1/3} = 3$",
        "$10^{-10000} = 0$",
    ],
)
def test_monsters_are_undecided_at_most(text: str, count: Count) -> None:
    assert count(text)[1] == 0


@pytest.mark.parametrize(
    "piece",
    ["1+1=3 ", "1=", "$1+1=3$ ", "7 * 8 = 54. ", "=", "9", "$170! = 3$ ", "x1=", "1 + ", "\n= 1"],
)
def test_a_megabyte_costs_no_more_than_its_first_equalities(piece: str, lesson: Style) -> None:
    dialogue = Dialogue(text=piece * (1_000_000 // len(piece)), source="", style=lesson)
    assert isinstance(dialogue.spans, list)  # found before the clock starts
    start = time.process_time()

    counts = false_arithmetic.count_truths(dialogue)

    assert counts.total() <= MAX_EQUALITIES + 300
    assert time.process_time() - start < 5


def test_deep_nesting_needs_no_deep_stack(lesson: Style) -> None:
    limit = sys.getrecursionlimit()
    text = "$" + "(" * 140 + "1" + ")" * 140 + " = 2$"

    sys.setrecursionlimit(limit - 400)
    try:
        false_arithmetic.count_truths(Dialogue(text=text, source="", style=lesson))
    finally:
        sys.setrecursionlimit(limit)
