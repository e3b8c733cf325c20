"""Whether two sides are equal, certainly different, or neither can be said.

A side is false only if no reading of it is true: rounded or cut decimals, percents as hundredths
or as they stand, binary digits, a slash over one factor or all, measures that convert.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from fractions import Fraction

from udfs.arithmetic.chains import Side
from udfs.arithmetic.expressions import Convention, UnreadableError, evaluate
from udfs.arithmetic.numbers import (
    TINY,
    Number,
    Rational,
    UndecidableError,
    make_exact,
    measure,
    multiply,
)
from udfs.arithmetic.tokens import LETTER_UNITS, MEASURES, Token

STRIPPED = Fraction(1)  # 3/4 * 100 = 75%
# Ratios of measures: seconds to hours, inches to feet, grams to kilograms, right and nearly right.
CONVERSIONS = frozenset(
    [3, 4, 5, 7, 8, 10, 12, 14, 16, 24, 28, 30, 31, 36, 52, 60, 90, 100, 144, 168, 180, 360, 365]
    + [366, 1000, 1440, 1760, 3600, 5280, 10_000, 86_400, 10**6, 10**9]
    + [Fraction(ratio) for ratio in ("2.54", "1.6", "1.609", "2.2", "3.6")]
)
# Units that convert exactly, in the smallest of each kind; plurals and long names as `name_unit`
# leaves them.
UNITS: dict[str, dict[str, int]] = {
    "length": {"mm": 1, "cm": 10, "m": 1_000, "km": 1_000_000}
    | {"meter": 1_000, "metre": 1_000, "kilometer": 1_000_000, "kilometre": 1_000_000}
    | {"centimeter": 10, "centimetre": 10},
    "imperial length": {"inch": 1, "foot": 12, "feet": 12, "ft": 12, "yard": 36, "yd": 36}
    | {"mile": 63_360},
    "mass": {"mg": 1, "g": 1_000, "kg": 1_000_000, "gram": 1_000, "kilogram": 1_000_000},
    "volume": {"ml": 1, "mL": 1, "l": 1_000, "L": 1_000, "liter": 1_000, "litre": 1_000},
    "time": {"second": 1, "sec": 1, "min": 60, "minute": 60, "h": 3_600, "hr": 3_600}
    | {"hour": 3_600, "day": 86_400, "week": 604_800},
    "years": {"month": 1, "year": 12},
    "money": {"cent": 1, "dollar": 100},
}
# How far from a calculation a number behind "approximately" cannot be meant: our own choice, beyond
# all in 413 good dialogues (22/7 for pi, 400 for 17 * 23).
FAR_UNITS, FAR_DECIMAL, FAR_WHOLE, FAR_ROUND = 2, Fraction(1, 100), Fraction(1, 10), Fraction(1, 2)
NEAR_RATIO = 2  # a number further off may be in another unit
# Digits of a product that was worked out, and how many of them may be wrong.
SURE_DIGITS, MAX_SLIPS = 4, 2
MAX_PLACES = 10
SHIFTS = frozenset(Fraction(10) ** n for n in (-3, -2, -1, 1, 2, 3))
CYCLES = frozenset({7, 12, 24})  # 9 + 4 = 1 hour, on a clock
# What a number is printed with: 1.8 \cdot 10^{19}, -3.5 km, 12%.
PRINTED = frozenset(
    "number times power open close minus percent currency word degree".split()  # noqa: SIM905
)


class Truth(Enum):
    """What is known of an equality."""

    TRUE = "true"
    FALSE = "false"
    UNDECIDED = "undecided"


def compare(left: Side, right: Side, *, is_about: bool) -> tuple[Truth, Rational | None]:
    """Whether two sides are equal in one reading, certainly different, or neither."""
    value, other = evaluate(left.tokens).value, evaluate(right.tokens).value
    if value == other:
        return Truth.TRUE, value
    readings = [(a, b) for a in read_side(left) for b in read_side(right)]
    beyond = [units for a, b in readings for units in read_beyond(a, b, left, right)]
    if any(is_equal(a, b) for a, b in readings) or any(map(is_rounding, beyond)):
        return Truth.TRUE, value
    converted = None if is_about or left.cut or right.cut else convert(left, right)
    if converted is not None:
        return converted, value
    tokens = [*left.tokens, *right.tokens]
    is_open = (
        (is_about and not all(is_far(a, b, left, right) for a, b in readings))
        or left.cut
        or right.cut
        or (left.is_bare and (right.is_bare or left.is_led))
        or any(token.kind == "pi" for token in tokens)  # it names other things too
        or (names_e(tokens) and not (is_decimal(left) or is_decimal(right)))
        or (
            any(may_be_equal(a, b, left, right) for a, b in readings)
            and not is_worked_out(value, other, left, right)
        )
        or any(map(is_rounded_up, beyond))
        or mixes_percent(left, right)
        or may_convert(left, right, readings)
        or is_binary(left, right)
        or is_range(left, right)
        or may_be_unknown(left, right)
        or lost_its_power(left)
        or lost_its_power(right)
    )
    is_open = is_open and not is_misplaced(left, right)
    return (Truth.UNDECIDED if is_open else Truth.FALSE), value


def read_side(side: Side) -> list[Number]:
    """The values of a side in all conventions that make a difference, the usual one first.

    An exclamation mark at its end may be the sentence's.
    """
    kinds = [token.kind for token in side.tokens]
    loose = {False, "power" in kinds or "over" in kinds}
    percents = {Fraction(1, 100), STRIPPED} if "percent" in kinds else {Fraction(1, 100)}
    mixed = {False, "fraction" in kinds and "number" in kinds}
    conventions = [
        Convention(p, way, mix)
        for mix in sorted(mixed)
        for way in sorted(loose)
        for p in sorted(percents)
    ]
    values = [evaluate(side.tokens, convention) for convention in conventions]
    values.extend(map(evaluate, cut_ends(side.tokens)))
    return [widen(value, side) for value in values]


def cut_ends(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The side without what may not belong to it: 4! at a sentence's end, 4 (15 minutes)."""
    if len(tokens) > 1 and tokens[-1].kind == "factorial":
        yield tokens[:-1]
    opens = [n for n, token in enumerate(tokens) if n and token.kind == "open"]
    if tokens[-1].kind == "close" and opens and tokens[opens[-1]].loose:
        before = tokens[: opens[-1]]
        kinds = [token.kind for token in before]
        if kinds[-1] in ("number", "close", "word") and kinds.count("open") == kinds.count("close"):
            yield before


