"""Takes a job to Databricks: deploys the bundle of conf/databricks, then runs its job of that name.

The CLI deploys and authenticates, by the variables and profiles that it knows. As a program this is
the bundle's build command: what the deployment takes from this checkout, put into dist.
"""

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence

from spark_jobs.core.console import print_result, say
from spark_jobs.core.engine import EMBEDDED_TOKENIZER, models_folder
from spark_jobs.core.launch import list_words, pass_on
from spark_jobs.core.packaging import DIST, build_package
from spark_jobs.core.settings import CONF, NO_PATHS, PATHS, URL, list_given, parse_assignment
from udfs.errors import UsageError

BUNDLE = CONF / "databricks"
JOBS = ("ingest", "chunk", "estimate", "generate", "filter", "export", "maintain", "pipeline")
# Of mind_pipeline, whose tasks would all get the same words: settings by the job's parameters.
PARAMETERS = {
    "ingest.input": "input",
    "generate.styles": "styles",
    "generate.buckets": "buckets",
    "generate.where": "where",
    "generate.max_hours": "max_hours",
}
SEEN_BY_ALL = ("/Volumes/", "/Workspace/", "/databricks/", "/local_disk0/")
CHANGEABLE = re.compile(r"spark\.\w+\.spark\.(sql|databricks)\.")
RUN_URL = re.compile(r"Run URL: (\S+)")
GET_CLI = (
    "there is no program `databricks` on PATH, which deploys and runs the bundle: expected the "
    "Databricks CLI, 0.218 or later (brew tap databricks/tap && brew install databricks, or the "
    "archives of github.com/databricks/cli/releases); then: databricks auth login --host "
    "https://YOUR-WORKSPACE"
)
ANYWHERE = {
    "sql": "sql prints what you asked for, which a job on Databricks cannot: expected a SQL "
    'warehouse on the same tables, or in a notebook: run(["databricks", "sql", "select …"])',
    "trace": "trace shows people a text: expected in a notebook on the cluster: "
    'run(["databricks", "trace", "--export", "/Volumes/…", "--token", "N"])',
    "report": "report writes a page for people: expected in a notebook, "
    'run(["databricks", "report", "--output", "/Volumes/…/report.html"])',
    "doctor": "doctor looks at the machine that it runs on: expected in a notebook on the cluster: "
    'from spark_jobs.__main__ import run; run(["databricks", "doctor"])',
}
Given = dict[str, object]


def launch_bundle(options: argparse.Namespace) -> int:
    """Deploy, run one job and wait for its end, or with --dry-run print both commands; exit code.

    Raises UsageError for what Databricks cannot do or see, before anything is deployed.
    """
    assignments = list_given(options.conf, options.assignments or [])
    problems = list(find_problems(options, read_values(assignments)))
    if problems:
        raise UsageError("\n".join(problems))
    commands = make_commands(options, assignments)
    if options.dry_run:
        shown = [f"cd {shlex.quote(str(BUNDLE))}", *map(show, commands)]
        sys.stdout.write("\n".join(shown) + "\n")
        return 0
    if not shutil.which("databricks"):
        raise UsageError(GET_CLI)
    return run_commands(options.job, commands)


def show(command: Sequence[str]) -> str:
    """A command for a shell, one option a line."""
    options = (i for i, word in enumerate(command) if word.startswith("--") and word != "--")
    first = next(options, len(command))
    lines = [shlex.join(command[:first])]
    for word in command[first:]:
        after_set = lines[-1] == "--set"
        lines[-1:] = [f"--set {shlex.quote(word)}"] if after_set else [lines[-1], shlex.quote(word)]
    return " \\\n    ".join(lines)


def run_commands(job: str, commands: Sequence[Sequence[str]]) -> int:
    """Run the commands until one fails; then say on stdout what became of the job."""
    code, log = 0, ""
    for command in commands:
        interrupted = "the run, if it has begun, goes on without you: Databricks can cancel it"
        ended = pass_on(command, os.environ, interrupted, BUNDLE)
        code, log = ended.code, log + ended.log
        if code:
            break
    url = next(iter(RUN_URL.findall(log)), None)
    if url:
        say(f"the run and its logs: {url}")
    print_result({"job": job, "run": url, "status": "failed" if code else "done"})
    return code


