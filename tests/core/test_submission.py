"""Submissions: the command that takes a job to a cluster, worked out from the settings alone.

With MIND_SNAPSHOTS=new in the environment they write tests/data/submissions anew; look at what
changed before you commit it.
"""

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_jobs.__main__ import main
from spark_jobs.core.packaging import Package, build_package
from spark_jobs.core.preflight import find_problems
from spark_jobs.core.settings import JOBS, PROJECT, list_changes, load_settings
from spark_jobs.core.submission import Submission

SNAPSHOTS = Path(__file__).parents[1] / "data" / "submissions"
CLUSTERS = ("yarn", "standalone")
HADOOP = ("core-site.xml", "yarn-site.xml")
CLUSTER_MODE = "spark.all.spark.submit.deployMode=cluster"
MASTER = "spark.all.spark.master=spark://host:7077"
Submit = Callable[..., Submission]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def submit(package: Package) -> Submit:
    def make(target: str, job: str, *assignments: str, root: str = "hdfs:///mind") -> Submission:
        given = [f"tables.root={root}", *assignments]
        if target == "standalone":
            given = [MASTER, *given]
        changes = list_changes(target, [], given)
        arguments = tuple(part for text in changes for part in ("--set", text))
        settings = load_settings(target, assignments=given)
        return Submission(settings, target, job, arguments, package)

    return make


@pytest.fixture
def hadoop(tmp_path: Path) -> dict[str, str]:
    for name in HADOOP:
        (tmp_path / name).write_text("<configuration/>")
    return {"HADOOP_CONF_DIR": str(tmp_path)}


def normalise(command: str) -> str:
    """A command without what differs from one machine or version of the code to the next."""
    command = re.sub(r"[^ ,=]*/pyspark/bin", "SPARK_HOME/bin", command)
    command = re.sub(r"MIND_COMMIT=\S*", "MIND_COMMIT=COMMIT", command)
    command = re.sub(r"spark\.jars(\.packages)?=\S+", "spark.jars=DELTA", command)
    command = re.sub(r"[^ =]*/mind-on-spark-[0-9a-f]{12}\.zip", "PACKAGE.zip", command)
    # The models first: their folder may be the project's.
    places = {os.environ["MIND_MODELS_DIR"]: "MODELS", sys.executable: "PYTHON", PROJECT: "PROJECT"}
    for path, name in places.items():
        command = command.replace(str(path), name)
    return command


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("yarn-chunk", ["yarn", "chunk"]),
        ("yarn-generate", ["yarn", "generate", "--styles", "debate", "--queue", "gpu"]),
        ("yarn-generate-cluster", ["yarn", "generate", "--deploy-mode", "cluster"]),
        ("yarn-sql", ["yarn", "sql", "--json", "select 'a b'"]),
        ("standalone-generate", ["standalone", "generate", "--master", "spark://host:7077"]),
        ("standalone-ingest", ["standalone", "ingest", "--input", "hdfs:///pages"]),
    ],
)
def test_a_dry_run_prints_the_exact_command(
    name: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*words, "--root", "hdfs:///mind", "--dry-run"])

    printed = normalise(capsys.readouterr().out)
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("MIND_SNAPSHOTS") == "new":
        file.write_text(printed, encoding="utf-8")
    assert code == 0
    assert printed == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("target", CLUSTERS)
