"""Chains of sides with relations between them, cut out of tokens.

A side of a formula reaches from separator to separator; a side in prose may also end at a word,
and then the word tells whether a part of the calculation was said instead of written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from udfs.arithmetic.tokens import MEASURES, Token

RELATIONS = frozenset({"equal", "about", "relation"})
OPERATORS = frozenset({"plus", "minus", "times", "over", "power"})
CALCULATES = OPERATORS - {"minus"} | {"fraction", "root", "choose", "factorial", "percent"}
# Beyond these a word is a unit if it stands behind a number: 3 apples + 4 apples.
AFTER_UNIT = OPERATORS | RELATIONS | {"stop", "line", "row", "end", "close", "arrow"}
STARTS = frozenset({"number", "open", "currency", "fraction", "root"})
# Words that take part in the calculation if they stand before a side...
CUTS_BEFORE = frozenset(
    """
    plus minus times over by from than mod modulo between negative half third quarter twice double
    thrice triple square cube root sqrt log ln sin cos tan exp max min gcd lcm abs floor ceil product
    difference quotient ratio base per into without no not vs versus factorial multiply add subtract
    divide multiplied divided added subtracted remainder choose degree power nor version chapter
    section figure table page equation example exercise problem question step case line row column
    item part level number index
    """.split()  # noqa: SIM905 - a table of quotes says no more
)
# ... but of these: a total of 3 + 4.
AMOUNTS = frozenset(
    """
    total sum cost amount area volume distance weight perimeter result value answer price profit
    income age speed length average maximum minimum score
    """.split()  # noqa: SIM905
)
# ... or, before `and` and `to`, further up.
JOINS = frozenset(
    """
    sum product difference between quotient ratio average add added adding multiply multiplying both
    numbers mean from raised subtract
    """.split()  # noqa: SIM905
)
# ... or behind a side.
CUTS_BEHIND = frozenset(
    """
    plus minus times over divided multiplied mod modulo remainder rem carry r R squared cubed by
    million thousand billion trillion hundred dozen choose or x k M bn pi factorial vs versus one two
    three four five six seven eight nine ten base half halves thirds quarters tenths hundredths th
    """.split()  # noqa: SIM905
)


@dataclass(slots=True)
class Side:
    """The tokens of one side; `foreign` if one is no arithmetic, `cut` if words take part in the
    calculation, `is_led` if words lead to it.
    """

    tokens: list[Token] = field(default_factory=list)
    foreign: bool = False
    cut: bool = False
    is_led: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it is a number alone, with its sign and unit."""
        kinds = [token.kind for token in self.tokens]
        return kinds.count("number") == 1 and CALCULATES.isdisjoint(kinds)


@dataclass(slots=True)
class Chain:
    """Sides in order, and between any two of them a relation."""

    sides: list[Side] = field(default_factory=lambda: [Side()])
    relations: list[Token] = field(default_factory=list)


