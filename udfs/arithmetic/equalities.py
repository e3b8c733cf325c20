"""Equalities of numbers in a text, each true, false or undecided by itself.

Only what is numbers alone on both sides is an equality here; `2x + 3 = 7` and `f(2) = 5` are none.
One is false only if no reading of it is true: rounded or cut decimals, percents as hundredths or
as they stand, binary digits, units that are or are not the same. What stands around it is judged
in `udfs.arithmetic.context`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from udfs.arithmetic.chains import OPERATORS, Chain, Reader, Side
from udfs.arithmetic.expressions import Convention, UnreadableError, evaluate
from udfs.arithmetic.numbers import TINY, Number, Rational, UndecidableError
from udfs.arithmetic.tokens import MEASURES, Token, read_tokens
from udfs.text.math_spans import Span

# Bounds for texts that are no dialogue: one of 4,096 tokens holds a few hundred equalities.
MAX_EQUALITIES = 1_000
MAX_READ = 30_000  # tokens that are looked at in all
PIECE = 1_000  # characters of a sentence on either side of a relation; longer ones are left out

MATH = frozenset({"inline_math", "display_math", "environment"})
GAP = r"(?:[\s&~$*_)}\]]|\\[,;!: ]|\\(?:right|quad)\b)"
# A relation with something like a number on its right...
RELATION = re.compile(
    r"(?:=|[≈≃]|\\(?:approx|simeq)(?![A-Za-z]))(?:[\s&~*_({\[]|\\[,;!: ])*+(?=[\d\\$€£√π.+−-])"
)
# ... and something like one on its left, or a word, which may be a unit.
LEFT = re.compile(r"(?:[\d!%°.…π²³]|[\d}][ ~]?[^\W\d_/]{1,14}|dots|pi|circ)" + GAP + r"*+$")
# The cheap look at a formula's side: where it begins, a letter that is no command's, and commands
# with words in them.
SIDE_START = re.compile(r"[=,;≈]|\\\\|\\q?quad|\\(?:approx|implies|iff|to|[Rr]ightarrow)(?![A-Za-z])")
LETTER = re.compile(r"(?<![\\A-Za-z])[A-Za-z]")
WORDY = re.compile(r"\\(?:text|mathrm|mbox|begin|tag|label|phantom)")
NEAR = 48  # characters looked at for it
SENTENCE_ENDS = ("\n", ". ")
WORDS = 24  # characters beside an inline formula in which words are looked for
WORDS_BEFORE = re.compile(r"(?:[^\W\d_]+ )?(?:[^\W\d_]+|\$|#) ?$")
WORD_BEHIND = re.compile(r" ?[^\W\d_]+|\$")
BULLET = re.compile(r"(?:[ \t>]*(?:[-*+•]|\d{1,3}[.)]|\(\d{1,2}\))[ \t]+)*")
STRIPPED = Fraction(1)  # 3/4 * 100 = 75%
# Ratios of measures: seconds to hours, inches to feet, grams to kilograms, right and nearly right.
CONVERSIONS = frozenset(
    map(
        Fraction,
        "2 3 4 5 7 8 10 12 14 16 24 28 30 31 36 52 60 90 100 144 168 180 360 365 366 1000 1440 1760"
        " 3600 5280 10000 86400 1000000 1000000000 2.54 1.6 1.609 2.2 18/5 5/2".split(),
    )
)
CURRENCIES = frozenset("$€£¥")


PRINTED = frozenset({"number", "times", "power", "open", "close", "minus", "percent", "currency"})
PRINTED |= {"word", "degree"}


class Truth(Enum):
    """What is known of an equality."""

    TRUE = "true"
    FALSE = "false"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Equality:
    """One equality: where it stands in the text, its sides without blanks, and the left value."""

    start: int
    end: int
    left: str
    right: str
    truth: Truth
    value: Rational | None = None


class Piece(NamedTuple):
    """A formula, or a sentence's prose between formulas.

    `before` and `behind` are the words that lead to it and go on from it, # where a formula does.
    A sentence that is too long is not whole, and nobody reads it.
    """

    start: int
    end: int
    is_math: bool
    before: str = ""
    behind: str = ""
    is_whole: bool = True


def find_equalities(text: str, spans: Sequence[Span]) -> Iterator[Equality]:
    """The equalities of a text in order, at most MAX_EQUALITIES; none from code and tables."""
    found = read = 0
    for piece in find_pieces(text, spans):
        tokens = list(read_tokens(text, piece.start, piece.end, is_math=piece.is_math))
        read += len(tokens)
        for chain in Reader(piece.before).read(tokens, piece.behind):
            for equality in judge_chain(chain):
                yield equality
                found += 1
        if found >= MAX_EQUALITIES or read >= MAX_READ:
            return


def find_pieces(text: str, spans: Sequence[Span]) -> Iterator[Piece]:
    """The pieces that have a relation between what may be numbers."""
    covered, number = 0, 0
    for relation in RELATION.finditer(text):
        at = relation.start()
        if at < covered or LEFT.search(text, max(0, at - NEAR), at) is None:
            continue
        while number < len(spans) and spans[number].end <= at:
            number += 1
        if number == len(spans) or spans[number].start > at:
            before = spans[number - 1].end if number else 0
            behind = spans[number].start if number < len(spans) else len(text)
            piece = cut_sentence(text, at, before, behind)
            covered = piece.end
            piece = piece if piece.is_whole else None
        else:
            span = spans[number]
            is_read = span.kind in MATH and not is_algebra(text[max(span.start, at - NEAR) : at])
            piece = cut_formula(text, span) if is_read else None
            covered = span.end if is_read or span.kind not in MATH else at + 1
        if piece is not None:
            yield piece


def cut_sentence(text: str, at: int, before: int, behind: int) -> Piece:
    """The sentence around a relation in the prose from `before` to `behind`."""
    low, high = max(before, at - PIECE), min(behind, at + PIECE)
    start = max(text.rfind(sign, low, at) + 1 for sign in SENTENCE_ENDS) or low
    ends = [end for sign in SENTENCE_ENDS if (end := text.find(sign, at, high)) >= 0]
    end = min(ends, default=high)
    is_whole = (start > low or low == before) and (end < high or high == behind)
    if text[start - 1 : start] in ("", "\n") and (bullet := BULLET.match(text, start, at)):
        start = bullet.end()
    edges = "#" * (start == before > 0), "#" * (end == behind < len(text))
    return Piece(start, end, False, *edges, is_whole=is_whole)


def cut_formula(text: str, span: Span) -> Piece:
    """A formula without its dollars or brackets; an environment is its own content."""
    if span.kind == "environment":
        return Piece(span.start, span.end, is_math=True)
    width = 1 if text[span.start] == "$" and text[span.start + 1] != "$" else 2
    start, end = span.start + width, span.end - width
    if span.kind == "display_math":
        return Piece(start, end, is_math=True)
    before = WORDS_BEFORE.search(text, max(0, span.start - WORDS), span.start)
    behind = WORD_BEHIND.match(text, span.end, span.end + WORDS)
    return Piece(start, end, True, before[0] if before else "", behind[0] if behind else "")


def is_algebra(before: str) -> bool:
    """Whether a letter is in the side before a relation: most formulas need not be read."""
    side = SIDE_START.split(before)[-1]
    return LETTER.search(side) is not None and WORDY.search(side) is None


def judge_chain(chain: Chain) -> Iterator[Equality]:
    """The equalities between neighbours of a chain that are numbers."""
    if any(relation.text in ("≡", "\\equiv", "\\cong") for relation in chain.relations):
        return
    last_side = chain.sides[-1]
    for left, right, relation in zip(chain.sides, chain.sides[1:], chain.relations, strict=False):
        if relation.kind == "relation" or left.foreign or right.foreign:
            continue
        if not left.tokens or not right.tokens:
            continue
        try:
            truth, value = compare(left, right, is_about=relation.kind == "about")
            if truth is Truth.FALSE and right is not last_side and runs_on(value, right):
                truth = Truth.UNDECIDED
        except UnreadableError:
            continue
        except UndecidableError:
            truth, value = Truth.UNDECIDED, None
        last = right.tokens[-1]
        yield Equality(
            left.tokens[0].start,
            last.start + len(last.text),
            *("".join(token.text for token in side.tokens) for side in (left, right)),
            truth,
            value,
        )


def runs_on(value: Rational | None, side: Side) -> bool:
    """Whether a side goes on from a result, as pupils write: 2 + 3 = 5 + 4 = 9."""
    tokens = side.tokens
    firsts = [n for n, token in enumerate(tokens) if n and token.kind in OPERATORS]
    return bool(firsts) and evaluate(tokens[: firsts[0]]).value == value


def compare(left: Side, right: Side, *, is_about: bool) -> tuple[Truth, Rational | None]:
    """Whether two sides are equal in one reading, certainly different, or neither."""
    value, other = evaluate(left.tokens).value, evaluate(right.tokens).value
    if value == other:
        return Truth.TRUE, value
    readings = [(a, b) for a in read_side(left) for b in read_side(right)]
    if any(is_equal(a, b) or is_rounding(a, b, left, right) for a, b in readings):
        return Truth.TRUE, value
    tokens = [*left.tokens, *right.tokens]
    is_open = (
        is_about
        or left.cut
        or right.cut
        or (left.is_bare and (right.is_bare or left.is_led))
        or any(token.kind == "pi" for token in tokens)  # it names other things too
        or any(may_be_equal(a, b, left, right) for a, b in readings)
        or mixes_percent(left, right)
        or may_convert(left, right, readings)
        or is_binary(left, right)
        or is_range(left, right)
    )
    return (Truth.UNDECIDED if is_open else Truth.FALSE), value


def read_side(side: Side) -> list[Number]:
    """The values of a side in all conventions that make a difference, the usual one first.

    An exclamation mark at its end may be the sentence's.
    """
    kinds = [token.kind for token in side.tokens]
    loose = {False, "power" in kinds or "over" in kinds}
    percents = {Fraction(1, 100), STRIPPED} if "percent" in kinds else {Fraction(1, 100)}
    conventions = [Convention(p, way) for way in sorted(loose) for p in sorted(percents)]
    values = [evaluate(side.tokens, convention) for convention in conventions]
    for shorter in cut_ends(side.tokens):
        values.append(evaluate(shorter))
    return [widen(value, side) for value in values]


def cut_ends(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The side without what may not belong to it: 4! at a sentence's end, 4 (15 minutes)."""
    if len(tokens) > 1 and tokens[-1].kind == "factorial":
        yield tokens[:-1]
    opens = [n for n, token in enumerate(tokens) if token.kind == "open"]
    if tokens[-1].kind == "close" and opens and opens[-1] and tokens[opens[-1]].loose:
        if tokens[opens[-1] - 1].kind in ("number", "close", "word"):
            yield tokens[: opens[-1]]


