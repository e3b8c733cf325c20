r"""Formulas are set where that is safe, and shown as they were written where it is not."""

import re

import pytest

from udfs.report.math import LONGEST, render_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$a_{1}$", "<msub><mi>a</mi>"),
        (r"\(x \le 2\)", "≤"),
        (r"$$\frac{1}{2}$$", "<mfrac>"),
        (r"\[\sqrt{2}\]", "<msqrt>"),
        (r"\begin{align} a &= b \\ c &= d \end{align}", "<mtable"),
        (r"$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$", "<mtable"),
        (r"$x < y$", "&lt;"),
    ],
)
def test_a_formula_is_mathml(text: str, expected: str) -> None:
    page = render_text(text)

    assert "<math" in page
    assert expected in page
    assert "$" not in page


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{1}$",
        r"$\left( x$",
        r"$x^2^3$",
        r"$\newcommand{\a}{bb}\a\a$",
        r"$$\begin{matrix} 1 & 2$$",
        "$" + "{" * 600 + "x" + "}" * 300 + "$",
        "$$" + "x+" * LONGEST + "x$$",
        "$" + r"\sqrt{" * 90 + "x" + "}" * 90 + "$",
    ],
)
def test_what_cannot_be_set_is_shown_as_it_was_written(text: str) -> None:
    page = render_text(text)

    assert "<math" not in page
    assert re.sub(r"</?code[^>]*>", "", page) == text.replace("&", "&amp;")


@pytest.mark.parametrize(
    "text",
    [
        r"$\text{<script>alert(1)</script>}$",
        r"$\text{&lt;script&gt;alert(1)}$",
        r"$\text{&#60;script&#62;}$",
        r"$\mathrm{<img src=x onerror=alert(1)>}$",
        r"$\style{background:red}{x}$ $\class{a}{x}$",
        r"$\href{javascript:alert(1)}{x}$",
        r'$\color{"><script>alert(1)</script>}{x}$',
        r"$\unicode{x3C}script\unicode{x3E}$",
        "`<script>` and\n```\n</code><script>\n```\n",
        "<script>alert(1)</script></style><img onerror=alert(1)>",
    ],
)
def test_nothing_of_a_text_becomes_markup(text: str) -> None:
    page = render_text(text)

    tags = set(re.findall(r"<(/?[a-zA-Z]+)", page))
    assert not tags & {"script", "/script", "img", "/style", "a", "style"}
    assert not re.search(r"<[^>]* (?:href|style|on\w+|id)=", page)


def test_no_length_reaches_far_out_of_its_place() -> None:
    page = render_text(r"$x\hspace{9999em}y \hspace{-9999em} z$")

    assert "9999" not in re.sub(r"<code.*?</code>", "", page)


def test_money_is_no_formula() -> None:
    assert render_text("It cost $5 and $6 & more.") == "It cost $5 and $6 &amp; more."
