"""Dialog inpainting: the page's own words are one speaker's turns, the model writes the other's.

After Dai et al., Dialog Inpainting: Turning Documents into Dialogs (ICML 2022), who fill in one
turn at a time with a model trained for it. Here an instructed model gets the parts numbered and
writes all turns in one answer, a line each, and the dialogue is put together from both: what is
the page's stays so whatever the model answers.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from udfs.text.boundaries import HEADING, SENTENCE, find_boundaries
from udfs.text.math_spans import find_spans

# Part of the identity of what is made here: raise it with every change that makes another dialogue
# of the same page and answer, or other parts of the same page.
VERSION = 1
PARTS = "$parts"  # where an instruction wants them
# Turns of the page at most. Our own choice: 500 tokens have 15 to 25 sentences, and a small model
# loses count of so many.
MAX_PARTS = 12
SHORTEST_PART = 40  # characters; a heading or `Then x = 2.` alone is no turn. Our own choice.

NUMBER = r"(?:\[(?P<square>\d{1,3})\]|\(?(?P<plain>\d{1,3})[.):])"
DRESS = r"[ \t>*_#`-]{0,8}"  # emphasis and marks of lists
LINE = r"{dress}(?:{label})?{dress}{number}(?!\d){dress}:?{dress}(?:{label})?(?P<rest>.*)"
# What means something at a line's start only, so that no label may stand before it.
BLOCK = re.compile(r"#{1,6}[ ]|[|>]|```|~~~|\$\$|\\\[|\\begin|[-*+][ ]|\d{1,3}[.)][ ]")

Part = tuple[int, int]


def find_parts(page: str) -> list[Part]:
    """The page's turns as (start, end), none if it is blank; together they are all its words.

    Cut is between sentences, paragraphs and blocks, never in formulas, code and tables, nor
    between a heading or an announcement and what it stands for. A heading begins a turn if that
    does not make too many.
    """
    found = [each for each in find_boundaries(page, find_spans(page)) if each.cost <= SENTENCE]
    cuts = [0, *(each.position for each in found), len(page)]
    pieces = [_strip(page, start, end) for start, end in pairwise(cuts) if page[start:end].strip()]
    parts = _group(pieces, {each.position for each in found if each.cost == HEADING})
    return parts if len(parts) <= MAX_PARTS else _group(pieces, frozenset())


def number_parts(page: str) -> str:
    """The parts as the model reads them, each behind its number in brackets."""
    parts = enumerate(find_parts(page), start=1)
    return "\n\n".join(f"[{number}] {page[start:end]}" for number, (start, end) in parts)


def assemble_dialogue(page: str, answer: str, labels: Sequence[str]) -> str:
    """The dialogue that an answer makes of a page; `labels` are the model's speaker and the page's.

    A part before which the model says nothing goes on with the turn before it. An answer without
    a single usable line is given back as it is, for people to see.
    """
    asker, author = labels
    parts = find_parts(page)
    remarks = read_remarks(answer, page, asker, len(parts))
    if not remarks:
        return answer
    starts = sorted({0, *remarks})
    turns = []
    for first, following in pairwise([*starts, len(parts)]):
        if first in remarks:
            turns.append(f"**{asker}:** {remarks[first]}")
        words = page[parts[first][0] : parts[following - 1][1]]
        gap = "\n\n" if BLOCK.match(words) else " "
        turns.append(f"**{author}:**{gap}{words}")
    return "\n\n".join(turns)


def read_remarks(answer: str, page: str, asker: str, count: int) -> dict[int, str]:
    """What the model says before each part, by the part's place from 0 on.

    The first line of a number that has a letter counts, unless it is a copy of the page's words.
    Numbers beyond `count` are nobody's.
    """
    remarks: dict[int, str] = {}
    for number, line in _read_lines(answer, asker):
        if 1 <= number <= count and any(map(str.isalpha, line)):
            remarks.setdefault(number - 1, _clean(line))
    said = squeeze(page)
    return {place: remark for place, remark in remarks.items() if squeeze(remark) not in said}


def squeeze(text: str) -> str:
    """The text without blank space and case, to see whether words are the same."""
    return "".join(text.split()).casefold()


def _read_lines(answer: str, asker: str) -> Iterator[tuple[int, str]]:
    """Numbers and what follows them: on the line, or, where nothing does, on the next one."""
    label = rf"\*{{0,2}}{re.escape(asker)}\*{{0,2}}:\*{{0,2}}[ \t]*"
    head = re.compile(LINE.format(dress=DRESS, label=label, number=NUMBER), re.IGNORECASE)
    waiting = 0
    for line in filter(str.strip, answer.splitlines()):
        found = head.fullmatch(line)
        number = int(found["square"] or found["plain"]) if found else waiting
        text = found["rest"] if found else line
        if text.strip() and number:
            yield number, text
        waiting = 0 if text.strip() else number


def _clean(remark: str) -> str:
    """A remark without blanks around it and without emphasis that does not close."""
    return (remark.replace("**", "") if remark.count("**") % 2 else remark).strip()


def _strip(page: str, start: int, end: int) -> Part:
    """A piece without the blank space around it."""
    piece = page[start:end]
    return end - len(piece.lstrip()), start + len(piece.rstrip())


def _group(pieces: Sequence[Part], openers: AbstractSet[int]) -> list[Part]:
    """Neighbours put together until each is long enough for MAX_PARTS to hold them all, or until
    one begins at an opener; what is left at the end may be shorter.
    """
    total = sum(end - start for start, end in pieces)
    enough = max(SHORTEST_PART, -(-total // MAX_PARTS))
    parts: list[Part] = []
    length = enough
    for start, end in pieces:
        if length >= (SHORTEST_PART if start in openers else enough):
            parts.append((start, end))
            length = 0
        parts[-1] = (parts[-1][0], end)
        length += end - start
    return parts
