"""What a speaker's label is made of: its shape at a line's start, and names that are none.

Used by `udfs.dialogue.turns` alone. A name is free-form, so no list can hold all; what can be
listed is what looks like a label and is none (`Proof:`), and words that only people are called by.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from udfs.dialogue.label_words import PARTICLES, ROLES, STRUCTURAL

LONGEST_ING_NAME = 6  # Ming, Xiping; longer ones are Expanding, Simplifying, and a rare Fleming

# Up to 80 characters before a line's first colon, ASCII's or the wide one, and what may close a
# label after it. URLs (`https://`), ratios (`3:4`) and definitions (`x := 5`) are no labels.
LINE_HEAD = re.compile(
    r"^(?P<head>[^\n:\uff1a]{1,80})[:\uff1a]"
    r"(?P<close>[*_\]”\"`】}]{1,4}|</(?:b|i|em|strong)>|[ ]\*\*(?=\s)|)(?![\d/=:])",
    re.MULTILINE,
)
NUMBER = r"\(?\d{1,3}[.)]"
ITEM = rf"(?: {NUMBER} | [a-z]\) | [-\u2013•+*] | \#{{1,6}} | [Tt]urn[ ]\d{{1,3}}[ ]?[-.] )"
NAME = r"[^\W\d_] (?: [^*_\[\](){}$\\|<>=+/\"“”`\#,;!?%^~@【】（）] | _(?=\w) | \#(?=\d) )*"  # noqa: RUF001
SHUT = r"(?: </(?:b|i|em|strong)> | [*_\]\"”`】}]{0,4} )"
PICTURES = "\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff"
# The parts of a head. Neighbours share blanks and emphasis at most, and a head is short: no line
# costs more than some thousand steps.
HEAD = re.compile(
    rf"""
    [\s>]*
    (?P<item> {ITEM} \s+ )?
    (?P<open> <(?:b|i|em|strong)> | \\textbf\{{ | [*_\["“`【]{{0,4}} )
    (?P<number> {NUMBER} \s+ )?
    (?: [{PICTURES}]{{1,8}} \s* )?
    (?P<name> {NAME} )
    (?P<shut> {SHUT} ) \s*
    (?P<aside> [*_]{{0,3}} [(\[（] [^()\[\]（）]* [)\]）] )?
    (?: {SHUT} | [*_\]"”\s]{{0,5}} )
    """,  # noqa: RUF001
    re.VERBOSE,
)
CLOSERS = {"*": "*", "[": "]", "【": "】", "`": "`", "<": ">", "{": "}"}
PICTURE = re.compile(f"[{PICTURES}]+")
# What does not tell people apart in a name: full stops, `#`, and `-` or `_` before a single letter.
UNHEARD = re.compile(r"\.(?!\w)|#|[-_](?=\w$)|_")


class Label(NamedTuple):
    """A possible label: its normalised name, how it is set, and where the line and body start."""

    name: str
    raw: str
    is_item: bool
    start: int
    body_start: int


def read_label(line: re.Match[str]) -> Label | None:
    """The possible label in a line's head, None where its shape is not one's."""
    name = read_head(line["head"], line["close"] + line["head"][-1])
    if name is None:
        return None
    body_start = line.end() if name.is_opened else line.start("close")
    return Label(normalise_name(name.raw), name.raw, name.is_item, line.start(), body_start)


class Head(NamedTuple):
    """A name as it is written, and how it is set."""

    raw: str
    is_item: bool
    is_opened: bool


@lru_cache(maxsize=4096)
def read_head(head: str, closed: str) -> Head | None:
    """The name in a head; a dialogue's few labels come again and again."""
    parts = HEAD.fullmatch(head)
    if parts is None:
        return None
    opened, closed = parts["open"], parts["shut"] + closed
    # `**Note: all of this is bold**`: the bold is the sentence's, not a label's.
    if any(mark in opened and closer not in closed for mark, closer in CLOSERS.items()):
        return None
    is_item = bool(parts["item"] or parts["number"])
    return Head(parts["name"].strip(), is_item, bool(opened))


@lru_cache(maxsize=4096)
def normalise_name(name: str) -> str:
    """One spelling for all of a speaker's.

    Case, width, blanks, pictures and the full stop of `Dr.` do not tell people apart.
    """
    spelling = unicodedata.normalize("NFKC", PICTURE.sub("", name)).casefold()
    return " ".join(UNHEARD.sub(" ", spelling.replace("\u2019", "'")).split())


def is_role(name: str) -> bool:
    """Whether a normalised name is all roles and their numbers: `student b`, `dr. expert`."""
    words = split_name(name)
    if not any(word in ROLES for word in words):
        return False
    return all(w in ROLES or w in PARTICLES or len(w) == 1 or w.isdecimal() for w in words)


def could_be_name(label: Label) -> bool:
    """Whether a label may be a person's name: few words, all capitalised, none from a textbook."""
    words = split_name(label.raw)
    if not 1 <= len(words) <= 5 or is_structural(label.name):
        return False
    if "_" in label.raw or "#" in label.raw:
        return False  # `Row_count:`, `Puzzle #3:`
    if has_wide_script(label.name):
        return len(label.name) <= 10  # Chinese and Japanese names and roles have 2 to 8 characters
    return all(is_capitalised(word) or word.casefold() in PARTICLES for word in words)


def is_structural(name: str) -> bool:
    """Whether a normalised name is a textbook's: `step 2`, `base case`, `proof of lemma 3`.

    The first word decides (`case a`) unless a role ends the name (`problem solver`), and so does
    the last that is no number (`inductive step`). A long participle (`simplifying`) is a step.
    """
    words = [word for word in split_name(name) if not word.isdecimal()]
    while len(words) > 1 and len(words[-1]) == 1:
        words.pop()
    if not words or words[-1] in ROLES:
        return not words
    if words[0] not in ROLES and words[0].endswith("ing") and len(words[0]) > LONGEST_ING_NAME:
        return True
    return words[0] in STRUCTURAL or words[-1] in STRUCTURAL


def split_name(name: str) -> list[str]:
    """A name's words, without the full stop of `Dr.`."""
    return [word.rstrip(".") for word in name.split() if word != "."]


def is_capitalised(word: str) -> bool:
    """Whether a word starts with a capital, a digit or a letter of a script without case."""
    return not word[0].islower()


def has_wide_script(name: str) -> bool:
    """Whether a name is written in Chinese, Japanese or Korean letters, without blanks."""
    return "\u3040" <= name[:1] <= "\ud7ff" and " " not in name
