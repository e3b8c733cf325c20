import time

import pytest
from hypothesis import given

from tests.text.strategies import pages, read_sample
from udfs.text.math_spans import find_spans, mask_spans


def spans_of(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind) for span in find_spans(text)]


def kinds_of(text: str) -> list[str]:
    return [span.kind for span in find_spans(text)]


@pytest.mark.parametrize(
    ("text", "span", "kind"),
    [
        ("let $x^2$ be", "$x^2$", "inline_math"),
        ("let $ x $ be", "$ x $", "inline_math"),
        ("date $ \\delta$ on", "$ \\delta$", "inline_math"),
        ("until $T $.", "$T $", "inline_math"),
        ("the $(T+2) \\times 2 $matrix", "$(T+2) \\times 2 $", "inline_math"),
        ("$\\text{even for $x$}$", "$\\text{even for $x$}$", "inline_math"),
        ("$5 mod 3$", "$5 mod 3$", "inline_math"),
        ("$\\$5$ each", "$\\$5$", "inline_math"),
        ("a \\(x\\) b", "\\(x\\)", "inline_math"),
        ("a $$x$$ b", "$$x$$", "display_math"),
        ("$$\n\nx = 1\n\n$$", "$$\n\nx = 1\n\n$$", "display_math"),
        ("a \\[x\\\\[2pt] y\\] b", "\\[x\\\\[2pt] y\\]", "display_math"),
        ("$$\\begin{cases}1\\end{cases}$$", "$$\\begin{cases}1\\end{cases}$$", "display_math"),
        ("```\n$a$\n```\nb", "```\n$a$\n```", "code_fence"),
        ("~~~py\na\n~~~", "~~~py\na\n~~~", "code_fence"),
        ("- a\n  ```\n  b\n  ```", "  ```\n  b\n  ```", "code_fence"),
        ("````\n```\n````", "````\n```\n````", "code_fence"),
        ("call `f($x)` now", "`f($x)`", "inline_code"),
        ("call ``a`b`` now", "``a`b``", "inline_code"),
        ("| a | $x$ |", "| a | $x$ |", "table"),
    ],
)
def test_what_belongs_together_is_one_span(text: str, span: str, kind: str):
    assert spans_of(text) == [(span, kind)]


def test_nested_environments_are_one_span():
    nested = "\\begin{align} a \\begin{align} b\n\n \\end{align} c \\end{align}"
    assert spans_of(f"So {nested} holds.") == [(nested, "environment")]


def test_environments_of_prose_are_no_span_but_their_formulas_are():
    assert spans_of("\\begin{proof} Let $x$ be. \\end{proof}") == [("$x$", "inline_math")]


def test_a_table_needs_no_outer_pipes():
    rows = ["n | n!", "--|--", "3 | 6"]
    assert spans_of("Look:\n\n" + "\n".join(rows) + "\n\nNo | row") == [(r, "table") for r in rows]


@pytest.mark.parametrize(
    "money",
    [
        "It is $5 and $6, or $7.",
        "costs $5. And 6$ too",
        "between $5-$10, $5/$10 or ($5)",
        "US$5 and A$6, about 5$ or 6$",
        "$1,000,000 (about a million) and 20$",
        "$5M, which is a lot, or 5$",
    ],
)
def test_money_is_no_formula(money: str):
    assert spans_of(money) == []


def test_formulas_beside_money_are_found():
    text = "You pay $5 for $n$ items; $k$ cost \\$20, and $x_1$ is $ 3 $."
    assert [t for t, _ in spans_of(text)] == ["$n$", "$k$", "$x_1$", "$ 3 $"]


@pytest.mark.parametrize("opener", ["$", "$x", "$$", "\\(", "\\[", "`", "```", "\\begin{align}"])
def test_an_opening_without_its_partner_swallows_nothing(opener: str):
    text = f"Look: {opener}\n\nThere are words here, and more of them. Then $y$ follows.\n\n$$z$$"
    assert spans_of(text) == [("$y$", "inline_math"), ("$$z$$", "display_math")]


def test_an_unclosed_fence_does_not_take_the_next_one():
    assert spans_of("```\nwords\n```py\nx\n```") == [("```py\nx\n```", "code_fence")]


def test_inline_math_ends_with_its_paragraph():
    assert spans_of("$x\n\ny$") == []


def test_quotation_marks_of_tex_are_no_code():
    assert spans_of("``a'' and ``b''") == []


def test_adjacent_formulas_stay_apart():
    assert [t for t, _ in spans_of("$a$$b$ and $$x$$$y$")] == ["$a$", "$b$", "$$x$$", "$y$"]


def test_masking_leaves_prose_and_words_of_tables():
    text = "Let $x$ be.\n\n| day | $n$ |\n\n```\ncode\n```\nEnd `f` at $5."
    assert mask_spans(text, "_") == "Let _ be.\n\n| day | _ |\n\n_\nEnd _ at $5."


@given(pages())
def test_spans_are_sorted_apart_and_inside_the_page(text: str):
    position = 0
    for span in find_spans(text):
        assert position <= span.start < span.end <= len(text)
        position = span.end


@given(pages())
def test_masking_with_nothing_keeps_what_is_no_span(text: str):
    assert len(mask_spans(text, "")) <= len(text)


def test_sample_pages_leave_no_delimiter_unread():
    for text in read_sample():
        assert "$$" not in mask_spans(text)


HOSTILE = [
    "$",
    "$ a",
    "{$",
    "$5 ",
    "\\[",
    "\\(",
    "`",
    "```\n",
    "|a|\n",
    "|-|-\n",
    "\\begin{a}",
    " ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_pages_take_linear_time(piece: str):
    started = time.process_time()
    find_spans(piece * (100_000 // len(piece)))
    # A quadratic step would take minutes: 10^10 comparisons.
    assert time.process_time() - started < 5
