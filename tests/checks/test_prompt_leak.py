"""Instruction text in the answer, and what chat templates leave behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from udfs.checks.rules import Verdict
from udfs.dialogue.styles import Style, load_styles

Judge = Callable[..., Verdict]
STYLES = load_styles(Path(__file__).parents[2] / "conf" / "prompts")
LESSON = """\
**Teacher:** What is the sum of the angles in a triangle?

**Student:** Two right angles, as we saw with the parallel line.

**Teacher:** And in a square?

**Student:** A square is two triangles, so it must be four.
"""


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_an_answer_that_repeats_its_instruction_leaks(style: Style, judged: Judge) -> None:
    for paragraph in style.instruction.split("\n\n")[:2]:
        assert "prompt_leak" in judged(f"{LESSON}\n{paragraph}", style=style).reasons


def test_another_styles_instruction_is_no_leak(judged: Judge) -> None:
    paragraph = STYLES["debate"].instruction.split("\n\n")[1]

    assert judged(f"{LESSON}\n{paragraph}").values["leaked_ngrams"] == 0


def test_a_turn_may_begin_with_the_leak(judged: Judge) -> None:
    text = LESSON.replace("And in a square?", "Keep to the text above: follow it point by point.")

    assert judged(text, style=STYLES["teacher_student"]).reasons == ("prompt_leak",)


@pytest.mark.parametrize(
    "line",
    [
        "Keep to the text, please.",
        "Let us follow it point by point and leave nothing out.",
        "A teacher who knows the material helps a student.",
        "Numbers, names, units and results matter.",
        "We take one step per turn and calculate in full.",
    ],
)
def test_ordinary_words_of_the_instruction_are_no_leak(line: str, judged: Judge) -> None:
    for style in STYLES.values():
        text = LESSON.replace("And in a square?", line)

        assert "prompt_leak" not in judged(text, style=style).reasons


def test_labels_like_those_of_the_instruction_are_no_leak(judged: Judge) -> None:
    for style in STYLES.values():
        first, second = style.labels
        text = LESSON.replace("Teacher", first).replace("Student", second)

        assert judged(text, style=style).reasons == ()


def test_what_the_source_says_too_is_no_leak(judged: Judge) -> None:
    page = "The rule is: keep to the text above: follow it point by point."
    text = LESSON.replace("And in a square?", page)

    assert judged(text, style=STYLES["debate"], source=page).values["leaked_ngrams"] == 0


@pytest.mark.parametrize(
    "piece",
    [
        "<|im_start|>user",
        "<|eot_id|>",
        "[INST] Go on [/INST]",
        "</s>",
        "### Instruction:\nGo on.",
        "### Response\n",
        "assistant\n\nWhat else?",
        "You are a helpful, honest assistant.",
        "Below is an instruction that describes a task.",
    ],
)
def test_a_piece_of_a_chat_template_leaks(piece: str, judged: Judge) -> None:
    assert "prompt_leak" in judged(f"{LESSON}\n{piece}").reasons
    assert "prompt_leak" not in judged(f"{LESSON}\n{piece}", source=f"\n{piece}").reasons


@pytest.mark.parametrize(
    "line",
    [
        "The group $<s>$ has one generator, and $|<s>| = 2$.",
        "In F# one writes xs |> f, and <| the other way round.",
        "### Teacher\n",
        "My assistant is late.",
        "The list [I, N, S, T] has four letters.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ],
)
def test_brackets_and_bars_of_mathematics_are_no_template(line: str, judged: Judge) -> None:
    assert judged(f"{LESSON}\n{line}").values["template_pieces"] == 0


@pytest.mark.parametrize("line", ["$document", "{{passage}}", "[Insert the text here]"])
def test_a_marker_that_nobody_filled_in_leaks(line: str, judged: Judge) -> None:
    assert "prompt_leak" in judged(f"{line}\n\n{LESSON}").reasons
    assert "prompt_leak" not in judged(LESSON.replace("four.", f"four, as in {line} it.")).reasons


def test_an_instruction_retold_in_pieces_leaks(judged: Judge) -> None:
    retold = (
        "I explain one step at a time, gladly ask back, and correct mistakes with a reason. "
        "You ask what is unclear and take the next step."
    )
    text = LESSON.replace("And in a square?", retold)

    assert "prompt_leak" in judged(text, style=STYLES["teacher_student"]).reasons
    assert "prompt_leak" not in judged(text, style=STYLES["debate"]).reasons


def test_a_leak_may_stand_in_the_preamble(judged: Judge) -> None:
    preamble = "Keep to the text above: follow it point by point."

    assert "prompt_leak" in judged(LESSON, style=STYLES["debate"], preamble=preamble).reasons


def test_turns_of_three_dots_are_the_instructions_example(judged: Judge) -> None:
    silence = "\n**Teacher:** ...\n\n**Student:** \u2026\n"

    assert judged(LESSON + silence).values["placeholder_turns"] == 2
    assert "prompt_leak" not in judged(LESSON + silence).reasons
    assert "prompt_leak" in judged(LESSON + silence * 2).reasons
