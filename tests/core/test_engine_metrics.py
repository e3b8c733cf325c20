"""What a run says of its engines, and what it advises."""

import pytest

from spark_jobs.core.engine_metrics import advise, describe_engines, warn_of_memory
from udfs.engine.metrics import Sample, read_sample

PAGE = """
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0"} 7.0
vllm:num_requests_running{engine="1"} 5.0
# TYPE vllm:generation_tokens counter
vllm:generation_tokens_total{engine="0"} 300.0
"""


def looks(count: int = 20, **growth: float) -> list[Sample]:
    """Looks at one engine of capacity 16, five seconds apart, with counters that grow so."""
    gauges = {"running": 16.0, "waiting": 16.0}
    return [
        Sample("a", 1, 5.0 * n, **{**gauges, **{k: v * n for k, v in growth.items()}})
        for n in range(count)
    ]


def test_a_sample_sums_an_engines_metrics_over_their_labels() -> None:
    names = {
        "running": "vllm:num_requests_running",
        "generation_tokens": "vllm:generation_tokens_total",
    }

    sample = read_sample(PAGE, names, engine="a", starts=1)  # type: ignore[arg-type]

    assert (sample.running, sample.generation_tokens, sample.waiting) == (12, 300, 0)


def test_a_healthy_run_gets_no_advice() -> None:
    samples = looks(prompt_tokens=5000, cached_tokens=3600)

    assert list(advise(samples, capacity=16)) == []


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (looks(prompt_tokens=5000, cached_tokens=500), "only 10% of the prompt tokens"),
        (looks(preemptions=3), "thrown out of the engine's cache"),
        ([Sample("a", 1, 5.0 * n, running=2) for n in range(20)], "less than half full for 100%"),
        ([Sample("a", 1, 5.0 * n, running=16, waiting=99) for n in range(20)], "queue is long"),
    ],
)
def test_advice_says_what_is_wrong_and_what_to_change(samples: list[Sample], words: str) -> None:
    advice = list(advise(samples, capacity=16))

    assert len(advice) == 1
    assert words in advice[0]


def test_counters_of_two_lives_are_not_mixed() -> None:
    first = looks(prompt_tokens=5000, cached_tokens=3600)
    second = [Sample("a", 2, 200.0 + n, 16, 16, 0, 0, 100.0 * n, 70.0 * n) for n in range(20)]

    assert list(advise([*first, *second], capacity=16)) == []


def test_the_newest_look_at_each_engine_is_shown() -> None:
    samples = [Sample("a", 1, 1.0, running=9), Sample("a", 1, 2.0, running=4, waiting=2)]
    samples.append(Sample("b", 1, 1.0, running=3, kv_cache_usage=0.4))

    assert describe_engines(samples) == "engines 2: 7 running, 2 waiting, cache 40% full"


def test_an_engine_that_outgrows_its_container_is_named_with_what_to_raise() -> None:
    samples = [Sample("a", 1, 0.0, memory=300 * 1024**2), Sample("b", 1, 0.0, memory=2 * 1024**3)]

    warning = warn_of_memory(samples, 1024**3)

    assert "hold 2,048 MiB, and its container has 1,024 MiB" in warning
    assert "raise spark.executor.memoryOverhead" in warning
    assert warn_of_memory(samples, 3 * 1024**3) == warn_of_memory(samples, 0) == ""
