"""Where a text ends, and where it only stops."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]


@pytest.mark.parametrize(
    "ending",
    [
        "That is all.",
        "Is that all?",
        "That is all!",
        'He said "that is all."',
        "(That is all.)",
        "**That is all.**",
        "And so on…",
        "So the area is $\\pi r^2$",
        "So the area is \\( \\pi r^2 \\)",
        "So\n$$x = 5$$",
        "So\n\\[\nx = 5\n\\]",
        "\\begin{align}\nx &= 5\n\\end{align}",
        "It is **$x = 5$**",
        "```\nprint(5)\n```",
        "Call `gcd`",
        "For the worst and the best:\n\n    worst: n(n-1)/2 moves\n    best:  0 moves",
        "Which was to be shown. ∎",
        "Which was to be shown ■",
        "Q.E.D.",
        "QED",
        "So the claim holds. $\\blacksquare$",
        "x = 5",
        "A = 12 cm²",
        "I like that 🙂",
        "Nice one 👍🏽",
        "See you tomorrow :)",
        "Thank you",
        "You're welcome",
        "*(They leave.)*",
        "(They leave)",
        "[End of the interview]",
        "**The end**",
        "That is all.\n\n---",
        "| n | n² |\n|---|---|\n| 2 | 4 |",
        "- add the two numbers\n- divide the sum by two",
        "1. add the two numbers\n2. divide the sum by two",
        "これで終わりです。",
    ],
)
def test_an_end(ending: str, judged: Judge) -> None:
    assert judged(f"**Teacher:** {ending}\n").values["has_end"] is True


@pytest.mark.parametrize(
    "ending",
    [
        "Two steps:\n\n- add.\n    - first the smaller and then",
        "So the area of the",
        "So the area is,",
        "So the area is:",
        "So the area is $\\pi r",
        "So\n$$x = 5",
        "So\n\\begin{align}\nx &= 5 \\\\",
        "```\nprint(5)",
        "We need three things:\n\n1.",
        "We need three things:\n\n- a ruler\n-",
        "We take a few of them, e.g.",
        "and then -",
        "**Stu",
        "**Student:**",
        "because (as we saw",
        "- add the two numbers.\n- divide the",
        "We get x = 5 and y",
    ],
)
def test_no_end(ending: str, judged: Judge) -> None:
    verdict = judged(f"**Teacher:** {ending}")

    assert (verdict.values["has_end"], verdict.reasons[0]) == (False, "truncated")


@pytest.mark.parametrize("facts", [{"finish_reason": "length"}, {"status": "length"}])
def test_the_limit_truncates_even_behind_a_full_stop(facts: dict[str, str], judged: Judge) -> None:
    verdict = judged("**Teacher:** That is all.", **facts)

    assert (verdict.values["cut_by_limit"], verdict.reasons[0]) == (True, "truncated")


def test_nothing_cannot_be_cut(judged: Judge) -> None:
    assert "truncated" not in judged("", status="empty").reasons
