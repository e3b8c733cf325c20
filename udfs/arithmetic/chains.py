"""Chains of sides with relations between them, cut out of tokens.

A side of a formula reaches from separator to separator; a side in prose may also end at a word,
and then the word tells whether a part of the calculation was said instead of written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from udfs.arithmetic.tokens import MEASURES, Token

RELATIONS = frozenset({"equal", "about", "relation"})
OPERATORS = frozenset({"plus", "minus", "times", "over", "power"})
CALCULATES = OPERATORS - {"minus"} | {
    *("fraction", "root", "choose", "factorial", "percent", "log", "euler")
}
ARITHMETIC = CALCULATES | {"number", "minus", "currency", "degree", "pi", "dots"}
# Beyond these a word is a unit if it stands behind a number: 3 apples + 4 apples.
AFTER_UNIT = OPERATORS | RELATIONS | {"stop", "line", "row", "end", "close", "arrow"}
# What takes a formula up in its next line.
CONTINUES = RELATIONS | {"plus", "row", "line"}
STARTS = frozenset({"number", "open", "currency", "fraction", "root", "log"})
# Words that take part in the calculation if they stand before a side...
CUTS_BEFORE = frozenset(
    """
    plus minus times over by from than mod modulo between negative half third quarter twice double
    thrice triple square cube root sqrt log ln sin cos tan exp max min gcd lcm abs floor ceil
    product difference quotient ratio base per into without no not vs versus factorial multiply add
    subtract divide multiplied divided added subtracted remainder choose degree power nor version
    chapter section figure table page equation example exercise problem question step case line row
    column item part level number index
    """.split()  # noqa: SIM905 - a table of quotes says no more
)
# ... but of these: a total of 3 + 4.
AMOUNTS = frozenset(
    """
    total sum cost costs amount area volume distance weight perimeter result value answer price
    profit income age speed length average maximum minimum score revenue balance payment savings
    expenses earnings losses change width height gain salary bill tax discount debt
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
    # $ plus minus times over divided multiplied mod modulo remainder rem carry r R squared cubed by
    million thousand billion trillion hundred dozen choose or x k M bn pi factorial vs versus one
    two three four five six seven eight nine ten base half halves thirds quarters tenths th
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

    def __init__(self, said: str = "") -> None:
        self.start_chain()
        self.said = said  # the words just before, # for a number or formula among them
        self.environments = 0  # matrices and the like that are open

    def start_chain(self) -> None:
        """Begin anew."""
        self.chain, self.depth = Chain(), 0
        self.side = self.chain.sides[0]

    def read(self, tokens: list[Token], behind: str = "") -> Iterator[Chain]:
        """All chains that have a relation; `behind` are the words that follow."""
        for number, token in enumerate(tokens):
            if token.kind in ARITHMETIC:
                self.side.tokens.append(token)
                continue
            following = tokens[number + 1].kind if number + 1 < len(tokens) else "end"
            if self.ends_chain(token, following):
                yield from self.close(token)
            else:
                self.collect(token)
        end = tokens[-1].start + len(tokens[-1].text) if tokens else 0
        yield from self.close(Token("word", behind.strip(), end, loose=True) if behind else None)

    def ends_chain(self, token: Token, following: str) -> bool:
        """Whether a chain ends at this token."""
        match token.kind:
            case "word":
                return not self.is_unit(token, following)
            case "row" | "line":
                # Of several ends of lines the last one decides.
                return following not in CONTINUES and not self.environments
            case "stop":
                return self.depth == 0 or token.text != ","
            case "arrow":
                return not self.environments
        return False

    def is_unit(self, token: Token, following: str) -> bool:
        """Whether a word belongs to the number before it: 3 apples + 4 apples, 25% of 80."""
        before = self.side.tokens[-1].kind if self.side.tokens else ""
        if token.text == "of":
            return before == "percent" and following in STARTS
        if before not in ("number", "percent"):
            return False
        return token.text in MEASURES or (following in AFTER_UNIT and token.text not in CUTS_BEHIND)

    def collect(self, token: Token) -> None:
        """Add a token that does not end the chain."""
        if token.kind in RELATIONS:
            self.side = Side()
            self.chain.relations.append(token)
            self.chain.sides.append(self.side)
        elif token.kind in ("open", "close"):
            self.depth = max(0, self.depth + (1 if token.kind == "open" else -1))
            self.side.tokens.append(token)
        elif token.kind == "word":
            kind = "times" if token.text == "of" else "word"
            self.side.tokens.append(token._replace(kind=kind))
        elif token.kind not in ("row", "line"):
            opened = (token.text == "\\begin") - (token.text == "\\end")
            self.environments = max(0, self.environments + opened)
            self.side.tokens.append(token)
            self.side.foreign = True
        self.side.foreign |= self.environments > 0

    def close(self, end: Token | None) -> Iterator[Chain]:
        """The chain that ends here, if it is one."""
        chain, said = self.chain, self.said
        is_word = end is not None and end.kind == "word"
        has_number = bool(self.side.tokens)
        self.said = f"{said} {'# ' * has_number}{end.text}"[-60:] if is_word and end else ""
        if chain.relations:
            trim_first(chain.sides[0], said.lower().split())
            trim_last(chain.sides[-1], end)
            yield chain
        if has_number or chain.relations:
            self.start_chain()


