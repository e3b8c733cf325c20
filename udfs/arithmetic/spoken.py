"""Equalities that prose says in words: 7 times 8 is 54, 15% of $84 makes $12.60.

Only digits joined by words or signs, and a verb in place of the equals sign. What may be a part of
a longer calculation, since a word of one stands before or behind, is cut like any other side.
"""

# ruff: noqa: RUF001 - signs that look alike

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from udfs.arithmetic.chains import CUTS_BEHIND, JOINS, Chain, Side, is_part
from udfs.arithmetic.tokens import GROUPED, MEASURES, Token
from udfs.text.math_spans import Span

ONES = "one two three four five six seven eight nine ten eleven twelve"
NUMBERS = {word: str(number) for number, word in enumerate(ONES.split(), start=1)}
DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,15})?"
AMOUNT = rf"(?:[$€£]?{DIGITS}(?:%| percent\b)?\$?|(?:{'|'.join(NUMBERS)})\b)"
UNIT = r"(?: [a-z]{2,12})?"
SIGNS = {
    "times": "times",
    "multiplied by": "times",
    "plus": "plus",
    "and": "plus",
    "minus": "minus",
    "less": "minus",
    "divided by": "over",
    "over": "over",
    **dict.fromkeys("×·*", "times"),
    **dict.fromkeys("÷/", "over"),
    "+": "plus",
    **dict.fromkeys("-−–", "minus"),
}
SIGN = r"times|multiplied by|plus|and|minus|less(?! than\b)|divided by|over|[×·*÷/+−–-]"
IS = (
    r"(?:,? (?:which |that |this )?(?:is|are|equals?|makes?|gives?|leaves?)"
    r"|,? that['’]s)(?: (?:equal to|exactly|just|only|(?:a|the) total of|us|you|me|another))?"
)
# So many operations at most, so that no chain is read again from each of its numbers.
REST = (
    rf"(?:(?:{UNIT} (?:{SIGN}) {AMOUNT}){{1,12}}| of {AMOUNT}| factorial)){UNIT}"
    rf"(?P<is>{IS}) (?P<right>(?:minus |negative |[-−])?{AMOUNT})"
    r"(?![\w^({\[\\%…]|[.,:]\d)"
)
# They begin with a set of characters and with a word's boundary, which the regex engine looks for
# much faster than for what stands before.
WITH_DIGITS = re.compile(
    r"(?P<left>(?=[0-9$€£])[$€£]?(?<![^\s(\"“'*][$€£])(?<![^\s(\"“'*$€£])"
    rf"{DIGITS}(?:%| percent\b)?\$?{REST}",
    re.IGNORECASE,
)
WITH_WORDS = re.compile(rf"\b(?P<left>(?:{'|'.join(NUMBERS)}){REST}", re.IGNORECASE)
SAID = (" times ", " plus ", " minus ", " factorial", " divided by ")
PART = re.compile(
    rf"(?P<number>{DIGITS})|(?P<word>(?:{'|'.join(NUMBERS)})\b)|(?P<percent>%|percent\b)"
    rf"|(?P<of>of\b)|(?P<factorial>factorial\b)|(?P<sign>(?:{SIGN}))(?=\s)"
    r"|(?P<minus>minus|negative|[-−])|(?P<unit>[a-z]{2,12})",
    re.IGNORECASE,
)
READABLE = frozenset({"inline_math"})
WORDS = 60  # characters before and behind in which words are looked for
WORD = re.compile(r"[^\W\d_]+|[^\w\s]|\d+")
BEHIND = re.compile(r"[ ]?([^\W\d_]+|[-+−–×·*÷/^=<>≈])(?: (\w+))?")
ENDS = frozenset('.!?;:,"”“()*')
# Beyond those of `chains`: sixty tens, 60 and 4, 2 left over.
GOES_ON = CUTS_BEHIND | {"tens", "hundreds", "ones", "tenth", "of", "with"}


def find_spoken(text: str, spans: Sequence[Span]) -> Iterator[Chain]:
    """The chains that words make, in order; none from code, tables and displays."""
    closed = [span for span in spans if span.kind not in READABLE]
    starts = [span.start for span in closed]
    for found in sorted(match_all(text), key=re.Match.start):
        before = bisect_left(starts, found.end()) - 1
        if before < 0 or closed[before].end <= found.start():
            chain = read_chain(found)
            if chain is not None:
                yield chain


def match_all(text: str) -> Iterator[re.Match[str]]:
    """All that may be one; with numbers in words first only where there are words of sums."""
    yield from WITH_DIGITS.finditer(text)
    if any(sign in text for sign in SAID):
        yield from WITH_WORDS.finditer(text)


def read_chain(found: re.Match[str]) -> Chain | None:
    """A left side, the verb, and a right side; None where `and` joins what is not added."""
    left = read_side(found["left"], found.start("left"))
    verb = found["is"].split()[-1].lower()
    if "and" in found["left"].lower() and "make" not in found["is"].lower():
        return None
    right = read_side(found["right"], found.start("right"))
    kinds = {token.kind for token in left}
    before = found.string[max(0, found.start() - WORDS) : found.start()]
    behind = found.string[found.end() : found.end() + WORDS]
    # What is said is done in its own order.
    is_mixed = bool(kinds & {"plus", "minus"}) and bool(kinds & {"times", "over"})
    cut = is_mixed or is_led_by_part(before) or goes_on(behind)
    if "and" in found["left"].lower():
        cut |= not JOINS.isdisjoint(WORD.findall(before.lower()))
    relation = Token("equal", verb, found.start("is"), loose=True)
    return Chain([Side(left, cut=cut), Side(right)], [relation])


def read_side(text: str, start: int) -> list[Token]:
    """The tokens of a side; `of` behind per cents multiplies."""
    tokens = []
    for part in PART.finditer(text):
        kind, written, place = part.lastgroup or "", part[0], start + part.start()
        match kind:
            case "number":
                tokens.append(Token("number", GROUPED.sub("", written), place, loose=True))
            case "word":
                tokens.append(Token("number", NUMBERS[written.lower()], place, loose=True))
            case "of":
                tokens.append(Token("times", written, place, loose=True))
            case "sign":
                tokens.append(Token(SIGNS[written.lower()], written, place, loose=True))
            case "unit" if written in MEASURES:
                tokens.append(Token("word", written, place, loose=True))
            case "percent" | "minus" | "factorial":
                tokens.append(Token(kind, written, place, loose=True))
    return tokens


def is_led_by_part(before: str) -> bool:
    """Whether what stands before belongs to the calculation."""
    words = WORD.findall(before.lower())
    if not words or words[-1] in ENDS:
        return False
    last = words[-1]
    return not last.isalpha() or is_part(words)


def goes_on(behind: str) -> bool:
    """Whether the calculation goes on behind the result: 54 tens, 60 and 4, 2 remainder 1."""
    found = BEHIND.match(behind)
    if found is None:
        return False
    word, after = found[1].lower(), found[2] or ""
    if word in ("and", "plus", "minus"):
        return after[:1].isdigit() or after in ("a", "one", "two", "three", "four", "half")
    return not word.isalpha() or word in GOES_ON
