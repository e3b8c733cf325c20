"""benchmark: indices made, listed and found by name, without Spark."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.__main__ import main
from spark_jobs.core.benchmarks import load_rules
from spark_jobs.core.settings import CONF, load_settings
from tests.contamination.questions import BISCUITS, FERRY, LIGHTHOUSE, SHORT, TOO_SHORT, index_file
from udfs.contamination.index import load_index
from udfs.errors import UsageError


class Job:
    """The command line with a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def run(self, *options: str) -> tuple[int, Any, str]:
        """Exit code, result (None without one) and what people see."""
        code = main(["local", "benchmark", "--set", f"benchmark.folder={self.folder}", *options])
        said = self.capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(tmp_path / "indices", capsys)


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_an_added_benchmark_is_counted_and_listed(job: Job, tmp_path: Path) -> None:
    rows = ({"question": text} for text in (LIGHTHOUSE, TOO_SHORT, SHORT, LIGHTHOUSE))
    path = write_lines(tmp_path / "harbour.jsonl", *rows, {"answer": "3"}, ["no object"])

    code, added, said = job.run("--add", "harbour", str(path))

    entry = {"name": "harbour", "items": 2, "grams": 18}
    assert code == 0
    assert added["added"] | entry == added["added"]
    assert (added["added"]["rows"], added["added"]["left_out"]) == (6, 2)
    assert added["added"]["without_text"] == 2
    assert "2 of 6 rows indexed; 2 have fewer than 8 words or repeat another" in said
    code, listed, said = job.run()
    assert (code, listed["benchmarks"]) == (0, added["benchmarks"])
    assert listed["benchmarks"][0] | entry == listed["benchmarks"][0]
    assert "harbour" in said


def test_a_folder_of_files_of_any_kind_is_one_benchmark(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table({"problem": [LIGHTHOUSE], "level": [3]}), folder / "a.parquet")
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write(json.dumps({"problem": FERRY}) + "\n")

    _, result, _ = job.run("--add", "parts", str(folder), "--field", "problem")

    assert result["added"]["items"] == 2


def test_the_file_is_the_one_that_the_questions_decide(job: Job, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "ours.jsonl", {"question": FERRY}, {"question": BISCUITS})

    job.run("--add", "ours", str(path))

    assert (job.folder / "ours.npz").read_bytes() == index_file(FERRY, BISCUITS)


def test_an_empty_folder_lists_nothing(job: Job) -> None:
    assert job.run()[:2] == (0, {"job": "benchmark", "benchmarks": []})


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (("--add", "a/b", "x.jsonl"), 2, "expected a name of letters"),
        (("--add", "harbour"), 2, "--add"),
        (("--add", "harbour", "nowhere.jsonl"), 1, "nothing to read at"),
    ],
)
def test_what_cannot_be_added_is_said(
    options: tuple[str, ...], code: int, expected: str, job: Job
) -> None:
    ended, result, said = job.run(*options)

    assert (ended, result) == (code, None)
    assert expected in said


@pytest.mark.parametrize("parquet", [False, True])
def test_a_field_that_no_row_has_is_named_and_nothing_is_written(
    parquet: bool,  # noqa: FBT001
    job: Job,
    tmp_path: Path,
) -> None:
    path = write_lines(tmp_path / "harbour.jsonl", {"problem": FERRY})
    if parquet:
        path = tmp_path / "harbour.parquet"
        pq.write_table(pa.table({"problem": [FERRY]}), path)

    code, _, said = job.run("--add", "harbour", str(path))

    assert code == 1
    assert "in 'question'" in said
    assert not job.folder.exists()


def load(folder: Path, *names: str, **loose: list[str]) -> Any:
    settings = load_settings(
        "local",
        assignments=[
            f"filter.checks.contaminated.benchmarks={json.dumps(names)}",
            *(f"filter.checks.contaminated_loose.{k}={json.dumps(v)}" for k, v in loose.items()),
        ],
    )
    return load_rules(settings.filter.checks, str(folder))


def test_both_checks_look_for_the_named_benchmarks(tmp_path: Path) -> None:
    (tmp_path / "ours.npz").write_bytes(index_file())

    rules = load(tmp_path, "ours")

    assert rules.contaminated.benchmarks == rules.contaminated_loose.benchmarks
    assert load_index(rules.contaminated.benchmarks[0]).name == "ours"


def test_the_loose_check_may_have_benchmarks_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ours.npz").write_bytes(index_file())

    rules = load(tmp_path, benchmarks=["ours"])

    assert rules.contaminated.benchmarks == ()
    assert rules.contaminated_loose.benchmarks[0].name == "ours"


def test_a_path_will_do_and_makes_the_same_rules(tmp_path: Path) -> None:
    (tmp_path / "ours.npz").write_bytes(index_file())

    assert load(Path("/nowhere"), str(tmp_path / "ours.npz")) == load(tmp_path, "ours")


def test_a_missing_index_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "harbour.npz").write_bytes(index_file())

    with pytest.raises(UsageError, match=r"harbor\.npz of a benchmark: did you mean harbour\?"):
        load(tmp_path, "harbor")


def test_a_broken_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "ours.npz").write_bytes(b"?")

    with pytest.raises(UsageError, match=r"ours\.npz: not an index of a benchmark"):
        load(tmp_path, "ours")


def test_the_shipped_index_is_whole() -> None:
    rules = load(CONF / "benchmarks", "gsm8k_test")

    assert len(load_index(rules.contaminated.benchmarks[0]).rows) == 1319
