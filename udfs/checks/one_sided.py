"""`one_sided`: one speaker says nearly everything.

Source: our own choice. MIND finds that the knowledge gap between speakers brings the gain, so an
expert may well speak most of the time; the tag is for those who want to look closer.
"""

from collections import Counter
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base

REASON = "one_sided"


class Limits(base.Limits):
    """`max_share`: what the most talkative speaker may have of all that is spoken, 0 to 1."""

    max_share: float = Field(gt=0, le=1)


@dataclass(frozen=True)
class Values:
    """`largest_share`: the most talkative speaker's part of the spoken characters, 0 if none."""

    largest_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue in which one speaker exceeds the share."""
    spoken: Counter[str] = Counter()
    for turn in dialogue.turns:
        spoken[turn.speaker] += turn.end - turn.body_start
    share = max(spoken.values()) / spoken.total() if spoken else 0.0
    found = dialogue.has_turns and share > limits.max_share
    return base.Finding(Values(share), REASON if found else None)
