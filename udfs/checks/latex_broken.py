r"""`latex_broken`: formulas that do not close, beyond what the source chunk has itself.

Source: pages of OpenWebMath have broken formulas of their own, and a chunk may begin inside an
environment; a dialogue that copies an error is not to blame. Money (`$5 and $6`) is no formula.
What is paired correctly is a span already (`udfs.text.math_spans`); an error is a delimiter left
over, or a formula whose braces, `\left`/`\right` or environments do not match.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import FORMULAS
from udfs.text.math_spans import Span, find_spans

REASON = "latex_broken"

LEFT = re.compile(r"\\left(?![A-Za-z])")
RIGHT = re.compile(r"\\right(?![A-Za-z])")
ENVIRONMENT = re.compile(r"\\(begin|end)[ ]?\{([A-Za-z]{1,40}\*?)\}")
# What may be left over outside of formulas. A double backslash and an escaped dollar are text.
DELIMITER = re.compile(
    r"\\\\|\\\$|(?P<bracket>\\[\[\]()])|\\(?P<side>begin|end)[ ]?\{(?P<name>[A-Za-z]{1,40}\*?)\}"
    r"|(?P<display>\$\$)|(?P<dollar>\$)"
)
# `$5`, `$ 1,200`, `$.50` are money, but for `$5x` and `$2^n`, which begin a formula; k, M and b
# are thousands, millions and billions.
SUM = re.compile(r"\$ ?\.?\d[\d,.]*(?![ac-jln-zAC-JLN-Z](?![A-Za-z])| ?[\\^_{])")


class Limits(base.Limits):
    """`max_extra_errors`: errors more than the source's that are forgiven."""

    max_extra_errors: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """Errors in the text, and how many more they are than the source's own."""

    latex_errors: int
    extra_latex_errors: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text with more errors than its source and the limit allow."""
    errors = count_errors(dialogue.text, dialogue.spans)
    # Most texts have none: then the source need not be scanned.
    allowed = count_errors(dialogue.source, dialogue.chunk.spans) if errors else 0
    values = Values(errors, max(0, errors - allowed))
    found = values.extra_latex_errors > limits.max_extra_errors
    return base.Finding(values, REASON if found else None)


def count_errors(text: str, spans: Iterable[Span]) -> int:
    """Delimiters without a partner and formulas that do not close inside."""
    errors, position, between = 0, 0, []
    for span in spans:
        between.append(text[position : span.start])
        position = span.end
        content = text[span.start : span.end]
        if span.kind in FORMULAS:
            errors += _count_inside(content)
        elif span.kind == "table":
            row = content.replace("|", " ")  # its formulas lie inside its span
            errors += count_errors(row, find_spans(row))
    return errors + sum(_find_left_over(" ".join([*between, text[position:]])))


def _count_inside(formula: str) -> int:
    """How many kinds of pairs do not match in a formula: 0 to 3."""
    if "\\{" in formula or "\\}" in formula:
        formula = formula.replace("\\\\", " ").replace("\\{", " ").replace("\\}", " ")
    errors = int(formula.count("{") != formula.count("}"))
    if "\\left" in formula or "\\right" in formula:
        errors += len(LEFT.findall(formula)) != len(RIGHT.findall(formula))
    if "\\begin" in formula or "\\end" in formula:
        sides = Counter(ENVIRONMENT.findall(formula))
        errors += any(sides["begin", name] != sides["end", name] for _, name in sides)
    return errors


def _find_left_over(prose: str) -> Iterator[int]:
    """One for each delimiter outside of formulas that has no partner."""
    if "$" not in prose and "\\" not in prose:
        return
    environments: Counter[str] = Counter()
    for mark in DELIMITER.finditer(prose):
        if mark["name"]:
            environments[mark["name"]] += 1 if mark["side"] == "begin" else -1
        elif mark["bracket"] or mark["display"]:
            yield 1
        elif mark["dollar"]:
            yield not _is_money(prose, mark.start())
    yield from map(abs, environments.values())


def _is_money(prose: str, at: int) -> bool:
    """Whether a single dollar is a currency's: before a sum (`$5`) or after one (`5$`)."""
    return SUM.match(prose, at) is not None or prose[max(at - 1, 0) : at].isdecimal()
