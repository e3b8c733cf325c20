"""Crash anywhere: the driver dies at many points of its way, and the next run goes on.

Real Spark and Delta, a simulated engine. A death is an error that nothing catches, with all that a
process would do on its way out left undone.
"""

import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_jobs import generate
from spark_jobs.core import claims, recovery, wave_runner
from spark_jobs.core.pending import Wanted
from spark_jobs.core.tables import ATTEMPTS, WAVES
from tests.simulated import SimulatedEngine

# In each life of tables. MIND_DEATHS=100 makes two lives of a hundred, in an hour.
DEATHS = int(os.environ.get("MIND_DEATHS", "5"))
LIVES = 2 if "MIND_DEATHS" in os.environ else 1
# Some 5 s for each death on two cores of one's own; fifty were seen on a busy machine.
pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(240 * DEATHS)]
PAGES, STYLES = 12, 2
SMALL_WAVES = [
    *(
        "generate.wave_requests=8",
        "generate.tasks_per_slot=1",
        "generate.limit_chunks=0",
        "engine.capacity=4",
    ),
    *('generate.styles=["debate", "interview"]', "generate.spool_seconds=0.1"),
]
DURABLE_SECONDS = 1.0  # ten times spool_seconds; by default it is twice five seconds
# What the driver does on its way; it dies before or after any of it.
POINTS: list[tuple[Any, str]] = [
    (claims, "write_whole"),
    (claims, "remove_folder"),
    (recovery, "list_spooled"),
    (recovery, "commit_spooled"),
    (recovery, "save_wave"),
    (recovery, "remove_folder"),
    (Wanted, "count"),
    (generate, "register_specs"),
    (wave_runner, "append_once"),
    (wave_runner, "count_wave"),
    (wave_runner, "save_wave"),
    (wave_runner, "remove_folder"),
    (wave_runner, "save_samples"),
]


class Death(BaseException):
    """The driver is gone."""


class Reaper:
    """Ends a run at the so-manieth point that it passes, or in the middle of a wave.

    `fatal` is that point's number, `fatal_request` the number of the engine's request, 0 for never.
    """

    def __init__(self, spark: Any, engine: SimulatedEngine, patch: pytest.MonkeyPatch) -> None:
        self.spark, self.engine = spark, engine
        self.passed = self.fatal = self.fatal_request = 0
        self.died_at = 0.0
        self.where: Counter[str] = Counter()
        engine.on_request = self.see_request
        for owner, name in POINTS:
            patch.setattr(owner, name, self.guard(name, getattr(owner, name)))
        # What a process that was killed does not do any more.
        release = claims.Claims.release
        patch.setattr(claims.Claims, "release", lambda *a: None if self.dead else release(*a))
        make_claim = claims.make_claim
        patch.setattr(recovery, "make_claim", lambda *a, **k: orphaned(make_claim(*a, **k)))

    def live(self, chance: random.Random) -> None:
        """A new run, whose end is drawn."""
        self.dead, self.passed, self.fatal, self.fatal_request = False, 0, 0, 0
        if chance.random() < 0.6:
            self.fatal = chance.randint(1, 34)
        else:
            self.fatal_request = len(self.engine.requests) + chance.randint(1, PAGES * STYLES)

    def guard(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, with a place to die before and behind it."""

        def guarded(*arguments: Any, **named: Any) -> Any:
            self.pass_by(f"before {name}")
            try:
                result = work(*arguments, **named)
            except Exception:
                if self.dead:
                    raise Death from None
                raise
            self.pass_by(f"after {name}")
            return result

        return guarded

    def pass_by(self, where: str) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            self.die(where)
        if self.dead:
            raise Death

    def see_request(self, number: int) -> None:
        if number == self.fatal_request:
            self.die("in the middle of a wave")
            Thread(target=self.spark.sparkContext.cancelAllJobs).start()

    def die(self, where: str) -> None:
        self.dead = True
        self.where[where] += 1
        self.died_at = time.time()


def orphaned(claim: claims.Claim) -> claims.Claim:
    """Its process is not found: to the next run it died."""
    return replace(claim, pid_started=0.0)


@pytest.mark.parametrize("seed", range(1, LIVES + 1))
def test_no_death_loses_or_doubles_a_dialogue(
    make_run: Any,
    make_chunks: Callable[[int], None],
    engine: SimulatedEngine,
    monkeypatch: pytest.MonkeyPatch,
    record_faults: Callable[[str], None],
    *,
    seed: int,
) -> None:
    chance = random.Random(seed)
    make_chunks(PAGES)
    reaper = Reaper(make_run("sql").spark, engine, monkeypatch)
    deaths: dict[str, list[tuple[float, float]]] = {}
    runs = rounds = 0
    engine.delay = 0.05

    while len(deaths) < DEATHS:
        rounds += 1
        engine.answers.clear()
        # Another sampling is another way of asking: all is pending again.
        settings = [*SMALL_WAVES, f"generate.sampling.max_tokens={rounds}"]
        while True:
            runs += 1
            life = f"{runs}/"
            reaper.live(chance)
            run = make_run("generate", *engine.settings_of_life(life), *settings)
            try:
                generate.run(run)
                break
            except Death:
                # For ever: its tasks may outlive it.
                deaths[life] = [(reaper.died_at, math.inf)]
        assert engine.repeats(deaths, durable=DURABLE_SECONDS) == []

    reaper.live(chance)
    reaper.fatal = reaper.fatal_request = 0
    attempts = run.warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count()
    assert attempts.count() == rounds * PAGES * STYLES
    assert not list(Path(run.settings.tables.root, "_spool").iterdir())
    asked = len(engine.requests)
    assert generate.run(make_run("generate", *engine.settings, *settings))["requests"] == 0
    assert len(engine.requests) == asked
    waves = run.warehouse.read(WAVES)
    assert waves.count() == waves.select("wave_id").distinct().count()
    assert waves.agg(F.sum("dialogues")).collect()[0][0] == attempts.count()
    repeated = asked - attempts.count()
    record_faults(
        f"{len(deaths)} deaths of the driver at {len(reaper.where)} kinds of points, "
        f"{runs} runs: {repeated} of {asked} requests repeated ({repeated / asked:.1%}), none of "
        f"them answered {DURABLE_SECONDS:g} s before; 0 lost, 0 doubled"
    )
