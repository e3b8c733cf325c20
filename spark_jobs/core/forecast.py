"""Forecasts: what is pending in tokens, hours and money, each from a low to a high end.

Measured dialogues of the same specs are the basis; where there are too few, the presets of
[estimate].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spark_jobs.core.ledger import price
from spark_jobs.core.settings import Cost, Estimate, Settings

MIN_CHUNKS = 4  # fewer say nothing of the spread
MIN_SECONDS = 5.0  # of asking, below which no rate is told
# Of a rate that was measured over few waves: these ramp up and drain most of the time, and the
# machine may have had other work. Many waves have averaged that out.
SPREAD_OF_FEW, SPREAD_OF_MANY, MANY_WAVES = (0.7, 1.5), (0.85, 1.2), 20
GIGABYTE = 1e9  # bytes
PROMPT_OVERHEAD = 150  # tokens of instruction and chat template, seven styles' mean (SmolLM2)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value that is expected between two others."""

    low: float
    mid: float
    high: float

    def plus(self, other: "Interval") -> "Interval":
        """The sum, ends with ends."""
        return Interval(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def times(self, other: "Interval | float") -> "Interval":
        """The product, ends with ends."""
        o = other if isinstance(other, Interval) else Interval(other, other, other)
        return Interval(self.low * o.low, self.mid * o.mid, self.high * o.high)

    def over(self, other: "Interval") -> "Interval":
        """The quotient, lowest by highest and highest by lowest."""
        return Interval(self.low / other.high, self.mid / other.mid, self.high / other.low)

    def to_json(self) -> dict[str, float]:
        """As a result holds it, with so many digits as mean something."""
        return {n: float(f"{getattr(self, n):.4g}") for n in ("low", "mid", "high")}


@dataclass(frozen=True, slots=True)
class StyleEvidence:
    """Dialogues measured of one style: how many, and their tokens together."""

    dialogues: int
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured so far: `chunks` are (dialogues, output tokens) of each chunk.

    `rate` is output tokens per second and engine over `waves` waves, 0 if unknown; `accepted` the
    part of the output tokens that the filter let through, None if it has judged none.
    """

    styles: dict[str, StyleEvidence]
    chunks: tuple[tuple[int, int], ...] = ()
    rate: float = 0.0
    waves: int = 0
    accepted: float | None = None

    @property
    def usual_length(self) -> float:
        """Mean output tokens of a dialogue, 0 without any."""
        return sum(t for _, t in self.chunks) / max(1, sum(n for n, _ in self.chunks))

    @property
    def measured(self) -> bool:
        """Whether there is enough to go by."""
        return len(self.chunks) >= MIN_CHUNKS


@dataclass(frozen=True, slots=True)
class StylePending:
    """What is pending of one style: dialogues, and the tokens of the chunks in their prompts."""

    dialogues: int
    chunk_tokens: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is pending will take this; tokens, seconds of all engines together, money."""

    dialogues: int
    input_tokens: float
    prefill_tokens: float
    output_tokens: Interval
    seconds: Interval
    gpu_hours: Interval
    cost: Interval
    accepted_tokens: Interval
    measured: bool


def mean_tokens(evidence: Evidence, presets: Estimate) -> Interval:
    """Output tokens of a dialogue: the mean, whatever its style."""
    if not evidence.measured:
        low, high = presets.output_tokens
        return Interval(low, math.sqrt(low * high), high)
    return Interval(*[evidence.usual_length] * 3)


def predict_output(
    pending: dict[str, StylePending], evidence: Evidence, presets: Estimate
) -> Interval:
    """Output tokens of all that is pending, with the 95 % interval of the whole sum.

    The dialogues of a chunk have lengths that go together, so chunks are what was drawn: the
    interval holds the uncertainty of the mean and the chance in what is pending. What is rarer than
    one chunk in those drawn, they do not show, so one more counts that gave nothing: of eight
    chunks whose dialogues nearly all ran to their limit, the spread was that of the limit (LOG.md).
    """
    each = mean_tokens(evidence, presets)
    dialogues = sum(style.dialogues for style in pending.values())
    if not evidence.measured:
        return each.times(dialogues)
    total = sum(
        style.dialogues * (found.output_tokens / found.dialogues if found else each.mid)
        for name, style in pending.items()
        for found in [evidence.styles.get(name)]
    )
    count = len(evidence.chunks)
    per_chunk = sum(n for n, _ in evidence.chunks) / count
    drawn = [*evidence.chunks, (per_chunk, 0)]
    rest = sum((tokens - each.mid * n) ** 2 for n, tokens in drawn) / count
    chunks_pending = dialogues / per_chunk
    error = math.sqrt(rest * (chunks_pending**2 / count + chunks_pending))
    half = student_t(count - 1) * error
    return Interval(max(0.0, total - half), total, total + half)


def student_t(degrees: int) -> float:
    """About the 97.5 % quantile of Student's t: within 3 % from three degrees of freedom on."""
    return 1.96 + 2.5 / degrees + 2.5 / degrees**2


def engine_rate(evidence: Evidence, presets: Estimate) -> Interval:
    """Output tokens per second of one full engine."""
    if not evidence.rate:
        low, high = presets.tokens_per_second
        return Interval(low, math.sqrt(low * high), high)
    low, high = SPREAD_OF_MANY if evidence.waves >= MANY_WAVES else SPREAD_OF_FEW
    return Interval(low * evidence.rate, evidence.rate, high * evidence.rate)


def predict_staging(size: int, presets: Estimate) -> Interval:
    """Seconds to stage so many bytes of weights on each host, all hosts at once."""
    low, high = presets.weights_gigabytes_per_second
    rate = Interval(low, math.sqrt(low * high), high).times(GIGABYTE)
    return Interval(size, size, size).over(rate)


def forecast(
    pending: dict[str, StylePending],
    evidence: Evidence,
    settings: Settings,
    *,
    engines: int,
    gpus: int,
) -> Forecast:
    """What all that is pending takes on so many engines and GPUs, by presets and prices."""
    presets, prices = settings.estimate, settings.cost
    output = predict_output(pending, evidence, presets)
    tokens_in = sum(input_tokens(name, pending[name], evidence) for name in pending)
    prefill = tokens_in * (1 - cached_share(evidence, presets))
    seconds = output.over(engine_rate(evidence, presets).times(engines))
    gpu_seconds = seconds.times(gpus)
    low, high = presets.accepted_share
    share = evidence.accepted
    accepted = (
        Interval(low, math.sqrt(low * high), high)
        if share is None
        else Interval(share, share, share)
    )
    return Forecast(
        dialogues=sum(style.dialogues for style in pending.values()),
        input_tokens=tokens_in,
        prefill_tokens=prefill,
        output_tokens=output,
        seconds=seconds,
        gpu_hours=gpu_seconds.times(1 / 3600),
        cost=Interval(
            *(
                price(prices, gpu_seconds=g, input_tokens=tokens_in, output_tokens=o)
                for g, o in zip(ends(gpu_seconds), ends(output), strict=True)
            )
        ),
        accepted_tokens=output.times(accepted),
        measured=evidence.measured,
    )


def add_staging(found: Forecast, staging: Interval, prices: Cost, *, gpus: int) -> Forecast:
    """The forecast of a run that first stages weights for so many seconds, its GPUs held meanwhile.

    Once, whatever the number of hosts, since they do it at the same time.
    """
    held = staging.times(gpus)
    money = [price(prices, gpu_seconds=s, input_tokens=0, output_tokens=0) for s in ends(held)]
    return replace(
        found,
        seconds=found.seconds.plus(staging),
        gpu_hours=found.gpu_hours.plus(held.times(1 / 3600)),
        cost=found.cost.plus(Interval(*money)),
    )


def ends(interval: Interval) -> Sequence[float]:
    """Its three values."""
    return interval.low, interval.mid, interval.high


def input_tokens(style: str, pending: StylePending, evidence: Evidence) -> float:
    """Tokens that go in for one style."""
    found = evidence.styles.get(style)
    if found:
        return pending.dialogues * found.prompt_tokens / found.dialogues
    return float(pending.chunk_tokens + pending.dialogues * PROMPT_OVERHEAD)


def cached_share(evidence: Evidence, presets: Estimate) -> float:
    """Part of the prompt tokens that the prefix cache holds."""
    prompt = sum(style.prompt_tokens for style in evidence.styles.values())
    cached = sum(style.cached_tokens for style in evidence.styles.values())
    return cached / prompt if evidence.measured and prompt else presets.cached_share
