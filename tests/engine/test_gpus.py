import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.engine import gpus
from udfs.engine.gpus import engine_gpus, find_full, read_task_gpus
from udfs.errors import EngineError

Executor = tuple[list[str], str | None, int]
WriteSmi = Callable[..., None]
MEMORY = """\
0, GPU-aaaa, 0, 81559
1, GPU-bbbb, 60123, 81559
2, GPU-cccc, 8000, 81559
"""
PROCESSES = "GPU-bbbb, 1234, /usr/bin/python, 60000\n"


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteSmi:
    """A nvidia-smi that answers its two questions with these rows, first on PATH."""

    def write(memory: str = MEMORY, processes: str = PROCESSES) -> None:
        (tmp_path / "memory").write_text(memory)
        (tmp_path / "processes").write_text(processes)
        write_smi(
            tmp_path,
            f'case "$1" in --query-gpu=*) cat "{tmp_path}/memory" ;; '
            f'--query-compute-apps=*) cat "{tmp_path}/processes" ;; *) exit 2 ;; esac',
        )

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return write


def write_smi(directory: Path, body: str) -> None:
    program = directory / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def test_without_addresses_an_engine_takes_what_it_sees() -> None:
    assert engine_gpus([], visible="0,1", size=2) == ()


def test_an_address_alone_is_an_engine_of_one_gpu() -> None:
    assert engine_gpus(["3"], visible=None, size=1) == ("3",)


def test_tasks_that_share_an_engine_get_the_aligned_block_around_their_address() -> None:
    assert [engine_gpus([a], visible=None, size=2) for a in "0123"] == [
        ("0", "1"),
        ("0", "1"),
        ("2", "3"),
        ("2", "3"),
    ]


def test_a_task_with_enough_addresses_gets_the_first_of_them_in_order() -> None:
    assert engine_gpus(["10", "2", "3"], visible=None, size=2) == ("2", "3")


def test_an_address_that_is_an_entry_of_the_executors_list_stands_at_its_place() -> None:
    assert engine_gpus(["4"], visible="6,7,5,4", size=2) == ("5", "4")


def test_an_address_that_is_no_entry_counts_into_the_executors_list() -> None:
    assert engine_gpus(["1"], visible="6,7", size=1) == ("7",)


def test_blanks_in_the_executors_list_mean_nothing() -> None:
    assert engine_gpus(["7"], visible=" 6, 7", size=2) == ("6", "7")


def test_uuids_have_the_places_of_the_executors_list() -> None:
    visible = "GPU-a,GPU-b,MIG-c,MIG-d"

    assert engine_gpus(["MIG-d"], visible=visible, size=2) == ("MIG-c", "MIG-d")


def test_uuids_need_no_list_where_the_task_holds_enough_of_them() -> None:
    assert engine_gpus(["GPU-b", "GPU-a"], visible=None, size=2) == ("GPU-b", "GPU-a")


def test_a_lone_uuid_without_a_list_has_no_neighbours() -> None:
    with pytest.raises(EngineError, match="expected 2 addresses, or indices") as raised:
        engine_gpus(["GPU-a"], visible=None, size=2)

    assert "GPU-a" in str(raised.value)
    assert "discover_gpus.sh" in str(raised.value)


def test_an_address_beyond_the_executors_list_is_an_error() -> None:
    with pytest.raises(EngineError, match="is '6,7', expected at least 3 entries"):
        engine_gpus(["2"], visible="6,7", size=1)


def test_a_block_that_ends_beyond_the_executors_list_is_an_error() -> None:
    with pytest.raises(EngineError, match="expected at least 4 entries"):
        engine_gpus(["7"], visible="5,6,7", size=2)


def test_a_list_that_hides_all_gpus_fits_no_address() -> None:
    with pytest.raises(EngineError, match="is '', expected at least 1 entries"):
        engine_gpus(["0"], visible="", size=1)


def test_two_addresses_of_one_gpu_are_an_error() -> None:
    # "0" counts into the list, "1" is written there: both mean its first entry.
    with pytest.raises(EngineError, match="expected addresses of different GPUs"):
        engine_gpus(["0", "1"], visible="1,2", size=2)


