r"""Spans of a page that are never cut: formulas, environments, code and table rows.

One pass from left to right over the page's delimiters. Fenced code goes first, as in Markdown:
nothing else reaches across it. Every search for a closing delimiter looks it up in a sorted list
of positions and is bounded, so the time grows with the length of the page alone, and an opening
delimiter whose partner is missing never swallows what follows.

The chunker keeps these spans whole; the checks read prose with them masked.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from udfs.text.blocks import LONGEST_RUN, find_fences, find_rows
from udfs.text.math_words import is_inline_math, is_prose

# Bounds in characters, several times what 135 real pages hold (see the numbers beside each):
# they only end the search of a delimiter whose partner is missing.
INLINE_LIMIT = 1_000  # longest real one: 192
DISPLAY_LIMIT = 8_000  # longest real one: 706
ENVIRONMENT_LIMIT = 20_000
MORE_DOLLARS = 4  # `$` tried beyond the first while braces are open, as in $\text{for $x$}$

# Environments that hold paragraphs: text in them may be cut between sentences.
PROSE_ENVIRONMENTS = frozenset(
    """
    abstract algorithm answer center claim conjecture corollary definition description document
    enumerate example exercise figure flushleft flushright itemize lemma minipage note problem
    proof proposition question quotation quote remark remarks solution table theorem
    """.split()  # noqa: SIM905 - thirty lines of quotes say no more
)

OPENER = re.compile(
    r"\\[\\$`]|(?P<bracket>\\[\[(])|(?P<begin>\\begin[ ]?\{)|(?P<ticks>`+)|(?P<dollars>\$\$?)"
)
ENVIRONMENT = re.compile(r"(?<!\\)(?:\\\\)*\\(?P<side>begin|end)[ ]?\{(?P<name>[A-Za-z]+)\*?\}")
# A backslash takes what follows it along, so that an escaped delimiter is none. Each begins with a
# character of its own, which the regex engine looks for much faster than for what stands before.
DOLLAR = re.compile(r"\\.|\$", re.DOTALL)
DOUBLE_DOLLAR = re.compile(r"\\.|\$\$", re.DOTALL)
ESCAPED = re.compile(r"\\.", re.DOTALL)
CLOSING_BRACKETS = (r"\)", r"\]")
TICKS = re.compile(r"`+")
# Inline math and code end before these: a blank line or a heading.
BARRIER = re.compile(r"\n[ \t\r]*\n|\n#{1,6} ")
BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True)
class Span:
    r"""A stretch of a page that must stay whole, in character offsets, the end excluded.

    `kind` is `inline_math`, `display_math`, `environment`, `code_fence`, `inline_code` or
    `table` (one row). Delimiters belong to the span, the line's end does not.
    """

    start: int
    end: int
    kind: str


def find_spans(text: str) -> list[Span]:
    """All spans of a page, sorted and apart from each other; empty when there is none."""
    return list(_scan(text, tables=True))


def mask_spans(text: str, replacement: str = " ") -> str:
    """The page's prose: each formula and piece of code gives way to `replacement`.

    Cells of tables stay, since they may hold words; formulas in them are replaced as well.
    """
    pieces, position = [], 0
    for span in _scan(text, tables=False):
        pieces += [text[position : span.start], replacement]
        position = span.end
    return "".join([*pieces, text[position:]])


def _scan(text: str, *, tables: bool) -> Iterator[Span]:
    """Fences, and between them everything else."""
    position = 0
    for start, end in find_fences(text):
        yield from _scan_between(text, position, start, tables=tables)
        yield Span(start, end, "code_fence")
        position = end
    yield from _scan_between(text, position, len(text), tables=tables)


def _scan_between(text: str, start: int, end: int, *, tables: bool) -> Iterator[Span]:
    """Spans of a stretch without fences."""
    part = text[start:end]
    rows = [Span(*row, "table") for row in find_rows(part)] if tables else []
    for span in _merge(_Part(part).find(), rows):
        yield Span(span.start + start, span.end + start, span.kind) if start else span


def _merge(spans: Iterator[Span], rows: list[Span]) -> Iterator[Span]:
    """Both in order; a row takes in what it holds, and gives way to what began before it."""
    covered, number = 0, 0
    for span in spans:
        while number < len(rows) and rows[number].start <= span.start:
            if rows[number].start >= covered:
                yield rows[number]
                covered = rows[number].end
            number += 1
        if span.start >= covered:
            yield span
            covered = span.end
    yield from (row for row in rows[number:] if row.start >= covered)


class _Part:
    """A stretch of a page without fences, and where its delimiters are."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find(self) -> Iterator[Span]:
        """Spans but for table rows, from left to right."""
        position = 0
        while (opener := OPENER.search(self.text, position)) is not None:
            span = self.close(opener)
            position = opener.end() if span is None else span.end
            if span is not None:
                yield span

    def close(self, opener: re.Match[str]) -> Span | None:
        """The span that a delimiter opens, None if it opens none."""
        match opener.lastgroup:
            case "ticks":
                return self.close_code(opener)
            case "begin":
                return self.close_environment(opener.start())
            case "bracket":
                return self.close_bracket(opener)
            case "dollars":
                return self.close_dollars(opener)
        return None  # an escaped character

    def close_code(self, opener: re.Match[str]) -> Span | None:
        """Code ends at the next run of as many backticks in the paragraph."""
        start, length = opener.start(), len(opener[0])
        at = _next(self.ticks[length], opener.end()) if length <= LONGEST_RUN else None
        if at is None or not self.is_near(start, at, INLINE_LIMIT):
            return None
        quoted = length == 2 and "''" in self.text[start:at]  # ``TeX quotes''
        return None if quoted else Span(start, at + length, "inline_code")

    def close_environment(self, start: int) -> Span | None:
        r"""From \begin to the \end of the same name and depth."""
        end = self.environments.get(start)
        if end is None or end - start > ENVIRONMENT_LIMIT:
            return None
        return Span(start, end, "environment")

    def close_bracket(self, opener: re.Match[str]) -> Span | None:
        r"""\( to \) within a paragraph, \[ to \]."""
        start, inline = opener.start(), opener[0] == r"\("
        at = _next(self.brackets[")" if inline else "]"], opener.end())
        if at is None:
            return None
        if inline:
            near = self.is_near(start, at, INLINE_LIMIT)
            return Span(start, at + 2, "inline_math") if near else None
        return self.close_display(start, at)

    def close_dollars(self, opener: re.Match[str]) -> Span | None:
        """Two dollars open a display, one a formula in the line, or it is money."""
        if len(opener[0]) == 1:
            return self.close_inline(opener.start())
        at = _next(self.double_dollars, opener.end())
        return None if at is None else self.close_display(opener.start(), at)

    def close_display(self, start: int, at: int) -> Span | None:
        """A display whose closing delimiter is `at`; paragraphs of prose are none."""
        if at - start > DISPLAY_LIMIT or not self.text[start + 2 : at].strip():
            return None
        blank = _next(self.blanks, start)
        if blank is not None and blank < at and is_prose(self.text[start + 2 : at]):
            return None
        return Span(start, at + 2, "display_math")

    def close_inline(self, start: int) -> Span | None:
        """Up to the first `$` that can close, preferably with no brace left open."""
        number = bisect_left(self.dollars, start + 1)
        first = None
        for at in self.dollars[number : number + 1 + MORE_DOLLARS]:
            if not self.is_near(start, at, INLINE_LIMIT):
                break
            closed = _are_braces_closed(self.text[start:at])
            if is_inline_math(self.text, start, at):
                first = at if first is None else first
            elif closed:
                break
            if closed:
                return Span(start, at + 1, "inline_math")
        return None if first is None else Span(start, first + 1, "inline_math")

    def is_near(self, start: int, end: int, limit: int) -> bool:
        """Whether both are in one paragraph and not too far apart."""
        barrier = _next(self.barriers, start)
        return end - start <= limit and (barrier is None or barrier >= end)

    @cached_property
    def dollars(self) -> list[int]:
        return [m.start() for m in DOLLAR.finditer(self.text) if m[0] == "$"]

    @cached_property
    def double_dollars(self) -> list[int]:
        return [m.start() for m in DOUBLE_DOLLAR.finditer(self.text) if m[0] == "$$"]

    @cached_property
    def barriers(self) -> list[int]:
        return [m.start() for m in BARRIER.finditer(self.text)]

    @cached_property
    def blanks(self) -> list[int]:
        return [m.start() for m in BLANK_LINE.finditer(self.text)]

    @cached_property
    def ticks(self) -> dict[int, list[int]]:
        """Positions of backtick runs by their length."""
        positions = defaultdict(list)
        for run in TICKS.finditer(self.text):
            positions[len(run[0])].append(run.start())
        return positions

    @cached_property
    def brackets(self) -> dict[str, list[int]]:
        r"""Positions of \) and \] by their last character."""
        positions = defaultdict(list)
        for escaped in ESCAPED.finditer(self.text):
            if escaped[0] in CLOSING_BRACKETS:
                positions[escaped[0][1]].append(escaped.start())
        return positions

    @cached_property
    def environments(self) -> dict[int, int]:
        r"""From the start of each \begin to the end of its \end, but for prose environments."""
        ends: dict[int, int] = {}
        open_starts = defaultdict(list)
        for mark in ENVIRONMENT.finditer(self.text):
            name, start = mark["name"], mark.start("side") - 1
            if name in PROSE_ENVIRONMENTS:
                continue
            if mark["side"] == "begin":
                open_starts[name].append(start)
            elif open_starts[name]:
                ends[open_starts[name].pop()] = mark.end()
        return ends


def _next(positions: list[int], start: int) -> int | None:
    """The first position at or after `start`."""
    number = bisect_left(positions, start)
    return positions[number] if number < len(positions) else None


def _are_braces_closed(content: str) -> bool:
    """Whether as many braces close as open; escaped ones are signs, not groups."""
    opened = content.count("{") - content.count("\\{")
    return opened <= content.count("}") - content.count("\\}")
