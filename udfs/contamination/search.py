"""Looking up a text's stream in a benchmark's index: word for word, and reworded."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udfs.contamination.grams import SHORT_GRAM, Numbers, hash_grams, hash_short_grams
from udfs.contamination.index import Index
from udfs.contamination.stream import Stream

# Scores below this are not worked out and count as 0: 760 pieces of math pages have 21,500 items of
# GSM8K with any score, and 11 that might reach this one.
LEAST_SCORE = 0.2


@dataclass(frozen=True)
class Match:
    """An item found in a text.

    `score` counts long grams for a match word for word, and is the weighted share of the item's
    short grams, 0 to 1, for a reworded one. The span is in character offsets of the text, the
    end excluded.
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
