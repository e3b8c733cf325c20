"""The pipeline on older Sparks as a user starts it: real Spark and Delta, the real embedded engine.

Spark 4.0 runs on the other Python as well, where `./submit.sh test --all` has found one.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SPARK_FOR_TESTS

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
OTHER_PYTHON = "MIND_OTHER_PYTHON"
STYLES = ("debate", "interview")
# Four pages are quick to chunk; the answers are about the tables, not about the text.
SMALL = [
    *("--limit", "4", "--limit-chunks", "1", "--styles", ",".join(STYLES)),
    *("--set", "generate.sampling.max_tokens=32"),
]
COUNTS = """
    select version() spark, (select count(*) from raw.documents) documents,
        (select count(*) from raw.chunks) chunks,
        (select count(*) from synthetic.attempts) attempts,
        (select count(*) from filtered.verdicts) verdicts,
        (select max(versions) from ops.runs) versions
"""


@dataclass(frozen=True)
class Line:
    """A line of Spark in the folder that submit.sh made, the tables of its tests, and a Python."""

    name: str
    home: Path
    python: str

    def run(self, job: str, *options: str) -> dict[str, Any]:
        """A job as a user starts it; what its last line of stdout says."""
        done = subprocess.run(
            [self.python, "-P", "-m", "spark_jobs", "local", job, *options, *self.place()],
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def python_version(self) -> str:
        """The version of its Python, as that says it."""
        command = [self.python, "-c", "import platform; print(platform.python_version())"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def place(self) -> list[str]:
        """Options of all jobs: where the tables and engines lie, and what makes Spark quick."""
        settings = [f"engine.directory={self.home / 'e'}"]
        settings += [f"spark.all.{name}={value}" for name, value in SPARK_FOR_TESTS.items()]
        listed = (word for setting in settings for word in ("--set", setting))
        return ["--root", str(self.home / "warehouse"), *listed]

    def environment(self) -> dict[str, str]:
        """This Spark before any other, and the Delta that is built for it."""
        spark = PROJECT / ".cache" / f"spark-{self.name}"
        assert spark.is_dir(), f"{spark} is not here: run ./submit.sh test --all, which makes it"
        own = {k: v for k, v in os.environ.items() if k not in {"DELTA_JARS_DIR", "SPARK_HOME"}}
        # Without Maven there are none, and Spark fetches them.
        jars = spark / "jars"
        delta = {"DELTA_JARS_DIR": str(jars)} if jars.is_dir() else {}
        return {
            **own,
            **delta,
            "PYTHONPATH": os.pathsep.join([str(spark / "python"), str(PROJECT)]),
        }


# One group each: with two processes, both lines run at once, and no line is set up twice.
@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ("4.1", "4.0")],
)
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A line of Spark, with tables that the tests below fill one after another."""
    home = tmp_path_factory.mktemp("v")
    (home / "e").mkdir(mode=0o700)
    other = os.environ.get(OTHER_PYTHON, sys.executable)
    return Line(request.param, home, other if request.param == "4.0" else sys.executable)


def test_the_pipeline_goes_from_files_to_judged_dialogues(line: Line) -> None:
    jobs = line.run("pipeline", *SMALL)["jobs"]

    assert jobs["ingest"]["new"] == 4
    assert jobs["generate"]["requests"] == sum(jobs["generate"]["status"].values()) == len(STYLES)
    assert jobs["filter"]["judged"] == len(STYLES)


def test_the_jvm_and_python_are_those_and_the_tables_hold_the_rows(line: Line) -> None:
    found = line.run("sql", COUNTS, "--json")

    assert found["spark"].startswith(f"{line.name}.")
    assert json.loads(found["versions"])["python"] == line.python_version()
    assert found["documents"] == 4
    assert found["chunks"] >= 4
    assert found["attempts"] == found["verdicts"] == len(STYLES)


def test_maintenance_works(line: Line) -> None:
    assert line.run("maintain", "--vacuum")["vacuumed"] is True


def test_a_second_run_asks_for_nothing(line: Line) -> None:
    jobs = line.run("pipeline", *SMALL)["jobs"]

    assert jobs["ingest"]["new"] == jobs["chunk"]["new"] == 0
    assert jobs["generate"]["requests"] == jobs["filter"]["judged"] == 0
