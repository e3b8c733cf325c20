"""`preamble`: words to the person who asked, before the dialogue.

Source: chat models open with `Sure! Here is the conversation:` in spite of being told not to; the
patterns are our own list of such phrases, not yet measured on a large model. The preamble is
stripped before anything else is judged, and tagged.
"""

import re
from dataclasses import dataclass

from udfs.checks import base
from udfs.dialogue.turns import parse_turns

REASON = "preamble"

HEAD = 2_000  # characters in which a preamble and the first label are looked for
MAX_LINES = 4  # a longer one is a text of its own

THING = (
    r"(?:conversation|dialogue|dialog|discussion|debate|interview|exchange|transcript|script"
    r"|rewrite|rewriting|rewritten|rephras\w+|paraphras\w+|version)"
)
CONSENT = (
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|alright|no problem|understood"
    r"|i understand|got it|noted)"
)
ANNOUNCEMENT = re.compile(
    r"\W{0,8}(?:"
    + CONSENT
    + r"\b.{0,40}?)?\b(?:here(?:'s| is| are)|below (?:is|are|you(?:'ll| will| can)? find)"
    r"|the following is|this is|i(?:'ll| will|'ve| have)|let me|let us|let's)\b[^\n]{0,200}?\b"
    rf"{THING}\b",
    re.IGNORECASE,
)
SUBJECT = (
    r"(?:text|topic|request|idea|thread|page|question|passage|article|problem|post|story|read|piece"
    r"|notes?|material|excerpt|proof|subject|theorem)"
)
COURTESY = re.compile(
    rf"\W{{0,8}}(?:{CONSENT}|(?:i'd|i would) (?:be happy|love)|i'm happy|happy to|gladly"
    rf"|what an? (?:\w+ ){{1,2}}{SUBJECT}|the following {THING}|with pleasure|enjoy|thank you"
    rf"|thanks|my pleasure"
    rf"|as (?:requested|promised|you (?:asked|requested|wished|wanted))|(?:per|following) your"
    rf"|in (?:what follows|the following|this {THING})|i hope (?:this|you|it)"
    rf"|(?:based|drawing) (?:on|upon)|(?:this|that|it) is an? \w+ {SUBJECT})\b[^\n]{{0,200}}$",
    re.IGNORECASE,
)
# What the writer did or means to do, said before anybody speaks.
MAKER = re.compile(
    rf"(?=[^\n]*(?:\b(?:{THING}|talk|chat|scene|speakers?|characters?|text|page|section|source"
    rf"|passage|names)\b|:\W{{0,4}}$))"
    r"[^\n\"]{0,80}?\b(?:i|we)(?:'ve| have|'ll| will|'m| am)?(?: (?:\w+ly|just|now|also|then)){0,2}"
    r" (?:re-?wr[io]te\w*|wr[io]te\w*|writing|turn(?:ed|ing)|convert\w*|made|make|creat\w+"
    r"|prepar\w+|gave|given|imagin\w+|tried|try|hope|kept|keep|adapt\w+|present\w*|retold"
    r"|retell\w*|chose|chosen|set|recast|summari[sz]\w+|dramati[sz]\w+|called|changed)\b"
    r"[^\n]{0,240}$",
    re.IGNORECASE,
)
TITLE = re.compile(
    rf"(?:\#{{1,6}} |\*\*|title:)[^\n]{{0,120}}$|\W{{0,4}}{THING}\b[^\n]{{0,100}}:\W{{0,4}}$"
    rf"|\W{{0,4}}{THING}s? (?:\(|(?:between|on|about|of|with|among|in|based)\b)[^\n.?]{{0,100}}$",
    re.IGNORECASE,
)
RULE = re.compile(r"[ \t]*(?:[-*_=]{3,}[ \t]*)?$")


class Limits(base.Limits):
    """Nothing to set but the action."""


@dataclass(frozen=True)
class Values:
    """Whether a preamble was stripped; its length is a column of the verdict."""

    has_preamble: bool


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:  # noqa: ARG001
    """Tag a dialogue whose preamble was stripped."""
    found = bool(dialogue.preamble.strip())
    return base.Finding(Values(found), REASON if found else None)


def strip_preamble(text: str) -> tuple[str, str]:
    """The preamble with the blank space after it, and the rest; both together are the text.

    Only lines before the first label can be a preamble. Where nobody speaks, as in a rephrased
    page, a line must announce something (`Here is the rewritten text:`) to be one.
    """
    turns = parse_turns(text[:HEAD], spans=())  # a formula or code this early is no preamble
    limit = turns[0].start if turns else min(len(text), HEAD)
    end = position = 0
    for _ in range(MAX_LINES):
        position = _skip_blank_lines(text, position, limit)
        line_end = text.find("\n", position, limit) % (limit + 1)
        if position >= limit or not _is_preamble(text[position:line_end], spoken=bool(turns)):
            break
        end = position = line_end
    end = _skip_blank_lines(text, end, limit) if end else 0
    return text[:end], text[end:]


def _is_preamble(line: str, *, spoken: bool) -> bool:
    """Whether a line speaks to the person who asked, or titles the dialogue that follows."""
    line = line.strip().replace("\u2019", "'")
    if ANNOUNCEMENT.match(line):
        return spoken or line.endswith((":", ".", "!", ":**"))
    return spoken and any(kind.match(line) for kind in (COURTESY, TITLE, MAKER))


def _skip_blank_lines(text: str, position: int, limit: int) -> int:
    """The start of the next line that is neither blank nor a rule."""
    while position < limit:
        line_end = text.find("\n", position, limit) % (limit + 1)
        if RULE.match(text[position:line_end]) is None:
            return position
        position = line_end + (line_end < limit)
    return position
