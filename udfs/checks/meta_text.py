"""`meta_text`: speakers talk about the text they were made from, or about being a conversation.

Source: our own list of phrases; instructions say `the text above`, and models take it up. A word
alone is no evidence, since pages are about patterns in a text and words in a document: it needs
`above` beside it, or a verb of saying.
"""

import re
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base

REASON = "meta_text"

WRITING = r"(?:passage|document|excerpt|snippet|article|webpage)"  # `text` and `page` mean more
THING = rf"(?:{WRITING}|text|page|paragraph|material)"
SAYS = (
    r"(?:(?:also|then|only|clearly|explicitly) )?(?:says?|states?|mentions?|tells us|explains?"
    r"|describes?|claims|notes|points out|discusses|(?:is|was) (?:about|talking about|discussing)"
    r"|does(?:n['\u2019]t| not) (?:say|mention|state|specify|explain))"
)
GAVE = r"(?:you|i)(?:['\u2019]ve)? (?:gave|given|shared)"
TOLD = r"(?:stated|mentioned|described|explained|discussed|provided|presented|written)"
META = re.compile(
    rf"\b{THING} (?:above|below|provided|{SAYS}|(?:that )?{GAVE})\b"
    rf"|\b(?:above|provided) {THING}\b|\b(?:given|original|preceding) {WRITING}\b"
    rf"|\b(?:according to|{TOLD} (?:in|by)|based on) (?:the|this) {THING}\b"
    rf"|\bin (?:the|this) {WRITING}\b"
    r"|\b(?:in|of) (?:this|our) (?:conversation|dialogue|role-?play)\b"
    r"|\bthis is an? (?:conversation|dialogue)\b|\b(?:first|second|other) speaker\b"
)


# One of these is in every phrase; most dialogues have none outside of formulas.
HINTS = (
    *("text", "page", "paragraph", "material", "passage", "document", "excerpt", "snippet"),
    *("article", "conversation", "dialogue", "role", "speaker"),
)


class Limits(base.Limits):
    """`max_phrases`: so many may pass."""

    max_phrases: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """How often the text is talked about."""

    meta_phrases: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue that talks about its text too often."""
    prose = dialogue.prose_lower
    count = len(META.findall(prose)) if any(hint in prose for hint in HINTS) else 0
    return base.Finding(Values(count), REASON if count > limits.max_phrases else None)
