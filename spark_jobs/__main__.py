"""The command line: TARGET JOB [options]; started by submit.sh, `python -m`, or spark-submit."""

import argparse
import difflib
import json
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from spark_jobs.core.console import print_result, say_error
from spark_jobs.core.settings import CONF, JOBS, Settings, load_settings
from udfs.errors import MindError, UsageError

DONE, FAILED, USAGE = 0, 1, 2

HELP = {
    "pipeline": "ingest, chunk, generate and filter in one application",
    "ingest": "files of pages into raw.documents",
    "chunk": "pages into raw.chunks",
    "estimate": "what is pending, and what it will take in tokens, time and money",
    "generate": "missing dialogues from the engine into synthetic.attempts",
    "filter": "verdicts into filtered.verdicts, the accepted into filtered.dialogues",
    "export": "the corpus as files for training, in one of the paper's layouts or a blend",
    "trace": "where a token of an export comes from",
    "maintain": "small files together, withdrawn pages and old files deleted",
    "sql": "one query on the tables",
    "report": "one HTML page: the funnel, lengths, costs and sample dialogues",
    "benchmark": "the indices of benchmarks that filter looks for; --add makes one",
    "doctor": "what is wrong with this machine",
}
AT_HOME = ("benchmark",)  # needs no Spark
# The jobs that take an option which is short for a setting: its name, the setting, what it is.
OPTIONS = {
    ("pipeline", "ingest"): (
        ("--input", "ingest.input", "file, glob or folder of pages"),
        ("--limit", "ingest.limit", "pages at most"),
        ("--source", "ingest.source", "label of the corpus"),
        ("--revision", "ingest.revision", "its version"),
    ),
    ("pipeline", "generate", "estimate"): (
        ("--styles", "generate.styles", "styles of conf/prompts, with commas"),
        ("--model", "engine.model", "the generator"),
        ("--spec", "generate.specs", "only ways of asking whose id begins so"),
        ("--buckets", "generate.buckets", "a-b: a part of the corpus, by hash"),
        ("--where", "generate.where", "SQL condition on raw.documents"),
        ("--limit-chunks", "generate.limit_chunks", "chunks at most"),
        ("--retry", "generate.retry", "failed, length or all: ask again"),
        ("--max-waves", "generate.max_waves", "waves at most in this run"),
        ("--max-hours", "generate.max_hours", "hours at most in this run"),
        ("--gpu-hour", "cost.gpu_hour", "price of a GPU for an hour"),
    ),
    ("ingest",): (("--withdraw", "ingest.withdraw", "file of URLs or doc_ids to take out"),),
    ("estimate",): (
        ("--pilot", "estimate.pilot", "chunks to generate first, to measure"),
        ("--gpus", "estimate.gpus", "GPUs to plan for"),
    ),
    ("filter",): (("--rules", "filter.rules", "file of other [filter.checks] to try"),),
    ("export",): (
        ("--output", "export.output", "folder to write"),
        ("--layout", "export.layout", "raw, a style, longest, combination, concat or raw_plus"),
        ("--format", "export.format", "parquet, jsonl, chat or megatron"),
        ("--styles", "export.styles", "those that longest and combination take"),
        ("--budget", "export.budget", "tokens"),
        ("--per-page", "export.per_page", "records of one page at most"),
        ("--spec", "export.specs", "only ways of asking whose id begins so"),
    ),
    ("trace",): (("--export", "export.output", "folder of the export"),),
    ("export", "trace"): (("--tokenizer", "export.tokenizer", "tokenizer.json that counts"),),
    ("report",): (
        ("--output", "report.output", "the page: a path, or any URL of fsspec"),
        ("--samples", "report.samples", "dialogues for each style and reason"),
        ("--compare", "report.compare", "two ids of specs or rules: ID,ID"),
    ),
    ("benchmark",): (("--field", "benchmark.field", "column that holds the questions"),),
}
CONFIRMED = ("--yes", "generate.confirmed", "go on beyond the budget guard's limits")
# Options without a value.
FLAGS = {
    **dict.fromkeys(("pipeline", "generate", "estimate"), (CONFIRMED,)),
    "filter": (("--activate", "filter.activate", "let the corpus follow the file's rules"),),
    "maintain": (("--vacuum", "maintain.vacuum", "delete files that no version needs"),),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors end like all others: one line, exit 2."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise UsageError(f"{message} (see {self.prog} --help)")


LISTS = ("generate.styles", "generate.retry", "generate.specs", "export.specs", "export.styles")
# Their values are TOML as they stand, and those of Spark's properties text.
NUMBERS = (
    *("ingest.limit", "generate.limit_chunks", "generate.max_waves", "generate.max_hours"),
    *("estimate.pilot", "estimate.gpus", "cost.gpu_hour", "report.samples"),
    *("export.budget", "export.per_page"),
)


class SettingAction(argparse.Action):
    """An option that is short for --set NAME=VALUE; one without a value sets it to true."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Note the assignment in the order of the command line, so that the last one wins."""
        del parser, option_string
        listed = values.split(",") if self.dest in LISTS else values
        plain = self.dest in NUMBERS or self.dest.startswith("spark.")
        value = values if plain else json.dumps(listed)
        if self.nargs == 0:
            value = "true"
        namespace.assignments = [*(namespace.assignments or []), f"{self.dest}={value}"]


Act = Callable[[argparse.Namespace, Settings], int]


def start() -> None:
    """Run the job that the command line names in this process; the wheel's `mind`.

    Databricks calls it in a process of its own, where only a failure may end by SystemExit.
    """
    code = run(sys.argv[1:])
    if code != DONE:
        sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Take one job to where its target says; returns the exit code. submit.sh calls it."""
    return carry_out(arguments, lambda options, settings: take(arguments, options, settings))


def run(arguments: Sequence[str]) -> int:
    """Do one job in this process, which is Spark's driver; returns the exit code.

    Notebooks call it: `run(["databricks", "chunk"])` uses their session and leaves it as it was.
    """
    return carry_out(arguments, run_job)


def carry_out(arguments: Sequence[str], act: Act) -> int:
    """Read the command line and the settings, act on them, and put any error into words."""
    verbose = "--verbose" in arguments
    start_logging(verbose=verbose)
    try:
        options = parse_arguments(arguments)
        return act(options, load_settings(options.target, options.conf, options.assignments or []))
    except BaseException as error:  # noqa: BLE001 - the last stop before a stack trace
        return report(error, verbose=verbose)


def take(arguments: Sequence[str], options: argparse.Namespace, settings: Settings) -> int:
    """Do a job here, or submit it; with --dry-run say what would be done."""
    if settings.submit.by != "python" and options.job not in AT_HOME:
        from spark_jobs.core.launch import launch

        return launch(arguments, options, settings)
    if options.dry_run:
        sys.stdout.write(json.dumps(settings.model_dump(), indent=2, ensure_ascii=False) + "\n")
        return DONE
    return run_job(options, settings)


def start_logging(*, verbose: bool) -> None:
    """Warnings on stderr, everything with --verbose."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: verbose or not is_lost_call(record))


def is_lost_call(record: logging.LogRecord) -> bool:
    """Whether it is py4j's stack trace of a call that the JVM did not live to answer.

    Told by the file, since py4j logs some of them as the root logger; what a failed call means
    is raised besides.
    """
    return "py4j" in record.pathname


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; raises UsageError with the nearest valid name for an unknown one."""
    parser = Parser(prog="./submit.sh", description="MIND on Spark")
    targets = sorted(file.stem for file in (CONF / "targets").glob("*.toml"))
    parser.add_argument("target", choices=targets)
    jobs = parser.add_subparsers(dest="job", required=True, metavar="JOB", parser_class=Parser)
    for job in JOBS:
        add_job(jobs, job)
    check_word(arguments, 0, "target", targets)
    check_word(arguments, 1, "job", JOBS)
    return parser.parse_args(arguments)


def check_word(arguments: Sequence[str], index: int, kind: str, known: Sequence[str]) -> None:
    """Refuse an unknown target or job with a hint at the nearest."""
    word = arguments[index] if len(arguments) > index else None
    if word is None or word.startswith("-") or word in known:
        return
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
    raise UsageError(f"there is no {kind} {word!r}; {hint}")


def add_job(jobs: Any, job: str) -> None:
    """The options of one job."""
    parser = jobs.add_parser(job, help=HELP[job], description=HELP[job])
    parser.add_argument(
        "--conf", type=Path, action="append", default=[], help="a TOML file over conf/mind.toml"
    )
    parser.add_argument(
        "--set",
        dest="assignments",
        action="append",
        metavar="section.key=value",
        help="one setting, may be given several times",
    )
    add_setting(parser, "--root", "tables.root", "folder of the tables")
    cluster = parser.add_argument_group("on a cluster")
    add_setting(cluster, "--master", "spark.all.spark.master", "spark://HOST:7077, say")
    add_setting(cluster, "--deploy-mode", "spark.all.spark.submit.deployMode", "client or cluster")
    add_setting(cluster, "--queue", "spark.all.spark.yarn.queue", "queue of YARN")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the settings in force; on a cluster's target the command that would be run",
    )
    parser.add_argument("--verbose", action="store_true", help="log more, show stack traces")
    for jobs_that_take_it, options in OPTIONS.items():
        if job in jobs_that_take_it:
            for option, name, text in options:
                add_setting(parser, option, name, text)
    for flag, name, text in FLAGS.get(job, ()):
        add_flag(parser, flag, name, text)
    if job == "trace":
        parser.add_argument(
            "--token", type=int, default=0, metavar="N", help="token of the export, from 0"
        )
    if job == "benchmark":
        parser.add_argument(
            "--add",
            nargs=2,
            metavar=("NAME", "PATH"),
            help="make the index NAME of a file, glob or folder of Parquet or JSON Lines",
        )
    if job == "sql":
        from spark_jobs.sql import add_options

        add_options(parser)


def add_setting(parser: argparse._ActionsContainer, option: str, name: str, text: str) -> None:
    """An option that is short for a setting."""
    parser.add_argument(
        option, dest=name, action=SettingAction, metavar="VALUE", help=f"{text} ({name})"
    )


def add_flag(parser: argparse.ArgumentParser, option: str, name: str, text: str) -> None:
    """An option without a value that is short for a setting that becomes true."""
    parser.add_argument(option, dest=name, action=SettingAction, nargs=0, help=f"{text} ({name})")


def run_job(options: argparse.Namespace, settings: Settings) -> int:
    """Open a session and do the job in it."""
    if options.job == "doctor":
        from spark_jobs.doctor import examine

        result = examine(settings)
        print_result(result)
        if not result["ok"]:
            raise MindError("something is missing: see above")
        return DONE
    if options.job == "benchmark":
        from spark_jobs.benchmark import add_or_list

        print_result(add_or_list(settings, options.add))
        return DONE
    from spark_jobs.core.cluster import await_executors
    from spark_jobs.core.runs import READING, Run, execute
    from spark_jobs.core.session import find_session, open_session, stop_on_interrupt

    work: Callable[[Run], Any] = import_module(f"spark_jobs.{options.job}").run
    ours = find_session() is None
    spark = open_session(settings, options.job)
    if ours:
        stop_on_interrupt(spark)
    await_executors(spark, settings.submit.executor_timeout)
    run = Run(options.job, settings, spark, options)
    if options.job in READING:
        work(run)
    else:
        execute(run, work)
    return DONE


def report(error: BaseException, *, verbose: bool) -> int:
    """Say what went wrong in one message; the exit code."""
    if isinstance(error, SystemExit):
        raise error
    if was_interrupted(error):
        say_error("interrupted; what was committed stays, run the same command to go on")
        return FAILED
    if verbose:
        traceback.print_exc()
    known = find_known_error(error)
    say_error(known or f"{type(error).__name__}: {str(error)[:2000]}")
    if not verbose and known is None:
        say_error("the same command with --verbose shows where")
    return USAGE if isinstance(error, UsageError) else FAILED


def was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is the error, or what the error came from when all was being cleared up."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def find_known_error(error: BaseException) -> str | None:
    """The message of one of our own errors, also when a worker raised it and Spark reports it."""
    text = str(error)
    if isinstance(error, MindError):
        return text
    if isinstance(error, ConnectionRefusedError) or type(error).__name__ == "Py4JNetworkError":
        return (
            "Spark's JVM ended: killed, or out of memory (spark.driver.memory)? What was committed "
            "stays, run the same command to go on"
        )
    if "java.lang.OutOfMemoryError" in text:
        return "Spark's driver is out of memory: give it more (spark.driver.memory)"
    for beginning in ("udfs.errors.EngineError: ", "udfs.errors.UsageError: "):
        _, found, rest = text.rpartition(beginning)
        if found:
            return rest.split("\n\tat ")[0].split("\n\nDriver stacktrace")[0].strip()
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
