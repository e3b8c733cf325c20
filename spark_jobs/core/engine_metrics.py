"""What the engines of a run did: into `ops.engine_metrics`, into one line, into advice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise

from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ENGINE_METRICS
from udfs.engine.metrics import Sample

LOW_CACHE_HITS = 0.6  # seven styles of one 500-token chunk share about 0.72 (measured with vLLM)
MIN_PROMPT_TOKENS = 20_000  # some thirty prompts: before, the share says nothing
STARVED_SHARE = 0.2  # of the looks at an engine that found it less than half full
LONG_QUEUE = 3.0  # times the capacity: a window twice as wide leaves one capacity waiting
MIN_SAMPLES = 12  # a minute


def save_samples(run: Run, samples: Iterable[Sample]) -> None:
    """Append the looks at the engines."""
    rows = [
        {
            **asdict(sample),
            "run_id": run.run_id,
            "sampled_at": datetime.fromtimestamp(sample.sampled_at, UTC),
        }
        for sample in samples
    ]
    if rows:
        run.warehouse.append(run.warehouse.make_rows(rows, ENGINE_METRICS), ENGINE_METRICS)


def describe_engines(samples: Sequence[Sample]) -> str:
    """The engines' own state for a progress line, empty if they give none."""
    newest = {sample.engine: sample for sample in sorted(samples, key=lambda s: s.sampled_at)}
    if not newest:
        return ""
    running = sum(sample.running for sample in newest.values())
    waiting = sum(sample.waiting for sample in newest.values())
    cache = max(sample.kv_cache_usage for sample in newest.values())
    full = f", cache {cache:.0%} full" if cache else ""
    return f"engines {len(newest)}: {running:.0f} running, {waiting:.0f} waiting{full}"


def warn_of_memory(samples: Sequence[Sample], limit: int) -> str:
    """A warning of an engine that holds more than its container has for it; else empty."""
    largest = max((sample.memory for sample in samples), default=0.0)
    if not limit or largest <= limit:
        return ""
    return (
        f"an engine's processes hold {largest / 1024**2:,.0f} MiB, and its container has "
        f"{limit / 1024**2:,.0f} MiB beside the JVM, Python's workers included: YARN ends such a "
        "container; raise spark.executor.memoryOverhead"
    )


def advise(samples: Sequence[Sample], *, capacity: int) -> Iterator[str]:
    """What to change, from the looks at the engines of one run; nothing where all is well."""
    lives = split_lives(samples)
    prompt = sum(grown(life, "prompt_tokens") for life in lives)
    cached = sum(grown(life, "cached_tokens") for life in lives)
    if cached and prompt > MIN_PROMPT_TOKENS and cached / prompt < LOW_CACHE_HITS:
        yield (
            f"only {cached / prompt:.0%} of the prompt tokens came from the prefix cache, expected "
            f"{LOW_CACHE_HITS:.0%} and more: ask for all styles in one run, and lower "
            "engine.capacity if the cache is full"
        )
    if sum(grown(life, "preemptions") for life in lives):
        yield (
            "requests were thrown out of the engine's cache and computed again: lower "
            "engine.capacity, or give the engine more memory"
        )
    if len(samples) < MIN_SAMPLES:
        return
    starved = sum(s.running < capacity / 2 and not s.waiting for s in samples) / len(samples)
    if starved > STARVED_SHARE:
        yield (
            f"the engine was less than half full for {starved:.0%} of the time: give it more Spark "
            "tasks (cores per executor), or larger runs"
        )
    if sum(s.waiting for s in samples) / len(samples) > LONG_QUEUE * capacity:
        yield "the engine's queue is long: requests may time out; raise engine.capacity"


def split_lives(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples of each life of each engine in their order: counters start anew with a life."""
    lives: dict[tuple[str, int], list[Sample]] = {}
    for sample in sorted(samples, key=lambda s: s.sampled_at):
        lives.setdefault((sample.engine, sample.starts), []).append(sample)
    return list(lives.values())


def grown(life: Sequence[Sample], name: str) -> float:
    """How much a counter grew over the samples of one life."""
    return float(sum(getattr(b, name) - getattr(a, name) for a, b in pairwise(life)))