def is_printed(side: Side) -> bool:
    """Whether a side is one printed number, a power of ten with it or not."""
    kinds = [token.kind for token in side.tokens]
    digits = [token.text for token in side.tokens if token.kind == "number"]
    is_scientific = digits[1:2] == ["10"] and kinds.count("times") == 1
    return PRINTED.issuperset(kinds) and (len(digits) == 1 or is_scientific)


def widen(value: Number, side: Side) -> Number:
    """A decimal that stands alone, with a power of ten or in percents may be off by a whole unit."""
    digits = next((token.text for token in side.tokens if token.kind == "number"), "")
    if "." not in digits or not is_printed(side) or not int(digits.replace(".", "")):
        return value
    slack = abs(value.value / int(digits.replace(".", "")))
    return Number(value.value, value.value - slack, value.value + slack)


def is_equal(a: Number, b: Number) -> bool:
    """Whether two values are the same, or two roots as far as they are known."""
    if a.value == b.value:
        return True
    if a.is_exact and b.is_exact:
        return False
    widest = max(a.high - a.low, b.high - b.low)
    return widest < TINY * (1 + abs(a.value)) and a.low <= b.high and b.low <= a.high


def is_rounding(a: Number, b: Number, left: Side, right: Side) -> bool:
    """Whether a side that is one printed number is the other's value, rounded or cut."""
    for value, printed, side in ((a, b, right), (b, a, left)):
        if printed.is_exact or not is_printed(side):
            continue
        beyond = (abs(value.value) - abs(printed.value)) / (printed.high - printed.value)
        if value.value * printed.value >= 0 and -Fraction(1, 2) <= beyond < 1:
            return True
    return False


