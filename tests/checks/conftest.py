"""The rules as shipped, and dialogues in few words."""

from collections.abc import Callable

import pytest

from tests.checks.labelled import read_shipped_rules
from udfs.checks.base import Dialogue
from udfs.checks.rules import Rules, Verdict, judge
from udfs.dialogue.styles import Style


@pytest.fixture(scope="session")
def rules() -> Rules:
    return read_shipped_rules()


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


@pytest.fixture(scope="session")
def inpainting(lesson: Style) -> Style:
    named = {"labels": ("Reader", "Author"), "instruction": "Lead to:\n\n$parts"}
    return lesson.model_copy(
        update={**named, "quotes_source": True, "assembly": "inpainting"},
    )


@pytest.fixture
def judged(rules: Rules, lesson: Style) -> Callable[..., Verdict]:
    def judge_text(text: str, **facts: object) -> Verdict:
        facts = {"source": "", "style": lesson, "n_tokens": 300} | facts
        return judge(Dialogue(text=text, **facts), rules)  # type: ignore[arg-type]

    return judge_text
