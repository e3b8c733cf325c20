"""`lost_numbers`: numbers and formulas of the source that do not come back.

Source: the prompts' clause of leaving out none of the text's points; reviewers of MIND asked for
faithfulness and for the ratio of lengths. Whole numbers up to ten are left out, since every text
has them. Formulas count as the same if they are written the same but for blanks.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.new_numbers import SMALL
from udfs.checks.source import read_formulas
from udfs.text.numbers import read_number_words

REASON = "lost_numbers"


class Limits(base.Limits):
    """`min_numbers`: sources with fewer numbers are not judged; `min_kept_share`: part of the
    source's numbers that must come back, 0 to 1.
    """

    min_numbers: int = Field(ge=1)
    min_kept_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`source_number_count`: the source's distinct numbers other than whole ones up to ten;
    `kept_number_share`, `kept_formula_share`: part of them, and of its distinct formulas, in the
    dialogue, 1 if it has none; `length_ratio`: the dialogue's characters per character of the
    source, 0 without a source.
    """

    source_number_count: int
    kept_number_share: float
    kept_formula_share: float
    length_ratio: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue that leaves out too many of its source's numbers."""
    wanted = dialogue.chunk.numbers.keys() - SMALL
    lost = wanted - dialogue.numbers.keys()
    if lost:
        lost -= read_number_words(dialogue.prose_words)
    formulas = dialogue.chunk.formulas
    kept = formulas & read_formulas(dialogue.text, dialogue.spans) if formulas else formulas
    values = Values(
        len(wanted),
        1 - len(lost) / len(wanted) if wanted else 1.0,
        len(kept) / len(formulas) if formulas else 1.0,
        len(dialogue.text) / len(dialogue.source) if dialogue.source else 0.0,
    )
    found = len(wanted) >= limits.min_numbers and values.kept_number_share < limits.min_kept_share
    return base.Finding(values, REASON if found else None)