def may_be_equal(a: Number, b: Number, left: Side, right: Side) -> bool:
    """Whether what decimals leave open, or a whole number for a broken one, makes them equal.

    Angles that differ by full turns count too.
    """
    if a.low <= b.high and b.low <= a.high:
        return True
    difference = abs(a.value - b.value)
    is_whole = (left.is_bare and a.value.denominator == 1) or (
        right.is_bare and b.value.denominator == 1
    )
    both = a.value.denominator == b.value.denominator == 1
    if is_whole and not both:
        gap = max(a.low, b.low) - min(a.high, b.high)
        return gap < 1
    return difference % 360 == 0


def may_convert(left: Side, right: Side, readings: Sequence[tuple[Number, Number]]) -> bool:
    """Whether units, if there are any, let different numbers be the same: 40 + 50 = 1.5 hours.

    Things that are counted do not convert; a sum of different ones is open, a product is not.
    """
    tokens = [*left.tokens, *right.tokens]
    units = {unit for token in tokens if (unit := name_unit(token))}
    measures = units & MEASURES
    adds = any(token.kind in ("plus", "minus") for token in tokens)
    if len(measures) > 1 or (len(units) > 1 and (adds or left.is_bare)):
        return True
    if not measures:
        return False
    ratios = {a.value / Fraction(b.value) for a, b in readings if a.value and b.value}
    return any(r in CONVERSIONS or 1 / r in CONVERSIONS for r in ratios)


