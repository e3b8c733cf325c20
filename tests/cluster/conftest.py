"""A real YARN of two node managers on this machine, and how a program is submitted to it."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import psutil
import pyspark
import pytest

from spark_jobs.core.packaging import build_package
from tests.cluster.submitting import ASKED, PAGES, Cluster, Tables, own_environment
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
POM = HERE / "pom.xml"
JARS = PROJECT / ".cache" / "yarn-jars"
PYSPARK = Path(pyspark.__file__).parent
POLL_SECONDS = 0.2
START_SECONDS = 180  # of an application, on a machine that has other things to do
STOP_SECONDS = 60

SPARK_ON_YARN = {
    "spark.submit.deployMode": "client",
    # All containers are on this machine, and nobody else may knock.
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    # pyspark's jars lie on every node: nothing to upload.
    "spark.yarn.jars": f"local:{PYSPARK}/jars/*",
    "spark.yarn.maxAppAttempts": "1",
    "spark.yarn.scheduler.heartbeat.interval-ms": "500",
    # MiniYarn.java has room for this, and for one such executor per node.
    "spark.yarn.am.memory": "256m",
    "spark.yarn.am.memoryOverhead": "256m",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.executor.memoryOverhead": "512m",
    "spark.executor.instances": "2",
    # Two tasks at once, which find or start the engine of their container together.
    "spark.executor.cores": "2",
    # No task starts before both executors are there, so that each gets its two.
    "spark.scheduler.minRegisteredResourcesRatio": "1",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{START_SECONDS}s",
}


@dataclass(frozen=True)
class Report:
    """What a task of program.py says of itself."""

    partition: int
    container: str
    node: str
    executor: int
    socket: str
    status: str


@dataclass(frozen=True)
class Yarn:
    """A running YARN: `configuration` is what HADOOP_CONF_DIR must name."""

    process: "subprocess.Popen[str]"
    configuration: Path
    log: Path

    def kill(self, container: str) -> None:
        """Have the node manager of a container send it SIGKILL."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"kill {container}\n")
        self.process.stdin.flush()
        self.expect("asked")

    def expect(self, word: str) -> None:
        """Read one line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if line != word:
            pytest.fail(
                f"MiniYarn.java, which needs a JDK of version 17 or later, said {line!r} instead "
                f"of {word!r}; the end of its log:\n{read_end(self.log)}"
            )


class Application:
    """A submitted program.py; its tasks wait until they are let go."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self.folder = folder

    def reports(self) -> list[Report]:
        """What the tasks have said so far, those of killed executors included."""
        files = sorted((self.folder / "reports").glob("*.json"))
        return [Report(**json.loads(file.read_text(encoding="utf-8"))) for file in files]

    def wait_for_reports(self, count: int) -> list[Report]:
        """What the tasks say as soon as so many have spoken."""
        done = wait_until(
            lambda: len(self.reports()) >= count or self.process.poll() is not None, START_SECONDS
        )
        if not done or len(self.reports()) < count:
            self.fail(f"{len(self.reports())} tasks reported, expected {count}")
        return self.reports()

    def let_go(self) -> None:
        """Let the tasks end."""
        (self.folder / "go").touch()

    def wait_for_rows(self) -> list[int]:
        """The rows of the job, after the application's end."""
        wait_until(lambda: self.process.poll() is not None, START_SECONDS)
        if self.process.returncode != 0:
            self.fail(
                f"spark-submit's exit code is {self.process.returncode} (None: it still runs)"
            )
        return list(json.loads((self.folder / "rows.json").read_text(encoding="utf-8")))

    def fail(self, reason: str) -> NoReturn:
        """Fail with what spark-submit said last."""
        pytest.fail(f"{reason}; the end of its log:\n{read_end(self.folder / 'spark.log')}")


@pytest.fixture(scope="session")
def yarn_jars() -> Path:
    """The jars of MiniYarn.java; fetched by Maven where they are missing or others."""
    stamp = hashlib.sha256(POM.read_bytes()).hexdigest()
    JARS.parent.mkdir(exist_ok=True)
    # Other tests run at the same time.
    with JARS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (JARS / stamp).is_file():
            fetch_jars(stamp)
    return JARS