@pytest.mark.parametrize("job", JOBS)
def test_a_dry_run_of_any_job_on_any_cluster_is_well(
    target: str, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    query = ["select 1"] if job == "sql" else []

    assert main([target, job, "--root", "hdfs:///mind", "--dry-run", *query]) == 0
    assert capsys.readouterr().out


def test_the_printed_command_is_one_that_a_shell_understands(
    submit: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    where = "generate.where=url like '%.edu/$x%' and date > \"2023\""
    main(["yarn", "generate", "--root", "hdfs:///mind", "--set", where, "--dry-run"])

    printed = shlex.split(capsys.readouterr().out.replace("\\\n", " "))
    assert printed[-8:] == submit("yarn", "generate", where).command()[-8:]


def test_the_driver_is_given_what_the_user_changed_and_comes_to_the_same_settings(
    tmp_path: Path,
) -> None:
    overlay = tmp_path / "mine.toml"
    overlay.write_text('[generate.sampling]\ntemperature = 0.5\n[spark.all]\n"spark.x" = "a=b"\n')
    styles = 'generate.styles=["debate", "interview"]'
    given = [styles, "tables.root=tables", "chunk.max_tokens=500"]

    changes = list_changes("yarn", [overlay], given)

    assert changes == [
        "generate.sampling.temperature=0.5",
        styles,
        "spark.all.spark.x=a=b",
        f'tables.root="{Path.cwd() / "tables"}"',
    ]
    assert load_settings("yarn", [], changes) == load_settings("yarn", [overlay], given)


def test_an_engine_without_gpus_asks_for_none(submit: Submit) -> None:
    embedded = submit("yarn", "generate", "engine.recipe=llamacpp")
    endpoint = submit("yarn", "generate", "engine.recipe=endpoint", "engine.url=http://h/v1")

    assert not any("gpu" in name for s in (embedded, endpoint) for name in s.properties)


@pytest.mark.parametrize("job", ["ingest", "chunk", "filter", "maintain", "estimate", "sql"])
def test_jobs_that_ask_no_engine_ask_for_no_gpu(job: str, submit: Submit) -> None:
    assert not any("gpu" in name for name in submit("yarn", job).properties)


@pytest.mark.parametrize(
    ("size", "cores", "share"), [(1, 8, "0.125"), (2, 8, "0.25"), (4, 8, "0.5"), (8, 8, "1")]
)
def test_the_tasks_of_an_executor_share_the_gpus_of_its_engine(
    size: int, cores: int, share: str, submit: Submit
) -> None:
    properties = submit(
        "yarn",
        "generate",
        f"engine.tensor_parallel_size={size}",
        f"spark.generate.spark.executor.cores={cores}",
    ).properties

    assert properties["spark.executor.resource.gpu.amount"] == str(size)
    assert properties["spark.executorEnv.MIND_GPUS_PER_EXECUTOR"] == str(size)
    assert properties["spark.task.resource.gpu.amount"] == share


def test_a_packed_environment_goes_with_the_job_and_its_python_runs_the_executors(
    submit: Submit,
) -> None:
    submission = submit("yarn", "chunk", "submit.archive=hdfs:///env/cpu-1234.tar.gz")

    command = submission.command()
    assert command[command.index("--archives") + 1] == "hdfs:///env/cpu-1234.tar.gz#environment"
    assert submission.properties["spark.pyspark.python"] == "./environment/bin/python"


def test_an_image_and_a_java_are_told_to_executors_and_application_master(submit: Submit) -> None:
    properties = submit("yarn", "chunk", "submit.image=mind:1", "submit.java_home=/j17").properties

    for place in ("spark.executorEnv", "spark.yarn.appMasterEnv"):
        assert properties[f"{place}.JAVA_HOME"] == "/j17"
        assert properties[f"{place}.YARN_CONTAINER_RUNTIME_DOCKER_IMAGE"] == "mind:1"


def test_keys_never_stand_on_the_command(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret")
    submission = submit(
        "yarn",
        "generate",
        "engine.recipe=endpoint",
        "engine.url=http://h/v1",
        "engine.api_key_env=MY_KEY",
        CLUSTER_MODE,
    )

    secrets = submission.secrets({"MY_KEY": "s3cret", "HF_TOKEN": "hf", "OTHER": "x"})
    assert secrets.pop("spark.redaction.regex").endswith("|HF_TOKEN|MY_KEY")
    assert secrets == {
        "spark.executorEnv.MY_KEY": "s3cret",
        "spark.executorEnv.HF_TOKEN": "hf",
        "spark.yarn.appMasterEnv.MY_KEY": "s3cret",
        "spark.yarn.appMasterEnv.HF_TOKEN": "hf",
    }
    assert "s3cret" not in " ".join(submission.command())


# --- What is refused before anything is submitted --------------------------------------------


def test_nothing_speaks_against_a_job_that_can_run(submit: Submit, hadoop: dict[str, str]) -> None:
    seen_by_all = ("ingest.input=hdfs:///pages", "export.output=hdfs:///export")
    for target in CLUSTERS:
        for job in JOBS:
            submission = submit(target, job, *seen_by_all)
            assert find_problems(submission, hadoop) == []


@pytest.mark.parametrize(
    ("job", "assignments", "words"),
    [
        ("yarn chunk", ["tables.root=tables"], "tables.root is .*/tables, a path of this machine"),
        ("yarn ingest", ["ingest.input=pages"], "ingest.input is .*/pages, .* file:///.*/pages"),
        ("yarn generate", ["generate.spool=spool"], "generate.spool is"),
        ("yarn chunk", [CLUSTER_MODE, "chunk.tokenizer=/t.json"], "chunk.tokenizer is /t.json"),
        ("yarn report", [CLUSTER_MODE], "report.output is .*/report.html, a path of this machine"),
        ("yarn sql", [CLUSTER_MODE], "expected --deploy-mode client"),
        ("yarn doctor", [CLUSTER_MODE], "expected --deploy-mode client"),
        ("standalone chunk", [CLUSTER_MODE], "no cluster mode for Python"),
        ("standalone chunk", ["spark.all.spark.master=local"], "expected --master spark"),
        (
            "yarn generate",
            ["spark.generate.spark.executor.resource.gpu.discoveryScript=./mine.sh"],
            "is ./mine.sh, which no file that goes to the executors is called",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_submitted(
    job: str, assignments: list[str], words: str, submit: Submit, hadoop: dict[str, str]
) -> None:
    problems = find_problems(submit(*job.split(), *assignments), hadoop)

    assert any(re.search(words, problem) for problem in problems), problems


def test_a_script_of_ones_own_may_go_with_the_job(submit: Submit, hadoop: dict[str, str]) -> None:
    own = "spark.generate.spark.executor.resource.gpu.discoveryScript=./mine.sh"
    sent = "spark.generate.spark.yarn.dist.files=hdfs:///scripts/mine.sh"

    assert find_problems(submit("yarn", "generate", own, sent), hadoop) == []


def test_delta_for_another_spark_than_the_clusters_is_named(
    submit: Submit, hadoop: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.13-4.1.2.jar").touch()
    (tmp_path / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    monkeypatch.setenv("DELTA_JARS_DIR", str(tmp_path))

    problems = find_problems(submit("yarn", "chunk", f"submit.spark_home={tmp_path}"), hadoop)

    assert len(problems) == 1
    assert "Spark 4.2, and Spark is 4.1.2: expected delta-spark_4.1_2.13-4.4.0.jar" in problems[0]


def test_a_folder_without_spark_is_named(
    submit: Submit, hadoop: dict[str, str], tmp_path: Path
) -> None:
    problems = find_problems(submit("yarn", "chunk", f"submit.spark_home={tmp_path}"), hadoop)

    assert "expected the folder of a Spark 4" in problems[0]


def test_yarn_without_hadoops_files_is_named(submit: Submit) -> None:
    submission = submit("yarn", "chunk")

    assert "HADOOP_CONF_DIR is not set" in find_problems(submission, {})[0]
    assert "has no yarn-site.xml" in find_problems(submission, {"HADOOP_CONF_DIR": "/"})[0]


def test_problems_are_one_message_and_exit_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    monkeypatch.delenv("YARN_CONF_DIR", raising=False)

    assert main(["yarn", "chunk", "--root", "tables"]) == 2
    error = capsys.readouterr().err
    assert "tables.root" in error
    assert "HADOOP_CONF_DIR" in error