class Reader:
    """Collects tokens into chains."""

    def __init__(self, *, is_math: bool) -> None:
        self.is_math = is_math
        self.chain = Chain()
        self.said: list[str] = []  # the words just before
        self.depth = 0  # brackets open in the chain
        self.environments = 0  # matrices and the like that are open

    @property
    def side(self) -> Side:
        """The side that is being read."""
        return self.chain.sides[-1]

    def read(self, tokens: list[Token]) -> Iterator[Chain]:
        """All chains that have a relation."""
        for number, token in enumerate(tokens):
            following = tokens[number + 1].kind if number + 1 < len(tokens) else "end"
            token = self.read_of(token, following)
            if self.ends_chain(token, following):
                yield from self.close(token)
            else:
                self.collect(token, following)
        yield from self.close(None)

    def read_of(self, token: Token, following: str) -> Token:
        """The `of` of 25% of 80 multiplies."""
        tokens = self.side.tokens
        is_part = token.text == "of" and tokens and tokens[-1].kind == "percent"
        return token._replace(kind="times") if is_part and following in STARTS else token

    def ends_chain(self, token: Token, following: str) -> bool:
        """Whether a chain ends at this token."""
        match token.kind:
            case "row" | "line":
                continues = following in RELATIONS or following == "plus"
                return not continues and not self.environments
            case "stop":
                return self.depth == 0 or token.text != ","
            case "arrow":
                return not self.environments
            case "word":
                return not self.is_unit(token, following)
        return False

    def is_unit(self, token: Token, following: str) -> bool:
        """Whether a word is the unit of the number before it."""
        tokens = self.side.tokens
        if not tokens or tokens[-1].kind not in ("number", "percent"):
            return False
        return token.text in MEASURES or (
            following in AFTER_UNIT and token.text not in CUTS_BEHIND
        )

    def collect(self, token: Token, following: str) -> None:
        """Add a token that does not end the chain."""
        if token.kind in RELATIONS:
            self.chain.relations.append(token)
            self.chain.sides.append(Side())
            return
        if token.kind in ("open", "close"):
            self.depth = max(0, self.depth + (1 if token.kind == "open" else -1))
        elif token.kind == "other":
            self.environments += token.text == "\\begin"
            self.environments = max(0, self.environments - (token.text == "\\end"))
        elif token.kind == "stop" and following == "end":
            return
        if token.kind not in ("row", "line"):
            self.side.tokens.append(token)
        self.side.foreign |= token.kind in ("other", "stop") or self.environments > 0

    def close(self, end: Token | None) -> Iterator[Chain]:
        """The chain that ends here, if it is one."""
        chain, said = self.chain, self.said
        word = end.text if end is not None and end.kind == "word" else ""
        numbered = ["#"] if chain.sides[-1].tokens else []
        self.said = [*said[-8:], *numbered, word.lower()] if word else []
        if chain.relations:
            trim_first(chain.sides[0], said, is_math=self.is_math)
            trim_last(chain.sides[-1], end)
            yield chain
        if chain.relations or chain.sides[0].tokens:
            self.chain, self.depth = Chain(), 0


def trim_first(side: Side, said: list[str], *, is_math: bool) -> None:
    """Take off what belongs to the words before the chain, and note whether they cut it."""
    tokens, depth = side.tokens, count_depth(side)
    while tokens and (tokens[0].kind == "close" or (tokens[0].kind == "open" and depth > 0)):
        depth += 1 if tokens[0].kind == "close" else -1
        del tokens[0]
    side.cut |= bool(said) and is_part(said)
    side.is_led = bool(said)
    if len(tokens) > 1 and not is_math and tokens[0].kind in ("plus", "minus", "times", "over"):
        side.cut |= tokens[1].loose  # a sign or an asterisk of emphasis is tied to its number
        if tokens[0].kind == "times":
            del tokens[0]


def is_part(said: list[str]) -> bool:
    """Whether the words before a calculation are a part of it: half of, the sum of 3 and."""
    last, before = said[-1], said[-2] if len(said) > 1 else ""
    if last == "of":
        return before not in AMOUNTS
    if last in ("and", "to"):
        return not JOINS.isdisjoint(said)
    return last in CUTS_BEFORE or (last == "or" and before == "#")


def trim_last(side: Side, end: Token | None) -> None:
    """Take off what leads to the words behind the chain, and note whether they cut it."""
    tokens, depth = side.tokens, count_depth(side)
    word = end.text if end is not None and end.kind == "word" else ""
    if word and end is not None and tokens and tokens[-1].kind in OPERATORS:
        is_dash = tokens[-1].kind == "minus" and end.loose
        side.cut |= end.loose == tokens[-1].loose and not is_dash  # emphasis closes tight
    while tokens and (
        (word and tokens[-1].kind in ("open", "minus"))
        or (tokens[-1].kind == "close" and depth < 0)
        or tokens[-1].kind == "times"
    ):
        depth += {"open": -1, "close": 1}.get(tokens[-1].kind, 0)
        del tokens[-1]
    side.cut |= word in CUTS_BEHIND


def count_depth(side: Side) -> int:
    """Brackets that open less those that close."""
    kinds = [token.kind for token in side.tokens]
    return kinds.count("open") - kinds.count("close")
