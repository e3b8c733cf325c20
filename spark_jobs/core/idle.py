"""Where an engine's time went that nobody asked it for anything: start-up, read, tail, commit."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from udfs.engine.tally import TaskTimes

NOTEWORTHY = 0.05  # seconds
Cause = Literal["start_up", "read", "tail", "commit"]


@dataclass(frozen=True, slots=True)
class WaveTimes:
    """When a wave was handed to Spark, when its commit was done, and what its tasks did between.

    All times are seconds since the epoch; `begun` is its launch, or the commit before its own if
    that came later, so that the waves of a run have its time among them; `outcomes` is how many
    dialogues were answered.
    """

    launched: float
    committed: float
    tasks: tuple[TaskTimes, ...]
    begun: float = 0.0
    outcomes: int = 0

    @property
    def seconds(self) -> float:
        """Its share of the run's time."""
        return self.committed - self.begun

    @property
    def asking_seconds(self) -> float:
        """Of its share, the time from its first request to its last answer; 0 if not known."""
        if not self.tasks:
            return 0.0
        first = max(self.begun, min(task.asked for task in self.tasks))
        return max(0.0, max(task.answered for task in self.tasks) - first)

    def cause_at(self, moment: float) -> Cause:
        """Why this wave asks for less than it could at a moment between launch and commit."""
        if all(moment < task.started for task in self.tasks):
            return "read"
        if any(task.started <= moment < task.asked for task in self.tasks):
            return "start_up"
        if all(task.answered <= moment for task in self.tasks):
            return "commit"
        return "tail"


def attribute_idle(waves: Sequence[WaveTimes], *, tasks_to_fill: float) -> dict[Cause, float]:
    """Seconds of idle engine by cause, half an idle engine counting half.

    `tasks_to_fill` is how many tasks at once keep all engines full. Where two waves are open, the
    one that was launched first says why.
    """
    tasks = [task for wave in waves for task in wave.tasks]
    asked, answered = sorted(t.asked for t in tasks), sorted(t.answered for t in tasks)
    moments = sorted({t for task in tasks for t in (task.started, task.asked, task.answered)})
    idle: dict[Cause, float] = {}
    cursor = 0.0
    for wave in sorted(waves, key=lambda wave: wave.launched):
        begin, end = max(wave.launched, cursor), max(wave.committed, cursor)
        inside = moments[bisect_right(moments, begin) : bisect_left(moments, end)]
        for moment, following in pairwise([begin, *inside, end]):
            asking = bisect_right(asked, moment) - bisect_right(answered, moment)
            missing = max(0.0, 1 - asking / tasks_to_fill) * (following - moment)
            if missing:
                cause = wave.cause_at(moment)
                idle[cause] = idle.get(cause, 0.0) + missing
        cursor = end
    return {cause: round(seconds, 1) for cause, seconds in idle.items() if seconds >= NOTEWORTHY}


def describe_idle(idle: dict[Cause, float], *, seconds: float) -> str:
    """One line for people."""
    listed = ", ".join(f"{cause.replace('_', '-')} {time:g} s" for cause, time in idle.items())
    return f"engines idle for {sum(idle.values()):.1f} of {seconds:.1f} s: {listed or 'never'}"
