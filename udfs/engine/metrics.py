"""An engine's own metrics: read from its Prometheus page under names that all engines share."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from udfs.engine.recipes import MetricName


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at an engine; numbers that it does not give are 0.

    `engine` is its directory's name, `starts` its life, `sampled_at` seconds since the epoch;
    `memory` the bytes that its processes hold; the other fields are those of MetricName.
    """

    engine: str
    starts: int
    sampled_at: float
    running: float = 0.0
    waiting: float = 0.0
    kv_cache_usage: float = 0.0
    generation_tokens: float = 0.0
    prompt_tokens: float = 0.0
    cached_tokens: float = 0.0
    preemptions: float = 0.0
    memory: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return self.running + self.waiting > 0

    def moved_since(self, earlier: "Sample") -> bool:
        """Whether tokens went in or out since an earlier look at the same life."""
        return (self.generation_tokens, self.prompt_tokens) != (
            earlier.generation_tokens,
            earlier.prompt_tokens,
        )


def read_sample(page: str, names: Mapping[MetricName, str], *, engine: str, starts: int) -> Sample:
    """The sample in a Prometheus page, a metric's labels summed up; ValueError if it is none."""
    wanted = {theirs: ours for ours, theirs in names.items()}
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for found in family.samples:
            if found.name in wanted:
                name = wanted[found.name]
                values[name] = values.get(name, 0.0) + found.value
    return Sample(engine=engine, starts=starts, sampled_at=time.time(), **values)


def load_sample(directory: Path) -> Sample | None:
    """The newest sample that a supervisor left in its engine's directory; None if there is none."""
    try:
        return Sample(**json.loads((directory / "metrics.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def dump_sample(sample: Sample) -> str:
    """A sample as JSON."""
    return json.dumps(asdict(sample))
