"""The engine beside an executor: one, shared, replaced when it dies, gone when its owner is."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import (
    ENGINES,
    ask,
    find_running,
    listening_addresses,
    make_plan,
    post,
    processes_of,
    wait_until,
)
from udfs.dialogue.control_tokens import break_all_control_tokens
from udfs.engine import sidecar
from udfs.engine.control_token_lists import CONTROL
from udfs.engine.processes import ProcessId
from udfs.engine.recipes import EnginePlan, Recipe, load_recipe
from udfs.engine.sidecar import attach, base_directory, engine_directory
from udfs.errors import EngineError

# An owner that attaches, says so, and waits to be killed: what an executor's JVM is to its engine.
OWNER = """
import sys, time
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import attach
print(attach(EnginePlan.model_validate_json(sys.argv[1])).socket, flush=True)
time.sleep(600)
"""


def engines_of(plan: EnginePlan) -> list[psutil.Process]:
    return find_running(Path(plan.directory), "udfs.engine.llamacpp_server")


def start_owner(plan: EnginePlan) -> "subprocess.Popen[str]":
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, plan.model_dump_json()],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert owner.stdout is not None
    assert owner.stdout.readline().strip().endswith("engine.sock")
    return owner


def end_owner(owner: "subprocess.Popen[str]") -> None:
    owner.kill()
    owner.wait()
    assert owner.stdout is not None
    owner.stdout.close()


@pytest.mark.fault("the driver is killed with `kill -9`", "no engine 15 s later")
@pytest.mark.engine
def test_engine_ends_within_15_seconds_of_its_executor(embedded_plan: EnginePlan) -> None:
    owner = start_owner(embedded_plan)
    assert len(engines_of(embedded_plan)) == 1

    end_owner(owner)

    assert wait_until(lambda: not processes_of(embedded_plan), 15)
    assert not list(Path(embedded_plan.directory).iterdir())


@pytest.mark.engine
def test_attaching_again_finds_the_same_engine(embedded_plan: EnginePlan) -> None:
    first = attach(embedded_plan)
    second = attach(embedded_plan)

    assert first == second
    assert len(engines_of(embedded_plan)) == 1


@pytest.mark.fault("the engine dies", "started again, the requests are answered")
@pytest.mark.engine
def test_a_dead_engine_is_replaced_and_the_request_answered(embedded_plan: EnginePlan) -> None:
    engine = attach(embedded_plan)
    engines_of(embedded_plan)[0].kill()

    assert ask(embedded_plan, engine).status in {"ok", "length"}
    assert attach(embedded_plan).starts == 2
    assert len(engines_of(embedded_plan)) == 1


@pytest.mark.fault("its supervisor is killed", "both are started again, the requests are answered")
@pytest.mark.engine
def test_a_dead_supervisor_takes_its_engine_with_it_and_is_replaced(
    embedded_plan: EnginePlan,
) -> None:
    engine = attach(embedded_plan)
    supervisor = find_running(Path(embedded_plan.directory), "udfs.engine.supervisor")[0]
    supervisor.send_signal(signal.SIGKILL)

    assert ask(embedded_plan, engine).status in {"ok", "length"}
    assert len(engines_of(embedded_plan)) == 1


@pytest.mark.engine
def test_only_the_owner_can_enter_and_nothing_listens_on_a_port(
    embedded_plan: EnginePlan,
) -> None:
    engine = attach(embedded_plan)

    assert stat.S_IMODE(Path(engine.socket).parent.stat().st_mode) == 0o700
    assert listening_addresses(embedded_plan) == []


def failing_recipe() -> Recipe:
    recipe = load_recipe(ENGINES / "llamacpp.toml")
    script = "import sys; sys.exit('no such weights')"
    return recipe.model_copy(update={"command": ("$python", "-c", script)})


def test_a_start_that_fails_shows_the_log_and_the_command(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    plan = make_plan(failing_recipe(), directory=str(tmp_path), max_restarts=0)

    with pytest.raises(EngineError) as error:
        attach(plan)

    assert "no such weights" in str(error.value)
    assert "exit code 1" in str(error.value)
    assert "command: " in str(error.value)


def test_a_path_too_long_for_a_socket_is_refused_by_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    long = tmp_path / ("x" * 80)
    plan = make_plan(load_recipe(ENGINES / "llamacpp.toml"), directory=str(long))

    with pytest.raises(EngineError, match=r"engine\.directory"):
        engine_directory(plan, ProcessId(1, 0.0))


def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)

    with pytest.raises(EngineError, match="mode 755"):
        base_directory(str(shared))


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tmp_path.chmod(0o700)
    monkeypatch.setattr(sidecar, "write_atomically", fill)
    plan = make_plan(load_recipe(ENGINES / "llamacpp.toml"), directory=str(tmp_path))

    with pytest.raises(EngineError, match=r"No space left on device.*engine\.directory"):
        attach(plan)


def test_an_engine_with_an_interpreter_of_its_own_does_not_see_our_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    recipe = failing_recipe().model_copy(
        update={"command": ("$python", "-c", "import os, sys; sys.exit(str(dict(os.environ)))")}
    )
    tmp_path.chmod(0o700)
    plan = make_plan(recipe, directory=str(tmp_path), max_restarts=0, python=sys.executable)

    with pytest.raises(EngineError) as error:
        attach(plan)

    assert "OMP_WAIT_POLICY" in str(error.value)
    assert "PYTHONPATH" not in str(error.value)


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"set engine\.directory"):
        base_directory(str(tmp_path / "missing" / "folder"))


@pytest.mark.engine
def test_a_page_of_every_special_token_is_only_text_to_the_engine(
    embedded_plan: EnginePlan,
) -> None:
    engine = attach(embedded_plan)
    numbers = numbers_of(embedded_plan)
    page = "Let " + " ".join(engine.control_tokens) + " be given."

    def ids_of_prompt(document: str) -> list[int]:
        messages = [{"role": "user", "content": document}]
        text = post(engine, "/apply-template", {"messages": messages})["prompt"]
        asked = {"content": text, "add_special": False, "parse_special": True}
        return list(post(engine, "/tokenize", asked)["tokens"])

    def special(ids: list[int]) -> list[int]:
        return [number for number in ids if number in numbers]

    cleaned, changed = break_all_control_tokens(page, engine.control_tokens)

    assert changed
    assert len(engine.control_tokens) == 17
    assert len(special(ids_of_prompt(page))) > 17
    assert special(ids_of_prompt(cleaned)) == special(ids_of_prompt("Let x be given."))


def numbers_of(plan: EnginePlan) -> set[int]:
    """Ids of the model's special tokens."""
    import gguf

    kinds = gguf.GGUFReader(plan.model).fields["tokenizer.ggml.token_type"].contents()
    return {number for number, kind in enumerate(kinds) if kind == CONTROL}


@pytest.mark.engine
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_cannot_reach_the_engine(embedded_plan: EnginePlan) -> None:
    script = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, attach(embedded_plan).socket],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "PermissionError" in done.stderr
