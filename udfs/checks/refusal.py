"""`refusal`: the model declines, or its speakers agree that there is nothing to talk about.

Source: our own list of chat models' phrases, not yet measured on a large model. In a lesson people
say `I can't see why` and `I'm sorry, I made a mistake`, so a phrase counts only where it is about
the *request*, at the beginning; an apology alone only in a short text that is no dialogue.
"""

import re
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.nothing import find_idle

REASON = "refusal"

# What a model cannot or will not do, said of the task itself.
WORK = (
    r"(?:conversation|dialogue|discussion|debate|interview|request|rewrit\w+|summar\w+|text you"
    r"|passage you|content you|without (?:the|a|any|more) (?:text|context|content|passage))"
)
UNABLE = (
    r"i(?:'m| am| was| have been|'ve been)? (?:can't|cannot|can not|won't|will not|unable to"
    r"|not able to|could not|couldn't)"
)
# Who "can't follow the debate" takes part in one.
MAKE = (
    r"(?:create|generat|produc|writ|rewrit|re-?tell|turn|convert|transform|make|provid|giv|hold"
    r"|have|conduct|carry|continu|tak|participat|engag|simulat|invent|proceed)\w*"
)
DECLINES = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language|language)\b(?: language)?(?: model)?"
    r"|\b"
    + UNABLE
    + r" "
    + MAKE
    + r" (?:[\w-]+ ){0,8}?"
    + WORK
    + r"|\b"
    + UNABLE
    + r" (?:assist|comply|fulfil|summar|rewrit)"
    r"|\b(?:no|not a) "
    + WORK
    + r" (?:could|can|was|has been) (?:be )?(?:created|generated|produced|written|made)\b"
    r"|\bit (?:is|was)(?: not|n't) possible to "
    + MAKE
    + r" (?:[\w-]+ ){0,8}?"
    + WORK
    + r"|\bplease (?:provide|supply|share|give|paste)(?: \w+){0,4}"
    r" (?:text|passage|context|content|page)\b"
    r"|\bno (?:text|passage|content|page) (?:was|is|has been|to) (?:provided|given|rewrite|convert)"
)
APOLOGISES = re.compile(r"\W{0,5}(?:i'm sorry|i am sorry|i apologi[sz]e|sorry|unfortunately,? i)\b")
# Where nobody speaks, a text in which an "I" tells a "you" that the task will not be done.
UNDONE = re.compile(
    r"\bi (?:must|have to|need to|will|would)?(?: \w+)? ?decline\b"
    r"|\bi(?:'d| would) (?:rather|prefer to) not\b|\bi(?:'d| would)? (?:rather|prefer) not\b"
    r"|\bi (?:do not|don't) (?:think|feel|believe)(?: \w+){0,6} (?:appropriate|right|comfortable)\b"
    r"|\b" + UNABLE + r"|\bi won't be able to\b|\bnot be able to\b"
    r"|\bis(?:n't| not) (?:possible|something i)\b|\bagainst my \w+"
    r"|\bi(?:'d| would)? need (?:\w+ )?more (?:information|details|context)\b|\bbefore i can\b"
)
TASK = re.compile(
    r"\b(?:conversation|dialogue|debate|interview|discussion|request|task|excerpt|passage|text"
    r"|re-?writ\w+|re-?tell\w*|retold)\b|\bhelp (?:you )?with (?:that|this)\b"
)
UNHELPFUL = re.compile(
    r"\b(?:can't|cannot|unable to) help (?:you )?with (?:that|this)\b|\bnot qualified to\b"
    r"|\bcannot provide (?:\w+ )?(?:information|guidance|advice)\b|\belse i can (?:do|help)\b"
    r"|\bplease (?:supply|provide|share|send) an?\b"
)
# Somebody leaves in the middle; one of these words is in every such sentence.
STOPPING = ("continu", "proceed", "go on", "engage", "participate", "take part")
STOPS = re.compile(
    r"\bcomfortable (?:with )?continuing (?:this|the|our) conversation\b"
    r"|\b(?:sorry|apologi[sz]e|unfortunately)\b[^.!?\n]{0,40}\bi(?:'m| am)?"
    r" (?:can't|cannot|can not|won't|will not|unable to|not able to)"
    r" (?:continue|proceed|go on|engage|participate|take part)(?: (?:with|in))?"
    r" (?:this|the|our|such an?) (?:conversation|dialogue|discussion|debate|interview|request"
    r"|role-?play)\b(?! (?:until|without|unless))"
)
SOMEBODY = (re.compile(r"\bi\b"), re.compile(r"\byou(?:r|rs)?\b"))


class Limits(base.Limits):
    """`head`: characters at the beginning in which a refusal counts; `max_apology_words`: an
    apology is a refusal in a text of so many words at most; `max_nothing_share`: part of the
    turns that may say there is nothing to discuss, where two speakers do, 0 to 1;
    `max_idle_share`: the same of these turns and those that go with them.
    """

    head: int = Field(ge=0)
    max_apology_words: int = Field(ge=0)
    max_nothing_share: float = Field(ge=0, le=1)
    max_idle_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`declines`: the beginning refuses; `nothing_turns`: turns that find nothing to discuss;
    `idle_turns`: these, and those that say what the page is instead, wish for another or stop.
    """

    declines: bool
    nothing_turns: int
    idle_turns: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a refusal by the model, or one that its speakers play."""
    nothing, idle = find_idle(dialogue)
    values = Values(_declines(dialogue, limits), len(nothing), len(idle))
    agreed = is_shared(nothing, limits.max_nothing_share, dialogue) or (
        bool(nothing) and is_shared(idle, limits.max_idle_share, dialogue)
    )
    return base.Finding(values, REASON if values.declines or agreed else None)


def is_shared(speakers: list[str], share: float, dialogue: base.Dialogue) -> bool:
    """Whether two speakers or more have more than this part of the turns."""
    return len(set(speakers)) > 1 and len(speakers) > share * len(dialogue.turns)


def _declines(dialogue: base.Dialogue, limits: Limits) -> bool:
    """Whether the beginning is a refusal."""
    text, turns = dialogue.lower, dialogue.turns
    if DECLINES.search(text[: limits.head]):
        return True
    if any(word in text for word in STOPPING) and STOPS.search(text):
        return True
    if len(turns) >= dialogue.style.min_turns > 1:
        return False  # in a dialogue people may be sorry
    if dialogue.has_turns and _leaves_undone(text):
        return True
    start = turns[0].body_start if turns and not text[: turns[0].start].strip() else 0
    # Lower-casing can lengthen a text by a few characters (Turkish İ), which blanks make up for.
    apology = APOLOGISES.match(text, min(start, len(text)))
    return apology is not None and len(text.split()) <= limits.max_apology_words


def _leaves_undone(text: str) -> bool:
    """Whether somebody tells somebody that the task will not be done."""
    return UNHELPFUL.search(text) is not None or bool(
        UNDONE.search(text) and TASK.search(text) and all(one.search(text) for one in SOMEBODY)
    )