@st.composite
def executors(draw: st.DrawFn) -> Executor:
    """What an executor holds: its addresses, its CUDA_VISIBLE_DEVICES, the GPUs of one engine."""
    size = draw(st.sampled_from([1, 2, 4, 8]))
    count = size * draw(st.integers(1, 16 // size))
    indices = [str(index) for index in range(count)]
    shuffled = draw(st.permutations(indices))
    uuids = [f"GPU-{index}" for index in shuffled]
    return draw(
        st.sampled_from(
            [
                (indices, None, size),
                (shuffled, ",".join(shuffled), size),
                (uuids, ",".join(uuids), size),
                (indices, ",".join(uuids), size),
            ]
        )
    )


@given(executors())
def test_all_tasks_of_an_engine_agree_on_its_gpus(executor: Executor) -> None:
    addresses, visible, size = executor
    engines = [engine_gpus([a], visible=visible, size=size) for a in addresses]

    for start in range(0, len(addresses), size):
        assert len(set(engines[start : start + size])) == 1


@given(executors())
def test_every_gpu_of_an_executor_is_in_exactly_one_engine(executor: Executor) -> None:
    addresses, visible, size = executor
    engines = {engine_gpus([a], visible=visible, size=size) for a in addresses}

    everything = visible.split(",") if visible else addresses
    assert sorted(gpu for engine in engines for gpu in engine) == sorted(everything)


@given(executors(), st.data())
def test_the_order_of_a_tasks_addresses_changes_nothing(
    executor: Executor, data: st.DataObject
) -> None:
    addresses, visible, size = executor
    held = data.draw(st.lists(st.sampled_from(addresses), min_size=1, unique=True))

    forwards = engine_gpus(held, visible=visible, size=size)

    assert engine_gpus(held[::-1], visible=visible, size=size) == forwards
    assert len(forwards) == size


def test_outside_a_task_there_are_no_addresses() -> None:
    assert read_task_gpus() == ()


@pytest.mark.parametrize(
    ("resources", "expected"),
    [({"gpu": SimpleNamespace(addresses=["2", "3"])}, ("2", "3")), ({}, ())],
)
def test_a_task_tells_the_addresses_of_its_resource_gpu(
    resources: dict[str, object], expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SimpleNamespace(resources=lambda: resources)
    monkeypatch.setattr("pyspark.TaskContext.get", lambda: task)

    assert read_task_gpus() == expected


def test_a_full_gpu_is_named_with_its_holder_and_what_to_do(smi: WriteSmi) -> None:
    smi()

    assert find_full(["1"]) == (
        "GPU 1 has 60,123 of 81,559 MiB in use by pid 1234 (python): "
        "end that process or give Spark another GPU"
    )


def test_a_gpu_below_the_limit_is_free(smi: WriteSmi) -> None:
    smi()

    assert find_full(["0", "2"]) == ""


def test_the_limit_is_a_part_of_a_gpus_memory(smi: WriteSmi) -> None:
    smi()

    assert find_full(["2"], limit=0.05).startswith("GPU 2 has 8,000 of 81,559 MiB")


def test_gpus_that_are_not_listed_are_not_judged(smi: WriteSmi) -> None:
    smi()

    assert find_full([]) == ""


def test_each_full_gpu_has_a_line(smi: WriteSmi) -> None:
    smi("0, GPU-aaaa, 90, 100\n1, GPU-bbbb, 90, 100\n", "")

    assert [line[:5] for line in find_full(["1", "0"]).splitlines()] == ["GPU 1", "GPU 0"]


def test_a_gpu_may_be_named_by_the_head_of_its_uuid(smi: WriteSmi) -> None:
    smi()

    assert find_full(["GPU-bb"]).startswith("GPU 1 (GPU-bbbb) has 60,123 of")


def test_a_holder_that_is_not_shown_is_supposed(smi: WriteSmi) -> None:
    smi(processes="GPU-aaaa, 7, python, 60000\n")

    assert find_full(["1"]) == (
        "GPU 1 has 60,123 of 81,559 MiB in use by a process that nvidia-smi does not show: "
        "another container or user? End that process or give Spark another GPU"
    )


def test_several_holders_are_all_named(smi: WriteSmi) -> None:
    smi(processes="GPU-bbbb, 7, VLLM::EngineCore, 30000\nGPU-bbbb, 8, python, 30000\n")

    assert find_full(["1"]).endswith(
        "by pid 7 (VLLM::EngineCore) and pid 8 (python): "
        "end these processes or give Spark another GPU"
    )


def test_a_small_holder_does_not_take_the_blame_for_one_that_is_not_shown(smi: WriteSmi) -> None:
    smi(processes="GPU-bbbb, 7, Xorg, 20\n")

    assert "by pid 7 (Xorg) and a process that nvidia-smi does not show" in find_full(["1"])


def test_a_holder_of_unknown_size_is_believed_to_hold_it_all(smi: WriteSmi) -> None:
    smi(processes="GPU-bbbb, 7, python, [N/A]\n")

    assert "in use by pid 7 (python): end that process" in find_full(["1"])


def test_a_comma_in_a_programs_name_does_no_harm(smi: WriteSmi) -> None:
    smi(processes="GPU-bbbb, 7, /opt/a, b, 60000\n")

    assert "by pid 7 (a, b): end" in find_full(["1"])


@pytest.mark.parametrize("gpu", ["MIG-aaaa", "9", "GPU-zzzz"])
def test_what_nvidia_smi_does_not_list_is_not_judged(gpu: str, smi: WriteSmi) -> None:
    smi()

    assert find_full([gpu]) == ""


def test_a_gpu_that_does_not_tell_its_memory_is_not_judged(smi: WriteSmi) -> None:
    smi("0, GPU-aaaa, [N/A], [N/A]\nwarning: infoROM is corrupted\n")

    assert find_full(["0"]) == ""


def test_without_nvidia_smi_nothing_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_full(["0"]) == ""


@pytest.mark.parametrize("body", [f"echo '{MEMORY}'; exit 9", "exec sleep 30"])
def test_an_nvidia_smi_that_fails_or_hangs_judges_nothing(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "SMI_SECONDS", 0.5)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    write_smi(tmp_path, body)

    assert find_full(["1"]) == ""
