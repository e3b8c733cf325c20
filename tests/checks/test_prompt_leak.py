"""Instruction text in the answer, and what chat templates leave behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from udfs.checks.preamble import strip_preamble
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
    for style in (style for style in STYLES.values() if style.labels):
        first, second = style.labels
        text = LESSON.replace("Teacher", first).replace("Student", second)

        assert "prompt_leak" not in judged(text, style=style).reasons


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


@pytest.mark.parametrize(
    "words",
    [
        "You are a patient tutor who answers a beginner's questions about geometry.",
        "Act as two professors who talk about a web page.",
        "Your job is to rewrite pages as talks between two people.",
        "Transform the document below into an interview of ten turns.",
        "Please write a natural discussion that covers all of the passage.",
        "* The speakers must not greet each other.\n* Use only what is in the passage.",
        "1. Both participants should speak equally often.\n2. Avoid narration.",
        "(Stick to the source text. The conversation must have between 8 and 12 turns.)",
        "Rules:\nNo speaker may mention the document.",
        "[Reminder: the pupil has to make one mistake, and the tutor corrects it.]",
        "<instructions>Short answers.</instructions>",
        '{"role": "user", "content": "Two right angles"}',
        "Document: A circle is round.\n\nConversation:",
        "**Example 3:**\n**Passage:** A prime has two divisors.",
        "Instruction: Go on.\nContext: A circle is round.",
    ],
)
@pytest.mark.parametrize("place", ["{lesson}\n{words}", "{words}\n\n{lesson}"])
def test_words_that_tell_how_to_write_a_dialogue_leak(
    words: str, place: str, judged: Judge
) -> None:
    preamble, text = strip_preamble(place.format(words=words, lesson=LESSON))

    assert "prompt_leak" in judged(text, preamble=preamble).reasons
    assert judged(text, preamble=preamble, source=words).values["instruction_weight"] == 0


@pytest.mark.parametrize(
    "words",
    [
        "You are right. Both sides must be equal, so keep the equation balanced.",
        "You are a born mathematician!",
        "Your task is to find the angle at C.",
        "Now write the sum as a product, and use the formula of the last page.",
        "1. Write down the numbers.\n2. Make sure that both sides have the same sign.",
        "The teacher should get 30 answers, one from each student.",
        "Example 2: a rhombus.\n\nExample 3: a kite.",
        "The expert knows more than the beginner, so he plays first.",
        "Rules: first the brackets, then the powers.",
        "if a < b and b > c then the context does not matter",
        "Turn it by three quarter turns, and write the result in the table.",
        "`<task>` opens an element and `</task>` closes it.",
    ],
)
def test_what_a_teacher_tells_a_student_to_do_is_no_leak(words: str, judged: Judge) -> None:
    told = LESSON.replace("And in a square?", f"And in a square?\n\n{words}")

    assert "prompt_leak" not in judged(told).reasons
    assert "prompt_leak" not in judged(f"{LESSON}\n{words}").reasons


def test_the_scene_may_be_set(judged: Judge) -> None:
    scene = "*The teacher draws on the board. One of the students is often late.*\n\n"

    assert "prompt_leak" not in judged(scene + LESSON).reasons


@pytest.mark.parametrize(
    "words",
    [
        "We were asked to turn the text into a dialogue and to keep every formula.",
        "The conversation should have at least ten turns.",
        "(As instructed, neither side should win the debate.)",
        "I'm told that our names have to be in bold, and that we must not omit any step.",
        "{insert a question of the student here}",
    ],
)
def test_speakers_who_talk_about_their_instruction_leak_it(words: str, judged: Judge) -> None:
    told = LESSON.replace("And in a square?", f"{words} And in a square?")

    assert "prompt_leak" in judged(told).reasons
    assert "prompt_leak" not in judged(told, source=f"{words} A square has four sides.").reasons


def test_a_preamble_tells_of_the_instruction_and_leaks_nothing(judged: Judge) -> None:
    preamble = "Here is the dialogue of the provided text that both students should hold.\n\n"

    assert "prompt_leak" not in judged(LESSON, preamble=preamble).reasons
