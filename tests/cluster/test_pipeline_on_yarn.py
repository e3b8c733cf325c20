"""The whole pipeline on YARN, by the command that a person types: with the driver here, with the
driver in a container, with a container that is killed, and with what goes wrong on clusters.
"""

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

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(900)]

NODE_MEGABYTES = 4096
CLUSTER_MODE = ("--deploy-mode", "cluster")
Made = tuple[Tables, Done]


@pytest.fixture(scope="module")
def cluster(yarn: Yarn, embedded_model: Path, engine_directory: str) -> Cluster:
    staging = yarn.configuration.parent / "staging"
    own = {"spark.yarn.jars": our_jars(), "spark.yarn.stagingDir": staging.as_uri()}
    return Cluster(
        target="yarn",
        options=(
            *set_all(SMALL, {"spark.all": own}),
            *("--set", f"engine.directory={engine_directory}"),
        ),
        environment={
            "HADOOP_CONF_DIR": str(yarn.configuration),
            "MIND_MODELS_DIR": str(embedded_model.parent),
        },
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
    commits = [
        {r["versions"] for r in t.rows("ops.runs", "versions")}
        for t, _ in (driver_here, driver_there)
    ]

    assert commits[0] == commits[1]
    assert all('"commit": ""' not in version for version in commits[0])


def test_rules_are_functions_of_spark_sql_there_too(cluster: Cluster, driver_here: Made) -> None:
    tables, _ = driver_here
    query = "select count(mind_check(text, null, style).accepted) n from synthetic.dialogues"

    done = cluster.run("sql", "--json", query, root=tables.root)

    assert (done.code, done.results) == (0, [{"n": 4}]), done.said


@pytest.mark.fault("YARN kills an executor in the middle of `generate`", "every row comes once")
def test_a_container_killed_in_the_middle_loses_and_doubles_nothing(
    cluster: Cluster, yarn: Yarn, driver_here: Made
) -> None:
    tables, _ = driver_here
    before = len(tables.rows("synthetic.attempts", "gen_key"))
    more = ("--styles", "interview,teacher_student,problem_solving,layman_knowall")
    spool = tables.root / "_spool"

    process = cluster.start("generate", *ASKED, *more, root=tables.root)
    assert wait_until(lambda: any(spool.rglob("*.arrow")) or process.poll() is not None, 300)
    victim = containers_of_executors(yarn)[0]
    yarn.kill(victim)
    done = finish(process)

    keys = [row["gen_key"] for row in tables.rows("synthetic.attempts", "gen_key")]
    assert done.code == 0, done.said
    assert len(keys) == len(set(keys)) == before + 8


def containers_of_executors(yarn: Yarn) -> list[str]:
    """The containers that run now, those of application masters left out."""
    found = set()
    for process in processes_of_containers(yarn.configuration.parent):
        try:
            found.add(process.environ().get("CONTAINER_ID", ""))
        except psutil.Error:
            continue
    return sorted(name for name in found if name and not name.endswith("_000001"))
