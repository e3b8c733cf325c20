r"""Formulas of a text as MathML, everything else escaped.

The text is a model's or a page's: nothing of it may become markup. latex2mathml gives a tree, which
is written out here, since its own writer takes escapes in a formula back: `\text{<script>}` would
be a script. Elements and attributes other than those of plain formulas are refused, and where a
formula cannot be set, its TeX stands on the page as it was written.
"""

import html
import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

from udfs.text.math_spans import Span, find_spans

LONGEST = 2_000  # characters of a formula that is set; the longest of 135 real pages has 706
DEEPEST = 60  # elements in each other; a browser's own limit is some hundreds
MATH = frozenset({"inline_math", "display_math", "environment"})
CODE = frozenset({"inline_code", "code_fence"})
DELIMITERS = (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"))
# They could make a long text of a short one.
MACROS = re.compile(r"\\(?:re)?newcommand|\\providecommand|\\def\b|\\let\b")
ELEMENTS = frozenset(
    """
    math maction menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts
    mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none
    """.split()  # noqa: SIM905 - four lines of quotes say no more
)
# How many parts these have; with fewer a browser shows nonsense, and the formula lacks something.
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2} | {
    "msubsup": 3,
    "munderover": 3,
}
ATTRIBUTES = frozenset(
    """
    accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form
    height largeop linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines
    rowspacing rspace scriptlevel separator stretchy symmetric voffset width
    """.split()  # noqa: SIM905
)
# A word, a small number or a short length: nothing reaches far out of its place.
VALUE = re.compile(r"[a-z][a-z -]{0,40}|[+-]?\d?(?:\.\d{1,4})?(?:em|ex|px|pt|mu)?|100%")


class CannotBeSetError(ValueError):
    """A formula that has to be shown as it was written."""


def render_text(text: str) -> Markup:
    """A text with its formulas set and its code marked; all else is as it was written."""
    pieces, position = [], 0
    for span in find_spans(text):
        if span.kind in MATH or span.kind in CODE:
            pieces += [escape(text[position : span.start]), render_span(text, span)]
            position = span.end
    return Markup("").join([*pieces, escape(text[position:])])


def render_span(text: str, span: Span) -> Markup:
    """One formula, or one piece of code."""
    written = text[span.start : span.end]
    if span.kind in CODE:
        return Markup("<code>{}</code>").format(written)
    return render_formula(written, display=span.kind != "inline_math")


@lru_cache(maxsize=4096)
def render_formula(written: str, *, display: bool) -> Markup:
    """A formula with its delimiters as MathML, or its TeX where it cannot be set."""
    try:
        root = convert(strip_delimiters(written), display=display)
        math = Markup("".join(write_element(root, DEEPEST)))  # noqa: S704 - escaped there
    except Exception:  # noqa: BLE001 - the parser trips over anything, also by IndexError
        return Markup('<code class="tex">{}</code>').format(written)
    kind = "display" if display else "inline"
    return Markup('<span class="{}">{}</span>').format(kind, math)


def convert(tex: str, *, display: bool) -> Element:
    """The tree of a formula; raises whatever latex2mathml does, or CannotBeSetError."""
    if not tex.strip() or len(tex) > LONGEST or MACROS.search(tex):
        raise CannotBeSetError(tex[:80])
    return convert_to_element(tex, display="block" if display else "inline")


def strip_delimiters(written: str) -> str:
    """A formula without the dollars or brackets around it; an environment keeps its own."""
    for begin, end in DELIMITERS:
        if len(written) >= len(begin) + len(end) and written.startswith(begin):
            return written.removeprefix(begin).removesuffix(end)
    return written


def write_element(element: Element, depth: int) -> list[str]:
    """An element and what is in it; raises CannotBeSetError for what no plain formula has."""
    name = element.tag
    if name not in ELEMENTS or depth == 0 or len(element) != PARTS.get(name, len(element)):
        raise CannotBeSetError(name)
    pieces = [f"<{name}{write_attributes(element)}>", write_characters(element.text)]
    for child in element:
        pieces += [*write_element(child, depth - 1), write_characters(child.tail)]
    return [*pieces, f"</{name}>"]


def write_attributes(element: Element) -> str:
    """The harmless ones of an element's attributes."""
    kept = ((n, v) for n, v in element.attrib.items() if n in ATTRIBUTES and VALUE.fullmatch(v))
    return "".join(f' {name}="{html.escape(value)}"' for name, value in kept)


def write_characters(text: str | None) -> str:
    """What stands in an element: latex2mathml writes symbols as references, the rest is text."""
    return html.escape(html.unescape(text)) if text else ""
