"""`no_dialogue`: an article, a monologue, or two remarks instead of a conversation.

Source: the style's own grammar (`min_speakers`, `min_turns` in its file). Our own addition: bold
headings of an article look like labels of people who speak once each, and in a conversation
somebody speaks again.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import WORD

REASON = "no_dialogue"
OPENING_WORDS = 4  # more are hardly ever the same, fewer hardly ever different


class Limits(base.Limits):
    """`min_spoken_share`: part of the text that must lie in turns, 0 to 1."""

    min_spoken_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """Turns that have words, their speakers, and the part of the text that they make up.

    `opening`: the first four words that are spoken, in lower case; empty without turns. A style
    whose dialogues begin alike shows there.
    """

    turns: int
    speakers: int
    spoken_share: float
    opening: str


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text that has not the turns and speakers of its style."""
    turns, counts = dialogue.turns, Counter(turn.speaker for turn in dialogue.turns)
    spoken = sum(turn.end - turn.start for turn in turns)
    share = spoken / len(dialogue.text) if turns else 0.0
    values = Values(len(turns), len(counts), share, find_opening(dialogue))
    enough = (
        values.turns >= dialogue.style.min_turns
        and values.speakers >= dialogue.style.min_speakers
        and max(counts.values(), default=0) > 1
        and share >= limits.min_spoken_share
    )
    return base.Finding(values, None if enough or not dialogue.has_turns else REASON)


def find_opening(dialogue: base.Dialogue) -> str:
    """The first words that are spoken."""
    if not dialogue.turns:
        return ""
    first = dialogue.turns[0]
    words = WORD.finditer(dialogue.lower, first.body_start, first.end)
    return " ".join(word[0] for word in islice(words, OPENING_WORDS))
