"""Turns: who speaks where in a dialogue.

A turn begins with a speaker's label at a line's start and lasts to the next one; narration and
blank lines in between belong to it. Names are free-form, so the evidence decides: a role
(`Student A`) is a speaker at once, a possible name as well unless it stands in a list
(`1. Maria:`), where only a name that comes again is one; a name in lower case must be known
already or be a role. Labels without a colon count only where none or one has one.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from udfs.dialogue.bare_labels import find_bare_labels
from udfs.dialogue.labels import LINE_HEAD, Label, could_be_name, is_role, is_structural, read_label
from udfs.text.math_spans import Span, find_spans

# A label inside one of these is a formula's or a program's. Not so formulas in the line: one that
# would reach over a label is two sums of money.
OPAQUE = frozenset({"display_math", "environment", "code_fence"})
FEW = 2  # labels with a colon; fewer are no conversation


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn in character offsets, ends excluded: its label starts at `start`, its words at
    `body_start`; `speaker` is the normalised name (lower case, single blanks).
    """

    speaker: str
    start: int
    end: int
    body_start: int


def parse_turns(text: str, spans: Sequence[Span] | None = None) -> tuple[Turn, ...]:
    """The turns of a text in order, none if nobody speaks.

    The turns are gapless: `text[:turns[0].start]` and all `text[turn.start:turn.end]` together
    are the text. `spans` are the text's formulas and code, found here if not given.
    """
    labels = find_labels(text, find_spans(text) if spans is None else spans)
    ends = [label.start for label in labels[1:]] + [len(text)]
    return tuple(
        Turn(label.name, label.start, end, _skip_blanks(text, label.body_start, end))
        for label, end in zip(labels, ends, strict=False)
    )


def find_labels(text: str, spans: Sequence[Span]) -> list[Label]:
    """The labels of all speakers, in order."""
    heads = (read_label(line) for line in LINE_HEAD.finditer(text))
    labels = list(_leave_out_spans((label for label in heads if label is not None), spans))
    speakers = find_speakers(labels)
    spoken = [label for label in labels if label.name in speakers]
    # Where colons make no conversation, other labels may.
    bare = find_bare_labels(text) if len(spoken) < FEW else []
    return list(_leave_out_spans(bare, spans)) or spoken


def find_speakers(labels: Sequence[Label]) -> set[str]:
    """Names among the possible labels that are speakers."""
    counts = Counter(label.name for label in labels)
    letters = {label.name for label in labels if len(label.name) == 1 and label.raw.isupper()}
    speakers = set()
    for label in labels:
        again = counts[label.name] > 1
        if label.name in speakers or is_structural(label.name):
            continue
        # `T: V -> W` alone is a map; `A:` and `B:` are two people.
        lonely = len(label.name) == 1 and not again and len(letters) == 1
        named = could_be_name(label) and (again or not label.is_item) and not lonely
        if named or is_role(label.name):
            speakers.add(label.name)
    return speakers


def _leave_out_spans(labels: Iterable[Label], spans: Sequence[Span]) -> Iterator[Label]:
    """Labels that stand in no formula and no code."""
    opaque = [span for span in spans if span.kind in OPAQUE]
    starts = [span.start for span in opaque]
    for label in labels:
        before = bisect_right(starts, label.start) - 1
        if before < 0 or opaque[before].end <= label.start:
            yield label


def _skip_blanks(text: str, start: int, end: int) -> int:
    """The first offset from `start` that is no blank, `end` if there is none."""
    return end - len(text[start:end].lstrip())
