"""The driver's eye on the tasks of all open waves: shows progress, keeps metrics, stops the bad."""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from spark_jobs.core.breaker import Breaker, count_outcomes
from spark_jobs.core.console import ProgressLine, describe_seconds
from spark_jobs.core.engine_metrics import describe_engines, warn_of_memory
from spark_jobs.core.idle import WaveTimes
from spark_jobs.core.ledger import price
from spark_jobs.core.settings import Cost
from udfs.engine.metrics import Sample
from udfs.engine.tally import Tallies, read_tallies, remove_tallies, stop_tasks
from udfs.errors import EngineError, JobError

RECENT_SAMPLES = 20_000  # for advice: a day of one engine, three minutes of 512


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ends before its work does; `error` is what to raise, None if it was asked for."""

    reason: str
    error: type[BaseException] | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: counts of its tasks, waves done, seconds, money."""

    counts: Counter[str]
    waves: int
    seconds: float
    spent: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use up: seconds and money, 0 for no limit; and what it uses, at what price.

    `engine_memory` is what a container has for one engine, in bytes.
    """

    seconds: float
    cost: float
    gpus: int
    prices: Cost
    engine_memory: int = 0

    def spent(self, counts: Counter[str], seconds: float) -> float:
        """Money so far."""
        return price(
            self.prices,
            gpu_seconds=self.gpus * seconds,
            input_tokens=counts["prompt_tokens"],
            output_tokens=counts["completion_tokens"],
        )

    def judge(self, spent: float, seconds: float) -> Stop | None:
        """Why to stop; None to go on."""
        if self.seconds and seconds > self.seconds:
            return Stop(f"generate.max_hours ({self.seconds / 3600:g}) are over", None)
        if self.cost and spent > self.cost:
            used = f"{spent:,.2f} {self.prices.currency} are spent"
            reason = f"{used}, generate.max_cost is {self.cost:,.2f}: go on with --yes"
            return Stop(reason, JobError)
        return None


class Watch:
    """Looks at all open waves every few seconds while `looking`.

    `stop` says why the run must end, None while it need not; `waves` are the times of those that
    are done, of `planned` ones; `recent` the newest samples of all engines.
    """

    def __init__(
        self, *, wanted: int, planned: int, seconds: float, breaker: Breaker, limits: Limits
    ) -> None:
        self.wanted, self.planned, self.seconds = wanted, planned, seconds
        self.breaker, self.limits = breaker, limits
        self.stop: Stop | None = None
        self.warned = ""
        self.done: Counter[str] = Counter()
        self.waves: list[WaveTimes] = []
        self.recent: deque[Sample] = deque(maxlen=RECENT_SAMPLES)
        self.unsaved: dict[tuple[str, float], Sample] = {}
        self.folders: set[str] = set()
        self.started = self.committed = time.time()
        self.line = ProgressLine()
        self.lock = threading.RLock()

    def interrupt(self) -> None:
        """Send nothing more, since somebody wants to end the run."""
        self.stop = self.stop or Stop("interrupted", KeyboardInterrupt)
        self.line.say(
            "interrupted: what is under way is still answered, and the open waves are committed; "
            "Ctrl-C again ends at once"
        )

    def abandon(self, error: Exception) -> None:
        """Send nothing more, since a wave has failed; what is answered of others is committed."""
        self.stop = self.stop or Stop(f"a wave failed: {error}", JobError)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the block ends."""
        closing = threading.Event()

        def look() -> None:
            while not closing.wait(self.seconds):
                self.line.show(self.look())

        thread = threading.Thread(target=look, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closing.set()
            thread.join()
            self.line.close()

    def open(self, folder: str) -> float:
        """One wave begins, whose tasks write into this folder; its launch, for `close`."""
        with self.lock:
            self.folders.add(folder)
        return time.time()

    def close(self, folder: str, launched: float) -> WaveTimes:
        """The wave is committed, or has failed."""
        with self.lock:
            last = self.read([folder])
            self.folders.discard(folder)
            self.done.update(last.counts)
            now, begun = time.time(), max(launched, self.committed)
            self.committed = now
            times = WaveTimes(launched, now, last.tasks, begun, count_outcomes(last.counts))
            self.waves.append(times)
        remove_tallies(folder)
        return times

    def look(self) -> str:
        """Look once, stop the tasks if need be, and say in a line how far they are."""
        seconds = time.time() - self.started
        with self.lock:
            tallies = self.read(self.folders)
            counts = self.done + tallies.counts
            spent = self.limits.spent(counts, seconds)
            self.stop = self.stop or self.judge(counts, spent, seconds)
            if self.stop:
                # Each time: a wave may have been opened, or a file refused, meanwhile.
                for folder in self.folders:
                    stop_tasks(folder, self.stop.reason)
        progress = Progress(counts, len(self.waves), seconds, spent)
        return self.describe(progress, tallies.samples)

    def judge(self, counts: Counter[str], spent: float, seconds: float) -> Stop | None:
        """Why to stop; None to go on."""
        reason = self.breaker.judge(counts)
        return Stop(reason, EngineError) if reason else self.limits.judge(spent, seconds)

    def progress(self) -> Progress:
        """How far the waves that are done have come."""
        seconds = time.time() - self.started
        return Progress(self.done, len(self.waves), seconds, self.limits.spent(self.done, seconds))

    def read(self, folders: Collection[str]) -> Tallies:
        """What the tasks of these waves say now; the first reason to stop is the one to tell."""
        found = [read_tallies(folder) for folder in folders]
        together = Tallies(
            counts=sum((tallies.counts for tallies in found), Counter()),
            stopped=next(filter(None, (tallies.stopped for tallies in found)), ""),
            warning=next(filter(None, (tallies.warning for tallies in found)), ""),
            samples=tuple(sample for tallies in found for sample in tallies.samples),
            tasks=tuple(task for tallies in found for task in tallies.tasks),
        )
        if together.stopped and not self.stop:
            self.stop = Stop(together.stopped, EngineError)
        warning = together.warning or warn_of_memory(together.samples, self.limits.engine_memory)
        if warning and not self.warned:
            self.warned = warning
            self.line.say(f"warning: {warning}")
        self.unsaved.update({(s.engine, s.sampled_at): s for s in together.samples})
        return together

    def describe(self, progress: Progress, samples: Sequence[Sample]) -> str:
        """One line: dialogues, waves, statuses, tokens a second, cache hits, time left, money."""
        counts, seconds = progress.counts, progress.seconds
        done = count_outcomes(counts)
        engines = describe_engines(samples)
        if not done:
            state = engines or "waiting for the engine"
            return f"generate: 0/{self.wanted}  {state}  {seconds:.0f} s"
        status = {
            n.removeprefix("status."): c for n, c in counts.items() if n.startswith("status.")
        }
        hits = counts["cached_tokens"] / max(1, counts["prompt_tokens"])
        left = seconds / done * (self.wanted - done)
        rate = counts["completion_tokens"] / seconds
        parts = [
            f"generate: {done}/{self.wanted} ({done / self.wanted:.0%})",
            f"waves {progress.waves}/{self.planned}" if self.planned > 1 else "",
            " ".join(f"{name} {count}" for name, count in sorted(status.items())),
            f"{rate:,.0f} tokens/s",
            f"cache hits {hits:.0%}",
            f"{describe_seconds(seconds)}, about {describe_seconds(left)} left",
            f"{progress.spent:,.2f} {self.limits.prices.currency}" if progress.spent else "",
            engines,
        ]
        return "  ".join(filter(None, parts))

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
