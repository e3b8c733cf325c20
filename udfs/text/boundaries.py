r"""Where a page may be cut, and how much it hurts.

Clean boundaries lie before headings, paragraphs, blocks of code, sentences, items and rows, and
never inside a span of `math_spans`. Only where a stretch between two of them is longer than a
whole chunk are forced ones looked for inside it, from the best kind down.

A boundary is the position of the first character after it: spaces stay with what they follow.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from udfs.text.math_spans import Span
from udfs.text.sentences import begins_sentence, find_sentence_starts, skip_gap

# What a cut costs. The chunker first takes the fewest chunks, so these only choose among cuts
# that need as many; their order is what matters, and a few sentences outweigh no paragraph.
HEADING, PARAGRAPH, BLOCK, SENTENCE, ROW = 0, 2, 3, 5, 8
FORCED = 20  # from here on a span or a sentence is cut
LINE, WORD, WORD_IN_SPAN, GRAPHEME, CHARACTER = FORCED, 40, 60, 200, 300
AFTER_HEADING = 10  # more: a heading without its text
MIDWAY = 4  # more: between a sentence and the formula or code that it announces

HEADING_LINE = re.compile(r"^(?:#{1,6}[ \t]+\S|\\(?:chapter|(?:sub)*section)\b).*$", re.MULTILINE)
UNDERLINED = re.compile(r"(?:\A|(?<=\n\n))[^\s|>].{0,120}\n(?:={3,}|-{3,})[ \t\r]*$", re.MULTILINE)
PARAGRAPH_GAP = re.compile(r"\n(?:[ \t\r]*\n)+")
ITEM = re.compile(
    r"^[ \t]*(?:(?:[-*+•]|\d{1,3}[.)]|\([a-z\d]{1,3}\))[ \t]+\S|\\item\b)", re.MULTILINE
)
PROSE_ENVIRONMENT = re.compile(r"^[ \t]*\\begin\{", re.MULTILINE)
SPACES = re.compile(r"\s*")
LINE_START = re.compile(r"(?<=\n)[\s\S]")
WORD_START = re.compile(r"(?<=\s)\S")  # a run of spaces is passed once, not from each space
DISPLAYS = ("$$", "\\[", "\\b")  # the third is \begin
SENTENCE_ENDS = (".", "!", "?")


@dataclass(frozen=True, slots=True)
class Boundary:
    """A position where a page may be cut, and what that costs."""

    position: int
    cost: int


def find_boundaries(text: str, spans: list[Span]) -> list[Boundary]:
    """The clean boundaries of a page, sorted; neither of its ends is among them."""
    costs: dict[int, int] = {}
    for position, cost in _find_clean(text, spans):
        costs[position] = min(cost, costs.get(position, cost))
    for position in _find_bodies(text):
        if position in costs:
            costs[position] += AFTER_HEADING
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    inside = InsideSpans(spans)
    return [
        Boundary(position, costs[position])
        for position in sorted(costs)
        if first < position < last and position not in inside and is_grapheme(text, position)
    ]


def _find_clean(text: str, spans: list[Span]) -> Iterator[tuple[int, int]]:
    """Positions and costs, unsorted; those in spans are among them."""
    for pattern in (HEADING_LINE, UNDERLINED):
        yield from ((m.start(), HEADING) for m in pattern.finditer(text))
    for gap in PARAGRAPH_GAP.finditer(text):
        yield gap.end(), PARAGRAPH + MIDWAY * _is_midway(text, gap.start(), gap.end())
    yield from ((m.start(), BLOCK) for m in PROSE_ENVIRONMENT.finditer(text))
    yield from ((m.start(), SENTENCE) for m in ITEM.finditer(text))
    yield from ((position, SENTENCE) for position in find_sentence_starts(text))
    rows = {span.start for span in spans if span.kind == "table"}
    for span in spans:
        yield from _find_at_span(text, span, rows)


def _is_midway(text: str, before: int, after: int) -> bool:
    """Whether a sentence goes on after a blank line: a colon before, or a display or word after."""
    follows = text[after : after + 2]
    return text[before - 1 : before] == ":" or follows in DISPLAYS or follows[:1].islower()


def _find_at_span(text: str, span: Span, rows: set[int]) -> Iterator[tuple[int, int]]:
    """Boundaries that a span makes before or after itself; `rows` are the starts of all rows."""
    after = SPACES.match(text, span.end)
    follows = after.end() if after is not None else span.end
    behind = skip_gap(text, span.end, follows)
    if span.kind == "code_fence":
        yield span.start, BLOCK + MIDWAY
        yield behind, BLOCK
    elif span.kind == "table":
        is_rule = "--" in text[span.start : span.end] and _is_rule(text[span.start : span.end])
        yield span.start, ROW + AFTER_HEADING * is_rule
        if behind not in rows:
            yield behind, SENTENCE
    elif span.end < follows < len(text) and _ends_sentence(text, span, follows):
        yield behind, SENTENCE


def _is_rule(row: str) -> bool:
    """Whether a table's row is the line under its head."""
    return not row.strip(" \t\r|:->")


