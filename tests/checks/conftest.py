"""The rules as shipped, and dialogues in few words."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_jobs.core.benchmarks import load_rules
from udfs.checks.base import Dialogue
from udfs.checks.rules import Rules, Verdict, judge
from udfs.dialogue.styles import Style

CONF = Path(__file__).parents[2] / "conf" / "mind.toml"


@pytest.fixture(scope="session")
def rules() -> Rules:
    rules = Rules.model_validate(tomllib.loads(CONF.read_text())["filter"]["checks"])
    return load_rules(rules, str(CONF.parent / "benchmarks"))


@pytest.fixture(scope="session")
def lesson() -> Style:
    return Style(
        name="lesson",
        participants="a teacher and a student",
        labels=("Teacher", "Student"),
        knowledge_gap="",
        min_speakers=2,
        min_turns=4,
        opening="",
        instruction="Talk.",
    )


@pytest.fixture(scope="session")
def rephrase(lesson: Style) -> Style:
    return lesson.model_copy(update={"labels": (), "min_speakers": 1, "min_turns": 1})


@pytest.fixture
def judged(rules: Rules, lesson: Style) -> Callable[..., Verdict]:
    def judge_text(text: str, **facts: object) -> Verdict:
        facts = {"source": "", "style": lesson, "n_tokens": 300} | facts
        return judge(Dialogue(text=text, **facts), rules)  # type: ignore[arg-type]

    return judge_text
