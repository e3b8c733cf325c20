"""`engine_status`: the engine gave no whole answer.

Source: design section 4 (`synthetic.attempts.status`). `length` is an answer, cut short; the
check `truncated` judges it.
"""

from dataclasses import dataclass

from udfs.checks import base
from udfs.engine.outcomes import ANSWERED

REASON = "engine_status"


class Limits(base.Limits):
    """Nothing to set but the action."""


@dataclass(frozen=True)
class Values:
    """Whether there is an answer at all."""

    answered: bool


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:  # noqa: ARG001
    """Reject what the engine did not answer."""
    answered = dialogue.status in ANSWERED
    return base.Finding(Values(answered), None if answered else REASON)
