"""`false_arithmetic`: the dialogue calculates wrongly, and nobody notices.

Source: our own rules for equalities of numbers (`udfs.arithmetic`); design: what is refuted,
assumed, corrected, rounded, or of another arithmetic is not false, and one slip is forgiven.
"""

from collections import Counter
from dataclasses import dataclass

from pydantic import Field

from udfs.arithmetic.comparison import Truth
from udfs.arithmetic.context import Surroundings
from udfs.arithmetic.equalities import find_equalities
from udfs.checks import base

REASON = "false_arithmetic"


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
    counts = count_truths(dialogue)
    values = Values(counts[Truth.TRUE], counts[Truth.FALSE], counts[Truth.UNDECIDED])
    found = values.false_equalities > limits.max_false
    return base.Finding(values, REASON if found else None)


def count_truths(dialogue: base.Dialogue) -> Counter[Truth]:
    """How many equalities are true, false and undecided, in their context."""
    equalities = list(find_equalities(dialogue.text, dialogue.spans))
    counts = Counter(equality.truth for equality in equalities)
    if counts[Truth.FALSE]:
        around = Surroundings(dialogue.text, dialogue.turns, equalities)
        taken = sum(map(around.take_back, (e for e in equalities if e.truth is Truth.FALSE)))
        counts.update({Truth.FALSE: -taken, Truth.UNDECIDED: taken})
    return counts
