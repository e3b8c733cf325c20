"""The pipeline on older Sparks as a user starts it: real Spark, Delta and embedded engine."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import quick_environment

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
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
        (select count(*) from filtered.verdicts) verdicts
"""


@dataclass(frozen=True)
class Line:
    """A line of Spark in the folder that submit.sh made, and a home for tables and engines."""

    name: str
    home: Path

    def run(self, job: str, *options: str) -> dict[str, Any]:
        """A job as a user starts it; what its last line of stdout says."""
        place = ["--root", str(self.home / "warehouse"), "--set", f"engine.directory={self.home}"]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "spark_jobs", "local", job, *options, *place],
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def environment(self) -> dict[str, str]:
        """This Spark before any other, and the Delta that is built for it."""
        spark = PROJECT / ".cache" / f"spark-{self.name}"
        assert spark.is_dir(), f"{spark} is not here: run ./submit.sh test --all, which makes it"
        path = os.pathsep.join([str(spark / "python"), str(PROJECT)])
        return quick_environment(PYTHONPATH=path, DELTA_JARS_DIR=str(spark / "jars"))


@pytest.mark.parametrize("name", ["4.1", "4.0"])
def test_the_pipeline_goes_from_files_to_judged_dialogues(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = Line(name, tmp_path_factory.mktemp("v"))
    line.home.chmod(0o700)

    jobs = line.run("pipeline", *SMALL)["jobs"]
    found = line.run("sql", COUNTS, "--json")

    assert jobs["ingest"]["new"] == 4
    assert jobs["filter"]["judged"] == len(STYLES)
    assert found["spark"].startswith(f"{name}.")
    assert found["documents"] == 4
    assert found["chunks"] >= 4
    assert found["attempts"] == found["verdicts"] == len(STYLES)
