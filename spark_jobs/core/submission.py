"""The command that takes a job to a cluster: spark-submit's, worked out from the settings.

Pure: what stands in the settings, the environment and the package's files decides it, so that
`--dry-run` shows exactly what would be run. spark_jobs/core/launch.py runs it.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from spark_jobs.core.engine import EMBEDDED_TOKENIZER, find_embedded, make_plan, models_folder
from spark_jobs.core.packaging import Package
from spark_jobs.core.runs import current_commit
from spark_jobs.core.session import DELTA_PROPERTIES, delta_jars, logging_options
from spark_jobs.core.settings import CONF, EMBEDDED, PROJECT, Engine, Settings, Submit

# spark-submit's own words for what are properties, too: a person looks for these first.
FLAGS = {"spark.master": "--master", "spark.submit.deployMode": "--deploy-mode"}
ENVIRONMENT = "environment"  # what a packed environment is called beside an executor
DISCOVERY = "spark.executor.resource.gpu.discoveryScript"
OURS = "./discover_gpus.sh"
GPUS = "spark.executor.resource.gpu.amount"
TASK_GPUS = "spark.task.resource.gpu.amount"
REDACTED = "(?i)secret|password|token|access[.]?key"  # Spark's own; ours are added


@dataclass(frozen=True)
class Submission:
    """One job on its way to a cluster.

    `arguments` are those of the driver: target, job, and the settings that differ from the files.
    """

    settings: Settings
    target: str
    job: str
    arguments: tuple[str, ...]
    package: Package

    @cached_property
    def properties(self) -> dict[str, str]:
        """All of the job's Spark properties: Delta's, ours, then the target's and the user's."""
        given = self.settings.spark_properties(self.job)
        return {
            **DELTA_PROPERTIES,
            **({} if has_delta(self.settings.submit) else delta_jars(self.spark_version)),
            "spark.sql.warehouse.dir": self.settings.tables.root,
            **self.driver_properties(given),
            **python_properties(self.settings.submit, given),
            **(gpu_properties(self.settings.engine, given) if self.starts_engine else {}),
            **given,
        }

    @cached_property
    def spark_version(self) -> str:
        """The version of the Spark that is submitted by, as its jars say; empty where none does."""
        jars = (spark_home(self.settings.submit) / "jars").glob("spark-core_2.13-*.jar")
        return next((jar.stem.removeprefix("spark-core_2.13-") for jar in jars), "")

    @property
    def starts_engine(self) -> bool:
        """Whether the job's tasks ask an engine."""
        pilot = self.job == "estimate" and self.settings.estimate.pilot > 0
        return pilot or self.job in {"generate", "pipeline"}

    @property
    def in_cluster_mode(self) -> bool:
        """Whether the driver runs in the cluster as well."""
        return self.settings.spark_properties(self.job).get("spark.submit.deployMode") == "cluster"

    def driver_properties(self, given: Mapping[str, str]) -> dict[str, str]:
        """What a driver on this machine, or one in a container, must be told."""
        if not self.in_cluster_mode:
            return {"spark.driver.extraJavaOptions": logging_options()}
        if given.get("spark.master") != "yarn":
            return {}
        return {
            "spark.yarn.appMasterEnv.MIND_COMMIT": current_commit(),
            "spark.yarn.appMasterEnv.MIND_MODELS_DIR": str(models_folder()),
        }

    def files(self) -> list[Path]:
        """Files that Spark puts beside each executor, and beside a driver in a container."""
        files = []
        if self.properties.get(DISCOVERY) == OURS:
            files.append(CONF / "discover_gpus.sh")
        if self.in_cluster_mode and self.settings.chunk.tokenizer == EMBEDDED:
            files.append(find_embedded(EMBEDDED_TOKENIZER))
        return files

    def secrets(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Properties that hand keys to the executors; they go by a file, never by the command."""
        key = self.settings.engine.api_key_env
        names = [name for name in ("HF_TOKEN", key) if name and name in environment]
        places = ["spark.executorEnv"]
        if self.in_cluster_mode:
            places.append("spark.yarn.appMasterEnv")
        found = {f"{place}.{name}": environment[name] for place in places for name in names}
        return found and {**found, "spark.redaction.regex": "|".join([REDACTED, *names])}

    def command(self) -> list[str]:
        """spark-submit's argument vector."""
        submit = self.settings.submit
        files = ",".join(map(str, self.files()))
        archives = f"{submit.archive}#{ENVIRONMENT}" if submit.archive else ""
        return [
            str(spark_home(submit) / "bin" / "spark-submit"),
            *("--name", f"mind-{self.job}"),
            *flags(self.properties),
            *("--py-files", str(self.package.zip)),
            *(("--files", files) if files else ()),
            *(("--archives", archives) if archives else ()),
            str(PROJECT / "spark_jobs" / "driver.py"),
            *(self.target, self.job, *self.arguments),
        ]


def flags(properties: Mapping[str, str]) -> Iterator[str]:
    """Properties as spark-submit takes them, its own words first, the rest in order of name."""
    for name, flag in FLAGS.items():
        if name in properties:
            yield from (flag, properties[name])
    for name in sorted(properties.keys() - FLAGS.keys()):
        yield from ("--conf", f"{name}={properties[name]}")


def spark_home(submit: Submit) -> Path:
    """The folder of the Spark whose spark-submit is used: the cluster's own, or our package."""
    if submit.spark_home:
        return Path(submit.spark_home)
    import pyspark

    return Path(pyspark.__file__).parent


def has_delta(submit: Submit) -> bool:
    """Whether the cluster's own Spark has Delta among its jars, as a platform's may."""
    home = submit.spark_home
    return bool(home) and any(Path(home, "jars").glob("delta-spark_*.jar"))


def python_properties(submit: Submit, given: Mapping[str, str]) -> dict[str, str]:
    """Which Python runs on executors, and where the container for it comes from.

    In client mode the driver is this Python, whatever the executors have.
    """
    python = submit.python or (f"./{ENVIRONMENT}/bin/python" if submit.archive else "python3")
    properties = {"spark.pyspark.python": python}
    if given.get("spark.submit.deployMode") != "cluster":
        properties["spark.pyspark.driver.python"] = sys.executable
    if given.get("spark.master") != "yarn":
        return properties
    variables = {
        "JAVA_HOME": submit.java_home,
        "YARN_CONTAINER_RUNTIME_TYPE": "docker" if submit.image else "",
        "YARN_CONTAINER_RUNTIME_DOCKER_IMAGE": submit.image,
    }
    for name, value in variables.items():
        if value:
            properties[f"spark.executorEnv.{name}"] = value
            properties[f"spark.yarn.appMasterEnv.{name}"] = value
    return properties


def gpu_properties(engine: Engine, given: Mapping[str, str]) -> dict[str, str]:
    """The GPUs of an executor: those of one engine, shared by as many tasks as it has cores.

    None for an engine that needs none. YARN tells nobody which GPUs are theirs, so that each
    executor runs our discovery script; a standalone cluster's workers have run it before.
    """
    if not make_plan(engine).takes_gpus or given.get(GPUS) == "0":
        return {}
    gpus = int(given.get(GPUS, engine.tensor_parallel_size))
    share = gpus / int(given.get("spark.executor.cores", "1"))
    properties = {GPUS: str(gpus), TASK_GPUS: f"{share if share < 1 else round(share):g}"}
    if given.get("spark.master") == "yarn":
        properties[DISCOVERY] = OURS
        properties["spark.executorEnv.MIND_GPUS_PER_EXECUTOR"] = str(gpus)
    return properties
