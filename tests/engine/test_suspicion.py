"""Prompts that kill, engines that hang: found, isolated, and paid for by nobody else."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import make_plan, processes_of
from tests.engine.ill_mannered import make_recipe
from udfs.engine import supervisor
from udfs.engine.client import EngineClient
from udfs.engine.metrics import load_sample
from udfs.engine.outcomes import Outcome
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import attach, read_record
from udfs.errors import EngineError

HEALTHY_UNTIL_ASKED = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
while b"/health" in (connection := server.accept()[0]).recv(999):
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
sys.exit("unsupported head size")
"""


@pytest.fixture
def plan() -> Iterator[EnginePlan]:
    """An engine of bad manners that may die once without a culprit."""
    with tempfile.TemporaryDirectory(prefix="mind-") as directory:
        plan = make_plan(make_recipe(), directory=directory, max_restarts=1, stall_timeout=2.0)
        yield plan
        end_processes(processes_of(plan), grace=10)


def ask_all(plan: EnginePlan, *prompts: str, clients: int = 1) -> list[Outcome]:
    """All prompts at once, dealt out to so many clients as tasks would."""

    async def ask() -> list[Outcome]:
        engine = attach(plan)
        opened = [EngineClient(plan, engine) for _ in range(clients)]
        try:
            return await asyncio.gather(
                *(
                    opened[n % clients].complete([{"role": "user", "content": prompt}], {})
                    for n, prompt in enumerate(prompts)
                )
            )
        finally:
            for client in opened:
                await client.close()

    return asyncio.run(ask())


def directory_of(plan: EnginePlan) -> Path:
    return next(path for path in Path(plan.directory).iterdir() if path.is_dir())


@pytest.mark.parametrize("clients", [1, 3])
@pytest.mark.fault(
    "a prompt kills the engine",
    "tried again alone: `poisoned`; those beside it are asked once more",
)
def test_a_prompt_that_kills_is_poisoned_and_costs_its_neighbours_one_retry(
    plan: EnginePlan, clients: int
) -> None:
    pages = [f"page {n}" for n in range(8)]

    *neighbours, poison = ask_all(plan, *pages, "POISON", clients=clients)

    assert poison.status == "poisoned"
    assert [outcome.status for outcome in neighbours] == ["ok"] * 8
    assert max(outcome.attempt for outcome in neighbours) == 2


def test_several_prompts_that_kill_do_not_wear_the_engine_out(plan: EnginePlan) -> None:
    poisons = [f"POISON {n}" for n in range(3)]

    *found, neighbour = ask_all(plan, *poisons, "a page")

    assert [outcome.status for outcome in found] == ["poisoned"] * 3
    assert (neighbour.status, neighbour.attempt) == ("ok", 2)


def test_a_prompt_that_kills_only_after_its_first_token_is_found_too(plan: EnginePlan) -> None:
    patient = plan.model_copy(update={"max_restarts": 2})

    late, neighbour = ask_all(patient, "LATE", "a page")

    assert late.status == "poisoned"
    assert neighbour.status == "ok"


@pytest.mark.fault(
    "the engine hangs, `/health` stays well", "started again after `engine.stall_timeout`"
)
def test_an_engine_that_hangs_behind_a_healthy_face_is_started_again(plan: EnginePlan) -> None:
    started = time.monotonic()

    outcomes = ask_all(plan, "HANG", "a page")

    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    assert time.monotonic() - started < 30
    record = read_record(directory_of(plan))
    assert record is not None
    assert record.starts == 2


def test_the_supervisor_keeps_the_newest_metrics_where_tasks_find_them(plan: EnginePlan) -> None:
    ask_all(plan, "a page")

    deadline = time.monotonic() + 3 * supervisor.HEALTH_SECONDS
    while not (sample := load_sample(directory_of(plan))) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert sample is not None
    assert (sample.starts, sample.running, sample.generation_tokens) == (1, 0, 10)


@pytest.mark.fault(
    "it dies of its first request, or never starts",
    "the job stops with the engine's last words and its command",
)
def test_an_engine_that_dies_of_its_first_request_has_not_started(plan: EnginePlan) -> None:
    command = ("$python", "-c", HEALTHY_UNTIL_ASKED, "$socket")
    recipe = plan.recipe.model_copy(update={"command": command})

    with pytest.raises(EngineError) as error:
        attach(plan.model_copy(update={"recipe": recipe, "max_restarts": 0}))

    assert "unsupported head size" in str(error.value)


@pytest.mark.fault(
    "it dies again and again",
    "given up after `engine.max_restarts` deaths in a row; the rest stays pending",
)
def test_an_engine_that_keeps_dying_is_given_up_with_its_last_words(plan: EnginePlan) -> None:
    recipe = plan.recipe.model_copy(update={"command": ("$python", "-c", "exit('no weights')")})

    with pytest.raises(EngineError, match="started 2 time") as error:
        attach(plan.model_copy(update={"recipe": recipe}))

    assert "no weights" in str(error.value)
