"""The circuit breaker: a run whose newest dialogues are bad stops before it has paid for more."""

from collections import Counter, deque

WINDOW = 200  # outcomes judged together at least: chance moves a mean length by a few percent
ROUNDS = 2  # of all engines: what fails at once and what is short comes back first
GOOD = ("ok", "length")


class Breaker:
    """Judges the newest outcomes of a run by its running counts.

    `max_failed_share` is the part of them (0 to 1) that may have failed; `usual_length` the mean
    output tokens of earlier dialogues of the same kind, 0 if there are none: then the run's first
    outcomes are the measure; `max_length_change` how many times longer or shorter than that the
    mean may be. A limit of 0 is none. `at_once` is how many requests the engines work on together:
    judged are so many outcomes that the first to come back do not speak for all.
    """

    def __init__(
        self,
        *,
        max_failed_share: float,
        max_length_change: float,
        usual_length: float,
        at_once: int,
    ) -> None:
        self.window = max(WINDOW, ROUNDS * at_once)
        self.max_failed_share = max_failed_share
        self.max_length_change = max_length_change
        self.usual_length = usual_length
        self.looks: deque[Counter[str]] = deque([Counter()])

    def judge(self, counts: Counter[str]) -> str:
        """Why to stop, empty to go on; `counts` are those of all outcomes so far."""
        if count_outcomes(counts) < count_outcomes(self.looks[-1]):
            # A task was tried again and took its counts with it.
            self.looks.clear()
        self.looks.append(counts.copy())
        while len(self.looks) > 2 and self.newest(1) >= self.window:
            self.looks.popleft()
        if self.newest(0) < self.window:
            return ""
        recent = counts.copy()
        recent.subtract(self.looks[0])
        return self.judge_failures(recent) or self.judge_length(recent)

    def newest(self, index: int) -> int:
        """Outcomes since one of the looks."""
        return count_outcomes(self.looks[-1]) - count_outcomes(self.looks[index])

    def judge_failures(self, recent: Counter[str]) -> str:
        """Whether too many have failed."""
        outcomes = count_outcomes(recent)
        share = 1 - count_good(recent) / outcomes
        if not self.max_failed_share or share <= self.max_failed_share:
            return ""
        return (
            f"{share:.0%} of the newest {outcomes} dialogues failed (generate.max_failed_share is "
            f"{self.max_failed_share:g}): mend the cause, then run generate again"
        )

    def judge_length(self, recent: Counter[str]) -> str:
        """Whether they have become much longer or shorter than they were."""
        good = count_good(recent)
        if not self.max_length_change or good < self.window / 2:
            return ""
        mean = recent["completion_tokens"] / good
        self.usual_length = self.usual_length or mean
        change = mean / max(1.0, self.usual_length)
        if 1 / self.max_length_change <= change <= self.max_length_change:
            return ""
        return (
            f"the newest {good} dialogues have {mean:.0f} output tokens on average, "
            f"{self.usual_length:.0f} were usual (generate.max_length_change is "
            f"{self.max_length_change:g}): look at them, and at the engine's chat template"
        )


def count_outcomes(counts: Counter[str]) -> int:
    """Outcomes of any status."""
    return sum(n for name, n in counts.items() if name.startswith("status."))


def count_good(counts: Counter[str]) -> int:
    """Outcomes with a text."""
    return sum(counts[f"status.{status}"] for status in GOOD)
