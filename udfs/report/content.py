"""What a report shows, as plain values: `spark_jobs.core.report_data` fills them from the tables.

Counts are of dialogues unless they say otherwise; None stands for what no table could tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Corpus:
    """What there was to ask about: pages that count, their chunks, and what speaks of both."""

    pages: int
    chunks: int
    rejected_chunks: int
    chunker_id: str | None
    rules_id: str | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far the dialogues of a style came, or by one way of asking; both empty: all.

    `chunks` are those that were asked about; `asked` have an attempt; `ok` and `length` have a
    text; `judged` have a verdict by the rules; `passed` every gate; `accepted` are in the corpus.
    """

    style: str
    spec_id: str
    model: str
    chunks: int
    asked: int
    ok: int
    length: int
    judged: int
    passed: int
    accepted: int
    accepted_tokens: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many dialogues of a style have a reason; `gate` tells what rejects from a mere tag."""

    style: str
    reason: str
    gate: bool
    dialogues: int


@dataclass(frozen=True, slots=True)
class Measure:
    """What a histogram is of: a title, the bins' width, and how many there are.

    The last bin holds all that is beyond.
    """

    title: str
    note: str
    width: float
    bins: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Dialogues in each bin: in the corpus, and the others that have a text."""

    measure: Measure
    accepted: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StyleMeans:
    """Medians, and sums of equalities, of the dialogues of a style that have a text.

    The shares of numbers are None where no chunk has a number.
    """

    style: str
    chunk_tokens: float
    tokens: float
    ratio: float
    turns: float
    speakers: float
    copied_share: float
    returned_share: float
    kept_number_share: float | None
    new_numbers: float
    true_equalities: int
    false_equalities: int
    undecided_equalities: int


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Dialogues of a style that repeat another of their spec, and how like it they are, 0 to 1."""

    style: str
    dialogues: int
    similarity: float


@dataclass(frozen=True, slots=True)
class StylePair:
    """How alike the dialogues of one chunk and model are by two styles, 0 to 1."""

    model: str
    style: str
    other_style: str
    pairs: int
    similarity: float
    share_alike: float


@dataclass(frozen=True, slots=True)
class Opening:
    """How the accepted dialogues of a style and model begin."""

    style: str
    model: str
    dialogues: int
    diversity: float
    commonest: str
    its_share: float


@dataclass(frozen=True, slots=True)
class Period:
    """Some waves one after another, summed; `cost` in the currency of [cost]."""

    begun_at: datetime
    ended_at: datetime
    waves: int
    dialogues: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    cost: float

    @property
    def speed(self) -> float:
        """Tokens out per second of all engines together; 0 where no time was noted."""
        return self.completion_tokens / self.seconds if self.seconds else 0.0

    @property
    def cached_share(self) -> float:
        """Part of the tokens in that the prefix cache held, 0 to 1."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One dialogue beside its chunk; `reasons` are empty if it was accepted.

    `preamble` is what stood before the dialogue proper and is left out of the corpus; `*_left_out`
    are characters beyond what the page takes.
    """

    gen_key: str
    style: str
    accepted: bool
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    model: str
    url: str
    chunk_tokens: int
    tokens: int
    preamble: str
    text: str
    source: str
    text_left_out: int = 0
    source_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """One of two groups that are compared, on the chunks and styles that both have.

    What passed every gate counts as accepted here, whatever else is in the corpus.
    """

    name: str
    total: Funnel
    reasons: tuple[ReasonCount, ...]
    means: tuple[StyleMeans, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups, and dialogues of both on the same chunk and style; `pairs` are left and right."""

    left: Side
    right: Side
    pairs: tuple[tuple[Sample, Sample], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """All of a report."""

    made_at: datetime
    run_id: str
    currency: str
    samples_each: int
    corpus: Corpus
    total: Funnel
    styles: tuple[Funnel, ...]
    specs: tuple[Funnel, ...]
    statuses: Mapping[str, int]
    reasons: tuple[ReasonCount, ...]
    histograms: tuple[Histogram, ...]
    means: tuple[StyleMeans, ...]
    duplicates: tuple[Duplicates, ...]
    pairs: tuple[StylePair, ...]
    openings: tuple[Opening, ...]
    periods: tuple[Period, ...]
    samples: tuple[Sample, ...] = field(default=())
    comparison: Comparison | None = None
