"""The whole pipeline on YARN, by the command that a person types: with the driver here, with the
driver in a container, and with what goes wrong on clusters.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cluster.conftest import Yarn, processes_of_containers, wait_until
from tests.cluster.submitting import (
    ASKED,
    PAGES,
    SMALL,
    Cluster,
    Done,
    Tables,
    finish,
    our_jars,
    set_all,
)

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(2400)]

NODE_MEGABYTES = 4096
CLUSTER_MODE = ("--deploy-mode", "cluster")
Made = tuple[Tables, Done]


@pytest.fixture(scope="module")
def cluster(yarn: Yarn, embedded_model: Path, engine_directory: str) -> Cluster:
    staging = yarn.configuration.parent / "staging"
    own = {"spark.yarn.jars": our_jars(), "spark.yarn.stagingDir": staging.as_uri()}
    return Cluster(
        target="yarn",
        models=embedded_model.parent,
        engines=engine_directory,
        options=tuple(set_all(SMALL, {"spark.all": own})),
        environment={"HADOOP_CONF_DIR": str(yarn.configuration)},
    )


@pytest.fixture(scope="module")
def driver_here(spark: Any, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The pipeline in client mode."""
    root = tmp_path_factory.mktemp("client") / "warehouse"
    return Tables(spark, root), cluster.run("pipeline", *PAGES, *ASKED, root=root)


