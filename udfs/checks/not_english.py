"""`not_english`: the prose is in another language, or changes into one.

Source: our own statistic. Of English prose nearly a third are words like `the` and `which`, which
other languages do not have; what was measured stands beside the limits in `conf/mind.toml`.
Language identifiers that fit were slower than all other checks together (py3langid 3.1 ms, cld3
1.3 ms, whatlang 0.9 ms for 2,000 characters), and see in a list of names what they like. Each
stretch of the text is judged, so that one that drifts away half-way is found. Formulas, code and
labels are left out, and so are numbers and single letters, which
are variables.
"""

import re
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import WORD

REASON = "not_english"

# Frequent, and no frequent words of another language: not `in`, `a`, `an`, `on`, `as`, `do`, `so`,
# `we`, `was`, `die`.
ENGLISH = frozenset(
    """
    about and any are because been before between but by can could did does each first for from get
    gives had has have here his how if into is it its just know let's like make many more must not
    now number of only or other our out right same see should than that the their them then there
    these they think this those to too two up use very want well what when where which why will
    with would yes you your
    """.split()  # noqa: SIM905 - eighty quotes say no more
)
# Letters that English prose has none or few of: neither Latin nor Greek.
FOREIGN = re.compile(r"[^\W\d_\u0000-\u024f\u0370-\u03ff\u1e00-\u1fff\u2100-\u214f]+")
URL = re.compile(r"https?://\S+")


class Limits(base.Limits):
    """`window`: words of a stretch; `min_words`: shorter texts are not judged; `min_share`: part of
    a stretch's words that are English function words, 0 to 1; `max_foreign_share`: part of the
    prose's characters that may be letters of other scripts, 0 to 1; `max_foreign`: so many may
    stand in any text.
    """

    window: int = Field(ge=1)
    min_words: int = Field(ge=1)
    min_share: float = Field(ge=0, le=1)
    max_foreign_share: float = Field(ge=0, le=1)
    max_foreign: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """`english_share`: the least share of function words in a stretch, 1 for a short text;
    `foreign_share`: part of the prose's characters that are letters of other scripts, 0 if none.
    """

    english_share: float
    foreign_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text of which a stretch is not English."""
    foreign = count_foreign(dialogue.prose)
    words = dialogue.prose_words
    if "://" in dialogue.prose:
        words = WORD.findall(URL.sub(" ", dialogue.prose_lower))
    words = [word for word in words if len(word) > 1 and word[0] > "9"]
    enough = len(words) >= limits.min_words
    values = Values(
        measure_english(words, limits.window) if enough else 1.0,
        foreign / len(dialogue.prose) if foreign else 0.0,
    )
    found = values.english_share < limits.min_share or (
        values.foreign_share > limits.max_foreign_share and foreign > limits.max_foreign
    )
    return base.Finding(values, REASON if found else None)


def measure_english(words: list[str], window: int) -> float:
    """The least share of function words in any stretch; the last one overlaps the one before."""
    english = bytes(map(ENGLISH.__contains__, words))
    starts = {*range(0, len(words) - window, window), max(len(words) - window, 0)}
    return min(sum(english[start : start + window]) for start in starts) / min(window, len(words))


def count_foreign(prose: str) -> int:
    """Letters that are neither Latin nor Greek."""
    return 0 if prose.isascii() else sum(map(len, FOREIGN.findall(prose)))
