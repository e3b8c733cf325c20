"""Ctrl-C once, as a terminal sends it: what is under way is answered and kept."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import generate
from spark_jobs.core.tables import ATTEMPTS, WAVES
from tests.conftest import quick_environment
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
PAGES = 48
SETTINGS = [
    *('generate.styles=["debate"]', "generate.limit_chunks=0", "tables.slices=2"),
    *("generate.wave_requests=16", "engine.capacity=2"),
]
OBEYED_SECONDS = 6.0  # three times what a task takes to look whether it shall stop


class Interrupter:
    """Presses Ctrl-C at a request, and has nobody answered until the tasks know of it."""

    def __init__(self, progress: Path, at: int) -> None:
        self.progress, self.at = progress, at
        self.job: subprocess.Popen[bytes] | None = None
        self.pressed, self.told = False, 0.0

    def see_request(self, number: int) -> None:
        if number == self.at and self.job:
            self.pressed = True
            os.killpg(self.job.pid, signal.SIGINT)

    def hold(self, _: str) -> bool:
        if not self.pressed:
            return False
        if not self.told and list(self.progress.glob("*/*/stop")):
            self.told = time.monotonic()
        return not self.told or time.monotonic() < self.told + OBEYED_SECONDS


@pytest.mark.fault(
    "Ctrl-C, once", "what is under way is answered and committed; the next run asks for the rest"
)
def test_ctrl_c_once_commits_the_open_waves_and_the_next_run_asks_for_exactly_the_rest(
    make_chunks: Callable[[int], None], make_run: Any, engine: SimulatedEngine, tmp_path: Path
) -> None:
    make_chunks(PAGES)
    root = tmp_path / "warehouse"
    hand = Interrupter(root / "_progress", at=PAGES // 3)
    engine.delay, engine.on_request, engine.hold = 0.2, hand.see_request, hand.hold
    settings = [f"--set={value}" for value in [*engine.settings, *SETTINGS]]
    command = [sys.executable, "-m", "spark_jobs", "local", "generate", *settings]
    with (tmp_path / "log").open("wb") as log:
        hand.job = subprocess.Popen(
            [*command, "--root", str(root)],
            cwd=PROJECT,
            env=quick_environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        code = hand.job.wait(300)

    said = (tmp_path / "log").read_text()
    assert code == 1, said
    assert "interrupted: what is under way is still answered" in said
    assert "interrupted; what was committed stays, run the same command to go on" in said
    assert "Traceback" not in said
    run = make_run("generate", *engine.settings, *SETTINGS)
    kept, asked = run.warehouse.read(ATTEMPTS).count(), len(engine.requests)
    assert kept == asked < PAGES
    assert run.warehouse.read(WAVES).groupBy().sum("dialogues").first()[0] == kept
    assert not list((root / "_spool").iterdir())

    assert generate.run(run)["requests"] == PAGES - kept
    assert len(engine.requests) == PAGES