def is_printed(side: Side) -> bool:
    """Whether a side is one printed number, a power of ten with it or not."""
    kinds = [token.kind for token in side.tokens]
    digits = [token.text for token in side.tokens if token.kind == "number"]
    is_scientific = digits[1:2] == ["10"] and kinds.count("times") == 1
    return PRINTED.issuperset(kinds) and (len(digits) == 1 or is_scientific)


def widen(value: Number, side: Side) -> Number:
    """A decimal that stands alone, or with a power of ten, may have been rounded or cut."""
    digits = next((token.text for token in side.tokens if token.kind == "number"), "")
    if "." not in digits or not is_printed(side) or not int(digits.replace(".", "")):
        return value
    unit = Fraction(value.value) / int(digits.replace(".", ""))
    ends = value.value - unit / 2, value.value + unit
    return Number(value.value, min(ends), max(ends))


def is_equal(a: Number, b: Number) -> bool:
    """Whether two values are the same, or two roots as far as they are known."""
    if a.value == b.value:
        return True
    if a.is_exact and b.is_exact:
        return False
    widest = max(a.high - a.low, b.high - b.low)
    return widest < TINY * (1 + measure(a.value)) and a.low <= b.high and b.low <= a.high


def is_rounding(beyond: Rational) -> bool:
    """Whether a value so far beyond a printed one is rounded or cut to it."""
    return -Fraction(1, 2) <= beyond < 1


def is_rounded_up(beyond: Rational) -> bool:
    """Whether the printed number is the next above: so prices are, and what must suffice."""
    return -1 < beyond < 0


def read_beyond(a: Number, b: Number, left: Side, right: Side) -> Iterator[Rational]:
    """How far each side's value is beyond the other, where that is one printed decimal of the same
    sign; in units of its last digit.
    """
    for value, printed, side in ((a, b, right), (b, a, left)):
        if printed.is_exact or not is_printed(side) or value.value * printed.value < 0:
            continue
        # `widen` leaves half a unit below it and a whole one above.
        unit = Fraction(printed.high - printed.low) * 2 / 3
        yield (measure(value.value) - measure(printed.value)) / unit


