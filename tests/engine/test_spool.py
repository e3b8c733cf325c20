"""The spool: what was answered outlives its task, and is asked for once."""

import asyncio
import errno
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from tests.engine.conftest import make_spool
from udfs.engine import spool as spool_module
from udfs.engine.spool import Spool, list_spooled, read_spooled, write_whole


def attempt(number: int) -> dict[str, Any]:
    return {"gen_key": f"key {number}", "text": f"dialogue {number}", "status": "ok", "attempt": 1}


def spool_rows(spool: Spool, numbers: range) -> None:
    """Each row is flushed on its own."""
    for number in numbers:
        spool.add(attempt(number))
        asyncio.run(spool.flush())


def keys(folder: Path) -> set[str]:
    return {row["gen_key"] for row in read_spooled(list_spooled(str(folder)))}


def test_a_task_that_is_tried_again_finds_its_answers(tmp_path: Path) -> None:
    spool_rows(make_spool(tmp_path), range(5))

    replayed = make_spool(tmp_path).replay()

    assert set(replayed) == {f"key {n}" for n in range(5)}
    assert replayed["key 4"]["text"] == "dialogue 4"


def test_a_task_replays_its_own_partition_only(tmp_path: Path) -> None:
    spool_rows(make_spool(tmp_path, partition=1), range(2))
    spool_rows(make_spool(tmp_path, partition=11), range(2, 4))

    assert set(make_spool(tmp_path, partition=1).replay()) == {"key 0", "key 1"}


def test_files_stay_few_however_often_it_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "ROWS_PER_FILE", 10)

    spool_rows(make_spool(tmp_path), range(35))

    assert len(list(tmp_path.iterdir())) == 4
    assert keys(tmp_path) == {f"key {n}" for n in range(35)}


def test_a_file_that_is_replaced_while_it_is_read_loses_no_row(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    spool_rows(spool, range(2))
    listed = list_spooled(str(tmp_path))
    spool_rows(spool, range(2, 4))

    assert {row["gen_key"] for row in read_spooled(listed)} == {f"key {n}" for n in range(4)}


def test_a_folder_that_is_removed_while_it_is_read_gives_nothing(tmp_path: Path) -> None:
    spool_rows(make_spool(tmp_path / "wave"), range(2))
    listed = list_spooled(str(tmp_path / "wave"))
    rmtree(tmp_path / "wave")

    assert list(read_spooled(listed)) == []


def test_what_is_being_written_or_damaged_costs_nothing_else(tmp_path: Path) -> None:
    spool_rows(make_spool(tmp_path), range(2))
    (tmp_path / ".000003-half.arrow").write_bytes(b"ARROW1")
    (tmp_path / "000003-torn-00001.arrow").write_bytes(b"ARROW1 and no more")

    assert keys(tmp_path) == {"key 0", "key 1"}


def test_a_folder_that_cannot_be_written_is_said_once_and_costs_no_answer() -> None:
    spool = make_spool("/proc/no/such")

    spool_rows(spool, range(1))
    warning, spool.tally.warning = spool.tally.warning, ""
    spool_rows(spool, range(1, 3))

    assert warning.startswith("the spool is off, a crash costs the open waves: /proc/no/such")
    assert spool.tally.warning == spool.tally.stopped == ""


def test_no_folder_is_no_spool() -> None:
    spool = make_spool("")
    spool_rows(spool, range(3))

    assert spool.replay() == {}


def test_nothing_is_there_before_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.mv", die)
    with pytest.raises(KeyboardInterrupt):
        write_whole(str(tmp_path / "000001-a.arrow"), b"all of it")

    assert list_spooled(str(tmp_path)) == []


def test_a_full_disk_stops_the_task_and_what_it_has_is_written_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool(tmp_path)
    spool_rows(spool, range(2))

    def no_room(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "mv", no_room)
        spool_rows(spool, range(2, 4))
        assert keys(tmp_path) == {"key 0", "key 1"}
        assert not list(tmp_path.glob(".*"))
    spool_rows(spool, range(4, 5))

    assert "no room left to write" in spool.tally.stopped
    assert keys(tmp_path) == {f"key {n}" for n in range(5)}
