"""The Spark session: opened in one place; one that is already there is used untouched."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from spark_jobs.core.settings import CONF, PROJECT, Settings
from spark_jobs.core.versions import (
    DELTA_VERSION,
    find_version_problems,
    line_of,
    package_version,
    read_versions,
)
from udfs.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DELTA_PROPERTIES = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # The names live in the session: no metastore is touched, none is shared.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
}
GATEWAY = "PYSPARK_GATEWAY_PORT"  # set for a Python that spark-submit's JVM has started
DATABRICKS = "DATABRICKS_RUNTIME_VERSION"  # set on each of their machines
DRIVER = "spark_jobs/driver.py"


def find_session() -> "SparkSession | None":
    """The session that was there before the job, to be left as it is; None if there is none.

    Raises UsageError for one without a JVM to speak to, as Spark Connect's.
    """
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession()
    if spark is None and DATABRICKS in os.environ:
        # Theirs, whatever it is called in this process: they replace the builder.
        spark = SparkSession.builder.getOrCreate()
    if spark is not None and not hasattr(spark, "_jsc"):
        raise UsageError(
            "this session is Spark Connect's, which has no JVM that the jobs could speak to: "
            "expected a cluster that is dedicated to one user (data_security_mode: SINGLE_USER)"
        )
    return spark


def open_session(settings: Settings, job: str) -> "SparkSession":
    """The session of a job: one that is there as it is, or a new one with the target's properties.

    spark-submit has a JVM with all its properties before Python begins.
    """
    from pyspark.sql import SparkSession

    found = find_session()
    if found is not None:
        return found
    if GATEWAY in os.environ:
        return SparkSession.builder.getOrCreate()
    properties = session_properties(settings, job)
    check_versions(properties)
    prepare_environment()
    builder = SparkSession.builder.appName(f"mind-{job}")
    for name, value in properties.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def stop_on_interrupt(spark: "SparkSession") -> None:
    """Make Ctrl-C end the JVM of a session of ours first, then raise KeyboardInterrupt.

    PySpark's own handler calls the JVM in the middle of another call to it and can hang for ever.
    With the JVM gone, what is being written is left uncommitted, every further call fails at
    once, and the engine's supervisor sees that nobody needs it any more.
    """
    context = spark.sparkContext
    jvm = find_jvm(context)
    # A JVM that ends, by this or by itself, hangs up on it, which it would print as an error. No
    # job has accumulators.
    context._accumulatorServer.handle_error = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001

    def interrupt(*_: object) -> None:
        if jvm is not None:
            jvm.terminate()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def find_jvm(context: Any) -> Any:
    """The process of the session's JVM, if it is our child or, by spark-submit, our parent."""
    if GATEWAY in os.environ:
        return psutil.Process(os.getppid())
    return getattr(context._gateway, "proc", None)  # noqa: SLF001 - the only way to it


@contextmanager
def on_interrupt(first: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C do something else; the second does what it did before.

    Elsewhere than in the main thread, as in some notebooks, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        first()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def with_properties(spark: "SparkSession", wanted: Mapping[str, str]) -> Iterator[None]:
    """Have those Spark properties that a running session can change; afterwards as before.

    In a session of ours they are as wanted already. In one that was there before, the others are
    what its cluster was started with.
    """
    # Not by asking for one: a default would come back as if somebody had set it.
    own = spark.conf.getAll
    before = {name: own.get(name) for name in wanted if can_change(spark, name)}
    changed = {name: value for name, value in before.items() if value != wanted[name]}
    for name in changed:
        spark.conf.set(name, wanted[name])
    try:
        yield
    finally:
        # The session may be gone, and its settings with it.
        with suppress(Exception):
            for name, value in changed.items():
                spark.conf.unset(name) if value is None else spark.conf.set(name, value)


def can_change(spark: "SparkSession", name: str) -> bool:
    """Whether a running session takes another value; Delta makes its properties known late."""
    return name.startswith("spark.databricks.") or spark.conf.isModifiable(name)


def session_properties(settings: Settings, job: str) -> dict[str, str]:
    """All Spark properties of a job, those of Delta first."""
    return {
        **DELTA_PROPERTIES,
        **delta_jars(package_version("pyspark")),
        "spark.sql.warehouse.dir": settings.tables.root,
        "spark.driver.extraJavaOptions": logging_options(),
        **settings.spark_properties(job),
    }


def logging_options() -> str:
    """Java's options for a JVM that says nothing unless --verbose wants it."""
    level = "warn" if logging.getLogger().isEnabledFor(logging.INFO) else "off"
    return f"-Dlog4j2.configurationFile={CONF / 'log4j2.properties'} -Dmind.log.level={level}"


def check_versions(properties: Mapping[str, str]) -> None:
    """Raise UsageError for Spark, Delta and Python that are known not to go together."""
    jars = properties.get("spark.jars", "").split(",")
    problems = list(find_version_problems(read_versions(jars)))
    if problems:
        raise UsageError("\n".join(problems))


def delta_jars(spark: str) -> dict[str, str]:
    """Where Delta's JVM part for a version of Spark comes from: a folder of jars, or its name."""
    folder = os.environ.get("DELTA_JARS_DIR")
    if not folder:
        package = f"io.delta:delta-spark_{line_of(spark)}_2.13:{DELTA_VERSION}"
        return {"spark.jars.packages": package}
    jars = sorted(Path(folder).glob("*.jar"))
    if not jars:
        raise UsageError(f"DELTA_JARS_DIR is {folder}, which holds no .jar file")
    return {"spark.jars": ",".join(map(str, jars))}


def prepare_environment() -> None:
    """What the JVM and its Python workers must find in the environment."""
    # Workers must run the driver's Python, and find both packages wherever the job was started.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    path = os.environ.get("PYTHONPATH", "")
    if str(PROJECT) not in path.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), path]))
