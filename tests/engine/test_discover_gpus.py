import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "conf" / "discover_gpus.sh"
# Runs the script once for each line that it reads, as a JVM would, and lives until it is told.
ASK = 'while read -r _; do "$0" 2>&1; echo "exit=$?"; done'


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    code: int

    @property
    def gpus(self) -> list[str]:
        assert self.code == 0, self.text
        found = json.loads(self.text)
        assert found["name"] == "gpu"
        return list(found["addresses"])


class Parent:
    """A process that asks for GPUs, in the place of an executor's JVM."""

    def __init__(self, environment: dict[str, str], shell: str = "bash") -> None:
        self.process = subprocess.Popen(
            [shell, "-c", ASK, str(SCRIPT)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def ask(self) -> Answer:
        self.begin()
        return self.finish()

    def begin(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> Answer:
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            if line.startswith("exit="):
                return Answer("".join(lines), int(line.removeprefix("exit=")))
            lines.append(line)
        raise AssertionError("".join(lines))

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


StartParent = Callable[..., Parent]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The PATH of a host with eight GPUs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    write_smi(programs, range(8))
    return programs


def write_smi(programs: Path, gpus: range | list[int], name: str = "GPU-{}") -> None:
    """A nvidia-smi that shows these GPUs, numbered from 0 as it does."""
    rows = "\n".join(f"{index}, {name.format(gpu)}" for index, gpu in enumerate(gpus))
    write_program(programs / "nvidia-smi", f"cat <<'ROWS'\n{rows}\nROWS")


def write_program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    return tmp_path / "claims"


@pytest.fixture
def start_parent(host: Path, claims: Path) -> Iterator[StartParent]:
    """Starts parents that see the host's GPUs; ends them after the test."""
    with ExitStack() as stack:

        def start(
            size: int | str | None = None,
            *,
            visible: str | None = None,
            path: str = f"{host}:{os.environ['PATH']}",
            shell: str = "bash",
        ) -> Parent:
            environment = {"PATH": path, "MIND_GPU_CLAIMS": str(claims)}
            if size is not None:
                environment["MIND_GPUS_PER_EXECUTOR"] = str(size)
            if visible is not None:
                environment["CUDA_VISIBLE_DEVICES"] = visible
            parent = Parent(environment, shell)
            stack.callback(parent.end)
            return parent

        yield start


def test_the_answer_is_one_line_of_json_as_spark_reads_it(start_parent: StartParent) -> None:
    assert start_parent(2).ask().text == '{"name": "gpu", "addresses": ["0","1"]}\n'


def test_without_a_number_it_hands_out_all_gpus(start_parent: StartParent) -> None:
    assert start_parent().ask().gpus == list("01234567")


def test_without_a_number_it_hands_out_all_that_are_free(start_parent: StartParent) -> None:
    start_parent(2).ask()

    assert start_parent().ask().gpus == list("234567")


def test_gpus_beyond_the_ninth_stand_in_the_order_of_numbers(
    host: Path, start_parent: StartParent
) -> None:
    write_smi(host, range(12))

    assert start_parent().ask().gpus == [str(index) for index in range(12)]


def test_two_living_parents_never_get_the_same_gpu(start_parent: StartParent) -> None:
    assert start_parent(2).ask().gpus == ["0", "1"]
    assert start_parent(2).ask().gpus == ["2", "3"]


def test_the_same_parent_gets_the_same_gpus_again(start_parent: StartParent) -> None:
    first = start_parent(1)
    parent = start_parent(1)
    first.ask()
    parent.ask()
    first.end()

    assert parent.ask().gpus == ["1"]


def test_the_same_parent_gets_the_same_gpus_when_all_are_asked_for(
    start_parent: StartParent,
) -> None:
    first = start_parent(4)
    parent = start_parent()
    first.ask()
    parent.ask()
    first.end()

    assert parent.ask().gpus == list("4567")


def test_a_dead_parents_gpus_come_free(start_parent: StartParent, claims: Path) -> None:
    dead = start_parent(8)
    dead.ask()
    dead.end()
    parent = start_parent(8)

    assert parent.ask().gpus == list("01234567")
    assert [file.name.split("-")[0] for file in claims.glob("*-*")] == [str(parent.pid)]


def test_a_dead_parent_that_nobody_waited_for_holds_nothing(start_parent: StartParent) -> None:
    dead = start_parent(8)
    dead.ask()
    dead.process.kill()
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)

    assert start_parent(8).ask().gpus == list("01234567")


def test_a_claim_ends_with_its_process_even_if_another_has_its_pid_now(
    start_parent: StartParent, claims: Path
) -> None:
    claims.mkdir(mode=0o700)
    (claims / f"{os.getpid()}-1").write_text("GPU-0\n")

    assert start_parent(1).ask().gpus == ["0"]


def test_a_parents_name_may_hold_blanks_and_parentheses(
    start_parent: StartParent, tmp_path: Path
) -> None:
    shell = tmp_path / "a) Z 1 (b"
    shutil.copy(shutil.which("bash") or "", shell)
    odd = start_parent(1, shell=str(shell))

    assert odd.ask().gpus == ["0"]
    assert odd.ask().gpus == ["0"]
    assert start_parent(1).ask().gpus == ["1"]


def test_a_block_starts_at_a_multiple_of_its_size(start_parent: StartParent) -> None:
    start_parent(1).ask()

    assert start_parent(2).ask().gpus == ["2", "3"]
    assert start_parent(4).ask().gpus == ["4", "5", "6", "7"]
    assert start_parent(1).ask().gpus == ["1"]


def test_without_a_whole_block_each_gpu_and_its_holder_are_named(
    start_parent: StartParent,
) -> None:
    first, second = start_parent(1), start_parent(4)
    first.ask()
    second.ask()
    answer = start_parent(4, visible="0,1,4,5,6").ask()

    assert answer.code == 1
    assert "no whole block of 4 free GPUs" in answer.text
    assert f"GPU 0 is held by pid {first.pid}, GPU 1 is free" in answer.text
    assert f"GPU 4 is held by pid {second.pid}" in answer.text
    assert "MIND_GPUS_PER_EXECUTOR" in answer.text


def test_more_gpus_than_the_host_has_are_no_block(start_parent: StartParent) -> None:
    answer = start_parent(16).ask()

    assert answer.code == 1
    assert "no whole block of 16" in answer.text


def test_a_refused_parent_holds_nothing(start_parent: StartParent, claims: Path) -> None:
    start_parent(16).ask()

    assert list(claims.glob("*-*")) == []


def test_parents_that_ask_at_once_get_different_gpus(start_parent: StartParent) -> None:
    parents = [start_parent(1) for _ in range(8)]
    for parent in parents:
        parent.begin()

    assert sorted(parent.finish().gpus for parent in parents) == [[gpu] for gpu in "01234567"]


def test_visible_devices_are_handed_out_as_they_are_written(start_parent: StartParent) -> None:
    visible = "5,GPU-3,MIG-GPU-2/1/0,2"

    assert start_parent(visible=visible).ask().gpus == visible.split(",")


def test_blocks_follow_the_order_of_visible_devices(start_parent: StartParent) -> None:
    start_parent(2, visible="7, 6, 1, 0").ask()

    assert start_parent(2, visible="7, 6, 1, 0").ask().gpus == ["1", "0"]


def test_a_gpu_is_the_same_by_index_and_by_uuid(start_parent: StartParent) -> None:
    start_parent(1, visible="GPU-1").ask()

    assert start_parent(1, visible="1").ask().code == 1
    assert start_parent().ask().gpus == list("0234567")


def test_a_gpu_is_the_same_by_the_head_of_its_uuid(host: Path, start_parent: StartParent) -> None:
    write_smi(host, range(2), "GPU-{}feedbeef")
    start_parent(1, visible="GPU-1fe").ask()

    assert start_parent().ask().gpus == ["0"]


def test_isolated_containers_may_both_have_a_gpu_of_index_0(
    host: Path, start_parent: StartParent
) -> None:
    write_smi(host, [3])
    assert start_parent(1).ask().gpus == ["0"]
    write_smi(host, [4])

    assert start_parent(1).ask().gpus == ["0"]


@pytest.mark.parametrize("visible", ["", "-1"])
def test_visible_devices_may_hide_all_gpus(visible: str, start_parent: StartParent) -> None:
    answer = start_parent(visible=visible).ask()

    assert answer.code == 1
    assert f"CUDA_VISIBLE_DEVICES is '{visible}', which hides all GPUs" in answer.text


def test_visible_devices_that_are_no_devices_are_an_error(start_parent: StartParent) -> None:
    answer = start_parent(visible='0,"; rm').ask()

    assert answer.code == 1
    assert "expected an index or a UUID" in answer.text


@pytest.mark.parametrize("size", ["0", "-1", "two", "1.5"])
def test_a_number_that_is_none_is_an_error(size: str, start_parent: StartParent) -> None:
    answer = start_parent(size).ask()

    assert answer.code == 1
    assert f"MIND_GPUS_PER_EXECUTOR is '{size}', expected a whole number" in answer.text


def test_without_nvidia_smi_it_says_what_to_do(start_parent: StartParent, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("bash", "cat"):
        (bare / name).symlink_to(shutil.which(name) or "")

    answer = start_parent(path=str(bare)).ask()

    assert answer.code == 1
    assert re.search("no nvidia-smi on the PATH of .*install NVIDIA's driver", answer.text)


def test_an_nvidia_smi_that_fails_is_quoted(host: Path, start_parent: StartParent) -> None:
    write_program(host / "nvidia-smi", "echo driver mismatch; exit 18")

    answer = start_parent().ask()

    assert answer.code == 1
    assert "nvidia-smi fails" in answer.text
    assert "'driver mismatch'" in answer.text


def test_an_nvidia_smi_without_gpus_is_quoted(host: Path, start_parent: StartParent) -> None:
    write_program(host / "nvidia-smi", "echo No devices were found")

    answer = start_parent().ask()

    assert answer.code == 1
    assert "'No devices were found'" in answer.text


def test_a_warning_between_the_rows_is_no_gpu(host: Path, start_parent: StartParent) -> None:
    write_program(host / "nvidia-smi", "echo WARNING: infoROM is corrupted >&2; echo 0, GPU-0")

    assert start_parent().ask().gpus == ["0"]


def test_only_its_user_can_enter_the_claims(start_parent: StartParent, claims: Path) -> None:
    start_parent().ask()

    assert stat.S_IMODE(claims.stat().st_mode) == 0o700


def test_claims_that_others_can_enter_are_refused(start_parent: StartParent, claims: Path) -> None:
    claims.mkdir()
    claims.chmod(0o777)

    answer = start_parent().ask()

    assert answer.code == 1
    assert f"{claims} is not a folder that only user {os.getuid()} can enter" in answer.text


def test_claims_behind_a_link_are_refused(
    start_parent: StartParent, claims: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    claims.symlink_to(tmp_path / "elsewhere")

    assert start_parent().ask().code == 1
