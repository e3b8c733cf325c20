"""The driver's eye on the tasks of all open waves: shows progress, keeps metrics, stops the bad."""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from spark_jobs.core.breaker import Breaker, count_outcomes
from spark_jobs.core.console import ProgressLine
from spark_jobs.core.engine_metrics import describe_engines
from spark_jobs.core.idle import WaveTimes
from udfs.engine.metrics import Sample
from udfs.engine.tally import Tallies, read_tallies, remove_tallies, stop_tasks

RECENT_SAMPLES = 20_000  # for advice: a day of one engine, three minutes of 512


class Watch:
    """Looks at all open waves every few seconds while `looking`.

    `stopped` says why the run must end, empty while it need not; `waves` are the times of those
    that are done; `recent` the newest samples of all engines.
    """

    def __init__(self, *, wanted: int, seconds: float, breaker: Breaker) -> None:
        self.wanted, self.seconds, self.breaker = wanted, seconds, breaker
        self.stopped = ""
        self.done: Counter[str] = Counter()
        self.waves: list[WaveTimes] = []
        self.recent: deque[Sample] = deque(maxlen=RECENT_SAMPLES)
        self.unsaved: dict[tuple[str, float], Sample] = {}
        self.folders: set[str] = set()
        self.started = time.time()
        self.lock = threading.RLock()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the block ends."""
        closing, line = threading.Event(), ProgressLine()

        def look() -> None:
            while not closing.wait(self.seconds):
                line.show(self.look())

        thread = threading.Thread(target=look, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closing.set()
            thread.join()
            line.close()

    @contextmanager
    def wave(self, folder: str) -> Iterator[None]:
        """One wave, whose tasks write into this folder, from its launch to its commit."""
        launched = time.time()
        # What a killed run left of the same wave, its word to stop above all.
        remove_tallies(folder)
        with self.lock:
            self.folders.add(folder)
        try:
            yield
        finally:
            with self.lock:
                last = self.read([folder])
                self.folders.discard(folder)
                self.done.update(last.counts)
            remove_tallies(folder)
            self.waves.append(WaveTimes(launched, time.time(), last.tasks))

    def look(self) -> str:
        """Look once, stop the tasks if need be, and say in a line how far they are."""
        with self.lock:
            tallies = self.read(self.folders)
            counts = self.done + tallies.counts
            self.stopped = self.stopped or self.breaker.judge(counts)
            if self.stopped:
                # Each time: a wave may have been opened, or a file refused, meanwhile.
                for folder in self.folders:
                    stop_tasks(folder, self.stopped)
        seconds = time.time() - self.started
        return describe_progress(counts, tallies.samples, wanted=self.wanted, seconds=seconds)

    def read(self, folders: Collection[str]) -> Tallies:
        """What the tasks of these waves say now; the first reason to stop is the one to tell."""
        found = [read_tallies(folder) for folder in folders]
        together = Tallies(
            counts=sum((tallies.counts for tallies in found), Counter()),
            stopped=next(filter(None, (tallies.stopped for tallies in found)), ""),
            samples=tuple(sample for tallies in found for sample in tallies.samples),
            tasks=tuple(task for tallies in found for task in tallies.tasks),
        )
        self.stopped = self.stopped or together.stopped
        self.unsaved.update({(s.engine, s.sampled_at): s for s in together.samples})
        return together

    def seconds_of_waves(self) -> float:
        """From the first launch to the last commit."""
        begin = min(wave.launched for wave in self.waves)
        return max(wave.committed for wave in self.waves) - begin

    def take_samples(self) -> list[Sample]:
        """What has been seen of the engines since the last call, to be saved."""
        with self.lock:
            taken = [self.unsaved.pop(key) for key in list(self.unsaved)]
        self.recent.extend(taken)
        return taken


def describe_progress(
    counts: Counter[str], samples: Sequence[Sample], *, wanted: int, seconds: float
) -> str:
    """One line: done of wanted, by status, tokens a second, cache hits, time left, engines."""
    done = count_outcomes(counts)
    if not done:
        return f"generate: 0/{wanted}  waiting for the engine  {seconds:.0f} s"
    status = {n.removeprefix("status."): c for n, c in counts.items() if n.startswith("status.")}
    listed = " ".join(f"{name} {count}" for name, count in sorted(status.items()))
    hits = counts["cached_tokens"] / max(1, counts["prompt_tokens"])
    left = seconds / done * (wanted - done)
    rate = counts["completion_tokens"] / seconds
    return (
        f"generate: {done}/{wanted} ({done / wanted:.0%})  {listed}  {rate:,.0f} tokens/s  "
        f"cache hits {hits:.0%}  {seconds:.0f} s, about {left:.0f} s left  "
        f"{describe_engines(samples)}"
    ).rstrip()
