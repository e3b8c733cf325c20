"""`contaminated`: a benchmark's question stands in the source chunk or in the dialogue.

Source: 13 words in a row, as in GPT-3 (Brown et al., 2020, appendix C) and in most since; here of
the text's stream, so that line ends, LaTeX and speakers' labels do not hide a question. A question
of fewer words must be there as a whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from udfs.checks import base
from udfs.contamination.index import Benchmark, Index, load_index
from udfs.contamination.search import Match, find_verbatim
from udfs.contamination.stream import Stream

REASON = "contaminated"
NOWHERE = Match("", 0.0, 0, 0)


class Limits(base.Limits):
    """`benchmarks`: whose questions are looked for; none are found in an empty list."""

    benchmarks: tuple[Benchmark, ...]


@dataclass(frozen=True)
class Values:
    """`contaminated_item`: benchmark and row of the item with the most 13-grams, which are
    `contaminated_grams`; `contaminated_in`: `source` or `output`, where the span from
    `contaminated_start` to `contaminated_end` lies, in characters, the end excluded. Empty and 0
    where nothing was found.
    """

    contaminated_item: str
    contaminated_grams: int
    contaminated_in: str
    contaminated_start: int
    contaminated_end: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text with a single 13-gram of a question."""
    where, match = find_best(dialogue.streams, limits.benchmarks, find_verbatim)
    values = Values(match.item, int(match.score), where, match.start, match.end)
    return base.Finding(values, REASON if match.item else None)


def find_best(
    streams: Mapping[str, Stream],
    benchmarks: tuple[Benchmark, ...],
    find: Callable[[Stream, Index], Match | None],
) -> tuple[str, Match]:
    """The best match, and in which of the streams it is; of equals in the `output`.

    Where nothing was found the place is empty and the match NOWHERE.
    """
    indices = [load_index(benchmark) for benchmark in benchmarks]
    best: dict[str, Match] = {}
    for place, stream in streams.items() if indices else ():
        matches = [match for index in indices if (match := find(stream, index)) is not None]
        if matches:
            best[place] = max(matches, key=lambda match: match.score)
    if not best:
        return "", NOWHERE
    place = max(best, key=lambda place: (best[place].score, place == "output"))
    return place, best[place]
