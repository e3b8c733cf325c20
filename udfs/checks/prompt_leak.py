"""`prompt_leak`: the answer repeats what it was asked, or holds pieces of a chat template.

Sources: the style's own instruction, in runs of words that nobody hits upon by chance, or retold
in many short pieces close together; markers of prompts that nobody filled in; the tokens
of widespread chat templates (`udfs.dialogue.control_tokens`); the headings and first sentences of
widespread instruction data; turns of `...`, which the prompts show and a small model copied; and
words outside of speech, or sentences anywhere, that tell how a dialogue is to be written
(`udfs.checks.instructions`). All but those turns and sentences is looked for in the stripped
preamble too. What the source has itself is no leak.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from pydantic import Field

from udfs.checks import base, instructions
from udfs.checks.source import FORMULAS, WORD
from udfs.dialogue.control_tokens import CONTROL_TOKEN_PATTERN

REASON = "prompt_leak"

# A line that is `assistant` is Llama 3's header without its tokens. Each part begins with a letter
# of its own, which the regex engine looks for much faster than for a word's boundary.
TEMPLATE_LINES = re.compile(
    r"##\#{0,2}[ ]?(?:Instructions?|Response|Human|Assistant)\b:?[ \t]*(?:\n|$)"
    r"|\n(?:assistant|Assistant:)[ \t]*(?:\n|$)"
    r"|a(?:(?<=^a)|(?<=[.!?]a))ssistant[ \t]*(?=\n)"
    r"|\n(?:Conversation|Dialogue):[ \t]*(?=\n)"
    r"|You(?<!\wYou) are an? helpful\b[\w ,]{0,40}\bassistant\b"
    r"|Below(?<!\wBelow) is an instruction that describes a task\b"
)
# A marker of a prompt that nobody filled in: alone on its line, or one that says so itself.
MARKER = re.compile(
    r"\{insert [\w ,;']{3,60}"
    r"|^[ \t]*(?:\$(?:document|instruction|text|passage|context|input|question)"
    r"|\$?\{{1,2} ?[A-Za-z_]{4,30} ?\}{1,2}"
    r"|[\[<](?i:insert|paste|your) [\w ,']{3,60}[\]>])[ \t]*$",
    re.MULTILINE,
)
KEPT_WORDS = 10_000  # to look one up takes a fifth of the time; a page has a few hundred
PIECE = 3  # words; the shortest piece of an instruction that is seen in what retells it
PLACEHOLDERS = frozenset({"...", "\u2026"})
LONGEST_PLACEHOLDER = 20  # characters, blank space included


class Limits(base.Limits):
    """`ngram`: so many words of the instruction in a row are a leak; `window`: words of a stretch,
    of which `max_retold` may stand in pieces of the instruction; `max_placeholders`: turns of three
    dots that may pass; `max_instructions`: weight of words outside of speech that tell how to write
    a dialogue; `max_subjects`: subjects of instructions that may come together in one sentence.
    """

    ngram: int = Field(ge=2)
    window: int = Field(ge=1)
    max_retold: int = Field(ge=0)
    max_placeholders: int = Field(ge=0)
    max_instructions: int = Field(ge=0)
    max_subjects: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """`leaked_ngrams`: distinct n-grams of the instruction in the text that the source has not;
    `retold_words`: most words of one stretch that stand in its pieces of three words, endings
    aside; `template_pieces`: pieces of chat templates that the source has not;
    `placeholder_turns`: turns of three dots, as instructions show them; `instruction_weight`: of
    what tells how to write a dialogue, outside of speech, where a sure sign counts double;
    `instruction_subjects`: most subjects of instructions in one sentence.
    """

    leaked_ngrams: int
    retold_words: int
    template_pieces: int
    placeholder_turns: int
    instruction_weight: int
    instruction_subjects: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject a text with a piece of its prompt."""
    values = Values(
        len(find_leaked(dialogue, limits.ngram)),
        count_retold(dialogue, limits.window),
        count_template_pieces(dialogue),
        count_placeholders(dialogue),
        instructions.weigh(dialogue),
        instructions.count_subjects(dialogue),
    )
    found = (
        values.leaked_ngrams > 0
        or values.retold_words > limits.max_retold
        or values.template_pieces > 0
        or values.placeholder_turns > limits.max_placeholders
        or values.instruction_weight > limits.max_instructions
        or values.instruction_subjects > limits.max_subjects
    )
    return base.Finding(values, REASON if found else None)


