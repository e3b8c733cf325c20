"""`too_few_tokens`: hardly anything was generated.

Source: MIND (Akter et al., ICLR 2025) drops outputs of fewer than 50 tokens.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base

REASON = "too_few_tokens"


class Limits(base.Limits):
    """`min_tokens`: completion tokens at least."""

    min_tokens: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """`tokens`: the engine's count; the number of words where it gave none, or where the dialogue
    is put together from answer and page.
    """

    tokens: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject what is shorter than the limit."""
    # Words are never more than tokens in practice: without usage the check errs to the strict side.
    # The engine's count lacks what a dialogue has from its page.
    counted = 0 if dialogue.style.assembly else dialogue.n_tokens
    tokens = counted or len(dialogue.text.split())
    return base.Finding(Values(tokens), REASON if tokens < limits.min_tokens else None)
