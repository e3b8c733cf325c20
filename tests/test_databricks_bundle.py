"""`./submit.sh databricks JOB` and the bundle that it deploys."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from spark_jobs.__main__ import HELP, main, parse_arguments
from spark_jobs.core import bundle
from spark_jobs.core.engine import EMBEDDED_TOKENIZER
from spark_jobs.core.settings import CONF, JOBS, load_settings

PROJECT = Path(__file__).parents[1]
BUNDLE = yaml.safe_load((CONF / "databricks" / "databricks.yml").read_text(encoding="utf-8"))
BUNDLE_JOBS: dict[str, Any] = BUNDLE["resources"]["jobs"]
TASKS = [
    pytest.param(job, task, id=f"{name}.{task['task_key']}")
    for name, job in BUNDLE_JOBS.items()
    for task in job["tasks"]
]
GENERATE = rf"""cd {CONF}/databricks
databricks bundle deploy
databricks bundle run mind_generate -- databricks generate \
    --set 'generate.buckets="0-17832"' \
    --set 'generate.styles=["debate", "interview"]' \
    --set 'generate.where="url like '"'"'%.edu/%'"'"'"'
"""
CLI = """#!/usr/bin/env bash
echo "$PWD: $*" >>"$CALLS"
echo "Run URL: https://workspace.example/run/7" >&2
[[ $* != *"$FAILS"* ]]
"""


def clusters_of(job: dict[str, Any]) -> dict[str, Any]:
    return {each["job_cluster_key"]: each["new_cluster"] for each in job["job_clusters"]}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the CLI on PATH, which notes its calls in this file and fails where told."""
    program = tmp_path / "bin" / "databricks"
    program.parent.mkdir()
    program.write_text(CLI, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAILS", "nothing at all")
    return tmp_path / "calls"


def test_a_dry_run_prints_both_commands_ready_for_a_shell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = ["--styles", "debate,interview", "--buckets", "0-17832", "--where", "url like '%.edu/%'"]

    code = main(["databricks", "generate", "--dry-run", *own])

    assert (code, capsys.readouterr().out) == (0, GENERATE)


def test_the_printed_command_gives_the_job_what_was_said(calls: Path, tmp_path: Path) -> None:
    """The shell, the CLI and our own command line in turn."""
    shell = f"({GENERATE})".replace("databricks bundle run", "printf '%s\\n'")
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    _, dashes, *words = done.stdout.splitlines()

    options = parse_arguments(words)
    settings = load_settings(options.target, options.conf, options.assignments)
    assert (dashes, options.job) == ("--", "generate")
    assert settings.generate.where == "url like '%.edu/%'"
    assert settings.generate.styles == ("debate", "interview")
    assert calls.read_text(encoding="utf-8").endswith("bundle deploy\n")
    del tmp_path


@pytest.mark.parametrize("job", bundle.JOBS)
def test_every_job_of_the_bundle_has_a_dry_run(
    job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["databricks", job, "--dry-run"]) == 0
    assert f"databricks bundle run mind_{job}" in capsys.readouterr().out


def test_a_value_that_is_as_conf_has_it_is_said_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the job runs, the bundle's variables may have set another."""
    main(["databricks", "chunk", "--dry-run", "--set", "tables.catalog=main"])

    assert """--set 'tables.catalog="main"'""" in capsys.readouterr().out


def test_a_backfill_by_the_whole_pipeline_goes_by_the_parameters_of_its_job(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(
        ["databricks", "pipeline", "--dry-run", "--styles", "debate,interview", "--max-hours", "3"]
    )

    last = capsys.readouterr().out.partition("mind_pipeline ")[2]
    assert last == "-- \\\n    --max_hours=3 \\\n    --styles=debate,interview\n"


def test_it_deploys_then_runs_in_the_bundles_folder_and_says_where_the_run_is(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["databricks", "chunk", "--set", "chunk.max_tokens=400"])

    run = "bundle run mind_chunk -- databricks chunk --set chunk.max_tokens=400"
    place = CONF / "databricks"
    assert code == 0
    assert calls.read_text(encoding="utf-8") == f"{place}: bundle deploy\n{place}: {run}\n"
    url = "https://workspace.example/run/7"
    said = f'{{"job": "chunk", "run": "{url}", "status": "done"}}\n'
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(("fails", "ran"), [("deploy", 1), ("mind_chunk", 2)])
def test_a_failure_is_ours_and_ends_it(
    fails: str, ran: int, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", fails)

    assert main(["databricks", "chunk"]) == 1
    assert len(calls.read_text(encoding="utf-8").splitlines()) == ran


def test_a_missing_cli_is_named_with_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["databricks", "chunk"]) == 2
    assert "databricks auth login" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "--input", "pages"], "pages, a path of this machine"),
        (["ingest", "--input", "dbfs:/Volumes/a/b/c"], "only Spark can read"),
        (["chunk", "--root", "warehouse"], "warehouse, a path of this machine"),
        (["filter", "--rules", "mine.toml"], "mine.toml, a path of this machine"),
        (["generate", "--set", "engine.recipe=mine.toml"], "mine.toml, a path of this machine"),
        (["generate", "--master", "yarn"], "spark.master is fixed when a cluster starts"),
        (["estimate", "--pilot", "20"], "mind_estimate has no GPUs"),
        (["pipeline", "--model", "other"], "not engine.model"),
        (["sql", "select 1"], "SQL warehouse"),
        (["doctor"], "in a notebook"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_databricks_cannot_see_or_do_is_refused_before_anything_is_deployed(
    arguments: list[str], said: str, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["databricks", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not calls.exists()


@pytest.mark.parametrize(
    "option",
    [
        "--input=/Volumes/main/mind/files/pages",
        "--input=s3://bucket/pages",
        "--root=/Volumes/a/b/c",
    ],
)
def test_volumes_and_urls_are_taken(option: str) -> None:
    assert main(["databricks", "ingest", "--dry-run", option]) == 0


def test_the_jobs_of_the_bundle_are_those_that_can_be_asked_for() -> None:
    assert set(BUNDLE_JOBS) == {f"mind_{job}" for job in bundle.JOBS}
    assert set(bundle.JOBS) | set(bundle.ANYWHERE) | {"benchmark"} == set(JOBS) == set(HELP)


@pytest.mark.parametrize(("job", "task"), TASKS)
def test_every_task_is_a_command_line_of_ours_on_a_cluster_that_is_there(
    job: dict[str, Any], task: dict[str, Any]
) -> None:
    words = task["python_wheel_task"]["parameters"]
    options = parse_arguments(words)

    assert task["python_wheel_task"]["entry_point"] == "mind"
    assert task["python_wheel_task"]["package_name"] == "mind-on-spark"
    assert options.job == task["task_key"]
    assert task["job_cluster_key"] in clusters_of(job)
    known = {each["name"] for each in job.get("parameters", [])}
    assert set(re.findall(r"\{\{job\.parameters\.(\w+)}}", " ".join(words))) <= known


@pytest.mark.parametrize(("job", "task"), TASKS)
def test_only_generate_has_gpus_and_vllm(job: dict[str, Any], task: dict[str, Any]) -> None:
    cluster = str(clusters_of(job)[task["job_cluster_key"]])

    asks = task["task_key"] == "generate"
    assert ("gpu" in cluster) is ("vllm" in cluster) is asks


def test_every_cluster_of_a_job_is_used_by_one_of_its_tasks() -> None:
    for job in BUNDLE_JOBS.values():
        assert set(clusters_of(job)) == {task["job_cluster_key"] for task in job["tasks"]}


def test_the_cluster_of_the_engines_has_the_properties_that_generate_needs() -> None:
    conf = clusters_of(BUNDLE_JOBS["mind_generate"])["gpu"]["spark_conf"]
    wanted = load_settings("databricks").spark["generate"]

    assert conf.items() >= wanted.items()


def test_every_variable_is_declared_and_used() -> None:
    text = (CONF / "databricks" / "databricks.yml").read_text(encoding="utf-8")

    used = set(re.findall(r"\$\{var\.(\w+)}", text))
    assert used == set(BUNDLE["variables"])


def test_the_settings_of_the_bundle_are_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name: str(each["default"]) for name, each in BUNDLE["variables"].items()}
    text = variables["settings"]
    while "${var." in text:
        text = re.sub(r"\$\{var\.(\w+)}", lambda found: variables[found[1]], text)
    monkeypatch.setenv("MIND_SET", text)

    settings = load_settings("databricks")
    assert settings.tables.root == "/Volumes/main/mind/files"
    assert settings.ingest.input == "/Volumes/main/mind/files/pages"
    assert settings.engine.tensor_parallel_size == 4
    # Eight tasks for each engine.
    assert float(variables["gpu_per_task"]) * 8 == settings.engine.tensor_parallel_size


def test_the_pipeline_asks_for_the_styles_of_conf_in_its_order_and_is_paused() -> None:
    pipeline = BUNDLE_JOBS["mind_pipeline"]
    defaults = {each["name"]: each["default"] for each in pipeline["parameters"]}

    assert tuple(defaults["styles"].split(",")) == load_settings("databricks").generate.styles
    assert set(defaults) == set(bundle.PARAMETERS.values())
    assert pipeline["schedule"]["pause_status"] == "${var.schedule_status}"
    assert BUNDLE["variables"]["schedule_status"]["default"] == "PAUSED"
    after = [
        [each["task_key"] for each in task.get("depends_on", [])] for task in pipeline["tasks"]
    ]
    assert after == [[], ["ingest"], ["chunk"], ["generate"]]


def test_what_the_bundle_names_is_made_by_its_build_command() -> None:
    package = BUNDLE["artifacts"]["package"]
    python, *command = package["build"].split()
    assert python == ".venv/bin/python"

    subprocess.run([sys.executable, *command], cwd=PROJECT, check=True)

    folder = CONF / "databricks"
    assert list(folder.glob(package["files"][0]["source"]))
    assert [file.name for file in folder.glob(BUNDLE["sync"]["include"][0])] == [EMBEDDED_TOKENIZER]
    script = clusters_of(BUNDLE_JOBS["mind_generate"])["gpu"]["init_scripts"][0]["workspace"]
    assert (PROJECT / script["destination"].removeprefix("${workspace.file_path}/")).is_file()
