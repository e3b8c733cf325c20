"""The value of one side of an equality, by recursive descent of bounded depth; never `eval`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from udfs.arithmetic import numbers
from udfs.arithmetic.numbers import Number, UndecidableError
from udfs.arithmetic.tokens import Token

MAX_DEPTH = 30  # brackets in brackets; real formulas have 4
MAX_TOKENS = 300  # of one side; a sum of 100 terms has 199
CLOSING = {"(": ")", "[": "]", "{": "}"}
SUPERSCRIPTS = {"²": 2, "³": 3}
END = Token("end", "", 0, loose=False)
# 60 digits of pi.
PI_DIGITS = 314159265358979323846264338327950288419716939937510582097494
PI = Number(
    Fraction(PI_DIGITS, 10**59),
    Fraction(PI_DIGITS, 10**59),
    Fraction(PI_DIGITS + 1, 10**59),
)


class UnreadableError(Exception):
    """The tokens are no formula of numbers."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How to read what people read in two ways.

    `percent`: what its sign multiplies by; `loose`: 1/2*3 is 1/(2*3), -2^2 is (-2)^2 and 2^3^2 is
    2^(3^2); `mixed`: a number and a fraction behind it are added, not multiplied.
    """

    percent: Fraction = Fraction(1, 100)
    loose: bool = False
    mixed: bool = False


USUAL = Convention()


def evaluate(tokens: Sequence[Token], convention: Convention = USUAL) -> Number:
    """The number that the tokens make.

    Raises UnreadableError where they make none, and UndecidableError where it has no value within
    the bounds.
    """
    if len(tokens) == 1 and tokens[0].kind == "number":
        return numbers.read_literal(tokens[0].text)
    if len(tokens) > MAX_TOKENS:
        raise UndecidableError
    parser = _Parser(tokens, convention)
    value = parser.read_sum()
    if parser.next.kind != "end":
        raise UnreadableError
    return value


class _Parser:
    """Reads tokens from left to right; every method leaves behind what it understood."""

    def __init__(self, tokens: Sequence[Token], convention: Convention) -> None:
        self.tokens = [*tokens, END, END]
        self.position = 0
        self.next = self.tokens[0]
        self.convention = convention
        self.depth = 0

    def take(self) -> Token:
        """The next token, which is left behind."""
        token = self.next
        self.position += 1
        self.next = self.tokens[self.position]
        return token

    def read_sum(self) -> Number:
        """Terms and the signs between them."""
        total = self.read_product()
        while self.next.kind in ("plus", "minus"):
            is_minus = self.take().kind == "minus"
            term = self.read_product()
            total = numbers.add(total, numbers.negate(term) if is_minus else term)
        return total

    def read_product(self) -> Number:
        """Factors; what stands behind a slash may all belong below the line."""
        product, below = self.read_signed(), False
        while True:
            kind = self.next.kind
            if kind == "over":
                below = self.take().text == "/" and self.convention.loose
                product = numbers.divide(product, self.read_signed())
            elif self.is_mixed():
                product = numbers.add(product, self.read_signed())
            elif kind == "times" or self.is_tied():
                if kind == "times":
                    self.take()
                combine = numbers.divide if below else numbers.multiply
                product = combine(product, self.read_signed())
            else:
                return product

    def is_tied(self) -> bool:
        """Whether a factor follows without a sign: 3(4), 2√9, but not 2½ and not 7 [1]."""
        token = self.next
        if token.kind == "open":
            return token.text == "(" or (token.text == "[" and not token.loose)
        return token.kind in ("fraction", "root", "pi", "choose", "log", "euler")

    def is_mixed(self) -> bool:
        """Whether a fraction follows a whole number: two and a half, or two times a half."""
        is_one = self.next.kind == "fraction" and self.tokens[self.position - 1].kind == "number"
        return is_one and self.convention.mixed

    def read_signed(self) -> Number:
        """A factor with its sign, which belongs to the whole power or to its base."""
        signs = 0
        is_negative = False
        while self.next.kind in ("plus", "minus"):
            is_negative ^= self.take().kind == "minus"
            signs += 1
        if signs > 2:
            raise UnreadableError
        if is_negative and self.convention.loose:
            return self.read_power(negative=True)
        value = self.read_power()
        return numbers.negate(value) if is_negative else value

    def read_power(self, *, negative: bool = False) -> Number:
        """A base with its exponents, of which there may be a tower."""
        base = self.read_postfix()
        base = numbers.negate(base) if negative else base
        exponents = []
        while self.next.kind == "power":
            exponents.append(self.read_exponent(self.take().text))
        while len(exponents) > 1 and self.convention.loose:
            top = exponents.pop()
            exponents[-1] = numbers.power(exponents[-1], top)
        for exponent in exponents:
            base = numbers.power(base, exponent)
        return base

    def read_exponent(self, sign: str) -> Number:
        """An exponent: raised digits, one in brackets, a number, or one with a sign."""
        if sign in SUPERSCRIPTS:
            return numbers.make_exact(SUPERSCRIPTS[sign])
        is_negative = self.next.kind == "minus"
        if is_negative:
            self.take()
        exponent = self.read_atom()
        return numbers.negate(exponent) if is_negative else exponent

    def read_postfix(self) -> Number:
        """An atom with what may stand behind it: 5!, 20%, 90°."""
        value = self.read_atom()
        while self.next.kind in ("factorial", "percent", "degree", "word"):
            token = self.take()
            if token.kind == "factorial" and self.next.kind == "factorial":
                raise UndecidableError  # 5!! is 5 * 3 * 1, or 120!
            if token.kind == "factorial":
                value = numbers.factorial(value)
            elif token.kind == "word" and self.next.kind == "power":
                self.read_exponent(self.take().text)  # the unit's: 15 \\text{ cm}^2
            elif token.kind == "percent":
                value = numbers.multiply(
                    _round_percent(value), numbers.make_exact(self.convention.percent)
                )
        return value

    def read_atom(self) -> Number:
        """A number, a bracket, or a command with its arguments."""
        while self.next.kind == "currency":
            self.take()
        token = self.take()
        match token.kind:
            case "number":
                return numbers.read_literal(token.text)
            case "open":
                return self.read_bracket(token.text)
            case "pi" if self.next.kind not in ("open", "other"):
                return PI
            case "dots":
                raise UndecidableError
        return self.read_command(token)

    def read_command(self, token: Token) -> Number:
        """A command with its arguments."""
        match token.kind:
            case "fraction":
                return numbers.divide(self.read_argument(), self.read_argument())
            case "choose":
                return numbers.choose(self.read_argument(), self.read_argument())
            case "root":
                return self.read_root()
            case "log":
                return self.read_log(token.text)
            case "euler":
                return self.read_exponential()
        raise UnreadableError

    def read_bracket(self, opening: str) -> Number:
        """What stands in a bracket, and the bracket's end."""
        value = self.descend(self.read_sum)
        if self.take().text != CLOSING[opening]:
            raise UnreadableError
        return value

    def read_argument(self) -> Number:
        r"""A group in braces, or a single digit of what follows: the 1 and the 2 of \frac12."""
        token = self.take()
        if token.text == "{":
            return self.read_bracket("{")
        if token.kind != "number" or not token.text.isdigit():
            raise UnreadableError
        if len(token.text) > 1:
            self.position -= 1
            self.next = self.tokens[self.position] = token._replace(text=token.text[1:])
        return numbers.read_literal(token.text[0])

    def read_root(self) -> Number:
        """A root with or without its index."""
        index = 2
        if self.next.text == "[":
            self.take()
            number, bracket = self.take(), self.take()
            if not number.text.isdigit() or bracket.text != "]":
                raise UnreadableError
            index = int(number.text) if len(number.text) < 3 else numbers.MAX_ROOT + 1
        return numbers.take_root(self.descend(self.read_atom), index)

    def read_log(self, name: str) -> Number:
        """A logarithm of what follows at once; of a product without brackets nobody can say."""
        base = int(name.partition("_")[2].strip("{}")) if "_" in name else None
        in_brackets = self.next.kind == "open"
        value = self.descend(self.read_power)
        if not in_brackets and (self.next.kind in ("times", "over") or self.is_tied()):
            raise UndecidableError
        return numbers.take_log(value, base)

    def read_exponential(self) -> Number:
        """Euler's number and its exponent."""
        return numbers.take_exponential(self.read_exponent(self.take().text))

    def descend(self, read: Callable[[], Number]) -> Number:
        """What `read` finds one level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UndecidableError
        value = read()
        self.depth -= 1
        return value


def _round_percent(value: Number) -> Number:
    """Whole percents are rounded as often as not."""
    if value.is_exact:
        return Number(value.value, value.value - 1, value.value + 1)
    return value
