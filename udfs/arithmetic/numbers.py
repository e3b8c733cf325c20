"""Exact numbers within bounds, each with the range that its printed form leaves open.

A printed decimal may have been rounded or cut: 3.14 stands for what is less than one unit of its
last digit above it, or half of one below. Roots that are no fraction are enclosed between two
fractions. Every operation checks its operands' size first, so that no text can make it slow.
"""

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

Rational = int | Fraction

MAX_BITS = 1024  # of numerator and denominator: 2^1000, 170!; beyond nobody writes digits
MAX_DIGITS = 100  # of a printed number
MAX_FACTORIAL = 170
MAX_ROOT = 12  # the index of a root, the denominator of an exponent
MAX_EXPONENT = 50  # of Euler's number
FLOAT_ERROR = 1e-12
ROOT_BITS = 120  # binary places of an enclosed root
TINY = Fraction(1, 2**80)  # enclosures this narrow that overlap are equal


class UndecidableError(Exception):
    """The number is too large, or there is none (1/0, 0^0, the root of -1)."""


class Number(NamedTuple):
    """`value` as printed, in the range `low` to `high` of what may be meant; equal if exact."""

    value: Rational
    low: Rational
    high: Rational

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left open."""
        return self.low is self.high or self.low == self.high


def measure(value: Rational) -> Rational:
    """The absolute value."""
    return value if value >= 0 else -value


def make_exact(value: Rational) -> Number:
    """A number that is what it says."""
    return Number(value, value, value)


@lru_cache(maxsize=4096)
def read_literal(digits: str) -> Number:
    """A printed number, digits with at most one point; without a point it is exact.

    Within a calculation one digit alone (0.3) is taken to be right to an eighth, 1/3 included.
    """
    if len(digits) > MAX_DIGITS:
        raise UndecidableError
    whole, point, places = digits.partition(".")
    if not point:
        return make_exact(int(whole))
    scale = 10 ** len(places)
    value = Fraction(int(whole + places), scale)
    below, above = (min(Fraction(1, part * scale), value / 8) for part in (2, 1))
    return Number(value, value - below, value + above)


def add(a: Number, b: Number) -> Number:
    """The sum."""
    value = a.value + b.value
    if a.is_exact and b.is_exact:
        return _bound(value, value, value)
    return _bound(value, a.low + b.low, a.high + b.high)


def negate(a: Number) -> Number:
    """The number with the other sign."""
    return Number(-a.value, -a.high, -a.low)


def multiply(a: Number, b: Number) -> Number:
    """The product."""
    value = a.value * b.value
    if a.is_exact and b.is_exact:
        return _bound(value, value, value)
    ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return _bound(value, min(ends), max(ends))


def divide(a: Number, b: Number) -> Number:
    """The quotient, of a divisor that cannot be zero."""
    if b.low <= 0 <= b.high:
        raise UndecidableError
    if a.is_exact and b.is_exact:
        value = Fraction(a.value, b.value)
        return _bound(value, value, value)
    return multiply(a, Number(*(Fraction(1, end) for end in (b.value, b.high, b.low))))


def power(base: Number, exponent: Number) -> Number:
    """The power to a whole number or a simple fraction, read as printed; 0^0 is undecided."""
    root, raised = exponent.value.denominator, exponent.value.numerator
    if root > 1:
        base = take_root(base, root)
    if raised < 0:
        base, raised = divide(make_exact(1), base), -raised
    if raised == 0 and base.low <= 0 <= base.high:
        raise UndecidableError
    if base.is_exact:
        return make_exact(_raise(base.value, raised))
    value, low, high = (_raise(end, raised) for end in (base.value, base.low, base.high))
    crosses = base.low < 0 < base.high and raised % 2 == 0
    return _bound(value, 0 if crosses else min(low, high), max(low, high))


def take_root(a: Number, index: int) -> Number:
    """The root: exact where it is a fraction, else enclosed; of a negative number undecided."""
    if not 2 <= index <= MAX_ROOT or a.low < 0:
        raise UndecidableError
    low, high = _enclose_root(a.low, index)[0], _enclose_root(a.high, index)[1]
    value = sum(_enclose_root(a.value, index)) / Fraction(2)
    return _bound(value, low, high)


def take_log(a: Number, base: int | None) -> Number:
    """The logarithm to a whole base, None for the natural one; exact where it is a whole number."""
    if a.low <= 0 or (base is not None and base < 2):
        raise UndecidableError
    scale = math.log(base) if base else 1.0
    value, low, high = (
        (math.log(end.numerator) - math.log(end.denominator)) / scale
        for end in (a.value, a.low, a.high)
    )
    whole = round(value)
    if (
        base
        and a.is_exact
        and abs(value - whole) < FLOAT_ERROR
        and Fraction(base) ** whole == a.value
    ):
        return make_exact(whole)
    return _enclose(value, low, high)


def take_exponential(a: Number) -> Number:
    """Euler's number to a power."""
    if not -MAX_EXPONENT < a.low <= a.high < MAX_EXPONENT:
        raise UndecidableError
    if a.is_exact and a.value == 0:
        return make_exact(1)
    return _enclose(math.exp(a.value), math.exp(a.low), math.exp(a.high))


