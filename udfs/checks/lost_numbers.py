"""`lost_numbers`: numbers and formulas of the source that do not come back.

Source: the prompts' clause of leaving out none of the text's points; reviewers of MIND asked for
faithfulness and for the ratio of lengths. Whole numbers up to ten are left out, since every text
has them, but for a source of little else: there they and the formulas count with the others.
Formulas count as the same if they are written the same but for blanks, or within a longer one.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.checks.new_numbers import SMALL
from udfs.checks.source import read_formulas
from udfs.text.numbers import read_number_words

REASON = "lost_numbers"

EXAMINED = 200  # formulas that are looked for within longer ones; a chunk has some dozens


class Limits(base.Limits):
    """`min_numbers`: sources with fewer numbers are not judged; `min_kept_share`: part of the
    source's numbers that must come back, 0 to 1; `min_items` and `min_kept_items`: the same of all
    its numbers and formulas together.
    """

    min_numbers: int = Field(ge=1)
    min_kept_share: float = Field(ge=0, le=1)
    min_items: int = Field(ge=1)
    min_kept_items: float = Field(ge=0, le=1)


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
    """Tag a dialogue that leaves out too many of its source's numbers, or nearly all there is."""
    known, missing, kept = dialogue.chunk.numbers, find_missing(dialogue), find_kept(dialogue)
    values = measure(dialogue, missing, kept)
    items = len(known) + len(dialogue.chunk.formulas)
    kept_items = len(known) - len(missing) + len(kept)
    if values.source_number_count >= limits.min_numbers:
        found = values.kept_number_share < limits.min_kept_share
    else:
        found = items >= limits.min_items and kept_items < limits.min_kept_items * items
    return base.Finding(values, REASON if found else None)


def measure(dialogue: base.Dialogue, missing: set[str], kept: set[str]) -> Values:
    """The values, of the source's numbers that are missing and its formulas that are kept."""
    wanted, formulas = dialogue.chunk.numbers.keys() - SMALL, dialogue.chunk.formulas
    return Values(
        len(wanted),
        1 - len(missing - SMALL) / len(wanted) if wanted else 1.0,
        len(kept) / len(formulas) if formulas else 1.0,
        len(dialogue.text) / len(dialogue.source) if dialogue.source else 0.0,
    )


def find_missing(dialogue: base.Dialogue) -> set[str]:
    """The source's numbers that the dialogue has neither in digits nor in words."""
    missing = dialogue.chunk.numbers.keys() - dialogue.numbers.keys()
    return missing - read_number_words(dialogue.prose_words) if missing else missing


def find_kept(dialogue: base.Dialogue) -> set[str]:
    """The source's formulas that the dialogue has, alone or within a longer one."""
    formulas = dialogue.chunk.formulas
    if not formulas:
        return formulas
    kept = formulas & read_formulas(dialogue.text, dialogue.spans)
    # Letters alone stand within words as well.
    others = sorted(each for each in formulas - kept if not each.isalpha())[:EXAMINED]
    squeezed = "".join(dialogue.text.split()) if others else ""
    return kept | {formula for formula in others if formula in squeezed}
