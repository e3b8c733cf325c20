"""`echo`: the source copied, as it is or cut up into turns.

Sources: our own choice of 8 words, long enough that sayings and definitions do not meet by chance;
compared is prose alone, labels left out, so that formulas, which have to come back as they are,
and a new label in the middle of a sentence change nothing. A quoted theorem is no echo.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import KEPT, read_source

REASON = "echo"


class Limits(base.Limits):
    """`ngram`: words per n-gram; `max_copied_words`: words that may be copied in one go;
    `max_copied_share`: part of the dialogue's words that may stand in the source's n-grams, 0 to 1;
    `min_ngrams`: dialogues with fewer are not judged by their share.
    """

    ngram: int = Field(ge=1)
    max_copied_words: int = Field(ge=1)
    max_copied_share: float = Field(ge=0, le=1)
    min_ngrams: int = Field(ge=1)


@dataclass(frozen=True)
class Values:
    """`copied_words`: the longest stretch of the dialogue whose n-grams are all the source's, 0
    without any; `copied_share`: part of the dialogue's words in the source's n-grams, so
    that a question or a word before each copied sentence hides nothing;
    `returned_share`: part of the source's distinct n-grams that are in the dialogue.
    """

    copied_words: int
    copied_share: float
    returned_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a copy, unless the style wants the source's sentences."""
    words = dialogue.prose_words
    if not base.has_run(words, dialogue.chunk.vocabulary, limits.ngram):
        return base.Finding(Values(0, 0.0, 0.0))
    known = read_source_ngrams(dialogue.source, limits.ngram)
    ngrams = list(base.read_ngrams(words, limits.ngram))
    copied = bytes(map(known.__contains__, ngrams))
    if not any(copied):
        return base.Finding(Values(0, 0.0, 0.0))
    longest = max(map(len, copied.split(b"\0"))) + limits.ngram - 1
    returned = len(known.intersection(ngrams)) / len(known)
    values = Values(longest, count_covered(copied, limits.ngram) / len(words), returned)
    found = longest > limits.max_copied_words or (
        values.copied_share > limits.max_copied_share and len(ngrams) >= limits.min_ngrams
    )
    return base.Finding(values, REASON if found and not dialogue.style.quotes_source else None)


def count_covered(copied: bytes, n: int) -> int:
    """The words that stand in a copied n-gram; `copied` has a 1 where one begins."""
    starts = [place for place, is_copied in enumerate(copied) if is_copied]
    gaps = (following - place for place, following in pairwise(starts))
    return sum(min(gap, n) for gap in gaps) + (n if starts else 0)


@lru_cache(maxsize=KEPT)
def read_source_ngrams(source: str, n: int) -> frozenset[tuple[str, ...]]:
    """The n-grams of a source, kept for its next dialogue."""
    return frozenset(base.read_ngrams(read_source(source).words, n))
