"""The pipeline on each older line of Spark that we support, as a user runs it, once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SMALL = (
    *("--limit", "6", "--limit-chunks", "1", "--styles", "debate,interview"),
    *("--set", "generate.sampling.max_tokens=32"),
)

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("line", ["4.1", "4.0"])
def test_the_pipeline_runs_on_an_older_spark_and_a_second_run_asks_for_nothing(
    line: str, tmp_path: Path, embedded_model: Path
) -> None:
    spark = PROJECT / ".cache" / f"spark-{line}"
    assert spark.is_dir(), f"{spark} is not there: run ./submit.sh test --all, which makes it"
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DELTA_JARS_DIR"},
        "PYTHONPATH": f"{spark}:{PROJECT}",
        "MIND_MODELS_DIR": str(embedded_model.parent),
    }
    if (spark / "delta-jars").is_dir():
        environment["DELTA_JARS_DIR"] = str(spark / "delta-jars")

    def run(job: str, *words: str) -> list[dict[str, object]]:
        command = [sys.executable, "-P", "-m", "spark_jobs", "local", job, *words]
        done = subprocess.run(
            [*command, "--root", str(tmp_path / "warehouse")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(row) for row in done.stdout.splitlines()]

    first = {str(row["job"]): row for row in run("pipeline", *SMALL)}
    again = run("generate", *SMALL[2:])[-1]
    query = "select split(version(), ' ')[0] as v, (select count(*) from filtered.verdicts) as n"
    (seen,) = run("sql", "--json", query)

    assert first["generate"]["pending"] == 2
    assert first["generate"]["status"]
    assert (again["pending"], again["requests"]) == (0, 0)
    assert str(seen["v"]).startswith(f"{line}.")
    assert seen["n"] == 2
