"""Engines on YARN: one per container, gone with it, and with the application.

One application tells the whole story; its fixtures are the chapters, each after the one before:
it runs, a container is killed, another takes its place, it ends.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.conftest import Application, Report, Yarn, submit, wait_until
from tests.cluster.program import ROWS, TASKS
from tests.engine.conftest import make_embedded_plan, processes_of
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan

pytestmark = [pytest.mark.spark, pytest.mark.engine]

# Room for the application master (512 MiB) and one executor (1 GiB), and never for two executors.
NODE_MEGABYTES = 1536
PROMISED_SECONDS = 15  # from the end of an executor to that of its engine


@dataclass(frozen=True)
class Running:
    """The application while all its tasks wait: their reports, and the engines' processes."""

    reports: list[Report]
    engines: dict[str, list[int]]

    @property
    def victim(self) -> str:
        """The container that will be killed."""
        return self.reports[0].container

    def of(self, container: str) -> list[Report]:
        return [report for report in self.reports if report.container == container]


@dataclass(frozen=True)
class Killed:
    """What the death of a container left: after so many seconds, these processes by socket."""

    seconds: float
    engines: dict[str, list[int]]


@dataclass(frozen=True)
class Ended:
    """What the application left."""

    rows: list[int]
    processes: list[int]
    files: list[Path]


@pytest.fixture(scope="module")
def plan(embedded_model: Path) -> Iterator[EnginePlan]:
    """The embedded engine in a private directory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mind-", ignore_cleanup_errors=True) as directory:
        plan = make_embedded_plan(embedded_model, Path(directory))
        yield plan
        end_processes(processes_of(plan), grace=5)


@pytest.fixture(scope="module")
def application(
    yarn: Yarn, plan: EnginePlan, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    with submit(yarn, plan, tmp_path_factory.mktemp("application")) as application:
        yield application


@pytest.fixture(scope="module")
def running(application: Application, plan: EnginePlan) -> Running:
    reports = application.wait_for_reports(TASKS)
    return Running(reports, engines_at(plan, reports))


@pytest.fixture(scope="module")
def killed(yarn: Yarn, running: Running, plan: EnginePlan) -> Killed:
    socket = running.of(running.victim)[0].socket
    yarn.kill(running.victim)
    start = time.monotonic()
    wait_until(lambda: not pids_at(plan, socket), PROMISED_SECONDS)
    return Killed(time.monotonic() - start, engines_at(plan, running.reports))


@pytest.fixture(scope="module")
def replaced(application: Application, running: Running, killed: Killed) -> list[Report]:
    """The reports of the tasks that were tried again."""
    del killed  # comes before
    lost = len(running.of(running.victim))
    reports = application.wait_for_reports(TASKS + lost)
    return [report for report in reports if report not in running.reports]


@pytest.fixture(scope="module")
def ended(application: Application, replaced: list[Report], plan: EnginePlan) -> Ended:
    del replaced  # comes before
    application.let_go()
    rows = application.wait_for_rows()
    directory = Path(plan.directory)
    wait_until(lambda: not processes_of(plan) and not any(directory.iterdir()), PROMISED_SECONDS)
    return Ended(rows, [process.pid for process in processes_of(plan)], list(directory.iterdir()))


def engines_at(plan: EnginePlan, reports: list[Report]) -> dict[str, list[int]]:
    return {report.socket: pids_at(plan, report.socket) for report in reports}


def pids_at(plan: EnginePlan, socket: str) -> list[int]:
    """The processes of one executor's engine, its supervisor included."""
    own = plan.model_copy(update={"directory": str(Path(socket).parent)})
    return sorted(process.pid for process in processes_of(own))


def test_two_executors_run_in_two_containers_on_two_node_managers(running: Running) -> None:
    containers = {(report.container, report.executor, report.node) for report in running.reports}

    assert len({container for container, _, _ in containers}) == 2
    assert len({executor for _, executor, _ in containers}) == 2
    assert len({node for _, _, node in containers}) == 2


def test_each_container_has_an_engine_of_its_own(running: Running) -> None:
    engines = {(report.container, report.socket) for report in running.reports}

    assert len(engines) == len({socket for _, socket in engines}) == 2
    assert all(running.engines.values())


def test_all_tasks_of_a_container_share_its_engine(running: Running) -> None:
    for container in {report.container for report in running.reports}:
        tasks = running.of(container)
        assert len(tasks) == 2
        assert len({task.socket for task in tasks}) == 1


def test_each_engine_answers_the_tasks_of_its_container(running: Running) -> None:
    assert {report.status for report in running.reports} <= {"ok", "length"}


@pytest.mark.fault("YARN kills a container", "no engine 15 s later")
def test_a_container_killed_by_its_node_manager_leaves_no_engine(
    running: Running, killed: Killed
) -> None:
    socket = running.of(running.victim)[0].socket

    assert killed.engines[socket] == []
    assert killed.seconds < PROMISED_SECONDS


def test_the_engine_of_the_other_container_lives_on(running: Running, killed: Killed) -> None:
    others = {r.socket for r in running.reports if r.container != running.victim}

    assert {socket: running.engines[socket] for socket in others} == {
        socket: killed.engines[socket] for socket in others
    }


@pytest.mark.fault("YARN replaces it", "a new engine of its own; every row comes once")
def test_the_executor_that_takes_its_place_gets_a_new_engine(
    running: Running, replaced: list[Report]
) -> None:
    assert {r.partition for r in replaced} == {r.partition for r in running.of(running.victim)}
    assert {r.container for r in replaced}.isdisjoint(r.container for r in running.reports)
    assert {r.socket for r in replaced}.isdisjoint(r.socket for r in running.reports)
    assert len({r.socket for r in replaced}) == 1
    assert {r.status for r in replaced} <= {"ok", "length"}


def test_the_job_ends_with_each_row_once(ended: Ended) -> None:
    assert sorted(ended.rows) == list(range(ROWS))


def test_the_application_leaves_no_process_of_an_engine(ended: Ended) -> None:
    assert ended.processes == []


def test_the_application_leaves_the_directory_of_engines_empty(ended: Ended) -> None:
    assert ended.files == []
