"""From settings to an engine's command."""

import sys
from pathlib import Path

import pytest

from spark_jobs.core.engine import make_plan
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
