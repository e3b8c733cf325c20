"""`role_names`: the speakers are not called what the style asks for.

Source: our own choice; a tag, since `Mr. Lee` may be the teacher that was asked for.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.dialogue.labels import normalise_name

REASON = "role_names"


class Limits(base.Limits):
    """`min_share`: part of the turns that the style's own speakers must have, 0 to 1."""

    min_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`role_share`: part of the turns whose speaker the style names; 1 where it names none."""

    role_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue with too many turns of other people."""
    expected = {normalise_name(label) for label in dialogue.style.labels}
    turns = dialogue.turns
    if not expected or not turns:
        return base.Finding(Values(role_share=1.0))
    share = sum(turn.speaker in expected for turn in turns) / len(turns)
    found = dialogue.has_turns and share < limits.min_share
    return base.Finding(Values(share), REASON if found else None)