@pytest.fixture(scope="module")
def driver_there(spark: Any, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The pipeline in cluster mode."""
    root = tmp_path_factory.mktemp("cluster") / "warehouse"
    return Tables(spark, root), cluster.run("pipeline", *PAGES, *ASKED, *CLUSTER_MODE, root=root)


def test_client_mode_takes_the_sample_through_all_layers(
    driver_here: Made, keys_of_a_laptop: dict[str, set[str]]
) -> None:
    tables, done = driver_here

    assert done.code == 0, done.said
    assert [line["job"] for line in done.results][-1] == "pipeline"
    assert "Dialogues generated" in done.said
    assert tables.keys() == keys_of_a_laptop
    assert len(tables.rows("filtered.verdicts", "gen_key")) == 4


def test_cluster_mode_gives_the_same_keys_and_names_its_application(
    driver_there: Made, keys_of_a_laptop: dict[str, set[str]]
) -> None:
    tables, done = driver_there

    assert done.code == 0, done.said
    assert done.results[0]["status"] == "done"
    assert done.results[0]["application"].startswith("application_")
    assert tables.keys() == keys_of_a_laptop


def test_the_ledger_knows_the_commit_in_either_mode(driver_here: Made, driver_there: Made) -> None:
    for tables, _ in (driver_here, driver_there):
        versions = [json.loads(row["versions"]) for row in tables.rows("ops.runs", "versions")]
        assert versions
        assert all(version["commit"] for version in versions)


def test_rules_are_functions_of_spark_sql_there_too(cluster: Cluster, driver_here: Made) -> None:
    tables, _ = driver_here
    query = "select count(mind_check(text, null, style).accepted) n from synthetic.dialogues"

    done = cluster.run("sql", "--json", query, root=tables.root)

    assert (done.code, done.results) == (0, [{"n": 4}]), done.said


@dataclass(frozen=True)
class Killed:
    """A run of `generate` of which YARN killed an executor: its tables, those that it began with
    counted, its end, and whether it was at work when the executor was gone.
    """

    tables: Tables
    before: int
    done: Done
    was_running: bool


@pytest.fixture(scope="module")
def killed(
    cluster: Cluster, yarn: Yarn, driver_here: Made, tmp_path_factory: pytest.TempPathFactory
) -> Killed:
    """A run with containers too small for its engines, which YARN does not count as part of them;
    one executor is killed when something was answered.
    """
    made, _ = driver_here
    root = shutil.copytree(made.root, tmp_path_factory.mktemp("killed") / "warehouse")
    tables = Tables(made.spark, root)
    before = len(tables.rows("synthetic.attempts", "gen_key"))
    more = ("--styles", "interview,teacher_student,problem_solving,layman_knowall")
    small = {"spark.generate": {"spark.executor.memoryOverhead": "128m"}}

    process = cluster.start("generate", *ASKED, *more, *set_all(small), root=root)
    spool = root / "_spool"
    assert wait_until(lambda: any(spool.rglob("*.arrow")) or process.poll() is not None, 600)
    container = next(iter(containers_of_executors(yarn)), "")
    yarn.kill(container)
    was_killed = wait_until(lambda: container not in containers_of_executors(yarn), 60)
    was_running = was_killed and process.poll() is None
    return Killed(tables, before, finish(process), was_running)


@pytest.mark.fault("YARN kills an executor in the middle of `generate`", "every row comes once")
def test_a_container_killed_in_the_middle_loses_and_doubles_nothing(killed: Killed) -> None:
    keys = [row["gen_key"] for row in killed.tables.rows("synthetic.attempts", "gen_key")]

    assert (killed.done.code, killed.was_running) == (0, True), killed.done.said
    assert len(keys) == len(set(keys)) == killed.before + 8


@pytest.mark.fault("an engine outgrows its container", "a warning names it, with what to raise")
def test_an_engine_that_outgrows_its_container_is_named(killed: Killed) -> None:
    assert "an engine's processes hold" in killed.done.said
    assert "raise spark.executor.memoryOverhead" in killed.done.said


def containers_of_executors(yarn: Yarn) -> list[str]:
    """The containers that run now, those of application masters left out."""
    found = set()
    for process in processes_of_containers(yarn.configuration.parent):
        try:
            found.add(process.environ().get("CONTAINER_ID", ""))
        except psutil.Error:
            continue
    return sorted(name for name in found if name and not name.endswith("_000001"))


def gpu_options(host: Path) -> tuple[str, ...]:
    own = {
        "spark.executor.resource.gpu.amount": "1",
        "spark.executor.resource.gpu.discoveryScript": "./discover_gpus.sh",
        "spark.task.resource.gpu.amount": "0.5",
        "spark.executorEnv.PATH": f"{host}:{os.environ['PATH']}",
        "spark.executorEnv.MIND_GPU_CLAIMS": str(host / "claims"),
        "spark.executorEnv.MIND_GPUS_PER_EXECUTOR": "1",
    }
    return tuple(set_all({"spark.generate": own}))


# --- What is wrong with a cluster ------------------------------------------------------------


@pytest.mark.fault("YARN's nodes have the wrong Java", "the job says so and ends")
def test_the_wrong_java_on_the_nodes_is_said_with_the_setting_that_names_another(
    cluster: Cluster, tmp_path: Path
) -> None:
    java = tmp_path / "jdk8" / "bin" / "java"
    java.parent.mkdir(parents=True)
    said = "java.lang.UnsupportedClassVersionError: org/apache/spark/deploy/yarn/ExecutorLauncher"
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    java.chmod(0o755)

    home = ("--set", f"submit.java_home={tmp_path / 'jdk8'}")
    done = cluster.run("generate", *ASKED, *home, root=tmp_path / "warehouse")

    assert done.code == 1
    assert "expected 17 or later" in done.said
    assert "submit.java_home" in done.said


@pytest.mark.fault("a node's executors find no GPU", "the job says why and ends")
def test_executors_without_a_free_gpu_end_the_job_with_the_words_of_the_script(
    cluster: Cluster, tmp_path: Path
) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nexit 9\n")
    script.chmod(0o755)
    impatient = {"spark.generate": {"spark.executor.maxNumFailures": "2"}}

    done = cluster.run(
        "generate", *ASKED, *gpu_options(tmp_path), *set_all(impatient), root=tmp_path / "warehouse"
    )

    assert done.code == 1
    assert "an executor found no GPU: nvidia-smi fails" in done.said
