"""A task's running counts, its engine's metrics and why it stopped early: a small file that the
driver reads.

The counts are for display: the truth is in the table. A folder that executors cannot write costs
the display, the metrics and the reason, not the job.
"""

import asyncio
import json
import logging
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fsspec

from udfs.engine.metrics import Sample, load_sample
from udfs.engine.outcomes import Outcome

LOG = logging.getLogger(__name__)
WRITE_SECONDS = 2.0


class Tally:
    """Counts of one task: outcomes by status, and tokens."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self.name = folder, name
        self.counts: Counter[str] = Counter()
        self.stopped = ""
        self.engine_directory = ""

    def stop(self, reason: str) -> None:
        """Send nothing more; the first reason is the one to tell."""
        self.stopped = self.stopped or reason
        LOG.warning("stopped: %s", reason)

    def dump(self) -> str:
        """All of it as JSON."""
        sample = load_sample(Path(self.engine_directory)) if self.engine_directory else None
        return json.dumps(
            {
                "counts": self.counts,
                "stopped": self.stopped,
                "sample": asdict(sample) if sample else None,
            }
        )

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.counts.update(tally_outcome(outcome))

    async def keep_written(self) -> None:
        """Write the counts every other second until cancelled, or until they cannot be written."""
        # Turned into text here, on the thread that counts.
        while await asyncio.to_thread(self.write, self.dump()):  # noqa: ASYNC110 - a rhythm
            await asyncio.sleep(WRITE_SECONDS)

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


def tally_outcome(outcome: Outcome) -> dict[str, int]:
    """What one outcome adds to the counts."""
    return {
        f"status.{outcome.status}": 1,
        "requests": outcome.attempt,
        "prompt_tokens": outcome.prompt_tokens,
        "cached_tokens": outcome.cached_tokens,
        "completion_tokens": outcome.completion_tokens,
    }


@dataclass(frozen=True)
class Tallies:
    """What all tasks of a wave say: their counts summed up, a reason why one stopped, samples."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    samples: tuple[Sample, ...] = ()


def read_tallies(folder: str) -> Tallies:
    """The sum of all tasks' files; one that is just being written counts next time."""
    tallies = []
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        for file in filesystem.ls(path, detail=False):
            with suppress(OSError, ValueError):
                tallies.append(json.loads(filesystem.cat_file(file)))
    return Tallies(
        counts=sum((Counter(tally["counts"]) for tally in tallies), Counter()),
        stopped=next((tally["stopped"] for tally in tallies if tally["stopped"]), ""),
        samples=tuple(Sample(**tally["sample"]) for tally in tallies if tally["sample"]),
    )


def remove_tallies(folder: str) -> None:
    """Remove the files once the job is over; none are there if nothing could be written."""
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.rm(path, recursive=True)
