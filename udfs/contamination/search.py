"""Looking up a text's stream in a benchmark's index: word for word, reworded, and told anew."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udfs.contamination.grams import (
    SHORT_GRAM,
    Numbers,
    hash_grams,
    hash_short_grams,
    shorten,
    spread,
)
from udfs.contamination.index import Index
from udfs.contamination.stream import Hashes, Stream

# Scores below this are not worked out and count as 0: 760 pieces of math pages have 21,500 items of
# GSM8K with any score, and 11 that might reach this one.
LEAST_SCORE = 0.2
# Of a question that is told anew: the part of its numbers that must come back, the least that they
# must say, and what its words count for by what they say. Our own: so that 0.4 divides 14 questions
# told anew, of which 11 have more, from 413 good dialogues, their sources and 786 pieces of math
# pages, of which the most like any of GSM8K has 0.39.
NUMBERS_SHARE, LEAST_INFORMATION = 0.75, 3.0
STRENGTH = ((3.0, 6.0), (0.4 / 0.6, 0.4 / 0.44))


@dataclass(frozen=True)
class Match:
    """An item found in a text.

    `score` counts long grams for a match word for word, and is the weighted share of the item's
    short grams, or of its words, 0 to 1, for another. The span is in character offsets of the text,
    the end excluded.
    """

    item: str
    score: float
    start: int
    end: int


def find_verbatim(stream: Stream, index: Index) -> Match | None:
    """The item with the most long grams in the text, None if no gram of any is there.

    The span begins with the item's first gram; where it is quoted again further down does not
    count.
    """
    best: tuple[int, int, int, int] | None = None
    for length, grams in index.long.items():
        places, numbers = grams.look_up(hash_grams(stream.hashes, length))
        if len(places):
            hits, items = grams.owners(numbers)
            item = int(np.bincount(items).argmax())
            own = places[hits[items == item]]
            last = own[own < own[0] + 2 * index.tokens[item]][-1]
            best = max(best or (0, 0, 0, 0), (len(own), item, int(own[0]), int(last) + length - 1))
    if best is None:
        return None
    found, item, first, last = best
    return Match(index.item_id(item), float(found), *stream.locate(first, last))


def find_reworded(stream: Stream, index: Index, window: float) -> Match | None:
    """The item of which the largest part is in one place of the text, None below LEAST_SCORE.

    A place is `window` times as many tokens as the item has; the parts are short grams, each
    weighted by how rare it is in the benchmark.
    """
    places, numbers = index.short.look_up(hash_short_grams(stream.hashes))
    hits, items = index.short.owners(numbers)
    # What an item would have if all of the text were one place: the best it can come to.
    bounds = np.bincount(items, index.weights[numbers[hits]], len(index.tokens)) / index.totals
    candidates = np.flatnonzero(bounds >= LEAST_SCORE)
    best, score, first, last = -1, LEAST_SCORE, 0, 0
    for item in candidates[np.argsort(-bounds[candidates], kind="stable")].tolist():
        if bounds[item] < score:
            break
        own = hits[items == item]
        width = round(window * index.tokens[item])
        weight, start, end = _find_densest(places[own], numbers[own], index.weights, width)
        if weight / index.totals[item] > score:
            best, score, first, last = item, float(weight / index.totals[item]), start, end
    if best < 0:
        return None
    return Match(index.item_id(best), min(score, 1.0), *stream.locate(first, last + SHORT_GRAM - 1))


def find_retold(stream: Stream, index: Index, window: float) -> Match | None:
    """The item of which most words and nearly all numbers are in one place of the text, None below
    LEAST_SCORE.

    The score is the weighted share of its words, by which two stories with the same few common
    numbers may be alike: so these count less.
    """
    hashes = shorten(stream.hashes)
    known = np.unique(index.numbers.look_up(hashes)[1])
    hits, items = index.numbers.owners(known)
    size = len(index.tokens)
    information = np.bincount(items, index.information[known[hits]], size)
    counts = np.bincount(items, minlength=size)
    enough = counts >= NUMBERS_SHARE * index.number_counts
    candidates = np.flatnonzero(enough & (information >= LEAST_INFORMATION))
    if not len(candidates):
        return None
    strengths = np.interp(information[candidates], *STRENGTH)
    bounds = strengths * _share_words(hashes, index, candidates)
    best, score, first, last = -1, LEAST_SCORE, 0, 0
    for place in np.argsort(-bounds, kind="stable").tolist():
        if bounds[place] < score:
            break
        item = int(candidates[place])
        share, start, end = _find_place(hashes, index, item, window)
        if strengths[place] * share > score:
            strength = _measure_strength(hashes[start : end + 1], index, item)
            if strength * share > score:
                best, score, first, last = item, strength * share, start, end
    return None if best < 0 else Match(index.item_id(best), score, *stream.locate(first, last))


def _share_words(hashes: Hashes, index: Index, items: Numbers) -> NDArray[np.float64]:
    """The weighted share of each item's words that the text has anywhere, which no place of it
    exceeds.
    """
    starts, ends = index.word_starts[items], index.word_starts[items + 1]
    owners, places = spread(starts, ends)
    known, words = np.sort(hashes), index.words[places]
    there = known.take(known.searchsorted(words), mode="clip") == words
    weights = index.word_weights[places] * there
    return np.bincount(owners, weights, len(items)) / index.word_totals[items]


def _find_place(hashes: Hashes, index: Index, item: int, window: float) -> tuple[float, int, int]:
    """The weighted share of an item's words in the place that has most of it, and its first and
    last token.
    """
    own = slice(index.word_starts[item], index.word_starts[item + 1])
    words, weights = index.words[own], index.word_weights[own]
    numbers = np.minimum(words.searchsorted(hashes), len(words) - 1)
    places = np.flatnonzero(words[numbers] == hashes)
    width = round(window * index.tokens[item])
    weight, first, last = _find_densest(places, numbers[places], weights, width)
    return weight / float(index.word_totals[item]), first, last


def _measure_strength(hashes: Hashes, index: Index, item: int) -> float:
    """What the words of an item count for beside its numbers in this place, 0 for too few."""
    known = np.unique(index.numbers.look_up(hashes)[1])
    hits, items = index.numbers.owners(known)
    known = known[hits[items == item]]
    if len(known) < NUMBERS_SHARE * index.number_counts[item]:
        return 0.0
    return float(np.interp(index.information[known].sum(), *STRENGTH))


def _find_densest(
    places: Numbers, numbers: Numbers, weights: NDArray[np.float64], width: int
) -> tuple[float, int, int]:
    """The largest weight of distinct grams within so many tokens, and its first and last place."""
    hits = list(zip(places.tolist(), numbers.tolist(), strict=True))
    inside: Counter[int] = Counter()
    best, weight, first = (0.0, 0, 0), 0.0, 0
    for place, gram in hits:
        weight += 0.0 if inside[gram] else weights[gram]
        inside[gram] += 1
        while hits[first][0] + width <= place:
            left = hits[first][1]
            inside[left] -= 1
            weight -= 0.0 if inside[left] else weights[left]
            first += 1
        if weight > best[0]:
            best = (float(weight), hits[first][0], place)
    return best
