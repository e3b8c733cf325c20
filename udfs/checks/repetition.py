"""`repetition`: the model loops.

Sources: duplicate n-grams are the idea of Gopher's filters (Rae et al., 2021), here on prose
alone, since formulas and labels repeat in every good dialogue; the compression ratio is that of
Whisper's decoder (Radford et al., 2022: 2.4, for short speech), moved to where row reductions and
inductions pass. What the limits were measured on stands beside them in `conf/mind.toml`.
"""

import re
import string
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from udfs.checks import base

REASON = "repetition"

PROBE = 24  # characters of the text's end that are looked for further up
CLOSING = string.punctuation + string.whitespace
CANDIDATES = 12  # places where they are found that are tried as the loop's length
STEP = re.compile(r"^\W*(?:step |case |part )?\d{1,3}[.:)]\W", re.IGNORECASE)
SHORTEST_TURN = 12  # characters of a turn that nobody says again and again


class Limits(base.Limits):
    """`ngram`: words per n-gram; `min_ngrams`: fewer are not judged; `max_duplicate_share`: part
    of the n-grams that may have come before, 0 to 1; `phrase`, `min_phrases`, `max_phrase_share`:
    the same for short runs of words, which come again where a thought is turned round and round;
    `min_loop_chars`, `min_loop_rounds`: a text that ends with a block repeated so often, over so
    many characters, is a loop, and so are turns that are said so often; `max_compression`: bytes
    per compressed byte; `min_compressed_chars`: shorter texts are not judged by it.
    """

    ngram: int = Field(ge=1)
    min_ngrams: int = Field(ge=1)
    max_duplicate_share: float = Field(ge=0, le=1)
    phrase: int = Field(ge=1)
    min_phrases: int = Field(ge=1)
    max_phrase_share: float = Field(ge=0, le=1)
    min_loop_chars: int = Field(ge=1)
    min_loop_rounds: float = Field(ge=2)
    max_compression: float = Field(ge=1)
    min_compressed_chars: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """`duplicate_share`: part of the prose's n-grams that came before, 0 without any;
    `phrase_share`: the same of its short runs of words; `loop_chars`: length of the longest
    loop at the end of the text or of a paragraph, 0 without one; `said_again_chars`: of all turns
    whose words come in more than `min_loop_rounds` turns; `compression`: bytes per compressed byte.
    """

    duplicate_share: float
    phrase_share: float
    loop_chars: int
    said_again_chars: int
    compression: float


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Reject what one of the three tests finds."""
    share, ngrams = measure_duplicates(dialogue.prose_words, limits.ngram)
    text = leave_out_last_code(dialogue)
    ends = set(find_ends(text, limits.min_loop_chars))
    loop = max(find_tail_loop(end, rounds=limits.min_loop_rounds) for end in ends)
    phrase_share, phrases = measure_duplicates(dialogue.prose_words, limits.phrase)
    again = measure_said_again(dialogue, limits.min_loop_rounds)
    values = Values(share, phrase_share, loop, again, measure_compression(dialogue.text))
    found = (
        (share > limits.max_duplicate_share and ngrams >= limits.min_ngrams)
        or (phrase_share > limits.max_phrase_share and phrases >= limits.min_phrases)
        or max(loop, again) >= limits.min_loop_chars
        or (
            values.compression > limits.max_compression
            and len(dialogue.text) >= limits.min_compressed_chars
        )
    )
    return base.Finding(values, REASON if found else None)


def leave_out_last_code(dialogue: base.Dialogue) -> str:
    """The text without a closed block of code at its end: a program's output may well repeat.

    A model that loops inside of one does not come to close it.
    """
    text = dialogue.text
    for last in dialogue.spans[-1:]:
        is_closed = last.kind == "code_fence" and text.rstrip().endswith("```")
        if is_closed and not text[last.end :].strip():
            return text[: last.start]
    return text


def find_ends(text: str, shortest: int) -> Iterator[str]:
    """Where a loop may end: the text, and each of its paragraphs that are long enough for one.

    A formula or a sentence may be closed behind its loop (`... + 1 + 1$.`).
    """
    yield text.rstrip()
    yield text.rstrip(CLOSING)
    paragraphs = base.PARAGRAPH_END.split(text)
    yield from (part.rstrip(CLOSING) for part in paragraphs if len(part) >= shortest)


def measure_said_again(dialogue: base.Dialogue, rounds: float) -> int:
    """Characters of the turns whose words, formulas included, come in more than so many turns.

    Short ones (`Yes.`, `Go on.`) do not count, nor does the number of a step.
    """
    bodies = (dialogue.text[turn.body_start : turn.end] for turn in dialogue.turns)
    said = Counter(STEP.sub("", body).strip() for body in bodies)
    return sum(
        len(body) * times
        for body, times in said.items()
        if times > rounds and len(body) >= SHORTEST_TURN
    )


def measure_duplicates(words: list[str], n: int) -> tuple[float, int]:
    """The part of the n-grams that came before, and the number of n-grams."""
    total = len(words) - n + 1
    if total <= 0:
        return 0.0, 0
    distinct = len(set(base.read_ngrams(words, n)))
    return 1 - distinct / total, total


def find_tail_loop(text: str, *, rounds: float) -> int:
    """How many characters at the end repeat one block at least `rounds` times, 0 if none do.

    The end's last characters are looked up further up; each distance is a possible length of the
    block. All work is done by string comparison, and the number of tries is bounded.
    """
    probe, longest, at = text[-PROBE:], 0, len(text) - PROBE
    if at <= 0:
        return 0
    for _ in range(CANDIDATES):
        at = text.rfind(probe, 0, at + PROBE - 1)
        period = len(text) - PROBE - at
        if at < 0 or period * rounds > len(text):
            break
        length = _periodic_length(text, period)
        if length >= period * rounds:
            longest = max(longest, length)
    return longest


def _periodic_length(text: str, period: int) -> int:
    """The length of the longest suffix that equals itself moved by `period`.

    Doubling finds the range, halving the length: each step is one comparison of strings.
    """
    known, tried = period, 2 * period
    while tried <= len(text) and _has_period(text, tried, period):
        known, tried = tried, 2 * tried
    tried = min(tried, len(text) + 1)
    while tried - known > 1:
        middle = (known + tried) // 2
        known, tried = (middle, tried) if _has_period(text, middle, period) else (known, middle)
    return known


def _has_period(text: str, length: int, period: int) -> bool:
    """Whether the last `length` characters repeat after each `period`."""
    return text[-length:-period] == text[period - length :]


def measure_compression(text: str) -> float:
    """Bytes per compressed byte, 1 for an empty text; a lone surrogate counts as three bytes."""
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw) / len(zlib.compress(raw, 1)) if raw else 1.0
