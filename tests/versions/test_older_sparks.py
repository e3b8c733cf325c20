"""The pipeline on older Sparks as a user starts it: real Spark, Delta and embedded engine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.submitting import Tables
from tests.conftest import quick_environment

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
STYLES = ("debate", "interview")
# Four pages are quick to chunk; the answers are about the tables, not about the text.
SMALL = [
    *("--limit", "4", "--limit-chunks", "1", "--styles", ",".join(STYLES)),
    *("--set", "generate.sampling.max_tokens=32"),
]


def run_pipeline(line: str, home: Path) -> dict[str, Any]:
    """What the jobs of a pipeline say on a line of Spark; tables and engines lie in `home`."""
    place = ["--root", str(home / "warehouse"), "--set", f"engine.directory={home}"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "spark_jobs", "local", "pipeline", *SMALL, *place],
        env=environment(line),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1])["jobs"])


def environment(line: str) -> dict[str, str]:
    """A line of Spark, as submit.sh made it, before any other, and the Delta built for it."""
    spark = PROJECT / ".cache" / f"spark-{line}"
    assert spark.is_dir(), f"{spark} is not here: run ./submit.sh test --all, which makes it"
    path = os.pathsep.join([str(spark / "python"), str(PROJECT)])
    return quick_environment(PYTHONPATH=path, DELTA_JARS_DIR=str(spark / "jars"))


@pytest.mark.parametrize("line", ["4.1", "4.0"])
def test_the_pipeline_goes_from_files_to_judged_dialogues(
    spark: Any, line: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("v")  # short enough for sockets
    home.chmod(0o700)

    jobs = run_pipeline(line, home)

    rows = Tables(spark, home / "warehouse").rows
    versions = {json.loads(row["versions"])["pyspark"] for row in rows("ops.runs", "versions")}
    assert {version.rpartition(".")[0] for version in versions} == {line}
    assert jobs["ingest"]["new"] == len(rows("raw.documents", "doc_id")) == 4
    assert jobs["chunk"]["new"] == len(rows("raw.chunks", "chunk_id")) >= 4
    assert jobs["filter"]["judged"] == len(rows("filtered.verdicts", "gen_key")) == len(STYLES)
