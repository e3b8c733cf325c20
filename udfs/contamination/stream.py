r"""A text as a stream of hashed tokens, the same however the text is set.

Line ends, Markdown, LaTeX's delimiters and spacing commands, case and the form of a number make no
difference: `$\$1{,}200$ per\;*House*` and `1200 dollars per house` are one stream. Only words and
numbers are tokens; signs are not, since `\times`, `*` and `×` are too many names for one thing.

One pass of one regular expression cuts the text as it stands, so that offsets need no bookkeeping;
what a piece means is worked out once for each distinct piece and kept.
"""  # noqa: RUF002 (it is one of the names)

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Signs that Unicode counts as letters, and scripts without blanks: each is a token of its own.
SINGLE = "\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u215f\u3040-\u30ff\u3400-\u9fff"
LETTER = rf"[^\W\d_{SINGLE}]"
# What lies before a piece is taken along, and ASCII's words come first, for speed alone; `+` behind
# a repetition forbids to try again with less.
PIECE = re.compile(
    r"[^\w\\]{0,6}+("
    r"[A-Za-z]++(?![^\x00-\x7f])"
    rf"|{LETTER}+(?:[\u0300-\u036f]+{LETTER}*)*"
    r"|\d+(?:(?:[,\u2009\u202f]|\{,\}|\\,)\d{3}(?!\d))*(?:\.\d+)?"
    r"|\\(?:begin|end)[ ]?\{[^{}\n]{1,40}\}"
    r"|\\[A-Za-z]+"
    rf"|[{SINGLE}]"
    r")"
)
# How something is set, not what it says; and names of signs, since the signs are no tokens.
LAYOUT = frozenset(
    """
    begin end text textrm textbf textit texttt emph mbox hbox mathrm mathbf mathit mathsf mathtt
    boldsymbol operatorname left right big Big bigl bigr Bigl Bigr bigg Bigg middle quad qquad
    enspace thinspace hspace vspace hfill space displaystyle textstyle limits nolimits frac dfrac
    tfrac item par newline label tag nonumber
    times cdot div pm ast le leq ge geq lt gt ne neq approx to rightarrow Rightarrow dots ldots
    cdots circ dollar textdollar
    """.split()  # noqa: SIM905 - twelve lines of quotes say no more
)
# Words that are a sign elsewhere: $5, 20 %, 90°.
SIGN_WORDS = frozenset({"dollar", "dollars", "usd", "percent", "degree", "degrees"})
NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    )
}
NOTHING = 0  # the hash of a piece that is no token

KEPT_PIECES = 100_000  # about 15 MB in each Python worker
LONGEST_KEPT = 40  # characters: longer pieces are rarely met again


class _Meanings(dict[str, int]):
    """The hash of each piece seen, NOTHING for one that is no token."""

    def __missing__(self, piece: str) -> int:
        meaning = normalise(piece)
        value = hash_token(meaning) if meaning else NOTHING
        if len(self) >= KEPT_PIECES:
            self.clear()
        if len(piece) <= LONGEST_KEPT:
            self[piece] = value
        return value


_MEANINGS = _Meanings()


@dataclass(frozen=True)
class Stream:
    """The hashed tokens of `text`; no hash is NOTHING."""

    text: str
    hashes: Hashes

    def __len__(self) -> int:
        return len(self.hashes)

    def locate(self, first: int, last: int) -> tuple[int, int]:
        """Character offsets in the text of two tokens: the first's start and the last's end.

        Reads the text anew, since only few texts are ever asked.
        """
        pieces = (piece for piece in PIECE.finditer(self.text) if _MEANINGS[piece[1]] != NOTHING)
        found = list(islice(pieces, first, last + 1))
        return found[0].start(1), found[-1].end(1)


def read_stream(text: str, cuts: Iterable[tuple[int, int]] = ()) -> Stream:
    """The stream of a text, read as if it had blanks in place of `cuts`, say speakers' labels."""
    text = blank_out(text, cuts)
    pieces = PIECE.findall(text)
    hashes = np.fromiter(map(_MEANINGS.__getitem__, pieces), np.uint64, len(pieces))
    return Stream(text, hashes[hashes != NOTHING])


def read_tokens(text: str) -> list[str]:
    """What the tokens of a text's stream say."""
    return [meaning for piece in PIECE.findall(text) if (meaning := normalise(piece))]


def blank_out(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    """The text with blanks in place of the cuts, which are sorted and apart; offsets stay."""
    parts, position = [], 0
    for start, end in cuts:
        parts += [text[position:start], " " * (end - start)]
        position = end
    return "".join([*parts, text[position:]]) if parts else text


def normalise(piece: str) -> str:
    r"""What a piece says: `1{,}200.50` is 1200.5, `\Alpha` alpha; empty for layout and signs."""
    if piece[0] == "\\":
        name = re.findall("[A-Za-z]+", piece)[0]
        return "" if name in LAYOUT else name.casefold()
    text = unicodedata.normalize("NFKC", piece).casefold()
    if text[:1].isdecimal():
        return _normalise_number(text)
    return "" if text in SIGN_WORDS else NUMBER_WORDS.get(text, text)


def _normalise_number(text: str) -> str:
    """A number without the separators of thousands and without zeros behind the point."""
    digits = re.sub(r"[^\d.]", "", text)
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def hash_token(token: str) -> int:
    """64 bits of a token, the same on every machine; never NOTHING."""
    encoded = token.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "big") or 1
