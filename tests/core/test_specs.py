"""What is written of the ways of asking."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from spark_jobs.core.engine import choose_specs
from spark_jobs.core.specs import find_new_specs, register_specs
from spark_jobs.core.tables import SPECS, Warehouse
from tests.simulated import SimulatedEngine

pytestmark = pytest.mark.spark


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets two writers begin at once; who has begun, tries after a defeat among them."""
    barrier, begun, append = Barrier(2), list[str](), Warehouse.append

    def begin(warehouse: Warehouse, *arguments: Any) -> None:
        begun.append(str(arguments[1]))
        with suppress(BrokenBarrierError):
            barrier.wait(1)
        append(warehouse, *arguments)

    monkeypatch.setattr(Warehouse, "append", begin)
    return begun


def test_specs_that_two_runs_meet_first_are_there_once(
    make_run: Any, engine: SimulatedEngine, meeting: list[str]
) -> None:
    styles = ('["debate", "interview"]', '["interview", "problem_solving"]')
    runs = [make_run("generate", *engine.settings, f"generate.styles={each}") for each in styles]
    specs = [list(choose_specs(run.settings).values()) for run in runs]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(register_specs, runs, specs))

    asked = [row["style"] for row in runs[0].warehouse.read(SPECS).collect()]
    assert sorted(asked) == ["debate", "interview", "problem_solving"]
    assert not find_new_specs(runs[0], choose_specs(runs[0].settings))
    assert len(meeting) == 3  # one of them was second, and looked again
