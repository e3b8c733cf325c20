"""What would fail on a cluster, found before anything is submitted."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from spark_jobs.core.settings import CONF, NO_PATHS, PATHS, URL
from spark_jobs.core.submission import DISCOVERY, GPUS, OURS, Submission
from spark_jobs.core.versions import Versions, find_jar_problems

# Executors read or write them: of all jobs, and what one job has besides.
OF_ALL_JOBS = ("tables.root", "generate.spool")
OF_A_JOB = {"ingest": "ingest.input", "pipeline": "ingest.input", "export": "export.output"}
SHARED = (*OF_ALL_JOBS, *OF_A_JOB.values())
OF_HOSTS = ("engine.directory", "engine.python", "engine.weights", "engine.weights_directory")
OF_CLIENT = ("submit.spark_home", "submit.archive")
SHOWN_HERE = ("sql", "doctor")  # what they print is for the person who waits


def find_problems(submission: Submission, environment: Mapping[str, str]) -> list[str]:
    """Why a job cannot be submitted as it is, one line each; empty if nothing speaks against it."""
    properties = submission.properties
    return [
        *find_unreachable(submission),
        *find_wrong_mode(submission, properties),
        *find_missing_gpus(properties, submission.files()),
        *find_no_cluster(properties, environment),
        *find_wrong_spark(submission, properties),
    ]


def find_wrong_spark(submission: Submission, properties: Mapping[str, str]) -> Iterator[str]:
    """A folder that holds no Spark, or Delta's jars for another one."""
    spark = submission.spark_version
    if spark:
        jars = tuple(properties.get("spark.jars", "").split(","))
        yield from find_jar_problems(Versions(spark, "", "", jars))
    else:
        yield (
            f"submit.spark_home is {submission.settings.submit.spark_home}, which has no "
            "jars/spark-core_2.13-VERSION.jar: expected the folder of a Spark 4"
        )


def find_unreachable(submission: Submission) -> Iterator[str]:
    """Settings that hold a path of this machine where another one will look for it."""
    settings = submission.settings.model_dump()
    wanted = (*OF_ALL_JOBS, OF_A_JOB.get(submission.job))
    for name in PATHS:
        section, _, key = name.partition(".")
        value = settings[section].get(key, "")
        if value in NO_PATHS or URL.match(value) or name in (*OF_HOSTS, *OF_CLIENT):
            continue
        if name == "tables.root" and submission.settings.tables.catalog:
            continue
        if section == "report" and submission.job != "report":
            continue
        by_driver = submission.in_cluster_mode and not Path(value).is_relative_to(CONF)
        if name in wanted or (by_driver and name not in SHARED):
            yield (
                f"{name} is {value}, a path of this machine: expected a URL that all hosts of the "
                f"cluster know, such as hdfs:///{key} or, on a disk that they share, file://{value}"
            )


def find_wrong_mode(submission: Submission, properties: Mapping[str, str]) -> Iterator[str]:
    """A mode that the cluster or the job cannot have."""
    if not submission.in_cluster_mode:
        return
    if properties.get("spark.master", "").startswith("spark://"):
        yield "Spark's own cluster has no cluster mode for Python: expected --deploy-mode client"
    if submission.job in SHOWN_HERE:
        yield (
            f"{submission.job} prints what you asked for, in cluster mode into a log of some "
            "container: expected --deploy-mode client"
        )


def find_missing_gpus(properties: Mapping[str, str], files: list[Path]) -> Iterator[str]:
    """GPUs that are asked for, but that nobody would find."""
    if properties.get("spark.master") != "yarn" or properties.get(GPUS, "0") == "0":
        return
    script = properties.get(DISCOVERY, "")
    given = filter(None, properties.get("spark.yarn.dist.files", "").split(","))
    sent = {Path(name).name for name in (*map(str, files), *given)}
    if not script.startswith("/") and Path(script).name not in sent:
        yield (
            f"{DISCOVERY} is {script}, which no file that goes to the executors is called: "
            f"expected {OURS}, which goes with the job, a path on the nodes, or your script's in "
            "spark.yarn.dist.files"
        )


def find_no_cluster(properties: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[str]:
    """No cluster to go to."""
    master = properties.get("spark.master", "")
    if master == "yarn":
        yield from find_no_hadoop(environment)
    elif not master.startswith("spark://"):
        yield f"spark.master is {master!r}: expected --master spark://HOST:7077"


def find_no_hadoop(environment: Mapping[str, str]) -> Iterator[str]:
    """No files of Hadoop's that say where YARN is."""
    folders = [environment.get(name, "") for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR")]
    if not any(folders):
        yield (
            "HADOOP_CONF_DIR is not set: expected the folder with the cluster's core-site.xml and "
            "yarn-site.xml, on most machines /etc/hadoop/conf"
        )
    elif not any(Path(folder, "yarn-site.xml").is_file() for folder in folders if folder):
        yield (
            f"HADOOP_CONF_DIR is {folders[0] or folders[1]}, which has no yarn-site.xml: expected "
            "the folder with the cluster's core-site.xml and yarn-site.xml"
        )
