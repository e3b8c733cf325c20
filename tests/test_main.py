"""The command line: usage errors before anything starts, one message each, the right exit code."""

import json
from pathlib import Path

import pytest

from spark_jobs.__main__ import find_known_error, main
from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.settings import JOBS, load_settings
from udfs.errors import UsageError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("job", [job for job in JOBS if job != "sql"])
def test_a_dry_run_prints_the_settings_in_force_and_starts_nothing(
    job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "local", job, "--dry-run", "--set", "chunk.max_tokens=99")

    assert code == 0
    assert json.loads(out)["chunk"]["max_tokens"] == 99


def test_options_are_short_for_settings(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--styles", "debate,interview", "--limit-chunks", "3", "--limit", "7"]

    _, out, _ = run(capsys, "local", "pipeline", "--dry-run", *options)

    settings = json.loads(out)
    assert settings["generate"]["styles"] == ["debate", "interview"]
    assert settings["generate"]["limit_chunks"] == 3
    assert settings["ingest"]["limit"] == 7


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["local", "generat"], "no job 'generat'; did you mean generate?"),
        (["locl", "generate"], "no target 'locl'; did you mean local?"),
        (["local", "generate", "--set", "engine.recip=vllm"], "did you mean recipe?"),
        (["local", "generate", "--unknown"], "--unknown"),
        (["local", "sql"], "query"),
        (["local"], "JOB"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)

    assert code == 2
    assert expected in err
    assert out == ""
    assert "Traceback" not in err


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    settings = load_settings("local", assignments=[f"chunk.tokenizer={tmp_path}/none.json"])

    with pytest.raises(UsageError, match=r"none\.json"):
        active_chunker(settings.chunk)


@pytest.mark.parametrize("job", JOBS)
def test_help_of_each_job_names_its_options(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["local", job, "--help"])

    assert end.value.code == 0
    assert "--root" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Spark's JVM ended"),
        (RuntimeError("java.lang.OutOfMemoryError: Java heap space"), "out of memory"),
        (UsageError("say this"), "say this"),
    ],
    ids=["JVM killed", "no memory", "ours"],
)
def test_what_is_known_of_an_error_is_said(error: Exception, said: str) -> None:
    assert said in str(find_known_error(error))


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ValueError("odd")])
def test_what_is_not_known_is_left_as_it_is(error: Exception) -> None:
    assert find_known_error(error) is None