def may_be_equal(a: Number, b: Number, left: Side, right: Side) -> bool:
    """Whether what decimals leave open, or a whole number for a broken one, makes them equal.

    Angles that differ by full turns count too.
    """
    if a.low <= b.high and b.low <= a.high:
        return True
    is_whole = (left.is_bare and a.value.denominator == 1) or (
        right.is_bare and b.value.denominator == 1
    )
    both = a.value.denominator == b.value.denominator == 1
    if is_whole and not both:
        gap = max(a.low, b.low) - min(a.high, b.high)
        return gap < 1
    has_degrees = any(name_unit(token) == "degree" for token in (*left.tokens, *right.tokens))
    return has_degrees and measure(a.value - b.value) % 360 == 0


def is_far(a: Number, b: Number, left: Side, right: Side) -> bool:
    """Whether one side is a printed number that nobody rounds the other to, however roughly.

    Not where there are units or scales, which stand for factors: 3.3 ns, 31.5 million.
    """
    tokens = [*left.tokens, *right.tokens]
    if any(token.kind in ("word", "percent", "degree", "currency") for token in tokens):
        return False
    for calculated, printed, side in ((a, b, right), (b, a, left)):
        digits = [token.text for token in side.tokens if token.kind == "number"]
        if side.is_bare and len(digits) == 1 and calculated.value and printed.value:
            gap = max(calculated.low - printed.value, printed.value - calculated.high)
            share = FAR_DECIMAL if "." in digits[0] else FAR_WHOLE
            share = FAR_ROUND if digits[0].endswith("0") and "." not in digits[0] else share
            ratio = measure(Fraction(printed.value) / Fraction(calculated.value))
            is_scaled = not Fraction(1, NEAR_RATIO) < ratio < NEAR_RATIO
            return (
                not is_scaled
                and gap > FAR_UNITS * find_unit(digits[0])
                and gap > share * measure(calculated.value)
            )
    return False


def find_unit(digits: str) -> Rational:
    """What the last digit counts that was not rounded away: 100 of 1200, 1/10 of 9.6."""
    if "." in digits:
        return Fraction(1, 10 ** len(digits.partition(".")[2]))
    return int("1" + "0" * (len(digits) - len(digits.rstrip("0"))))


def is_decimal(side: Side) -> bool:
    """Whether a side is one printed decimal."""
    return is_printed(side) and any("." in t.text for t in side.tokens if t.kind == "number")


def names_e(tokens: Sequence[Token]) -> bool:
    """Whether Euler's number is among the tokens; the letter may be a group's unit."""
    return any(token.kind == "euler" for token in tokens)


def is_worked_out(value: Rational, other: Rational, left: Side, right: Side) -> bool:
    """Whether a product of decimals is printed with all its decimals, and a digit or two are wrong.

    6.4^2 = 40.69 has two decimals, as 40.96, and its digits. Who calculates with more than 6.4 and
    rounds comes to another number, and seldom prints more decimals than before.
    """
    for exact, calculated, printed in ((value, left, right), (other, right, left)):
        if not is_decimal(printed) or is_printed(calculated):
            continue
        if any(token.kind in ("over", "fraction", "root") for token in calculated.tokens):
            continue
        wanted = count_decimals(exact)
        places = [count_places(t.text) for t in calculated.tokens if t.kind == "number"]
        digits = next(t.text for t in printed.tokens if t.kind == "number")
        if wanted is None or wanted != count_places(digits) or max(places) >= wanted:
            continue
        right_digits = str(int(Fraction(exact) * 10**wanted))
        wrong_digits = digits.replace(".", "").lstrip("0")
        if len(right_digits) == len(wrong_digits) >= SURE_DIGITS:
            return sum(a != b for a, b in zip(right_digits, wrong_digits, strict=True)) <= MAX_SLIPS
    return False


def count_places(digits: str) -> int:
    """Printed digits behind the point."""
    return len(digits.partition(".")[2])


def count_decimals(value: Rational) -> int | None:
    """Decimals that a number needs, None if it never ends or needs more than are ever printed."""
    exact = Fraction(value)
    return next((n for n in range(MAX_PLACES) if (exact * 10**n).denominator == 1), None)


def convert(left: Side, right: Side) -> Truth | None:
    """Whether two amounts in units of one kind are the same: 2.4 kg = 240 g; None if they are no
    such amounts, or in the same unit.
    """
    first, second = read_amount(left), read_amount(right)
    if first is None or second is None or first[1:] == second[1:] or first[2] != second[2]:
        return None
    a, b = first[0], second[0]
    if is_equal(a, b):
        return Truth.TRUE
    # Only a shifted point is certainly wrong: there are maps, working days, and 1 hour 30.
    is_shifted = a.value and b.value and Fraction(a.value) / Fraction(b.value) in SHIFTS
    return Truth.FALSE if is_shifted and evaluate(left.tokens[:1]).value != 1 else None


