"""The whole pipeline on Spark's own cluster: a master and two workers with a GPU each, by what a
discovery script says.
"""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyspark
import pytest

from tests.cluster.conftest import wait_until
from tests.cluster.submitting import (
    ASKED,
    PAGES,
    SMALL,
    Cluster,
    Done,
    Tables,
    finish,
    gpus_of_engines,
    own_environment,
    set_all,
)

pytestmark = [pytest.mark.spark, pytest.mark.engine, pytest.mark.timeout(2400)]

SPARK = Path(pyspark.__file__).parent
START_SECONDS = 60
ONE_GPU = {
    "spark.generate": {
        "spark.executor.resource.gpu.amount": "1",
        "spark.task.resource.gpu.amount": "0.5",
        "spark.executor.cores": "2",
    }
}


@contextmanager
def daemon(folder: Path, *words: str) -> Iterator[Path]:
    """A master or worker while the block lasts; gives its log."""
    log = folder / f"{words[0].rpartition('.')[2]}-{len(list(folder.iterdir()))}.log"
    settings = {"SPARK_HOME": str(SPARK), "SPARK_LOCAL_IP": "127.0.0.1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(SPARK / "bin" / "spark-class"), *words],
            cwd=folder,
            env={**own_environment(), **settings, "SPARK_DAEMON_MEMORY": "256m"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield log
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def expect(log: Path, words: str) -> "re.Match[str]":
    """Wait until a log says so."""
    found = None

    def look() -> bool:
        nonlocal found
        found = re.search(words, log.read_text(encoding="utf-8", errors="replace"))
        return found is not None

    assert wait_until(look, START_SECONDS), log.read_text(encoding="utf-8", errors="replace")
    assert found is not None
    return found


@contextmanager
def standalone(folder: Path, gpus: list[str]) -> Iterator[str]:
    """A master and one worker for each GPU address, empty for a worker without; its URL."""
    with ExitStack() as stack:
        deploy = "org.apache.spark.deploy"
        ports = ("--host", "127.0.0.1", "--port", str(free_port()), "--webui-port", "0")
        log = stack.enter_context(daemon(folder, f"{deploy}.master.Master", *ports))
        url = expect(log, r"Starting Spark master at (spark://\S+)")[1]
        for number, gpu in enumerate(gpus):
            words = ("--cores", "2", "--memory", "2g", "--webui-port", "0", url)
            place = ("--work-dir", str(folder / f"work{number}"))
            resources = gpu_properties(folder, gpu)
            worker = daemon(folder, f"{deploy}.worker.Worker", *place, *resources, *words)
            expect(stack.enter_context(worker), "Successfully registered with master")
        yield url


def gpu_properties(folder: Path, gpu: str) -> tuple[str, ...]:
    """Options of a worker that finds one GPU, by a script that knows its address."""
    if not gpu:
        return ()
    script = folder / f"discover_{gpu}.sh"
    answer = json.dumps({"name": "gpu", "addresses": [gpu]})
    script.write_text(f"#!/bin/sh\necho '{answer}'\n")
    script.chmod(0o755)
    properties = folder / f"worker_{gpu}.conf"
    properties.write_text(
        f"spark.worker.resource.gpu.amount 1\nspark.worker.resource.gpu.discoveryScript {script}\n"
    )
    return ("--properties-file", str(properties))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_cluster(url: str, models: Path, engine_directory: str) -> Cluster:
    place = {"spark.all": {"spark.driver.host": "127.0.0.1", "spark.cores.max": "4"}}
    options = ("--master", url, *set_all(SMALL, place, ONE_GPU))
    return Cluster("standalone", models, engine_directory, options)


@pytest.fixture(scope="module")
def made(
    spark: Any,
    embedded_model: Path,
    engine_directory: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Tables, Done, set[str]]:
    """The pipeline on two workers: its tables, its end, and the GPUs that engines were seen on."""
    root = tmp_path_factory.mktemp("standalone") / "warehouse"
    gpus: set[str] = set()
    with standalone(tmp_path_factory.mktemp("daemons"), ["3", "5"]) as url:
        cluster = make_cluster(url, embedded_model.parent, engine_directory)
        process = cluster.start("pipeline", *PAGES, *ASKED, root=root)

        def look() -> bool:
            gpus.update(gpus_of_engines(Path(engine_directory)))
            return len(gpus) == 2 or process.poll() is not None

        wait_until(look, 400)
        done = finish(process)
    return Tables(spark, root), done, gpus


def test_the_sample_goes_through_all_layers_with_the_keys_of_a_laptop(
    made: tuple[Tables, Done, set[str]], keys_of_a_laptop: dict[str, set[str]]
) -> None:
    tables, done, _ = made

    assert done.code == 0, done.said
    assert tables.keys() == keys_of_a_laptop


def test_each_executor_has_an_engine_on_the_gpu_of_its_worker(
    made: tuple[Tables, Done, set[str]],
) -> None:
    assert made[2] == {"3", "5"}


@pytest.mark.fault("no worker has a free GPU", "the job says so, no engine is started")
def test_a_cluster_without_gpus_ends_the_job_with_the_reason(
    embedded_model: Path, engine_directory: str, tmp_path: Path
) -> None:
    (tmp_path / "daemons").mkdir()
    with standalone(tmp_path / "daemons", [""]) as url:
        cluster = make_cluster(url, embedded_model.parent, engine_directory)
        impatient = ("--set", "submit.executor_timeout=10")
        done = cluster.run("generate", *ASKED, *impatient, root=tmp_path / "warehouse")

    assert done.code == 1
    assert "no executor came within 10 s" in done.said
    assert "no free GPU" in done.said
    assert gpus_of_engines(Path(engine_directory)) == set()
