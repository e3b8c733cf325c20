"""What checks ask about a source, read once for the dialogues of all its styles."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from udfs.contamination.stream import Stream, read_stream
from udfs.text.math_spans import Span, find_spans, mask_spans
from udfs.text.numbers import find_numbers, leave_out_lists

WORD = re.compile(r"\w+")
FORMULAS = frozenset({"inline_math", "display_math", "environment"})
DELIMITERS = re.compile(r"^(?:\$\$?|\\[\[(])|(?:\$\$?|\\[\])])$")
SHORTEST_FORMULA = 3  # characters; `n` and `2n` are in any text
# A chunk's dialogues lie side by side in a table, but not always one behind the other.
KEPT = 64


@dataclass(frozen=True)
class Source:
    """A chunk's text, and what is found in it on demand."""

    text: str

    @cached_property
    def spans(self) -> list[Span]:
        """Formulas, code and table rows."""
        return find_spans(self.text)

    @cached_property
    def words(self) -> list[str]:
        """The words of the prose in lower case."""
        return WORD.findall(mask_spans(self.text).lower())

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The distinct words."""
        return frozenset(self.words)

    @cached_property
    def numbers(self) -> dict[str, None]:
        """The distinct numbers in digits, in the order in which they appear first."""
        return find_numbers(leave_out_lists(self.text))

    @cached_property
    def stream(self) -> Stream:
        """Its tokens."""
        return read_stream(self.text)

    @cached_property
    def formulas(self) -> set[str]:
        """The distinct formulas, as `read_formulas` writes them."""
        return read_formulas(self.text, self.spans)


@lru_cache(maxsize=KEPT)
def read_source(text: str) -> Source:
    """The source of a dialogue; those of the last dialogues are kept."""
    return Source(text)


def read_formulas(text: str, spans: Iterable[Span]) -> set[str]:
    """The distinct formulas without delimiters, blanks and the sentence's own mark at the end."""
    formulas = {text[span.start : span.end] for span in spans if span.kind in FORMULAS}
    squeezed = {
        "".join(DELIMITERS.sub("", formula).split()).rstrip(".,;:!?") for formula in formulas
    }
    return {formula for formula in squeezed if len(formula) >= SHORTEST_FORMULA}