def name_unit(token: Token) -> str:
    """The unit that a token is, empty if it is none; one for apple and apples."""
    if token.kind == "currency":
        return token.text[-1]
    if token.kind == "degree":
        return "degree"
    if token.kind != "word":
        return ""
    return token.text if token.text in ("s", "ms") else token.text.removesuffix("s")


def mixes_percent(left: Side, right: Side) -> bool:
    """Whether percents are added to what is none, or are parts of it: 100 + 10%, 48 = 120%."""
    counts = []
    for side in (left, right):
        kinds = [token.kind for token in side.tokens]
        percents, numbers = kinds.count("percent"), kinds.count("number")
        adds = "plus" in kinds or "minus" in kinds
        if adds and 0 < percents < numbers:
            return True
        counts.append((percents, numbers, side.is_bare))
    (a, b, bare), (c, d, other) = counts
    return (not a and c == d and bare) or (not c and a == b and other)


def is_binary(left: Side, right: Side) -> bool:
    """Whether it may be one of truth values or binary digits: 1 + 1 = 1, 1 + 1 = 10."""
    digits = [token.text for token in [*left.tokens, *right.tokens] if token.kind == "number"]
    if not all(set(text) <= {"0", "1"} for text in digits):
        return False
    if all(len(text) == 1 for text in digits):
        return True
    a, b = (evaluate([*map(read_binary, side.tokens)]) for side in (left, right))
    return a.value == b.value


def read_binary(token: Token) -> Token:
    """The token with a number's digits read in base two."""
    return token._replace(text=str(int(token.text, 2))) if token.kind == "number" else token


def is_range(left: Side, right: Side) -> bool:
    """Whether a hyphen joins two numbers instead of subtracting: pages 3-5 = 3 pages."""
    kinds = [token.kind for token in left.tokens]
    if kinds != ["number", "minus", "number"] or left.tokens[1].loose or left.tokens[2].loose:
        return False
    first, last = left.tokens[0].text, left.tokens[2].text
    return float(first) < float(last) and right.tokens[0].kind != "minus"
