"""What a task and the driver tell each other while the task runs, by small files in one folder.

Each task writes its counts, its times, its engine's metrics and why it stopped early; the driver
writes `stop`, with the reason, when all tasks shall end. The counts are for display and for the
circuit breaker: the truth is in the table. A folder that executors cannot write costs the display,
the metrics and the breaker, not the job.
"""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import fsspec

from udfs.engine.metrics import Sample, load_sample

LOG = logging.getLogger(__name__)
STOP = "stop"
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """When a task had its first row, its engine, and its last answer: seconds since the epoch."""

    started: float
    asked: float
    answered: float


class Tally:
    """What one task says; `seconds` is how often."""

    def __init__(self, folder: str, name: str, *, seconds: float) -> None:
        self.folder, self.name, self.seconds = folder, name, seconds
        self.counts: Counter[str] = Counter()
        self.stopped = ""
        self.warning = ""
        self.engine_directory = ""
        self.started = self.asked = self.answered = time.time()

    def found_engine(self, directory: str) -> None:
        """From now on there is somebody to ask."""
        self.engine_directory = directory
        self.asked = self.answered = time.time()

    def stop(self, reason: str) -> None:
        """Send nothing more, for a reason of the task's own; the first is the one to tell."""
        self.stopped = self.stopped or reason
        LOG.warning("stopped: %s", reason)

    def warn(self, text: str) -> None:
        """Have the driver tell people; the task goes on."""
        self.warning = text
        LOG.warning("%s", text)

    def dump(self) -> str:
        """All of it as JSON."""
        sample = load_sample(Path(self.engine_directory)) if self.engine_directory else None
        return json.dumps(
            {
                "counts": self.counts,
                "stopped": self.stopped,
                "warning": self.warning,
                "sample": asdict(sample) if sample else None,
                "times": [self.started, self.asked, self.answered],
            }
        )

    def add(self, attempt: Mapping[str, Any], *, replayed: int = 0) -> None:
        """Count one row of synthetic.attempts, answered just now or earlier."""
        self.answered = time.time()
        self.counts.update(tally_attempt(attempt))
        self.counts["replayed"] += replayed

    async def keep_written(self) -> None:
        """Write and obey until cancelled, or until nothing can be written."""
        # Turned into text here, on the thread that counts.
        while await asyncio.to_thread(self.write, self.dump()):
            await asyncio.sleep(self.seconds)
            await asyncio.to_thread(self.obey)

    def obey(self) -> None:
        """Stop if the driver wants it."""
        with suppress(Exception):
            filesystem, path = fsspec.core.url_to_fs(f"{self.folder}/{STOP}")
            # Object stores remember what they listed.
            filesystem.invalidate_cache()
            if filesystem.exists(path):
                self.stopped = self.stopped or filesystem.cat_file(path).decode()

    def write(self, text: str) -> bool:
        """Write it; False when the folder cannot be written."""
        try:
            filesystem, path = fsspec.core.url_to_fs(self.folder)
            filesystem.makedirs(path, exist_ok=True)
            filesystem.pipe_file(f"{path}/{self.name}.json", text.encode())
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            LOG.warning("progress is not shown: %s cannot be written: %s", self.folder, error)
            return False
        return True


def tally_attempt(attempt: Mapping[str, Any]) -> dict[str, int]:
    """What one attempt adds to the counts."""
    tokens = {name: attempt[name] for name in TOKENS}
    return {f"status.{attempt['status']}": 1, "requests": attempt["attempt"], **tokens}


@dataclass(frozen=True)
class Tallies:
    """What all tasks of a wave say: their counts summed up, a reason why one stopped, and more."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    warning: str = ""
    samples: tuple[Sample, ...] = ()
    tasks: tuple[TaskTimes, ...] = ()


def read_tallies(folder: str) -> Tallies:
    """The sum of all tasks' files; one that is just being written counts next time."""
    tallies = []
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.invalidate_cache()
        for file in filesystem.glob(f"{path}/*.json"):
            with suppress(OSError, ValueError):
                tallies.append(json.loads(filesystem.cat_file(file)))
    return Tallies(
        counts=sum((Counter(tally["counts"]) for tally in tallies), Counter()),
        stopped=next((tally["stopped"] for tally in tallies if tally["stopped"]), ""),
        warning=next((tally["warning"] for tally in tallies if tally["warning"]), ""),
        samples=tuple(Sample(**tally["sample"]) for tally in tallies if tally["sample"]),
        tasks=tuple(TaskTimes(*tally["times"]) for tally in tallies),
    )


def stop_tasks(folder: str, reason: str) -> None:
    """Make all tasks of a wave send nothing more, also those that have not begun."""
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.makedirs(path, exist_ok=True)
        filesystem.pipe_file(f"{path}/{STOP}", reason.encode())


def remove_tallies(folder: str) -> None:
    """Remove the files once the job is over; none are there if nothing could be written."""
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.rm(path, recursive=True)