def find_leaked(dialogue: base.Dialogue, n: int) -> frozenset[tuple[str, ...]]:
    """The n-grams of the style's instruction that the answer has and the source has not."""
    instruction, known = read_instruction(dialogue.style.instruction, n)
    words = read_words(dialogue)
    if not base.has_run(words, known, n):
        return frozenset()
    leaked = instruction.intersection(base.read_ngrams(words, n))
    return leaked.difference(base.read_ngrams(dialogue.chunk.words, n)) if leaked else leaked


def read_words(dialogue: base.Dialogue) -> list[str]:
    """The words of the preamble and of the dialogue's prose."""
    return [*WORD.findall(dialogue.preamble.lower()), *dialogue.prose_words]


def count_retold(dialogue: base.Dialogue, window: int) -> int:
    """The most words of one stretch that stand in pieces of the instruction."""
    pieces, known = read_pieces(dialogue.style.instruction)
    words = [*map(cut_ending, read_words(dialogue))]
    starts = [at for at in base.find_runs(words, known, PIECE) if read_piece(words, at) in pieces]
    if not starts:
        return 0
    own = set(base.read_ngrams([*map(cut_ending, dialogue.chunk.words)], PIECE))
    covered = bytearray(len(words))
    for start in starts:
        if read_piece(words, start) not in own:
            covered[start : start + PIECE] = b"\1" * PIECE
    sums = [0, *accumulate(covered)]
    return max(sums[min(start + window, len(words))] - sums[start] for start in range(len(words)))


def read_piece(words: list[str], start: int) -> tuple[str, ...]:
    """The piece that begins at a word."""
    return tuple(words[start : start + PIECE])


@lru_cache(maxsize=KEPT_WORDS)
def cut_ending(word: str) -> str:
    """The word without a plural's or a verb's s: who retells says `I explain`."""
    return word.removesuffix("s") if len(word) > 3 else word


@lru_cache(maxsize=64)
def read_pieces(instruction: str) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """The pieces and the words of an instruction without endings, kept like its n-grams."""
    words = [*map(cut_ending, WORD.findall(instruction.lower()))]
    return frozenset(base.read_ngrams(words, PIECE)), frozenset(words)


@lru_cache(maxsize=64)
def read_instruction(instruction: str, n: int) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """The n-grams and the words of an instruction, kept for the next dialogue of its style."""
    words = WORD.findall(instruction.lower())
    return frozenset(base.read_ngrams(words, n)), frozenset(words)


def count_template_pieces(dialogue: base.Dialogue) -> int:
    """Pieces of chat templates outside of formulas (`$<s>$` is a group) and not in the source."""
    if not find_template_pieces(dialogue.preamble + dialogue.text):
        return 0
    formulas = [span for span in dialogue.spans if span.kind in FORMULAS]
    prose = base.mask(dialogue.text, formulas, ())
    found = find_template_pieces(f"{dialogue.preamble}\n{prose}")
    known = set(find_template_pieces(dialogue.source))
    return sum(piece not in known for piece in found)


def find_template_pieces(text: str) -> list[str]:
    """All pieces of chat templates in a text."""
    lines = (*MARKER.findall(text), *TEMPLATE_LINES.findall(text))
    return CONTROL_TOKEN_PATTERN.findall(text) + [line.strip() for line in lines]


def count_placeholders(dialogue: base.Dialogue) -> int:
    """Turns of three dots and nothing else."""
    text = dialogue.text
    short = (t for t in dialogue.turns if t.end - t.body_start <= LONGEST_PLACEHOLDER)
    return sum(text[t.body_start : t.end].strip() in PLACEHOLDERS for t in short)
