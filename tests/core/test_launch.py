"""Launching: exit codes, Ctrl-C, secrets and last words, with a spark-submit of the tests' own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spark_jobs.core.settings import PROJECT

SECONDS = 60


class Home:
    """A Spark's folder whose spark-submit is a script, and a Hadoop's beside it."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        submit = folder / "bin" / "spark-submit"
        submit.parent.mkdir()
        submit.write_text(f"#!/bin/bash\n{script}\n")
        submit.chmod(0o755)
        (folder / "jars").mkdir()
        (folder / "jars" / "spark-core_2.13-4.2.0.jar").touch()
        (folder / "yarn-site.xml").write_text("<configuration/>")

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a job of YARN by it."""
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "spark_jobs", "yarn", "chunk"),
                *("--root", "hdfs:///mind", "--set", f"submit.spark_home={self.folder}", *words),
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "HADOOP_CONF_DIR": str(self.folder),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err


@pytest.mark.parametrize(("theirs", "ours"), [(0, 0), (1, 1), (2, 2), (137, 1)])
def test_the_exit_code_is_the_jobs(theirs: int, ours: int, tmp_path: Path) -> None:
    code, out, _ = Home(tmp_path, f"echo '{{}}'; exit {theirs}").run()

    assert (code, out) == (ours, "{}\n")


def test_a_failure_names_the_fault_the_logs_and_the_command_that_goes_on(tmp_path: Path) -> None:
    log = "Application report for application_17_0042\\ntracking URL: http://rm/app"
    fault = "discover_gpus.sh: all 8 GPUs of node7 are taken"
    home = Home(tmp_path, f'echo -e "{log}\\n{fault}" >> "$MIND_DRIVER_LOG"; exit 1')

    _, _, err = home.run("--set", "chunk.max_tokens=99")

    assert "error: an executor found no GPU: all 8 GPUs of node7 are taken" in err
    assert "yarn logs -applicationId application_17_0042, or http://rm/app" in err
    assert "to go on: ./submit.sh yarn chunk --root hdfs:///mind" in err
    assert "chunk.max_tokens=99" in err


def test_cluster_mode_names_its_application_on_stdout_and_passes_on_what_spark_says(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, "echo 'Application report for application_17_0042' >&2")

    code, out, err = home.run("--deploy-mode", "cluster")

    assert code == 0
    assert out == '{"application": "application_17_0042", "status": "done"}\n'
    assert "Application report for application_17_0042" in err


def test_a_queue_that_does_not_exist_is_said_in_cluster_mode_too(tmp_path: Path) -> None:
    said = "application_17_0042 submitted by user me to unknown queue: gold"
    home = Home(tmp_path, f"echo '{said}' >&2; exit 1")

    code, out, err = home.run("--deploy-mode", "cluster")

    assert code == 1
    assert '"status": "failed"' in out
    assert "YARN has no queue gold: name one with --queue" in err


def test_secrets_go_by_a_file_of_their_owners_that_is_gone_afterwards(tmp_path: Path) -> None:
    script = 'for a; do [[ $last == --properties-file ]] && f=$a; last=$a; done; stat -c %a "$f"'
    home = Home(tmp_path, f'{script}; cat "$f"; echo "$f" >&2; echo "ARGS $*" >&2')

    _, out, err = home.run(HF_TOKEN="s3cret")

    mode, *lines = out.splitlines()
    assert mode == "600"
    assert "spark.executorEnv.HF_TOKEN=s3cret" in lines
    assert "s3cret" not in err
    assert "--load-spark-defaults" in err
    assert not Path(err.splitlines()[0]).exists()


def test_another_sparks_environment_does_not_reach_ours(tmp_path: Path) -> None:
    home = Home(tmp_path, 'echo "$SPARK_HOME|$PYSPARK_PYTHON|$SPARK_CONF_DIR|$MIND_CONF"')
    foreign = {"SPARK_HOME": "/other", "PYSPARK_PYTHON": "/other", "SPARK_CONF_DIR": "/other"}

    _, out, _ = home.run(**foreign)

    assert out == f"{tmp_path}|||{PROJECT / 'conf'}\n"


def test_what_the_driver_says_to_people_stays_apart_from_its_results(tmp_path: Path) -> None:
    driver = PROJECT / "spark_jobs" / "driver.py"
    job = f"{sys.executable} {driver} local benchmark --set chunk.max_tokens=none"
    # spark-submit puts both into one.
    home = Home(tmp_path, f"PYTHONPATH={PROJECT} {job} 2>&1")

    code, out, err = home.run()

    assert (code, out) == (2, "")
    assert "chunk.max_tokens" in err


def test_ctrl_c_is_the_drivers_to_handle_and_spark_lives_on_until_it_has(tmp_path: Path) -> None:
    driver = tmp_path / "spark_jobs" / "driver.py"
    driver.parent.mkdir()
    driver.write_text(
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    print('the driver was told')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    home = Home(tmp_path, f"{sys.executable} {driver}; echo 'Spark was still there'; exit 1")
    process = home.start()
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    time.sleep(0.2)

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert out == "the driver was told\nSpark was still there\n"
