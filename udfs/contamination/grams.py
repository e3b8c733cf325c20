"""Grams: so many tokens in a row of a stream, as one hash; and tables to look them up in."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from udfs.contamination.stream import Hashes

# GPT-3's (Brown et al., 2020, appendix C), and of most decontamination since.
LONG_GRAM = 13
# Measured on GSM8K at a score of 0.4: of questions with synonyms in them grams of 2, 3, 4 and 5
# find 100, 98, 91 and 80 %; of the 1,319 themselves 11, 5, 4 and 4 are taken for another.
SHORT_GRAM = 3
STEP = 0x9E3779B97F4A7C15  # odd, so that no token of a gram is multiplied away
SHORT_BITS = np.uint64(32)  # of a short gram's hash: eight in one place never come by chance
SIEVE_BITS = 20  # a megabyte for each length of gram; 4 % of it are set by GSM8K
SIEVE_SHIFT = np.uint64(64 - SIEVE_BITS)

Numbers = NDArray[np.int64]


def hash_grams(hashes: Hashes, length: int) -> Hashes:
    """The hash of every gram of a stream, by the place of its first token; none if it is shorter.

    It is the polynomial of the tokens in STEP modulo 2^64, made of two halves, or of all but the
    last token and that one: five steps for 13 tokens.
    """
    if length == 1:
        return hashes
    if length % 2:
        width, left, right = 1, hash_grams(hashes, length - 1)[:-1], hashes[length - 1 :]
    else:
        width = length // 2
        halves = hash_grams(hashes, width)
        left, right = halves[:-width], halves[width:]
    return left * np.uint64(pow(STEP, width, 1 << 64)) + right


def hash_short_grams(hashes: Hashes) -> Hashes:
    """The same for short grams, of which fewer bits are enough; the others are 0."""
    return shorten(hash_grams(hashes, SHORT_GRAM))


def shorten(hashes: Hashes) -> Hashes:
    """Hashes with fewer bits, the others 0: enough for what must match several times."""
    return hashes >> SHORT_BITS << SHORT_BITS


def count_distinct(hashes: Hashes, length: int) -> Numbers:
    """How many different tokens each gram has."""
    if len(hashes) < length:
        return np.empty(0, np.int64)
    grams = np.sort(np.lib.stride_tricks.sliding_window_view(hashes, length), axis=1)
    return np.asarray(1 + (grams[:, 1:] != grams[:, :-1]).sum(axis=1), np.int64)


@dataclass(frozen=True)
class Grams:
    """Grams of one length, and whose they are.

    `hashes` are sorted and distinct; the items of number `n` are
    `items[starts[n]:starts[n + 1]]`. `sieve` says of the first bits of a hash whether any gram has
    them: most grams of a text need no other look.
    """

    hashes: Hashes
    starts: Numbers
    items: Numbers
    sieve: NDArray[np.bool_]

    @classmethod
    def of(cls, hashes: Hashes, items: Numbers) -> Self:
        """The grams of items, given side by side."""
        order = np.argsort(hashes, kind="stable")
        distinct, starts = np.unique(hashes[order], return_index=True)
        sieve = np.zeros(1 << SIEVE_BITS, np.bool_)
        sieve[distinct >> SIEVE_SHIFT] = True
        return cls(distinct, np.append(starts, len(order)), items[order], sieve)

    def look_up(self, hashes: Hashes) -> tuple[Numbers, Numbers]:
        """The places in a stream where a known gram begins, and the grams' numbers."""
        places = np.flatnonzero(self.sieve[hashes >> SIEVE_SHIFT])
        if not len(places):
            return places, places
        numbers = self.hashes.searchsorted(hashes[places])
        known = np.flatnonzero(self.hashes.take(numbers, mode="clip") == hashes[places])
        return places[known], numbers[known]

    def owners(self, numbers: Numbers) -> tuple[Numbers, Numbers]:
        """For each item of each of these grams the gram's place among them, and the item."""
        hits, places = spread(self.starts[numbers], self.starts[numbers + 1])
        return hits, self.items[places]


def spread(starts: Numbers, ends: Numbers) -> tuple[Numbers, Numbers]:
    """All numbers of these ranges, the ends excluded, each behind the place of its range."""
    counts = ends - starts
    skipped = np.repeat(np.cumsum(counts) - counts - starts, counts)
    return np.arange(len(counts)).repeat(counts), np.arange(len(skipped)) - skipped
