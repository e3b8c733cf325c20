"""The main job as a user starts it: real Spark, real Delta, the real embedded engine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import quick_environment
from udfs.engine.processes import processes_in

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[1]
SMALL = ["--limit-chunks", "1", "--set", "generate.sampling.max_tokens=96"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables and the engines of these tests."""
    folder = tmp_path_factory.mktemp("p")
    (folder / "e").mkdir(mode=0o700)
    return folder


def command(home: Path, job: str, *options: str) -> list[str]:
    root = ["--root", str(home / "warehouse"), "--set", f"engine.directory={home / 'e'}"]
    return [sys.executable, "-m", "spark_jobs", "local", job, *options, *root]


def run(home: Path, job: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(home, job, *options),
        cwd=PROJECT,
        env=quick_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def engines_of(home: Path) -> list[int]:
    """Processes of the engines under a folder."""
    return [process.pid for process in processes_in(home)]


def wait_for(condition: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    return bool(condition())


def test_pipeline_goes_from_files_to_dialogues_in_all_seven_styles(home: Path) -> None:
    done = run(home, "pipeline", *SMALL)

    result = last_line(done)
    jobs = result["jobs"]
    assert [json.loads(line)["job"] for line in done.stdout.splitlines()] == [*jobs, "pipeline"]
    assert jobs["ingest"]["documents"] >= 20
    assert jobs["generate"]["pending"] == sum(jobs["generate"]["status"].values()) == 7
    assert jobs["generate"]["completion_tokens"] > 0
    assert jobs["filter"]["judged"] == 7
    assert "limited to 1 chunks" in done.stderr
    assert wait_for(lambda: not engines_of(home), 15)


def test_a_rerun_asks_the_engine_for_nothing(home: Path) -> None:
    jobs = last_line(run(home, "pipeline", *SMALL))["jobs"]

    assert jobs["ingest"]["new"] == jobs["chunk"]["new"] == 0
    assert jobs["generate"]["requests"] == jobs["filter"]["judged"] == 0


def test_sql_works_at_once_from_another_process(home: Path) -> None:
    query = "select style, count(*) n from synthetic.dialogues group by 1 order by 1"

    done = run(home, "sql", "--json", query)

    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 7
    assert {row["n"] for row in rows} == {1}


def test_what_the_engine_did_is_kept(home: Path, spark: Any) -> None:
    looks = spark.read.format("delta").load(f"{home}/warehouse/ops/engine_metrics").collect()

    assert max(look.running for look in looks) > 0
    assert {look.starts for look in looks} == {1}


def test_sql_asks_the_same_engine_one_row_at_a_time(home: Path) -> None:
    query = (
        "select n, d.* from (select n, mind_dialogue(text, style) as d from values "
        "(1, 'One and one is two.', 'debate'), (2, null, 'debate'), (3, 'x', null) "
        "as t(n, text, style)) order by n"
    )

    done = run(home, "sql", "--json", query, "--set", "generate.sampling.max_tokens=24")

    assert done.returncode == 0, done.stderr
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert first["status"] in {"ok", "length"}
    assert 0 < first["tokens"] <= 24
    nulls = {"text": None, "finish_reason": None, "tokens": None, "status": None}
    assert second == {"n": 2, **nulls}
    assert third == {"n": 3, **nulls}


def test_a_query_that_is_wrong_is_one_message_and_exit_2(home: Path) -> None:
    done = run(home, "sql", "select nonsense from raw.documents")

    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_job_is_in_the_ledger_with_its_settings(home: Path, spark: Any) -> None:
    rows = spark.read.format("delta").load(f"{home}/warehouse/ops/runs").collect()

    assert {row["job"] for row in rows} == {"ingest", "chunk", "generate", "filter", "pipeline"}
    assert {row["status"] for row in rows} == {"done"}
    assert json.loads(rows[0]["settings"])["chunk"]["max_tokens"] == 500


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c twice", "kill -9"])
def test_no_engine_outlives_an_interrupted_job_by_15_seconds(home: Path, how: int) -> None:
    # Another sampling is another spec: there is work to interrupt.
    work = ["--limit-chunks", "8", "--set", f"generate.sampling.max_tokens={200 + how}"]
    with (home / "log").open("w") as log:
        job = subprocess.Popen(
            command(home, "generate", *work),
            cwd=PROJECT,
            env=quick_environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert wait_for(lambda: engines_of(home), 300), (home / "log").read_text()

    # As a terminal does: to the whole group.
    if how == signal.SIGINT:
        # Once would have the open waves answered first.
        os.killpg(job.pid, how)
        time.sleep(1)
        os.killpg(job.pid, how)
    else:
        job.send_signal(how)

    assert wait_for(lambda: not engines_of(home), 15)
    assert job.wait(30) != 0
    assert "Traceback" not in (home / "log").read_text()


def test_an_interrupted_job_leaves_the_tables_whole(home: Path) -> None:
    assert last_line(run(home, "generate", *SMALL))["requests"] == 0


def test_a_folder_without_tables_is_named_and_left_alone(home: Path, tmp_path: Path) -> None:
    # The last --root wins.
    other = [*command(home, "sql", "select 1"), "--root", str(tmp_path / "mistyped")]
    done = subprocess.run(
        other, cwd=PROJECT, env=quick_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "there are no tables under" in done.stderr
    assert not (tmp_path / "mistyped").exists()