def read_amount(side: Side) -> tuple[Number, int, str] | None:
    """A bare number with a unit that converts exactly: in the smallest unit of its kind, how many
    of them the unit is, and the kind.
    """
    if not side.is_bare or [token.kind for token in side.tokens] != ["number", "word"]:
        return None
    number, name = side.tokens[:1], name_unit(side.tokens[1])
    for kind, sizes in UNITS.items():
        if name in sizes:
            size = sizes[name]
            return multiply(widen(evaluate(number), Side(number)), make_exact(size)), size, kind
    return None


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
    if measures & {"hour", "day", "month"} and any(
        measure(a.value - b.value) in CYCLES for a, b in readings
    ):
        return True
    ratios = {a.value / Fraction(b.value) for a, b in readings if a.value and b.value}
    known = CONVERSIONS | {2} if "pair" in measures else CONVERSIONS
    return any(r in known or 1 / r in known for r in ratios)


def may_be_unknown(left: Side, right: Side) -> bool:
    """Whether a letter may be an unknown and no unit: 2 N + 1 = 7, and not 6 J / 2 = 4 J."""
    if not any(token.text in LETTER_UNITS for token in (*left.tokens, *right.tokens)):
        return False
    if right.tokens[-1].kind != "word":
        return True
    adds = any(token.kind in ("plus", "minus") for token in left.tokens)
    counts = [[t.kind for t in left.tokens].count(kind) for kind in ("number", "word")]
    return adds and counts[0] != counts[1]


def lost_its_power(side: Side) -> bool:
    """Whether a power of ten may have been copied without its raised minus: 5.2 * 10-4."""
    kinds = [token.kind for token in side.tokens]
    is_tight = kinds[-2:] == ["minus", "number"] and not side.tokens[-2].loose
    return kinds[:2] == ["number", "times"] and is_tight and side.tokens[2].text == "10"


def is_misplaced(left: Side, right: Side) -> bool:
    """Whether a number is written with a power of ten that is not its own: 0.05 = 5 * 10^{-3}."""
    sides = [[token for token in side.tokens if token.kind == "number"] for side in (left, right)]
    has_power = any(token.kind == "power" for token in right.tokens)
    if len(left.tokens) != 1 or not sides[0] or not is_printed(right) or not has_power:
        return False
    first, second = (numbers[0].text.replace(".", "").strip("0") for numbers in sides)
    return first == second and not any(t.kind in ("word", "percent") for t in right.tokens)


def name_unit(token: Token) -> str:
    """The unit that a token is, empty if it is none; one for apple and apples."""
    if token.kind == "currency":
        return token.text[-1]
    if token.kind == "degree":
        return "degree"
    if token.kind != "word":
        return ""
    if token.text in ("s", "ms"):
        return token.text
    return token.text.removesuffix("es" if token.text == "inches" else "s")


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
    return read_in_base(left.tokens, 2) == read_in_base(right.tokens, 2)


def read_in_base(tokens: Sequence[Token], base: int) -> Number | None:
    """The value of tokens whose numbers are written in a base, None if they cannot be."""
    try:
        return evaluate(
            [
                token._replace(text=str(int(token.text, base))) if token.kind == "number" else token
                for token in tokens
            ]
        )
    except (ValueError, UnreadableError, UndecidableError):
        return None


def is_of_other_base(left: Sequence[Token], right: Sequence[Token], bases: Iterable[int]) -> bool:
    """Whether two sides are the same with one of them or both written in one of these bases."""
    for base in bases:
        sides = [{read_in_base(side, way) for way in (base, 10)} - {None} for side in (left, right)]
        if sides[0] & sides[1]:
            return True
    return False


def is_range(left: Side, right: Side) -> bool:
    """Whether a hyphen joins two numbers instead of subtracting: pages 3-5 = 3 pages."""
    kinds = [token.kind for token in left.tokens]
    if kinds != ["number", "minus", "number"] or left.tokens[1].loose or left.tokens[2].loose:
        return False
    first, last = left.tokens[0].text, left.tokens[2].text
    return float(first) < float(last) and right.tokens[0].kind != "minus"
