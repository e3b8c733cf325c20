"""Formulas that do not close."""

from collections.abc import Callable

import pytest

from udfs.checks.latex_broken import count_errors
from udfs.checks.rules import Verdict
from udfs.text.math_spans import find_spans


def errors(text: str) -> int:
    return count_errors(text, find_spans(text))


@pytest.mark.parametrize(
    "text",
    [
        "So $x = 5$ and $$y = 6$$ and \\(z\\) and \\[w\\].",
        "It costs $5 and $6, or US$7, or 8$, or $1,200.50, or $3.5M.",
        "It costs \\$5, which is \\$1 more than $4.",
        "A set $\\{1, 2\\}$ and $\\left\\{ x \\right.$ and $\\leftarrow$.",
        "$$\\begin{cases} 1 \\\\[2pt] 2 \\end{cases}$$",
        "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}",
        "$\\frac{1}{2}$ of $\\text{all $n$ of them}$",
        "In code, `$x` and `\\[` are fine.",
        "```\necho $HOME \\( \\{\n```",
        "| $a$ | $\\frac{b}{c}$ |\n|---|---|\n| $5 | $6 |",
        "No formula at all.",
        "",
    ],
)
def test_whole_formulas_and_money_have_no_error(text: str) -> None:
    assert errors(text) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So $x = 5 is it.", 1),
        ("So $2x + 3 = 7 is it.", 1),
        ("So $2^n grows.", 1),
        ("So $$x = 5 is it.", 1),
        ("So \\[x = 5 is it.", 1),
        ("So x = 5\\) is it.", 1),
        ("So $\\frac{1}{2$ is it.", 1),
        ("So $$\\left( \\frac{1}{2} )$$ is it.", 1),
        ("$$\\begin{cases} 1 \\\\ 2$$", 1),
        ("\\begin{align}\na &= b", 1),
        ("\\end{align}", 1),
        ("$$\\frac{1$$ and $$\\frac{2$$", 2),
        ("| $\\frac{1$ | 2 |", 1),
    ],
)
def test_each_error_counts(text: str, expected: int) -> None:
    assert errors(text) == expected


LESSON = """\
**Teacher:** The page says $x = 5. Is that so?

**Student:** Yes, since $2x = 10$.

**Teacher:** And $y$?

**Student:** It is half of that.
"""


def test_an_error_of_its_own_rejects_a_dialogue(judged: Callable[..., Verdict]) -> None:
    verdict = judged(LESSON, source="The page says $x = 5$.")

    assert (verdict.reasons, verdict.values["extra_latex_errors"]) == (("latex_broken",), 1)


def test_an_error_of_the_source_is_forgiven(judged: Callable[..., Verdict]) -> None:
    verdict = judged(LESSON, source="The page says $x = 5.")

    assert (verdict.reasons, verdict.values["latex_errors"]) == ((), 1)