def trim_first(side: Side, said: list[str]) -> None:
    """Take off what belongs to the words before the chain, and note whether they cut it."""
    tokens, depth = side.tokens, count_depth(side)
    while tokens and (tokens[0].kind == "close" or (tokens[0].kind == "open" and depth > 0)):
        depth += 1 if tokens[0].kind == "close" else -1
        del tokens[0]
    side.cut |= bool(said) and is_part(said)
    side.is_led = bool(said)
    if len(tokens) > 1 and tokens[0].kind in ("plus", "minus", "times", "over"):
        # A sign or an asterisk of emphasis is tied to its number, and not to what stands before.
        is_sign = tokens[0].loose and not tokens[1].loose
        side.cut |= not is_sign and (bool(said) or tokens[0].kind != "minus")
        if tokens[0].kind == "times":
            del tokens[0]


def is_part(said: list[str]) -> bool:
    """Whether the words before a calculation are a part of it: half of, the sum of 3 and."""
    last, before = said[-1], said[-2] if len(said) > 1 else ""
    if last in ("#", "$"):
        return True
    if last == "of":
        return before not in AMOUNTS
    if last in ("and", "to"):
        return not JOINS.isdisjoint(said)
    return last in CUTS_BEFORE or (last == "or" and before == "#")


def trim_last(side: Side, end: Token | None) -> None:
    """Take off what leads to the words behind the chain, and note whether they cut it."""
    tokens, depth = side.tokens, count_depth(side)
    word = end.text.split()[0] if end is not None and end.kind == "word" else ""
    if word and end is not None and tokens and tokens[-1].kind in OPERATORS:
        is_dash = tokens[-1].kind == "minus" and end.loose
        side.cut |= end.loose == tokens[-1].loose and not is_dash  # emphasis closes tight
    if len(tokens) > 1 and tokens[0].kind == "times" and not tokens[1].loose:
        del tokens[0]
    while tokens and (
        (word and tokens[-1].kind in ("open", "minus"))
        or (tokens[-1].kind == "close" and depth < 0)
        or tokens[-1].kind == "times"
    ):
        depth += {"open": -1, "close": 1}.get(tokens[-1].kind, 0)
        del tokens[-1]
    side.cut |= word in CUTS_BEHIND
    if end is not None and word in MEASURES and tokens and tokens[-1].kind == "number":
        tokens.append(end)  # $40 + 50 = 1.5$ hours


def count_depth(side: Side) -> int:
    """Brackets that open less those that close."""
    kinds = [token.kind for token in side.tokens]
    return kinds.count("open") - kinds.count("close")