def fetch_jars(stamp: str) -> None:
    """Fetch the jars beside their place, so that there are never only some of them."""
    if shutil.which("mvn") is None:
        pytest.fail("there is no mvn, which fetches the jars of tests/cluster: install Maven")
    with tempfile.TemporaryDirectory(dir=JARS.parent, prefix="new-yarn-jars-") as folder:
        new = Path(folder) / "jars"
        command = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(POM)]
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={new}"]
        done = subprocess.run(
            [*command, *copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode != 0:
            pytest.fail(f"Maven could not fetch tests/cluster/pom.xml:\n{done.stdout.decode()}")
        (new / stamp).touch()
        shutil.rmtree(JARS, ignore_errors=True)
        new.rename(JARS)


@pytest.fixture(scope="module")
def yarn(
    request: pytest.FixtureRequest, yarn_jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yarn]:
    """A YARN of the module's own; its nodes have NODE_MEGABYTES of memory each."""
    folder = tmp_path_factory.mktemp("yarn")
    log = folder / "yarn.log"
    (folder / "conf").mkdir()
    words = ("MiniYarn.java", str(folder / "conf"), str(request.module.NODE_MEGABYTES))
    with (
        log.open("w", encoding="utf-8") as errors,
        start_java(yarn_jars, folder, errors, *words) as java,
    ):
        cluster = Yarn(java, folder / "conf", log)
        try:
            cluster.expect("ready")
            yield cluster
        finally:
            end_java(java)
            end_processes(processes_of_containers(folder), grace=5)


def start_java(
    jars: Path, folder: Path, log: TextIO, program: str, *arguments: str
) -> "subprocess.Popen[str]":
    """Start one of the Java programs beside this file in a folder of its own."""
    # Spark's own rule: JAVA_HOME, when set, and no other.
    home = os.environ.get("JAVA_HOME")
    java = [f"{home}/bin/java" if home else "java", "-Xmx384m", "-XX:+UseSerialGC"]
    return subprocess.Popen(
        [*java, "-cp", f"{jars}/*", str(HERE / program), *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def end_java(java: "subprocess.Popen[str]") -> None:
    """Ask a program to end by hanging up; insist if it does not."""
    assert java.stdin is not None
    try:
        java.stdin.close()
        java.wait(STOP_SECONDS)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        java.kill()


@pytest.fixture(scope="session")
def engine_directory() -> Iterator[str]:
    """Where engines live; its path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mind-", ignore_cleanup_errors=True) as directory:
        yield directory


@pytest.fixture(scope="session")
def keys_of_a_laptop(
    spark: Any,
    embedded_model: Path,
    engine_directory: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, set[str]]:
    """The keys that the same pipeline gives without any cluster."""
    root = tmp_path_factory.mktemp("laptop") / "warehouse"
    laptop = Cluster("local", embedded_model.parent, engine_directory)
    done = laptop.run("pipeline", *PAGES, *ASKED, root=root)
    assert done.code == 0, done.said
    return Tables(spark, root).keys()


@dataclass(frozen=True)
class Hdfs:
    """A running HDFS: its address for fsspec, and for Hadoop."""

    web: str
    root: str


@pytest.fixture(scope="module")
def hdfs(yarn_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """An HDFS of the module's own."""
    folder = tmp_path_factory.mktemp("hdfs")
    log = folder / "hdfs.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        start_java(yarn_jars, folder, errors, "MiniHdfs.java", str(folder / "data")) as java,
    ):
        assert java.stdout is not None
        said = java.stdout.readline().strip()
        ports = said.split()
        if len(ports) != 2:
            pytest.fail(f"MiniHdfs.java said {said!r}; the end of its log:\n{read_end(log)}")
        try:
            yield Hdfs(f"webhdfs://127.0.0.1:{ports[0]}", f"hdfs://127.0.0.1:{ports[1]}")
        finally:
            end_java(java)


def processes_of_containers(folder: Path) -> list[psutil.Process]:
    """All processes of containers that work below a folder, their engines included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LOCAL_DIRS", "").startswith(str(folder)):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@contextmanager
def submit(yarn: Yarn, plan: EnginePlan, folder: Path) -> Iterator[Application]:
    """Submit program.py with a plan, as a person would: the package goes with it as a .zip."""
    (folder / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    (folder / "reports").mkdir()
    settings = {**SPARK_ON_YARN, "spark.yarn.stagingDir": (folder / "staging").as_uri()}
    command = [
        str(PYSPARK / "bin" / "spark-submit"),
        *("--master", "yarn", "--py-files", str(build_package(folder).zip)),
        *(part for item in settings.items() for part in ("--conf", "=".join(item))),
        *(str(HERE / "program.py"), str(folder)),
    ]
    with (
        (folder / "spark.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment(yarn), stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield Application(process, folder)
        finally:
            # The script became the JVM; Python is its child, and ends with it.
            process.terminate()
            if not wait_until(lambda: process.poll() is not None, STOP_SECONDS):
                process.kill()


def environment(yarn: Yarn) -> dict[str, str]:
    """What spark-submit needs to know, and nothing of what a person has set for their own."""
    return {
        **own_environment(),
        "SPARK_HOME": str(PYSPARK),
        "HADOOP_CONF_DIR": str(yarn.configuration),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def read_end(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-60:])
