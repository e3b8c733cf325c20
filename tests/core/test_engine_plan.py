"""From settings to an engine's command."""

import sys
from pathlib import Path

import pytest

from spark_jobs.core.engine import make_plan, make_specs, warn_of_gate
from spark_jobs.core.settings import CONF, load_settings
from udfs.errors import UsageError


def command(*assignments: str) -> list[str]:
    plan = make_plan(load_settings("local", assignments=assignments).engine)
    return plan.command_line(socket=Path("/x/engine.sock"), python=sys.executable)


def test_vllm_is_told_the_revision_that_dialogues_are_filed_under() -> None:
    vllm = ("engine.recipe=vllm", "engine.model=a/b")

    assert "--revision=abc" in command(*vllm, "engine.revision=abc")
    assert not any("revision" in part for part in command(*vllm, "engine.revision="))


def test_a_recipe_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = (CONF / "engines" / "vllm.toml").read_text(encoding="utf-8")
    own.write_text(text.replace('"8192"', '"4096"'), encoding="utf-8")

    assert "4096" in command(f"engine.recipe={own}", "engine.model=a/b", "engine.capacity=9")


@pytest.mark.parametrize("name", ["vlm", "/nowhere/own.toml"])
def test_an_unknown_recipe_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="endpoint, llamacpp, vllm, or the path"):
        command(f"engine.recipe={name}")


VLLM = ("engine.recipe=vllm", "engine.quantisation=")
LLAMA = (*VLLM, "engine.model=meta-llama/Meta-Llama-3-70B-Instruct")


def test_where_weights_lie_changes_no_name_and_no_identity() -> None:
    here = load_settings("local", assignments=LLAMA)
    staged = load_settings("local", assignments=[*LLAMA, "engine.weights=s3://models/llama/"])
    plan = make_plan(staged.engine)

    assert (plan.weights, plan.model_name) == ("s3://models/llama/", here.engine.model)
    assert [s.spec_id for s in make_specs(staged).values()] == [
        spec.spec_id for spec in make_specs(here).values()
    ]


def see_warnings(
    capsys: pytest.CaptureFixture[str], environment: dict[str, str], *assignments: str
) -> str:
    settings = load_settings("local", assignments=assignments)
    warn_of_gate(settings, make_plan(settings.engine), environment)
    return capsys.readouterr().err


def test_a_model_behind_a_licence_is_warned_of_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = see_warnings(capsys, {"HF_HOME": str(tmp_path)}, *LLAMA)

    for word in ("licence at https://huggingface.co/meta-llama/", "HF_TOKEN", "engine.weights"):
        assert word in seen


@pytest.mark.parametrize(
    "environment", [{"HF_TOKEN": "x"}, {"HF_HUB_OFFLINE": "1"}, {"HUGGING_FACE_HUB_TOKEN": "x"}]
)
def test_a_token_or_a_host_that_is_offline_wants_no_warning(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert see_warnings(capsys, {"HF_HOME": str(tmp_path), **environment}, *LLAMA) == ""


@pytest.mark.parametrize("kept", ["token", "hub/models--meta-llama--Meta-Llama-3-70B-Instruct/x"])
def test_a_kept_token_or_model_wants_no_warning(
    kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / kept).touch()

    assert see_warnings(capsys, {"HF_HOME": str(tmp_path)}, *LLAMA) == ""


@pytest.mark.parametrize(
    "assignments",
    [
        (*LLAMA, "engine.weights=s3://models/llama"),
        (*LLAMA, "spark.all.spark.executorEnv.HF_TOKEN=x"),
        (*LLAMA, "engine.recipe=endpoint", "engine.url=http://host/v1"),
        (*VLLM, "engine.model=other/Model"),
        (),
    ],
)
def test_what_needs_no_token_of_the_driver_wants_no_warning(
    assignments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert see_warnings(capsys, {"HF_HOME": str(tmp_path)}, *assignments) == ""
