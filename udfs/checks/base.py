"""What a check sees and what it answers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from udfs.checks.source import WORD, Source, read_source
from udfs.contamination.stream import Stream, read_stream
from udfs.dialogue.styles import Style
from udfs.dialogue.turns import Turn, parse_turns
from udfs.text.math_spans import Span, find_spans
from udfs.text.numbers import find_numbers, leave_out_lists

Action = Literal["gate", "tag", "off"]
Value = bool | int | float | str
V = TypeVar("V")
PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


class Limits(BaseModel):
    """The settings of one check; each check derives its own, `conf/mind.toml` holds the values.

    `action` decides what a reason does: `gate` rejects the dialogue, `tag` only records it, `off`
    drops it. The check's values are measured in any case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action


@dataclass(frozen=True)
class Dialogue:
    """One generated text with all that a check may ask about it.

    `text` has its preamble stripped; `source` is the chunk it was made from; `finish_reason` is
    the engine's word, empty when there was none; `n_tokens` counts completion tokens, 0 where
    the engine did not say.
    """

    text: str
    source: str
    style: Style
    status: str = "ok"
    finish_reason: str = "stop"
    n_tokens: int = 0
    preamble: str = ""

    @property
    def has_turns(self) -> bool:
        """Whether the style is a conversation; checks of turns pass the others over."""
        return self.style.min_speakers > 1

    @cached_property
    def spans(self) -> list[Span]:
        """Formulas, code and table rows of the text, found once for all checks."""
        return find_spans(self.text)

    @cached_property
    def labelled(self) -> tuple[Turn, ...]:
        """All turns, those with a label and no words too; parsed once for all checks."""
        return parse_turns(self.text, self.spans)

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The dialogue's turns; none with a label and no words."""
        return tuple(turn for turn in self.labelled if turn.body_start < turn.end)

    @cached_property
    def lower(self) -> str:
        """The text in lower case with one kind of apostrophe, for looking up phrases."""
        return self.text.lower().replace("\u2019", "'")

    @cached_property
    def prose(self) -> str:
        """The text without formulas, code, tables and labels."""
        return mask(self.text, self.spans, self.turns)

    @cached_property
    def prose_lower(self) -> str:
        """The prose in lower case, for looking up words and phrases."""
        return self.prose.lower()

    @cached_property
    def prose_words(self) -> list[str]:
        """The words of the prose in lower case."""
        return WORD.findall(self.prose_lower)

    @cached_property
    def spoken(self) -> str:
        """The text without labels, URLs and numbers of lists: where numbers mean something."""
        return leave_out_lists(mask(self.text, [], self.turns))

    @cached_property
    def numbers(self) -> dict[str, None]:
        """The distinct numbers of the text, in the order in which they appear first."""
        return find_numbers(self.spoken)

    @cached_property
    def asides(self) -> list[str]:
        """The paragraphs outside of speech: those before the first turn, and all but the first of
        each turn, which its speaker may have said or not; without turns the first and the last.
        """
        if not self.turns:
            parts = PARAGRAPH_END.split(self.text.strip())
            return [parts[0], *parts[1:][-1:]]
        first = self.text[: self.turns[0].start].strip()
        bodies = (self.text[turn.body_start : turn.end].rstrip() for turn in self.turns)
        rest = (PARAGRAPH_END.split(body)[1:] for body in bodies if "\n" in body)
        return [*(PARAGRAPH_END.split(first) if first else ()), *chain.from_iterable(rest)]

    @property
    def chunk(self) -> Source:
        """The source and what is found in it."""
        return read_source(self.source)

    @cached_property
    def stream(self) -> Stream:
        """The tokens of the text without the speakers' labels."""
        labels = [(turn.start, turn.body_start) for turn in self.labelled]
        return read_stream(self.text, labels)


@dataclass(frozen=True, slots=True)
class Finding(Generic[V]):
    """A check's answer: the values it measured and its reason, None where all is well."""

    values: V
    reason: str | None = None


def read_ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """All runs of `n` words, none if there are fewer."""
    return zip(*(words[start:] for start in range(n)), strict=False)


def find_runs(words: Iterable[str], known: AbstractSet[str], n: int) -> Iterator[int]:
    """Where `n` words in a row begin that are all known: much faster than comparing n-grams."""
    run, flags = b"\1" * n, bytes(map(known.__contains__, words))
    at = flags.find(run)
    while at >= 0:
        yield at
        at = flags.find(run, at + 1)


def has_run(words: Iterable[str], known: AbstractSet[str], n: int) -> bool:
    """Whether there is such a run."""
    return next(find_runs(words, known, n), None) is not None


def mask(text: str, spans: list[Span], turns: tuple[Turn, ...]) -> str:
    """The text without formulas, code, tables and speakers' labels, a blank for each."""
    cuts = [(span.start, span.end) for span in spans]
    cuts += [(turn.start, turn.body_start) for turn in turns]
    pieces, position = [], 0
    for start, end in sorted(cuts):
        if start >= position:
            pieces.append(text[position:start])
        position = max(position, end)
    return " ".join([*pieces, text[position:]])
