"""Blocks of Markdown that are made of lines: fenced code and rows of tables."""

import re
from collections.abc import Iterator

Stretch = tuple[int, int]  # first character and end, without the last line's end

FENCE_LIMIT = 100_000  # characters; the longest of 135 real pages has 7,061
LONGEST_RUN = 16  # backticks or tildes in a row; more are ornament

FENCE_LINE = re.compile(r"^[ \t>]*(?P<run>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)
PIPED_ROW = re.compile(r"^[ \t>]*\|.*\|[ \t\r]*$", re.MULTILINE)
# The line under a table's head, with or without outer pipes.
RULE_ROW = re.compile(
    r"^[ \t>]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+(?:\|[ \t]*)?\r?$",
    re.MULTILINE,
)


def find_fences(text: str) -> Iterator[Stretch]:
    """Closed fences; a fence without its closing line is ordinary text."""
    lines = [m for m in FENCE_LINE.finditer(text) if len(m["run"]) <= LONGEST_RUN]
    covered = 0
    closers = _find_closing_lines(lines)
    for number, line in enumerate(lines):
        if line.start() < covered or closers[number] is None:
            continue
        end = lines[closers[number] or 0].end()
        if end - line.start() <= FENCE_LIMIT:
            yield line.start(), end
            covered = end


def _find_closing_lines(lines: list[re.Match[str]]) -> list[int | None]:
    """For each fence line the number of the line that closes it, None without one.

    That is the next line of the same character, as long or longer, if it is bare. If it names a
    language it opens a fence of its own, and the one before was never closed.
    """
    following: dict[tuple[str, int], int] = {}
    closers: list[int | None] = []
    for number in range(len(lines) - 1, -1, -1):
        character, length = lines[number]["run"][0], len(lines[number]["run"])
        closer = following.get((character, length))
        closers.append(closer if closer is not None and _is_bare(lines[closer]) else None)
        following.update({(character, shorter): number for shorter in range(3, length + 1)})
    return closers[::-1]


def _is_bare(line: re.Match[str]) -> bool:
    """Whether a fence line names no language, as a closing one must not."""
    return not line["info"].strip()


def find_rows(text: str) -> list[Stretch]:
    """Rows of tables: lines in pipes, and the lines around a rule that hold a pipe."""
    rows = {m.start(): m.end() for m in PIPED_ROW.finditer(text)}
    for rule in RULE_ROW.finditer(text):
        rows.update(find_rows_around(text, rule))
    return sorted(rows.items())


def find_rows_around(text: str, rule: re.Match[str]) -> Iterator[Stretch]:
    """The rule, its head above, and the rows below up to a line without a pipe."""
    head = text.rfind("\n", 0, max(rule.start() - 1, 0)) + 1
    if rule.start() > 0 and "|" in text[head : rule.start()]:
        yield head, rule.start() - 1
    start, end = rule.span()
    while start == rule.start() or "|" in text[start:end]:
        yield start, end
        start = end + 1
        line_end = text.find("\n", start)
        end = len(text) if line_end < 0 else line_end
        if RULE_ROW.match(text, start):
            return  # a table of its own: each line is walked over once
