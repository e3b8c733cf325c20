"""`new_numbers`: numbers that neither the source has nor arithmetic in the dialogue derives.

Source: the prompts' clause of adding nothing from outside; reviewers of MIND asked how much
dialogues make up. Numbers up to ten count things in every text and are left out; what stands
behind an equals sign or follows from two numbers beside it is taken as derived
(`udfs.text.numbers`), so the count is a lower bound. A dialogue without a source is not judged.
"""

from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base
from udfs.text.numbers import find_underived, normalise_number, read_number_words

REASON = "new_numbers"

SMALL = frozenset(map(str, range(11)))
EXAMINED = 100  # unknown numbers whose derivation is looked for; a text with more makes them up


class Limits(base.Limits):
    """`max_new`: so many new numbers may pass; `max_new_share`: and this part of the dialogue's
    distinct numbers, 0 to 1. A dialogue is tagged that exceeds both.
    """

    max_new: int = Field(ge=0)
    max_new_share: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Values:
    """`distinct_numbers`: the dialogue's numbers other than whole ones up to ten;
    `new_number_count`: those of them that are new; `new_number_share`: their part, 0 if there are
    none.
    """

    distinct_numbers: int
    new_number_count: int
    new_number_share: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue with too many new numbers."""
    numbers = [number for number in dialogue.numbers if number not in SMALL]
    new = len(find_new(dialogue, numbers)) if numbers and dialogue.source.strip() else 0
    values = Values(len(numbers), new, new / len(numbers) if numbers else 0.0)
    found = new > limits.max_new and values.new_number_share > limits.max_new_share
    return base.Finding(values, REASON if found else None)


def find_new(dialogue: base.Dialogue, numbers: list[str]) -> set[str]:
    """The numbers that are neither the source's, in digits, words or per cent, nor derived."""
    unknown = [number for number in numbers if number not in dialogue.chunk.numbers]
    if not unknown:
        return set()
    said = read_number_words(dialogue.chunk.words)
    unknown = [n for n in unknown if n not in said and not _is_per_cent(n, dialogue.chunk.numbers)]
    examined = unknown[:EXAMINED]
    return find_underived(dialogue.spoken, examined).union(unknown[EXAMINED:])


def _is_per_cent(number: str, known: dict[str, None]) -> bool:
    """Whether a number is a known one as per cent or the other way round: `0.25` and `25`."""
    whole, _, decimals = number.partition(".")
    padded = decimals.ljust(2, "0")
    times = f"{whole}{padded[:2]}.{padded[2:]}"
    part = f"{whole[:-2]}.{whole[-2:].rjust(2, '0')}{decimals}"
    return normalise_number(times) in known or normalise_number(part) in known