def _ends_sentence(text: str, span: Span, follows: int) -> bool:
    """Whether a formula is a sentence's last: by its full stop, a display also by what follows."""
    if span.kind == "inline_code":
        return False
    delimiter = 1 if text[span.end - 2 : span.end] not in ("$$", "\\]", "\\)") else 2
    inner = text[span.start : span.end - delimiter].rstrip()
    stopped = inner.endswith(SENTENCE_ENDS) and begins_sentence(text, follows)
    return stopped or (span.kind != "inline_math" and text[follows].isupper())


def _find_bodies(text: str) -> Iterator[int]:
    """Where the text under each heading begins."""
    for pattern in (HEADING_LINE, UNDERLINED):
        for heading in pattern.finditer(text):
            after = SPACES.match(text, heading.end())
            if after is not None:
                yield skip_gap(text, heading.end(), after.end())


class InsideSpans:
    """Knows which positions lie strictly inside one of the spans."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def __contains__(self, position: int) -> bool:
        number = bisect_left(self._starts, position) - 1
        return number >= 0 and position < self._spans[number].end

    def edges(self, start: int, end: int) -> Iterator[int]:
        """Where spans begin and end, strictly between the two."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        for span in self._spans[first : bisect_left(self._starts, end)]:
            yield from (edge for edge in (span.start, span.end) if start < edge < end)


Level = tuple[int, Callable[[int, int], list[int]]]


class ForcedCuts:
    """Positions inside a stretch that is too long, in levels from the best to the worst.

    Each level is a cost and a function from a stretch to its positions, sorted and strictly
    inside: lines, then words, outside the spans; then in them; then any grapheme; any character.
    """

    def __init__(self, text: str, spans: list[Span], token_starts: list[int]) -> None:
        self._text = text
        self._inside = InsideSpans(spans)
        self._token_starts = token_starts

    @property
    def levels(self) -> list[Level]:
        """All levels in order; the last one always offers a position if there is any."""
        return [
            (LINE, self._lines_outside),
            (WORD, self._words_outside),
            (LINE, self._lines),
            (WORD_IN_SPAN, self._words),
            (GRAPHEME, self._graphemes),
            (CHARACTER, self._characters),
        ]

    def _lines_outside(self, start: int, end: int) -> list[int]:
        return [p for p in self._lines(start, end) if p not in self._inside]

    def _words_outside(self, start: int, end: int) -> list[int]:
        words = [p for p in self._words(start, end) if p not in self._inside]
        edges = [p for p in self._inside.edges(start, end) if is_grapheme(self._text, p)]
        return sorted({*words, *edges})

    def _lines(self, start: int, end: int) -> list[int]:
        return self._matches(LINE_START, start, end)

    def _words(self, start: int, end: int) -> list[int]:
        return self._matches(WORD_START, start, end)

    def _matches(self, pattern: re.Pattern[str], start: int, end: int) -> list[int]:
        found = (m.start() for m in pattern.finditer(self._text, start + 1, end))
        return [p for p in found if is_grapheme(self._text, p)]

    def _graphemes(self, start: int, end: int) -> list[int]:
        first = bisect_right(self._token_starts, start)
        starts = self._token_starts[first : bisect_left(self._token_starts, end)]
        return sorted({p for p in starts if is_grapheme(self._text, p)})

    def _characters(self, start: int, end: int) -> list[int]:
        return [p for p in range(start + 1, end) if not _is_pair(self._text, p)] or list(
            range(start + 1, end)
        )


ZERO_WIDTH_JOINER = "\u200d"


def is_grapheme(text: str, position: int) -> bool:
    """Whether a character as people see it begins here: no accent, no half of an emoji.

    An approximation of Unicode's rules (UAX 29) that errs towards keeping together: marks,
    joiners, skin tones, tags, flags, jamo, surrogate halves, and the two characters of a line end.
    """
    before, here = text[position - 1], text[position]
    if here < "\u0300":
        return not (before == "\r" and here == "\n") and before != ZERO_WIDTH_JOINER
    if ZERO_WIDTH_JOINER in (before, here):
        return False
    if unicodedata.category(here).startswith("M") or _is_pair(text, position):
        return False
    joined = "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f"
    return not (
        joined or _are_both(before, here, "\U0001f1e6", "\U0001f1ff") or _jamo(before, here)
    )


def _is_pair(text: str, position: int) -> bool:
    """Whether the position parts two halves of a surrogate pair."""
    return "\ud800" <= text[position - 1] <= "\udbff" and "\udc00" <= text[position] <= "\udfff"


def _jamo(before: str, here: str) -> bool:
    """Whether both are parts of a Korean syllable."""
    return _are_both(before, here, "\u1100", "\u11ff")


def _are_both(before: str, here: str, low: str, high: str) -> bool:
    return low <= before <= high and low <= here <= high
