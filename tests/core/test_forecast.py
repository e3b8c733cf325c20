"""Whether what is forecast from a pilot comes true."""

import random

import pytest

from spark_jobs.core.forecast import (
    Evidence,
    StyleEvidence,
    StylePending,
    add_staging,
    forecast,
    predict_output,
    predict_staging,
)
from spark_jobs.core.settings import load_settings

STYLES = ("debate", "interview")
LIMIT = 256  # output tokens
PENDING = 1_000  # chunks


def draw_chunk(chance: random.Random, *, short: float) -> list[int]:
    """Output tokens of a chunk's dialogues, of which some end long before their limit."""
    return [chance.randint(20, 60) if chance.random() < short else LIMIT for _ in STYLES]


def measure_pilot(chunks: list[list[int]]) -> Evidence:
    """What a pilot of these chunks leaves to go by."""
    by_style = zip(*chunks, strict=True)
    return Evidence(
        styles={
            style: StyleEvidence(len(chunks), 0, 0, sum(tokens))
            for style, tokens in zip(STYLES, by_style, strict=True)
        },
        chunks=tuple((len(chunk), sum(chunk)) for chunk in chunks),
    )


@pytest.mark.parametrize("size", [8, 20, 100])
@pytest.mark.parametrize("short", [0.05, 0.2, 0.5])
def test_what_is_generated_lies_in_the_interval_though_few_dialogues_are_short(
    size: int, short: float
) -> None:
    chance, presets = random.Random(11), load_settings("local").estimate
    hits = 0
    for _ in range(200):
        evidence = measure_pilot([draw_chunk(chance, short=short) for _ in range(size)])
        actual = sum(sum(draw_chunk(chance, short=short)) for _ in range(PENDING))
        pending = {style: StylePending(PENDING, 0) for style in STYLES}
        found = predict_output(pending, evidence, presets)
        hits += found.low <= actual <= found.high

    assert hits >= 190


def test_weights_are_staged_once_and_the_gpus_are_paid_meanwhile() -> None:
    rate = "estimate.weights_gigabytes_per_second=[0.1, 1.0]"
    settings = load_settings("local", assignments=[rate, "cost.gpu_hour=3600"])
    pending, evidence = {"debate": StylePending(PENDING, 0)}, Evidence({})
    bare = forecast(pending, evidence, settings, engines=8, gpus=8)
    staging = predict_staging(140_000_000_000, settings.estimate)
    total = add_staging(bare, staging, settings.cost, gpus=8)

    assert (staging.low, staging.high) == pytest.approx((140, 1400))
    assert total.seconds.low - bare.seconds.low == pytest.approx(140)
    assert total.seconds.high - bare.seconds.high == pytest.approx(1400)
    assert total.gpu_hours.low - bare.gpu_hours.low == pytest.approx(8 * 140 / 3600)
    assert total.cost.low - bare.cost.low == pytest.approx(8 * 140)
