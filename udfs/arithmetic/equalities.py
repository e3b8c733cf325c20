"""Equalities of numbers in a text, each true, false or undecided by itself.

Only what is numbers alone on both sides is an equality here; `2x + 3 = 7` and `f(2) = 5` are none.
What stands around one is judged in `udfs.arithmetic.context`.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from udfs.arithmetic.chains import OPERATORS, Chain, Reader, Side
from udfs.arithmetic.comparison import Truth, compare
from udfs.arithmetic.expressions import UnreadableError, evaluate
from udfs.arithmetic.numbers import Rational, UndecidableError
from udfs.arithmetic.pieces import find_pieces
from udfs.arithmetic.spoken import find_spoken
from udfs.arithmetic.tokens import Token, read_tokens
from udfs.text.math_spans import Span

# Bounds for texts that are no dialogue: one of 4,096 tokens holds a few hundred equalities.
MAX_EQUALITIES = 1_000
MAX_READ = 30_000  # tokens that are looked at in all
CONGRUENT = frozenset({"≡", "≅", "\\equiv", "\\cong"})


@dataclass(frozen=True, slots=True)
class Equality:
    """One equality: where it stands in the text, its left side without blanks, and that's value,
    None where it has none; `sides` are the tokens.
    """

    start: int
    end: int
    left: str
    truth: Truth
    value: Rational | None = None
    sides: tuple[Sequence[Token], Sequence[Token]] = ((), ())


def find_equalities(text: str, spans: Sequence[Span]) -> Iterator[Equality]:
    """The equalities of a text in order, at most MAX_EQUALITIES; none from code and tables."""
    written = judge_all(find_chains(text, spans))
    return heapq.merge(written, judge_all(find_spoken(text, spans)), key=lambda e: e.start)


def judge_all(chains: Iterable[Chain]) -> Iterator[Equality]:
    """The equalities of chains, at most MAX_EQUALITIES."""
    return islice((e for chain in chains for e in judge_chain(chain)), MAX_EQUALITIES)


def find_chains(text: str, spans: Sequence[Span]) -> Iterator[Chain]:
    """The chains that signs make."""
    read = 0
    for piece in find_pieces(text, spans):
        tokens = list(read_tokens(text, piece.start, piece.end, is_math=piece.is_math))
        read += len(tokens)
        yield from Reader(piece.before).read(tokens, piece.behind)
        if read >= MAX_READ:
            return


def judge_chain(chain: Chain) -> Iterator[Equality]:
    """The equalities between neighbours of a chain that are numbers."""
    if any(relation.text in CONGRUENT for relation in chain.relations):
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
        written = "".join(token.text for token in left.tokens)
        place = left.tokens[0].start, last.start + len(last.text)
        yield Equality(*place, written, truth, value, (left.tokens, right.tokens))


def runs_on(value: Rational | None, side: Side) -> bool:
    """Whether a side goes on from a result, as pupils write: 2 + 3 = 5 + 4 = 9."""
    tokens = side.tokens
    firsts = [n for n, token in enumerate(tokens) if n and token.kind in OPERATORS]
    return bool(firsts) and evaluate(tokens[: firsts[0]]).value == value