def make_commands(options: argparse.Namespace, assignments: Sequence[str]) -> list[list[str]]:
    """The CLI's argument vectors; both belong into the folder of the bundle."""
    pipeline = options.job == "pipeline"
    words = list_parameters(assignments) if pipeline else list_arguments(options, assignments)
    run = ["databricks", "bundle", "run", f"mind_{options.job}"]
    return [["databricks", "bundle", "deploy"], [*run, "--", *words] if words else run]


def list_arguments(options: argparse.Namespace, assignments: Sequence[str]) -> list[str]:
    """The command line of the job's one task, in place of the one that the bundle has."""
    own = [word for text in assignments for word in ("--set", text)]
    return ["databricks", options.job, *own, *list_words(options)]


def list_parameters(assignments: Sequence[str]) -> list[str]:
    """Parameters of mind_pipeline, as the CLI takes them."""
    values = read_values(assignments)
    return [f"--{PARAMETERS[name]}={join(value)}" for name, value in values.items()]


def join(value: object) -> str:
    """A value as an option of the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def read_values(assignments: Sequence[str]) -> Given:
    """The values of assignments by their names."""
    return {text.partition("=")[0]: read_value(text) for text in assignments}


def read_value(assignment: str) -> object:
    """The value of one assignment, its paths absolute."""
    value: object = parse_assignment(assignment, base=CONF.parent)
    while isinstance(value, dict):
        (value,) = value.values()
    return value


def find_problems(options: argparse.Namespace, given: Given) -> Iterator[str]:
    """Why a job cannot run on Databricks as it is given, one line each."""
    if options.job not in JOBS:
        yield ANYWHERE[options.job]
        return
    for name, value in given.items():
        yield from find_unreachable(name, str(value))
        yield from find_fixed_property(name)
    check = SPECIAL.get(options.job)
    if check:
        yield from check(options, given)


def find_unreachable(name: str, value: str) -> Iterator[str]:
    """A path of this machine, or one that Spark would find and Python would not."""
    path = name in PATHS or (name == "engine.recipe" and value.endswith(".toml"))
    if not path or value in NO_PATHS or value.startswith(SEEN_BY_ALL):
        return
    if value.startswith("dbfs:/"):
        yield (
            f"{name} is {value}, which only Spark can read: expected a volume as a path, "
            "/Volumes/CATALOG/SCHEMA/VOLUME/…"
        )
    elif not URL.match(value):
        yield (
            f"{name} is {value}, a path of this machine, which Databricks cannot see: expected one "
            "of a volume, /Volumes/CATALOG/SCHEMA/VOLUME/… (databricks fs cp -r puts files there), "
            "or a URL"
        )


def find_fixed_property(name: str) -> Iterator[str]:
    """A Spark property that the cluster is started with."""
    if name.startswith("spark.") and not CHANGEABLE.match(name):
        prop = name.split(".", 2)[2]
        yield (
            f"{prop} is fixed when a cluster starts: expected it in spark_conf of the job's "
            "cluster, or as one of the variables, in conf/databricks/databricks.yml"
        )


def find_wrong_estimate(_: argparse.Namespace, given: Given) -> Iterator[str]:
    """A pilot without an engine."""
    if given.get("estimate.pilot") and given.get("engine.recipe") != "endpoint":
        yield (
            "estimate.pilot asks an engine, and mind_estimate has no GPUs: expected first "
            "./submit.sh databricks generate --limit-chunks N, which estimate then measures by"
        )


def find_wrong_pipeline(options: argparse.Namespace, given: Given) -> Iterator[str]:
    """Settings that mind_pipeline has no parameter for."""
    others = [name for name in given if name not in PARAMETERS]
    others += ["--verbose"] if options.verbose else []
    if others:
        yield (
            f"mind_pipeline takes {', '.join(PARAMETERS)}, not {', '.join(others)}: expected the "
            "jobs one by one, or a variable of conf/databricks/databricks.yml"
        )


SPECIAL: dict[str, Callable[[argparse.Namespace, Given], Iterator[str]]] = {
    "estimate": find_wrong_estimate,
    "pipeline": find_wrong_pipeline,
}


def make_artifacts() -> None:
    """Put into dist what the bundle deploys: the wheel, and an embedded tokenizer if it is here."""
    build_package(DIST)
    tokenizer = models_folder() / EMBEDDED_TOKENIZER
    if tokenizer.is_file():
        shutil.copyfile(tokenizer, DIST / EMBEDDED_TOKENIZER)


if __name__ == "__main__":
    make_artifacts()
