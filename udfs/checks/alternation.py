"""`alternation`: one speaker takes turn after turn.

Source: our own choice. Two turns of one speaker in a row happen after an aside; more are a
monologue that was cut into turns.
"""

from dataclasses import dataclass
from itertools import groupby, pairwise

from pydantic import Field

from udfs.checks import base

REASON = "alternation"


class Limits(base.Limits):
    """`max_in_a_row`: consecutive turns that one speaker may take."""

    max_in_a_row: int = Field(ge=1)


@dataclass(frozen=True)
class Values:
    """`in_a_row`: the longest run of turns of one speaker, 0 without turns; `alternating_share`:
    part of the turns after the first that change the speaker, 1 with fewer than two turns.
    """

    in_a_row: int
    alternating_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue with a longer run than allowed."""
    speakers = [turn.speaker for turn in dialogue.turns]
    longest = max((len(list(run)) for _, run in groupby(speakers)), default=0)
    changes = sum(one != other for one, other in pairwise(speakers))
    share = changes / (len(speakers) - 1) if len(speakers) > 1 else 1.0
    found = dialogue.has_turns and longest > limits.max_in_a_row
    return base.Finding(Values(longest, share), REASON if found else None)
