"""`prompt_leak`: the answer repeats what it was asked, or holds pieces of a chat template.

Sources: the style's own instruction, in runs of words that nobody hits upon by chance; the tokens
of widespread chat templates (`udfs.dialogue.control_tokens`); the headings and first sentences of
widespread instruction data; and turns of `...`, which the prompts show and a small model copied.
What the source has itself is no leak.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from udfs.checks import base
from udfs.checks.source import FORMULAS, WORD
from udfs.dialogue.control_tokens import CONTROL_TOKEN_PATTERN

REASON = "prompt_leak"

# A line that is `assistant` is Llama 3's header without its tokens. Each part begins with a letter
# of its own, which the regex engine looks for much faster than for a word's boundary.
TEMPLATE_LINES = re.compile(
    r"##\#{0,2}[ ]?(?:Instructions?|Response|Human|Assistant)\b:?[ \t]*(?:\n|$)"
    r"|\n(?:assistant|Assistant:)[ \t]*(?:\n|$)"
    r"|You(?<!\wYou) are an? helpful\b[\w ,]{0,40}\bassistant\b"
    r"|Below(?<!\wBelow) is an instruction that describes a task\b"
)
PLACEHOLDERS = frozenset({"...", "\u2026"})
LONGEST_PLACEHOLDER = 20  # characters, blank space included


class Limits(base.Limits):
    """`ngram`: so many words of the instruction in a row are a leak; `max_placeholders`: turns of
    three dots that may pass.
    """

    ngram: int = Field(ge=2)
    max_placeholders: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """`leaked_ngrams`: distinct n-grams of the instruction in the text that the source has not;
    `template_pieces`: pieces of chat templates that the source has not; `placeholder_turns`: turns
    of three dots, as instructions show them.
    """

    leaked_ngrams: int
    template_pieces: int
    placeholder_turns: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text with a piece of its prompt."""
    values = Values(
        len(find_leaked(dialogue, limits.ngram)),
        count_template_pieces(dialogue),
        count_placeholders(dialogue),
    )
    found = (
        values.leaked_ngrams > 0
        or values.template_pieces > 0
        or values.placeholder_turns > limits.max_placeholders
    )
    return base.Finding(values, REASON if found else None)


def find_leaked(dialogue: base.Dialogue, n: int) -> frozenset[tuple[str, ...]]:
    """The n-grams of the style's instruction that the dialogue has and the source has not."""
    instruction, words = read_instruction(dialogue.style.instruction, n)
    if not base.has_run(dialogue.prose_words, words, n):
        return frozenset()
    leaked = instruction.intersection(base.read_ngrams(dialogue.prose_words, n))
    return leaked.difference(base.read_ngrams(dialogue.chunk.words, n)) if leaked else leaked


@lru_cache(maxsize=64)
def read_instruction(instruction: str, n: int) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """The n-grams and the words of an instruction, kept for the next dialogue of its style."""
    words = WORD.findall(instruction.lower())
    return frozenset(base.read_ngrams(words, n)), frozenset(words)


def count_template_pieces(dialogue: base.Dialogue) -> int:
    """Pieces of chat templates outside of formulas (`$<s>$` is a group) and not in the source."""
    if not find_template_pieces(dialogue.text):
        return 0
    formulas = [span for span in dialogue.spans if span.kind in FORMULAS]
    found = find_template_pieces(base.mask(dialogue.text, formulas, ()))
    known = set(find_template_pieces(dialogue.source))
    return sum(piece not in known for piece in found)


def find_template_pieces(text: str) -> list[str]:
    """All pieces of chat templates in a text."""
    lines = TEMPLATE_LINES.findall(text)
    return CONTROL_TOKEN_PATTERN.findall(text) + [line.strip() for line in lines]


def count_placeholders(dialogue: base.Dialogue) -> int:
    """Turns of three dots and nothing else."""
    text = dialogue.text
    short = (t for t in dialogue.turns if t.end - t.body_start <= LONGEST_PLACEHOLDER)
    return sum(text[t.body_start : t.end].strip() in PLACEHOLDERS for t in short)
