"""The parts of a text that may hold equalities of numbers: formulas, and sentences of prose.

One search for relations with a number on either side; all else of a text is never read.
"""

import re
from collections.abc import Iterator, Sequence
from string import ascii_letters
from typing import NamedTuple

from udfs.text.math_spans import Span

PIECE = 1_000  # characters of a sentence on either side of a relation; longer ones are left out

MATH = frozenset({"inline_math", "display_math", "environment"})
GAP = r"(?:[\s&~$*_)}\]]|\\[,;!: ]|\\(?:right|quad|[bB]igg?r?)\b)"
# A relation with something like a number on its right...
RELATION = re.compile(
    r"(?:=|[≈≃]|\\(?:approx|simeq)(?![A-Za-z]))"
    r"(?:[\s&~*_({\[]|\\[,;!: ])*+(?=[\d\\$€£√π.+\u2212-])"
)
# ... and something like one on its left, or a word, which may be a unit.
LEFT = re.compile(r"(?:[\d!%°.…π²³]|[\d}][ ~]?[^\W\d_/]{1,14}|dots|pi|circ)" + GAP + r"*+$")
CLOSERS = " \t\r\n&$~*_)}]"  # what may stand between it and the relation
# Commands that end a number or stand behind one.
COMMANDS = ("dots", "pi", "circ", "right", "quad", "big", "bigg", "bigr", "biggr", "Big", "Bigr")
NUMBER_ENDS = frozenset("0123456789!%°.…²³")
# The cheap look at a formula's side: where it begins, a letter that is no command's, and commands
# with words in them.
SIDE_START = re.compile(
    r"[=,;≈]|\\\\|\\q?quad|\\(?:approx|implies|iff|to|[Rr]ightarrow)(?![A-Za-z])"
)
LETTER = re.compile(r"(?<![\\A-Za-z])(?!e ?\^)[A-Za-z]")
WORDY = re.compile(r"\\(?:text|mathrm|mbox|begin|tag|label|phantom)")
NEAR = 48  # characters looked at for it
SENTENCE_ENDS = ("\n", ". ")
WORDS = 24  # characters beside an inline formula in which words are looked for
WORDS_BEFORE = re.compile(r"(?:[^\W\d_]+ )?(?:[^\W\d_]+|\$|#) ?$")
WORD_BEHIND = re.compile(r" ?[^\W\d_]+|\$")
BULLET = re.compile(r"(?:[ \t>]*(?:[-*+•]|\d{1,3}[.)]|\(\d{1,2}\))[ \t]+)*")


class Piece(NamedTuple):
    """A formula, or a sentence's prose between formulas.

    `before` and `behind` are the words that lead to it and go on from it, # where a formula does.
    A sentence that is too long is not whole, and nobody reads it.
    """

    start: int
    end: int
    before: str = ""
    behind: str = ""
    is_math: bool = False
    is_whole: bool = True


def find_pieces(text: str, spans: Sequence[Span]) -> Iterator[Piece]:
    """The pieces that have a relation between what may be numbers."""
    covered, number = 0, 0
    for relation in RELATION.finditer(text):
        at = relation.start()
        if at < covered or not follows_number(text, at):
            continue
        while number < len(spans) and spans[number].end <= at:
            number += 1
        if number == len(spans) or spans[number].start > at:
            before = spans[number - 1].end if number else 0
            behind = spans[number].start if number < len(spans) else len(text)
            sentence = cut_sentence(text, at, before, behind)
            covered = sentence.end
            if sentence.is_whole:
                yield sentence
        else:
            span = spans[number]
            is_read = span.kind in MATH and not is_algebra(text[max(span.start, at - NEAR) : at])
            covered = span.end if is_read or span.kind not in MATH else at + 1
            if is_read:
                yield cut_formula(text, span)


def follows_number(text: str, at: int) -> bool:
    """Whether a number stands before a relation, or a word behind one; a quick look for most."""
    tail = text[max(0, at - NEAR) : at].rstrip(CLOSERS)
    last = tail[-1:]
    if last in ascii_letters:
        before = tail.rstrip(ascii_letters).rstrip(" ~")[-1:]
        return before in NUMBER_ENDS or before == "}" or tail.endswith(COMMANDS)
    return last in NUMBER_ENDS or LEFT.search(text, max(0, at - NEAR), at) is not None


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
    return Piece(start, end, *edges, is_whole=is_whole)


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
    return Piece(start, end, before[0] if before else "", behind[0] if behind else "", is_math=True)


def is_algebra(before: str) -> bool:
    """Whether a letter is in the side before a relation: most formulas need not be read."""
    side = SIDE_START.split(before)[-1].lstrip(ascii_letters)  # the end of a command, perhaps
    return LETTER.search(side) is not None and WORDY.search(side) is None
