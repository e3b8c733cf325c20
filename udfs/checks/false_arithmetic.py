"""`false_arithmetic`: the dialogue calculates wrongly, and nobody notices.

Source: our own rules for equalities of numbers (`udfs.arithmetic`); design: what is refuted,
assumed, corrected, rounded, or of another arithmetic is not false, and one slip is forgiven.
"""

from collections import Counter
from dataclasses import dataclass

from pydantic import Field

from udfs.arithmetic.context import is_taken_back
from udfs.arithmetic.equalities import Truth, find_equalities
from udfs.checks import base

REASON = "false_arithmetic"

SIGNS = ("=", "≈", "≃", "\\approx", "\\simeq")


class Limits(base.Limits):
    """`max_false`: false equalities that are forgiven."""

    max_false: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """Equalities of numbers alone that are true; false, and by nothing taken back; or neither."""

    true_equalities: int
    false_equalities: int
    undecided_equalities: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text with more false equalities than the limit."""
    counts = count_truths(dialogue) if any(s in dialogue.text for s in SIGNS) else Counter[Truth]()
    values = Values(counts[Truth.TRUE], counts[Truth.FALSE], counts[Truth.UNDECIDED])
    found = values.false_equalities > limits.max_false
    return base.Finding(values, REASON if found else None)


def count_truths(dialogue: base.Dialogue) -> Counter[Truth]:
    """How many equalities are true, false and undecided, in their context."""
    text, counts = dialogue.text, Counter[Truth]()
    equalities = list(find_equalities(text, dialogue.spans))
    truths = {e.left: e.start for e in equalities if e.truth is Truth.TRUE}
    for equality in equalities:
        truth = equality.truth
        if truth is Truth.FALSE and is_taken_back(text, equality, dialogue.turns, truths):
            truth = Truth.UNDECIDED
        counts[truth] += 1
    return counts
