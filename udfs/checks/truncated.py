"""`truncated`: the text stops in the middle.

Source: the engine's finish reason; for the ending, our own list of how texts close: with a
sentence, a formula, code, a list, a farewell or a stage direction.
"""

import re
import unicodedata
from dataclasses import dataclass

from udfs.checks import base

REASON = "truncated"

TAIL = 1_000  # characters that are looked at: more than any last line that matters
LAST_WORDS = 40  # of them, for what a few words decide
SENTENCE_ENDS = frozenset(".!?…。！？｡؟।॥։።‽∎")  # noqa: RUF001 (each is a full stop somewhere)
# Quotes, brackets and emphasis that may stand behind the end.
CLOSERS = "\"'”’»›」』*_~)]}>\ufe0f\u200d🏻🏼🏽🏾🏿 \t\r\n"  # noqa: RUF001
RULES_BELOW = re.compile(r"(?:\n[ \t]*[-*_=]{3,}[ \t]*)+$")
# A full stop that is none: a number of a list that never came, an abbreviation.
OPEN_STOP = re.compile(
    r"(?:^|\n)[ \t]*[\dA-Za-z]{1,2}[.)]$|\b(?:e\.g|i\.e|cf|vs|resp|Fig|Eq|No|Dr|Mr|Mrs|Prof)\.$"
)
FAREWELL = re.compile(
    r"\b(?:thanks|thank you(?: so much| very much)?|welcome|(?:good)?bye|qed|q\.e\.d)$",
    re.IGNORECASE,
)
SMILEY = re.compile(r"[:;=]-?[)D(]$")
THE_END = re.compile(r"\W{0,5}(?:the )?end(?: of (?:the )?[\w ]{1,40})?\W{0,5}", re.IGNORECASE)
ITEM = re.compile(r"[ \t>]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S")
CODE = re.compile(r" {4}|\t")
NO_BARE_FORMULA = re.compile(r"[^\W\d_²³]{3}|[$\\]")  # a word, or a formula that did not close
RELATION = re.compile(r"[=<>≤≥≈≡∈]")


class Limits(base.Limits):
    """Nothing to set but the action."""


@dataclass(frozen=True)
class Values:
    """`cut_by_limit`: the engine ran out of tokens; `has_end`: the text closes by itself."""

    cut_by_limit: bool
    has_end: bool


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:  # noqa: ARG001
    """Reject a text that the limit cut, or that ends without an end; nothing cannot be cut.

    Where the last turn is the page's own, its end is none of the model's.
    """
    cut = "length" in (dialogue.finish_reason, dialogue.status)
    values = Values(cut, has_end=_has_end(dialogue))
    open_end = not values.has_end and not dialogue.style.assembly
    return base.Finding(values, REASON if cut or open_end else None)


def _has_end(dialogue: base.Dialogue) -> bool:
    """Whether the last turn, or a text without turns, ends with one of the known ends."""
    start = dialogue.turns[-1].body_start if dialogue.turns else 0
    tail = dialogue.text[start:][-TAIL:]
    text = RULES_BELOW.sub("", tail.rstrip())
    core = text.rstrip(CLOSERS)
    if not core:
        return not text
    return (
        _ends_with_span(dialogue, len(dialogue.text) - len(tail) + len(core))
        or _ends_with_stop(core)
        or _ends_with_line(text)
        or FAREWELL.search(core[-LAST_WORDS:]) is not None
        or SMILEY.search(text) is not None
    )


def _ends_with_span(dialogue: base.Dialogue, end: int) -> bool:
    """Whether a closed formula, code or a table's row reaches to the end."""
    return bool(dialogue.spans) and dialogue.spans[-1].end >= end


def _ends_with_stop(core: str) -> bool:
    """Whether the last character closes a sentence: a stop, a tombstone or an emoji."""
    closes = core[-1] in SENTENCE_ENDS or unicodedata.category(core[-1]) == "So"
    return closes and OPEN_STOP.search(core[-LAST_WORDS:]) is None


def _ends_with_line(text: str) -> bool:
    """Whether the last line is an end as a whole.

    That is a stage direction in brackets, `The end`, a bare formula (`x = 12 cm`), a line of an
    indented block of code, or an item of a list whose item before has no full stop either.
    """
    *before, line = text.rsplit("\n", 2)
    is_item = ITEM.match(line) is not None
    if CODE.match(line) and not is_item:
        return True
    line = line.strip().strip("*_ ")
    if (line[:1], line[-1:]) in {("(", ")"), ("[", "]")} or THE_END.fullmatch(line):
        return True
    if RELATION.search(line) and not NO_BARE_FORMULA.search(line):
        return line[-1].isalnum() or line[-1] in ")%²³"
    above = before[-1].rstrip(CLOSERS) if before else ""
    return is_item and ITEM.match(above) is not None and above[-1].isalnum()
