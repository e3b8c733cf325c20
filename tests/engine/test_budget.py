"""What a task may have under way: its share always, its neighbours' while they leave it."""

import subprocess
import sys
from pathlib import Path

from udfs.engine.budget import Budget

NEIGHBOUR = """
import sys, time
from pathlib import Path
from udfs.engine.budget import Budget
budget = Budget(Path(sys.argv[1]), share=4, total=8)
budget.set(int(sys.argv[2]))
print(budget.place, flush=True)
time.sleep(600)
"""


def start_neighbour(directory: Path, under_way: int) -> "subprocess.Popen[str]":
    """Another task, which is another process as in Spark."""
    command = [sys.executable, "-c", NEIGHBOUR, str(directory), str(under_way)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_task_alone_fills_the_whole_engine(tmp_path: Path) -> None:
    with Budget(tmp_path, share=4, total=8) as budget:
        budget.set(7)
        assert budget.has_room()
        budget.set(8)
        assert not budget.has_room()


def test_a_busy_neighbour_leaves_a_task_its_share(tmp_path: Path) -> None:
    neighbour = start_neighbour(tmp_path, 8)
    with Budget(tmp_path, share=4, total=8) as budget:
        budget.set(3)
        assert budget.has_room()
        budget.set(4)
        assert not budget.has_room()
    end(neighbour)


def test_what_a_killed_task_had_under_way_is_forgotten_with_the_next(tmp_path: Path) -> None:
    end(start_neighbour(tmp_path, 8))

    with Budget(tmp_path, share=4, total=8) as budget:
        budget.set(7)
        assert budget.has_room()


def test_without_an_engine_of_its_own_a_task_keeps_to_its_share() -> None:
    with Budget(None, share=4, total=8) as budget:
        budget.set(4)
        assert not budget.has_room()
