"""A task's running counts, in a small file that the driver sums up for people to watch.

Only for display: the truth is in the table. A folder that executors cannot write costs the
display, not the job.
"""

import asyncio
import json
import logging
from collections import Counter
from contextlib import suppress

import fsspec

from udfs.engine.outcomes import Outcome

LOG = logging.getLogger(__name__)
WRITE_SECONDS = 2.0


class Tally:
    """Counts of one task: outcomes by status, and tokens."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self.name = folder, name
        self.counts: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.counts.update(tally_outcome(outcome))

    async def keep_written(self) -> None:
        """Write the counts every other second until cancelled, or until they cannot be written."""
        # Turned into text here, on the thread that counts.
        while await asyncio.to_thread(self.write, json.dumps(self.counts)):  # noqa: ASYNC110 - a rhythm
            await asyncio.sleep(WRITE_SECONDS)

    def write(self, counts: str) -> bool:
        """Write counts; False when the folder cannot be written."""
        try:
            filesystem, path = fsspec.core.url_to_fs(self.folder)
            filesystem.makedirs(path, exist_ok=True)
            filesystem.pipe_file(f"{path}/{self.name}.json", counts.encode())
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


def read_tallies(folder: str) -> Counter[str]:
    """The sum of all tasks' counts; a file that is just being written counts next time."""
    total: Counter[str] = Counter()
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        for file in filesystem.ls(path, detail=False):
            with suppress(OSError, ValueError):
                total.update(json.loads(filesystem.cat_file(file)))
    return total


def remove_tallies(folder: str) -> None:
    """Remove the files once the job is over; none are there if nothing could be written."""
    with suppress(Exception):
        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.rm(path, recursive=True)
