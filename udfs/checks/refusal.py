"""`refusal`: the model declines, or its speakers agree that there is nothing to talk about.

Source: our own list of chat models' phrases, not yet measured on a large model. In a lesson people
say `I can't see why` and `I'm sorry, I made a mistake`, so a phrase counts only where it is about
the *request*, at the beginning; an apology alone only in a short text that is no dialogue.
"""

import re
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base

REASON = "refusal"

# What a model cannot or will not do, said of the task itself.
WORK = (
    r"(?:conversation|dialogue|discussion|debate|interview|request|rewrit\w+|summar\w+|text you"
    r"|passage you|content you|without (?:the|a|any|more) (?:text|context|content|passage))"
)
UNABLE = (
    r"i(?:'m| am)? (?:can't|cannot|can not|won't|will not|unable to|not able to|could not|couldn't)"
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
    + r" (?:\w+ ){0,8}?"
    + WORK
    + r"|\b"
    + UNABLE
    + r" (?:assist|comply|fulfil|summar|rewrit)"
    r"|\bplease (?:provide|supply|share|give|paste)(?: \w+){0,4}"
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
MATH = (
    r"(?:math\w*(?: content)?|formulas?|equations?|theorems?|definitions?|problems?|questions?"
    r"|exercises?|proofs?|numbers|claims?|arguments?|content|conditions?|quantities)"
)
DISCUSS = (
    r"(?:discuss|talk about|work (?:with|on)|explain|learn|solve|calculate|compute|debate|prove"
    r"|teach|argue|disagree|do)"
)
FIGURE = r"(?:figures?|diagrams?|images?|pictures?|article|text|page)"
NOTHING = re.compile(
    r"\b(?:there(?:'s| is| isn't| is not)|there does(?:n't| not) seem to be)"
    r" (?:nothing|not much|little|any(?:thing)?|much"
    r"|no (?:(?:math\w*|real|actual|useful) ?\w*|problem|question|content))"
    rf"(?: \w+){{0,3}}? (?:to|here|for us)\b(?: \w+){{0,3}}? ?(?:{DISCUSS}|here)"
    r"|\b(?:text|page|passage|document) (?:does(?:n't| not) (?:really |actually )?"
    r"(?:contain|have|include|provide|offer) (?:any|enough|much)"
    r"|(?:contains|has|offers|provides) no)"
    r" (?:math\w*|content|information|context|substance|problem)"
    rf"|\bno {MATH} (?:here|in (?:it|this|the text)|that (?:we|i) (?:can|could)|whose)\b"
    rf"|\bno (?:{MATH}|debate|discussion|lesson) to be (?:had|discussed|debated)"
    r"|\bnothing (?:mathematical )?to (?:discuss|debate|talk about|calculate|teach)\b"
    r"|\bnothing (?:mathematical\b|can be (?:solved|calculated|discussed) here)"
    r"|\bno math\w* for us to (?:discuss|disagree|talk)\b"
    r"|\bi (?:can't|cannot|don't|do not) (?:find|see) "
    r"(?:any (?:formulas|math\w*|theorems|equations)|(?:a|one) (?:problem|question) in it"
    r"|(?:it|one) either)\b"
    r"|\bi (?:don't|do not) have it either\b|\bi'm afraid (?:that )?there isn't any\b"
    r"|\bthere isn't a (?:math\w* )?problem\b(?! with)"
    r"|\bthere's no (?:theorem|equation)(?: here|, nothing)\b"
    r"|\b(?:can't|cannot) (?:really )?have a (?:lesson|debate|discussion) about\b"
    r"|\bthis (?:can't|cannot) be (?:debated|discussed)|\b(?:can't|cannot) do any of these\b"
    r"|\bbetter stop here\b|\bno information about it\b|\bneither a theorem nor\b"
    rf"|\bwithout (?:a mathematical problem|(?:the|seeing the) {FIGURE}(?: itself)?)\b"
    rf"|\bunless the {FIGURE}\b"
    rf"|\b{FIGURE} (?:is|are)(?:n't| not) (?:available|included|given)\b"
)


class Limits(base.Limits):
    """`head`: characters at the beginning in which a refusal counts; `max_apology_words`: an
    apology is a refusal in a text of so many words at most; `max_nothing_share`: part of the
    turns that may say there is nothing to discuss, where two speakers do, 0 to 1.
    """

    head: int = Field(ge=0)
    max_apology_words: int = Field(ge=0)
    max_nothing_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`declines`: the beginning refuses; `nothing_turns`: turns that find nothing to discuss."""

    declines: bool
    nothing_turns: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a refusal by the model, or one that its speakers play."""
    speakers = _find_nothing(dialogue)
    values = Values(_declines(dialogue, limits), len(speakers))
    agreed = len(set(speakers)) > 1 and len(speakers) > limits.max_nothing_share * len(
        dialogue.turns
    )
    return base.Finding(values, REASON if values.declines or agreed else None)


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


def _find_nothing(dialogue: base.Dialogue) -> list[str]:
    """The speakers of the turns that find nothing to discuss."""
    text = dialogue.lower
    if NOTHING.search(text) is None:
        return []
    return [t.speaker for t in dialogue.turns if NOTHING.search(text, t.body_start, t.end)]
