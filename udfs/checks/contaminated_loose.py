"""`contaminated_loose`: a benchmark's question stands in the source or the dialogue, reworded.

Source: our own. Of a question's word triples, weighted by how rare they are in the benchmark, the
share that comes back close together: a changed number or name costs three of them, and what any
text has in common with a question (`how many of`) weighs little. Or, where it is told anew and no
triple is left, the share of its words with nearly all its numbers. Measured on planted questions;
the numbers stand beside the limits in `conf/mind.toml`.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.contaminated import find_best
from udfs.contamination.index import Benchmark, Index
from udfs.contamination.search import LEAST_SCORE, Match, find_retold, find_reworded
from udfs.contamination.stream import Stream

REASON = "contaminated_loose"


class Limits(base.Limits):
    """`benchmarks`: whose questions are looked for; empty = those of `contaminated`;
    `min_score`: the share of a question, 0 to 1; `window`: in how many times its length.
    """

    benchmarks: tuple[Benchmark, ...] = ()
    min_score: float = Field(ge=LEAST_SCORE, le=1)
    window: float = Field(ge=1)


@dataclass(frozen=True)
class Values:
    """`loose_item`: benchmark and row of the item with the best `loose_score`, 0 to 1; `loose_in`:
    `source` or `output`, where the span from `loose_start` to `loose_end` lies, in characters.
    Empty and 0 where no score reaches the least that is measured.
    """

    loose_item: str
    loose_score: float
    loose_in: str
    loose_start: int
    loose_end: int


def find_loosely(stream: Stream, index: Index, window: float) -> Match | None:
    """The item that a text is most like, reworded or told anew."""
    found = (find_reworded(stream, index, window), find_retold(stream, index, window))
    return max(filter(None, found), key=lambda match: match.score, default=None)


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a text with a large part of a question in one place."""
    where, match = find_best(dialogue, limits.benchmarks, find_loosely, limits.window)
    values = Values(match.item, match.score, where, match.start, match.end)
    found = bool(match.item) and match.score >= limits.min_score
    return base.Finding(values, REASON if found else None)
