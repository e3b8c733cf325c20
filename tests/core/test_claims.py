"""Claims: two runs never ask for the same, and a dead run keeps nobody out."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.core import claims as claims_module
from spark_jobs.core.claims import Claim, Claims, make_claim
from udfs.errors import JobError


def claim(run_id: str = "one", **changes: Any) -> Claim:
    wanted = {"buckets": (0, 100), "spec_ids": ("a", "b"), "chunker_id": "c"}
    return make_claim(run_id, **{**wanted, **changes})


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_second_run_on_the_same_is_refused_before_it_asks(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))

    with (
        claims.hold(claim("one")),
        pytest.raises(JobError, match=r"run one .* is at work on buckets 0-100"),
        claims.hold(claim("two", buckets=(100, 200))),
    ):
        pass


@pytest.mark.parametrize(
    "apart", [{"buckets": (101, 200)}, {"spec_ids": ("z",)}, {"chunker_id": "d"}]
)
def test_runs_that_cannot_meet_work_side_by_side(tmp_path: Path, apart: dict[str, Any]) -> None:
    claims = Claims(str(tmp_path))

    with claims.hold(claim("one")), claims.hold(claim("two", **apart)) as dead:
        assert dead == []


def test_where_only_one_may_write_no_other_run_is_let_in(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path), single_writer=True)

    with (
        claims.hold(claim("one")),
        pytest.raises(JobError, match=r"run one .* writes the same tables.*S3DynamoDBLogStore"),
        claims.hold(claim("two", buckets=(101, 200))),
    ):
        pass


def test_a_run_that_ended_leaves_nothing(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    with claims.hold(claim("one")):
        assert (tmp_path / "one").is_dir()

    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_is_known_at_once_on_its_host(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    claims.write(replace(claim("killed"), pid=dead_process()))

    with claims.hold(claim("two")) as dead:
        assert dead == ["killed"]


def test_a_process_that_has_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    claims.write(replace(claim("killed"), pid_started=1.0))

    with claims.hold(claim("two")) as dead:
        assert dead == ["killed"]


@pytest.mark.parametrize("beats", [True, False])
def test_a_run_on_another_host_lives_while_it_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, beats: bool
) -> None:
    monkeypatch.setattr(claims_module, "SILENT_SECONDS", 2.5)
    claims, other = Claims(str(tmp_path)), replace(claim("far"), host="elsewhere")
    claims.write(other)
    read = iter([b"1", b"2"] if beats else [b"1"] * 10)
    monkeypatch.setattr(claims, "read_beat", lambda _: next(read))

    assert claims.lives(other) is beats


def test_waves_that_were_not_committed_stay_for_the_next_run(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    with claims.hold(claim("one")):
        (tmp_path / "one" / "wave").mkdir()

    with claims.hold(claim("two")) as dead:
        assert dead == ["one"]
        assert claims.folders("one") == [f"{tmp_path}/one/wave"]


def test_a_run_that_is_just_writing_its_claim_is_not_taken_for_dead(tmp_path: Path) -> None:
    (tmp_path / "newborn").mkdir()

    with Claims(str(tmp_path)).hold(claim("two")) as dead:
        assert dead == []

    assert [folder.name for folder in tmp_path.iterdir()] == ["newborn"]
