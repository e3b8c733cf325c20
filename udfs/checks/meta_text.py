"""`meta_text`: speakers talk about the text they were made from, or about being a conversation.

Source: our own list of phrases (`udfs.checks.meta_phrases`); instructions say `the text above`,
and models take it up.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.meta_phrases import find_phrases

REASON = "meta_text"


class Limits(base.Limits):
    """`max_phrases`: so many may pass."""

    max_phrases: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """How often the text is talked about."""

    meta_phrases: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue that talks about its text too often."""
    count = sum(1 for _ in find_phrases(dialogue))
    return base.Finding(Values(count), REASON if count > limits.max_phrases else None)
