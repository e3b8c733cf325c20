"""Takes a job to a cluster and stays until it has ended: its exit code is ours."""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from spark_jobs.core.cluster_faults import find_faults
from spark_jobs.core.console import print_result, say, say_error
from spark_jobs.core.packaging import build_package
from spark_jobs.core.preflight import find_problems
from spark_jobs.core.runs import current_commit
from spark_jobs.core.session import DRIVER
from spark_jobs.core.settings import CONF, Settings, list_changes
from spark_jobs.core.submission import Submission, spark_home
from udfs.errors import UsageError

# What a person's shell says of another Spark must not reach this one.
FOREIGN = ("PYSPARK_", "SPARK_HOME", "SPARK_CONF_DIR", "PYTHONPATH")
FAILED = 1
APPLICATION = re.compile(r"\bapplication_\d+_\d+\b")
TRACKING = re.compile(r"tracking URL: (\S+)")


@dataclass(frozen=True)
class Ended:
    """What became of a submission: its exit code, and the log of the JVM on this side."""

    code: int
    log: str


def launch(arguments: Sequence[str], options: argparse.Namespace, settings: Settings) -> int:
    """Submit one job and wait for its end, or with --dry-run print the command; the exit code."""
    if settings.submit.by == "bundle":
        from spark_jobs.core.bundle import launch_bundle

        return launch_bundle(options)
    changed = [part for text in list_own(options) for part in ("--set", text)]
    own = (*changed, *list_words(options))
    submission = Submission(settings, options.target, options.job, own, build_package())
    if options.dry_run:
        sys.stdout.write(show_command(submission.command()) + "\n")
        return 0
    problems = find_problems(submission, os.environ)
    if problems:
        raise UsageError("\n".join(problems))
    ended = submit(submission)
    if ended.code == FAILED:
        say_failure(ended, arguments)
    return ended.code


def list_own(options: argparse.Namespace) -> list[str]:
    """The settings that the command line changes."""
    return list_changes(options.target, options.conf, options.assignments or [])


def list_words(options: argparse.Namespace) -> list[str]:
    """Of the options those that are no settings, as the driver must get them."""
    words = ["--verbose"] if options.verbose else []
    if options.job == "sql":
        words += [*(["--json"] if options.json else []), "--", options.query]
    return words


def show_command(command: Sequence[str]) -> str:
    """A command for a shell, one option a line."""
    lines, words = [], [shlex.quote(word) for word in command]
    while words:
        pair = words[0].startswith("--") and len(words) > 1 and words[0] != "--"
        lines.append(" ".join(words[: 2 if pair else 1]))
        del words[: 2 if pair else 1]
    return " \\\n    ".join(lines)


def submit(submission: Submission) -> Ended:
    """Run spark-submit to its end."""
    with secrets_file(submission.secrets(os.environ)) as extra:
        script, *rest = submission.command()
        environment = make_environment(os.environ, submission)
        command = [script, *extra, *rest]
        if submission.in_cluster_mode:
            return watch_application(command, environment)
        return run_driver(command, environment)


def say_failure(ended: Ended, arguments: Sequence[str]) -> None:
    """What is known of a failure beyond the job's own words, and how to go on."""
    for fault in find_faults(ended.log):
        say_error(fault)
    application = "".join(APPLICATION.findall(ended.log)[-1:])
    if application:
        tracking = "".join(f", or {url}" for url in TRACKING.findall(ended.log)[-1:])
        say(f"logs of {application}: yarn logs -applicationId {application}{tracking}")
    say(f"to go on: ./submit.sh {shlex.join(arguments)}")


@contextmanager
def secrets_file(secrets: Mapping[str, str]) -> Iterator[list[str]]:
    """Options that have spark-submit read secrets from a file that only its owner can."""
    if not secrets:
        yield []
        return
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as file:
        file.writelines(f"{name}={value}\n" for name, value in secrets.items())
        file.flush()
        # Or the cluster's own spark-defaults.conf would not be read.
        yield ["--properties-file", file.name, "--load-spark-defaults"]


def make_environment(own: Mapping[str, str], submission: Submission) -> dict[str, str]:
    """What spark-submit and a driver on this machine find: no other Spark, and our settings."""
    kept = {name: value for name, value in own.items() if not name.startswith(FOREIGN)}
    home = spark_home(submission.settings.submit)
    # A driver on this machine runs the package, too, which knows neither conf nor commit.
    ours = {"SPARK_HOME": str(home), "MIND_CONF": str(CONF), "MIND_COMMIT": current_commit()}
    return {**kept, **ours}


def run_driver(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Client mode: stdout and stderr are ours, and Ctrl-C is the driver's to handle.

    A terminal sends Ctrl-C to all of its processes, and Spark's JVM would end by it at once: so it
    gets a process group of its own, and the driver is told.
    """
    with tempfile.NamedTemporaryFile("r", suffix=".log", errors="replace") as log:
        own = {"MIND_DRIVER_LOG": log.name, "MIND_STDERR": f"/proc/{os.getpid()}/fd/2"}
        process = subprocess.Popen(command, env={**environment, **own}, process_group=0)
        with forwarding(process):
            code = process.wait()
        return Ended(exit_code(code), log.read())


@contextmanager
def forwarding(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Hand Ctrl-C to the driver below a spark-submit, and a request to end to both."""

    def forward(number: int, _: object) -> None:
        for child in find_drivers(process.pid) if number == signal.SIGINT else ():
            child.send_signal(number)
        if number != signal.SIGINT:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_drivers(pid: int) -> list[psutil.Process]:
    """The Python of the driver, which spark-submit's JVM has started."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [child for child in children if any(DRIVER in word for word in child.cmdline())]
    except psutil.Error:
        return []


def watch_application(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Cluster mode: pass on what spark-submit says, then name the application on stdout."""
    ended = pass_on(
        command, environment, "the application goes on without you: yarn application -kill ends it"
    )
    code, log = ended.code, ended.log
    application = "".join(APPLICATION.findall(log)[:1])
    print_result({"application": application or None, "status": "failed" if code else "done"})
    return ended


def pass_on(
    command: Sequence[str],
    environment: Mapping[str, str],
    interrupted: str,
    folder: Path | None = None,
) -> Ended:
    """Run a command to its end and pass on what it says; Ctrl-C ends the waiting alone."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - mypy
    lines = []
    try:
        with process.stdout as said:
            for line in said:
                sys.stderr.write(line)
                lines.append(line)
        code = exit_code(process.wait())
    except KeyboardInterrupt:
        say(interrupted)
        code = FAILED
    return Ended(code, "".join(lines))


def exit_code(code: int) -> int:
    """A job's exit code: 0, 1 or 2; 1 as well for what a signal ended."""
    return code if code in {0, 2} else FAILED