def _enclose(value: float, low: float, high: float) -> Number:
    """The number between two floats, and as much more as they may be wrong."""
    spread = Fraction(FLOAT_ERROR * (1 + abs(high)))
    return _bound(Fraction(value), Fraction(low) - spread, Fraction(high) + spread)


def factorial(a: Number) -> Number:
    """The factorial of a whole number that is not too large."""
    if not a.is_exact or a.value.denominator != 1 or not 0 <= a.value <= MAX_FACTORIAL:
        raise UndecidableError
    return make_exact(math.factorial(int(a.value)))


def choose(n: Number, k: Number) -> Number:
    """The binomial coefficient of whole numbers."""
    if not (n.is_exact and k.is_exact and n.value.denominator == k.value.denominator == 1):
        raise UndecidableError
    if not 0 <= k.value <= n.value <= MAX_FACTORIAL:
        raise UndecidableError
    return make_exact(math.comb(int(n.value), int(k.value)))


def _bound(value: Rational, low: Rational, high: Rational) -> Number:
    """The number, if it is not too large to go on with."""
    ends = (value,) if low is high else (value, low, high)
    if max(map(count_bits, ends)) > MAX_BITS:
        raise UndecidableError
    return Number(value, low, high)


def count_bits(value: Rational) -> int:
    """The size of a fraction, the longer of its two parts."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _raise(base: Rational, exponent: int) -> Rational:
    """The power, computed only if the result is within bounds."""
    if base in (0, 1):
        return base
    if count_bits(base) * exponent > 2 * MAX_BITS:
        raise UndecidableError
    return base**exponent


def _enclose_root(value: Rational, index: int) -> tuple[Fraction, Fraction]:
    """The root between two fractions, which are the same where it is one."""
    top, bottom = (_floor_root(part, index) for part in (value.numerator, value.denominator))
    if top**index == value.numerator and bottom**index == value.denominator:
        return Fraction(top, bottom), Fraction(top, bottom)
    scaled = (value.numerator << (index * ROOT_BITS)) // value.denominator
    floor = _floor_root(scaled, index)
    return Fraction(floor, 1 << ROOT_BITS), Fraction(floor + 1, 1 << ROOT_BITS)


def _floor_root(n: int, index: int) -> int:
    """The largest whole number whose power is not above n, by Newton's method."""
    if index == 2 or n == 0:
        return math.isqrt(n)
    guess = 1 << -(-n.bit_length() // index)
    while True:
        closer = ((index - 1) * guess + n // guess ** (index - 1)) // index
        if closer >= guess:
            return guess
        guess = closer
