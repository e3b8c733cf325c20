"""`not_inpainted`: the page is not there word for word, or the other speaker hardly is.

Sources: dialog inpainting keeps every sentence of the page (Dai et al., ICML 2022); how much of it
may stay without a remark before it is our own choice. Other styles are passed over.
"""

from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import KEPT
from udfs.dialogue.inpainting import find_parts, squeeze
from udfs.dialogue.labels import normalise_name

REASON = "not_inpainted"


class Limits(base.Limits):
    """`min_answered_share`: part of the page's turns that the model must have led to, 0 to 1."""

    min_answered_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`quoted_share`: part of the page's turns that are in the dialogue, word for word and in their
    order; `answered_share`: the model's turns for each of the page's. Both are 1 for other styles
    and where there is no page.
    """

    quoted_share: float
    answered_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a dialogue that lacks words of its page, or too many of the other speaker's."""
    parts = read_parts(dialogue.source) if dialogue.style.assembly else ()
    if not parts:
        return base.Finding(Values(quoted_share=1.0, answered_share=1.0))
    quoted = count_quoted(dialogue.text, parts) / len(parts)
    asker = normalise_name(dialogue.style.labels[0])
    remarks = sum(turn.speaker == asker for turn in dialogue.turns)
    values = Values(quoted, min(remarks / len(parts), 1.0))
    found = quoted < 1 or values.answered_share < limits.min_answered_share
    return base.Finding(values, REASON if found else None)


def count_quoted(text: str, parts: tuple[str, ...]) -> int:
    """How many of the parts come one behind the other in a text.

    Blank space and case do not count: control tokens of a page have a space in the dialogue.
    """
    squeezed, position, found = squeeze(text), 0, 0
    for part in parts:
        place = squeezed.find(part, position)
        if place >= 0:
            position, found = place + len(part), found + 1
    return found


@lru_cache(maxsize=KEPT)
def read_parts(source: str) -> tuple[str, ...]:
    """A page's turns without blank space and case, kept for its next dialogue."""
    return tuple(squeeze(source[start:end]) for start, end in find_parts(source))
