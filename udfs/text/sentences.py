"""Ends of sentences in mathematical English: where a full stop is one, and where it is not."""

import re
from collections.abc import Iterator

# A mark, what may close after it (quotes, brackets, emphasis, a footnote), space, and no small
# letter. Chinese and Japanese marks (\u3002, \uff01, \uff1f) need no space.
CLOSING = r"[\"'\u2019\u201d\u00bb)\]}*_]*"
END = re.compile(
    rf"[.!?\u2026](?:\[\d{{1,3}}\])?{CLOSING}(?P<gap>\s+)(?=[^\sa-z])"
    r"|[\u3002\uff01\uff1f][\"\u2019\u201d\u300d\u300f\uff09]*(?P<cjk_gap>\s*)(?=\S)"
)
WORD_BEFORE = re.compile(r"[\w.]+$")
LOOK_BACK = 24  # characters before a full stop that may belong to its word
OPENING = frozenset("\"'\u2018\u201c\u00ab([{$\\*_`#<|-\u2013\u2014\u2022\u00bf\u00a1>@&\u00a7")
# Words whose full stop ends nothing, in small letters. Those with a full stop inside (e.g, i.i.d)
# and single letters (initials) need no entry.
ABBREVIATIONS = frozenset(
    """
    abbr al alg approx appr arg assoc asst ave bros ca cf ch chap chaps conj const cont coord cor
    corp corr def defn defs dept diff dim dist div dr ed eds edn eq eqn eqns eqs est et etc ex exer
    exp ext fig figs fn func gov hon ibid ie eg incl inc inst int introd jan feb mar apr jun jul
    aug sep sept oct nov dec jr lec lem ltd misc mgr mr mrs ms mt natl nb obs orig paras pg pl pp
    pr prob proc prof prop props prov pt pts ref refs rem remk repr res resp rev sec secs sect ser
    sol soln sp sr st stat subsec suppl tab tel thm thms trans univ viz vol vols vs wlog wrt
    """.split()  # noqa: SIM905 - a hundred quotes say no more
)
# Words of their own as well: short only before a number, as in "No. 5".
ABBREVIATIONS_OF_NUMBERS = frozenset(["app", "art", "no", "nos", "op", "par"])


def find_sentence_starts(text: str) -> Iterator[int]:
    """Positions at which a new sentence begins, spaces before it left to the old one.

    Unsure cases are passed over: a missed end costs a little room, a wrong one a sentence.
    """
    for end in END.finditer(text):
        if begins_sentence(text, end.end()) and not is_abbreviation(text, end.start(), end.end()):
            yield skip_gap(text, end.start("gap") if end["gap"] else end.end(), end.end())


def begins_sentence(text: str, position: int) -> bool:
    """Whether the character could be a sentence's first: no small letter, no operator."""
    character = text[position]
    return character in OPENING or (character.isalnum() and not character.islower())


def is_abbreviation(text: str, stop: int, following: int) -> bool:
    """Whether the mark at `stop` belongs to its word: "Fig.", "i.e.", "J.", the "3." of a list."""
    if text[stop] != ".":
        return False
    found = WORD_BEFORE.search(text[max(stop - LOOK_BACK, 0) : stop])
    if found is None:
        return False
    word, before_number = found[0].lower(), text[following].isdigit()
    if word[0].isdigit():
        before = text[stop - len(word) - 1 : stop - len(word)]
        return before_number or (word.isdigit() and before in ("", "\n"))
    if word in ABBREVIATIONS_OF_NUMBERS:
        return before_number
    initial = len(word) == 1 and word.isalpha()
    return initial or word in ABBREVIATIONS or "." in word.strip(".")


def skip_gap(text: str, start: int, end: int) -> int:
    """Where the next piece begins: at its line, if a line ends between, else at its first word."""
    return text.rfind("\n", start, end) + 1 or end
