"""A benchmark as an index of hashes: built by the job `benchmark`, loaded once in each worker.

The file is a NumPy archive without pickles and without text: of each item its row in the
benchmark and its number of tokens, the hashes of its long grams, by which it is found word for
word, of its short grams, by which it is found reworded, and of its words and numbers, by which it
is found told anew. Weights are worked out when loading.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from udfs.contamination.grams import (
    LONG_GRAM,
    SHORT_BITS,
    SHORT_GRAM,
    Grams,
    Numbers,
    count_distinct,
    hash_grams,
    hash_short_grams,
    shorten,
)
from udfs.contamination.stream import Hashes, hash_token, read_stream, read_tokens
from udfs.errors import UsageError

# Raised by every change of what a token or a gram is: an index of another version finds nothing.
FORMAT = 2
# An item shorter than a long gram is one gram as a whole; one that is shorter than this could be
# anybody's: in 135 math pages, 8 words that two of them share are a title.
SHORTEST_ITEM = 8
# Part of a gram's tokens that must differ from each other: 8 of 13. Rows of zeros and of
# `for (int i = 0; i < n; i++)` have fewer; of GSM8K's 45,961 grams 25 have.
DISTINCT_SHARE = 0.6
# A gram in more items than this is the benchmark's template. In GSM8K 14 are in two items.
MOST_ITEMS = 3
# What a number says of where it comes from, in halves of a unit: 1 to 12 are everywhere, 37 and
# 2.50 are not. Our own choice, as are the bounds; 0 to 2 are not counted among an item's numbers.
COMMON, ROUND, SHORT, LONG = 1, 3, 5, 8
UNCOUNTED = frozenset({"0", "1", "2"})
FEWEST_SHORT_GRAMS = 8  # an item with fewer is only looked for word for word
HEX_DIGITS = 32


class Benchmark(BaseModel):
    """An index in the settings, by name or path; what `load_rules` returns has all three fields.

    `content` is the file, `sha256` the first 32 hex digits of its hash, by which it is part of
    the rules' identity; both are empty before it was loaded.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1)
    sha256: str = ""
    content: bytes = Field(default=b"", exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _is_named(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @classmethod
    def load(cls, content: bytes) -> Self:
        """The benchmark that an index file holds, by its own name."""
        sha256 = hashlib.sha256(content).hexdigest()[:HEX_DIGITS]
        return cls(name=parse_index(content).name, sha256=sha256, content=content)


@dataclass(frozen=True)
class Index:
    """What is looked up; an item is its place in these arrays.

    `rows` and `tokens` are of the items. `long` has the long grams by their number of tokens.
    `weights` are the short grams' in the order of `short.hashes`, and `totals` the items' sums of
    them, infinite for an item with too few.

    `numbers` are the items' numbers, of which there are `number_counts` in each, and `information`
    says in their order how rare each is. The words of an item, numbers among them, are
    `words[word_starts[item]:word_starts[item + 1]]`, sorted, beside them their weights, and
    `word_totals` are the items' sums of these.
    """

    name: str
    rows: Numbers
    tokens: Numbers
    long: dict[int, Grams]
    short: Grams
    weights: NDArray[np.float64]
    totals: NDArray[np.float64]
    numbers: Grams
    number_counts: Numbers
    information: NDArray[np.float64]
    words: Hashes
    word_starts: Numbers
    word_weights: NDArray[np.float64]
    word_totals: NDArray[np.float64]

    def item_id(self, item: int) -> str:
        """The item's name in the evidence: the benchmark's and its row, counted from 0."""
        return f"{self.name}:{self.rows[item]}"


def build_index(name: str, texts: Iterable[tuple[int, str]]) -> bytes:
    """The index file of a benchmark's items, given as rows and texts.

    Items that are too short are left out, and those that repeat another.
    """
    rows, tokens, long_grams, short_grams, known = [], [], [], [], set()
    words, numbers = [], []
    for row, text in texts:
        hashes = read_stream(text).hashes
        if len(hashes) >= SHORTEST_ITEM and hashes.tobytes() not in known:
            known.add(hashes.tobytes())
            rows.append(row)
            tokens.append(len(hashes))
            long_grams.append(_pick_long_grams(hashes))
            short_grams.append(_pick_short_grams(hashes))
            words.append(np.unique(shorten(hashes)))
            numbers.append(_pick_numbers(text))
    items_of = Counter(gram for grams in long_grams for gram in grams.tolist())
    template = np.array([g for g, items in items_of.items() if items > MOST_ITEMS], np.uint64)
    long_grams = [grams[~np.isin(grams, template)] for grams in long_grams]
    file = io.BytesIO()
    np.savez(
        file,
        about=np.array(json.dumps({"format": FORMAT, "name": name})),
        rows=np.array(rows, np.uint32),
        tokens=np.array(tokens, np.uint32),
        long_counts=np.array([len(grams) for grams in long_grams], np.uint32),
        long_grams=_join(long_grams),
        short_counts=np.array([len(grams) for grams in short_grams], np.uint32),
        short_grams=(_join(short_grams) >> SHORT_BITS).astype(np.uint32),
        word_counts=np.array([len(some) for some in words], np.uint32),
        words=(_join(words) >> SHORT_BITS).astype(np.uint32),
        number_counts=np.array([len(some) for some in numbers], np.uint32),
        numbers=np.array([hash_ for some in numbers for hash_ in some], np.uint32),
        information=np.array([half for some in numbers for half in some.values()], np.uint8),
    )
    return file.getvalue()


def _join(grams: list[Hashes]) -> Hashes:
    """The grams of all items, one behind the other."""
    return np.concatenate([np.empty(0, np.uint64), *grams])


def _pick_long_grams(hashes: Hashes) -> Hashes:
    """The distinct long grams of an item, or all of it as one."""
    length = min(LONG_GRAM, len(hashes))
    grams = hash_grams(hashes, length)
    return np.unique(grams[count_distinct(hashes, length) >= DISTINCT_SHARE * length])


def _pick_short_grams(hashes: Hashes) -> Hashes:
    """The distinct short grams of an item, none with a token twice."""
    grams = hash_short_grams(hashes)
    return np.unique(grams[count_distinct(hashes, SHORT_GRAM) == SHORT_GRAM])


def _pick_numbers(text: str) -> dict[int, int]:
    """The distinct numbers of an item as the first bits of their hashes, and what each says."""
    numbers = [token for token in read_tokens(text) if token[0].isdigit()]
    return {
        hash_token(number) >> int(SHORT_BITS): _rate_number(number)
        for number in numbers
        if number not in UNCOUNTED
    }


def _rate_number(number: str) -> int:
    """How much a number says of where it comes from, in halves."""
    if not number.isdecimal() or len(number) > 3:
        return LONG
    value = int(number)
    if value <= 12:
        return COMMON
    if value <= 20 or (value <= 100 and value % 10 == 0):
        return ROUND
    return SHORT if value <= 100 else LONG


def load_index(benchmark: Benchmark) -> Index:
    """The index of a loaded benchmark; raises UsageError for one that is only named."""
    if not benchmark.content:
        raise UsageError(f"the benchmark {benchmark.name} is not loaded: see load_rules")
    return parse_index(benchmark.content)


@lru_cache(maxsize=16)
def parse_index(content: bytes) -> Index:
    """An index file as it is looked up; raises UsageError for anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            arrays = {name: archive[name] for name in archive.files}
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, BadZipFile) as error:
        raise UsageError("not an index of a benchmark: make one with `benchmark --add`") from error
    if about["format"] != FORMAT:
        raise UsageError(
            f"the index of {about['name']} has format {about['format']}, expected {FORMAT}: make "
            "it anew with `benchmark --add`"
        )
    return _arrange(about["name"], arrays)


def _arrange(name: str, arrays: dict[str, Any]) -> Index:
    """The arrays in the order in which they are looked up, with what follows from them."""
    tokens = arrays["tokens"].astype(np.int64)
    items = np.arange(len(tokens))
    long_items = np.repeat(items, arrays["long_counts"])
    lengths = np.minimum(tokens, LONG_GRAM)[long_items]
    short = Grams.of(
        arrays["short_grams"].astype(np.uint64) << SHORT_BITS,
        np.repeat(items, arrays["short_counts"]),
    )
    shared = np.diff(short.starts)
    weights = np.log1p(len(tokens) / shared)
    totals = np.bincount(short.items, np.repeat(weights, shared), len(tokens)).astype(np.float64)
    totals[arrays["short_counts"] < FEWEST_SHORT_GRAMS] = np.inf
    number_hashes = arrays["numbers"].astype(np.uint64) << SHORT_BITS
    numbers = Grams.of(number_hashes, np.repeat(items, arrays["number_counts"]))
    words = arrays["words"].astype(np.uint64) << SHORT_BITS
    _, places, counts = np.unique(words, return_inverse=True, return_counts=True)
    word_weights = np.log1p(len(tokens) / counts)[places]
    word_items = np.repeat(items, arrays["word_counts"])
    return Index(
        name=name,
        rows=arrays["rows"].astype(np.int64),
        tokens=tokens,
        long={
            int(n): Grams.of(arrays["long_grams"][lengths == n], long_items[lengths == n])
            for n in np.unique(lengths)
        },
        short=short,
        weights=weights,
        totals=totals,
        numbers=numbers,
        number_counts=arrays["number_counts"].astype(np.int64),
        information=arrays["information"][np.unique(number_hashes, return_index=True)[1]] / 2,
        words=words,
        word_starts=np.append(0, np.cumsum(arrays["word_counts"].astype(np.int64))),
        word_weights=word_weights,
        word_totals=np.bincount(word_items, word_weights, len(tokens)).astype(np.float64),
    )
