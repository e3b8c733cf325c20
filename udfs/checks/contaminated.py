"""`contaminated`: a benchmark's question stands in the source chunk or in the dialogue.

Source: 13 words in a row, as in GPT-3 (Brown et al., 2020, appendix C) and in most since; here of
the text's stream, so that line ends, LaTeX and speakers' labels do not hide a question. A question
of fewer words must be there as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from udfs.checks import base
from udfs.checks.source import KEPT, read_source
from udfs.contamination.index import Benchmark, load_index
from udfs.contamination.search import Match, find_verbatim
from udfs.contamination.stream import Stream

REASON = "contaminated"
NOWHERE = Match("", 0.0, 0, 0)
# A search for the best match of one index in a stream, with its limits.
Find = Callable[..., Match | None]


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
    where, match = find_best(dialogue, limits.benchmarks, find_verbatim)
    values = Values(match.item, int(match.score), where, match.start, match.end)
    return base.Finding(values, REASON if match.item else None)


def find_best(
    dialogue: base.Dialogue, benchmarks: tuple[Benchmark, ...], find: Find, *limits: float
) -> tuple[str, Match]:
    """The best match, and whether it is in the `source` or the `output`; of equals in the latter.

    Where nothing was found the place is empty and the match NOWHERE.
    """
    if not benchmarks:
        return "", NOWHERE
    in_source = find_in_source(dialogue.source, benchmarks, find, *limits)
    in_output = find_in_stream(dialogue.stream, benchmarks, find, *limits)
    if not in_source.item and not in_output.item:
        return "", NOWHERE
    is_output = in_output.score >= in_source.score
    return ("output", in_output) if is_output else ("source", in_source)


@lru_cache(maxsize=2 * KEPT)
def find_in_source(
    source: str, benchmarks: tuple[Benchmark, ...], find: Find, *limits: float
) -> Match:
    """The best match in a source, kept for its next dialogue."""
    return find_in_stream(read_source(source).stream, benchmarks, find, *limits)


def find_in_stream(
    stream: Stream, benchmarks: tuple[Benchmark, ...], find: Find, *limits: float
) -> Match:
    """The best match of all benchmarks, NOWHERE if there is none."""
    matches = (find(stream, load_index(benchmark), *limits) for benchmark in benchmarks)
    return max((match for match in matches if match), key=lambda m: m.score, default=NOWHERE)
