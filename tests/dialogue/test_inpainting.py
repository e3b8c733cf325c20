"""Dialog inpainting: the page stays word for word, whatever the model answers."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.strategies import pages
from udfs.dialogue.inpainting import (
    MAX_PARTS,
    assemble_dialogue,
    find_parts,
    number_parts,
    read_remarks,
)
from udfs.dialogue.turns import parse_turns
from udfs.text.boundaries import InsideSpans
from udfs.text.math_spans import find_spans

LABELS = ("Reader", "Author")
PAGE = """\
A bridge is an edge whose removal leaves a graph in two. No bridge lies on a cycle, and all else do.

# Why

Suppose that the edge $e = uv$ lies on a cycle. Then the rest of the cycle still joins $u$ and $v$.

So every walk that used $e$ can take the detour, and nothing falls apart. A tree has bridges only.
"""
PARTS = [PAGE[start:end] for start, end in find_parts(PAGE)]
ANSWER = "\n".join(f"[{n}] What about step {n}?" for n in range(1, len(PARTS) + 1))

LINES = ["[1] ", "[2]", "3. ", "(4) ", "**5.** ", "[99] ", "[0] ", "[\u0663] ", "\n", "Why? "]
ODD = ["**Reader:** ", "**Author:** ", "A bridge", "$$", "```\n", "\ud800", "\x00", "[", "\u2028"]
ANSWERS = st.lists(
    st.sampled_from(LINES + ODD) | st.text(max_size=8),
    max_size=60,
).map("".join)


def assemble(answer: str, page: str = PAGE) -> str:
    return assemble_dialogue(page, answer, LABELS)


def find_missing(page: str, dialogue: str) -> list[str]:
    """The page's parts that do not come one behind the other in a dialogue."""
    position, missing = 0, []
    for start, end in find_parts(page):
        place = dialogue.find(page[start:end], position)
        position = max(position, place + end - start)
        missing += [page[start:end]] if place < 0 else []
    return missing


def test_both_speakers_take_turns_and_the_page_is_what_the_author_says() -> None:
    text = assemble(ANSWER)
    turns = parse_turns(text)

    assert [turn.speaker for turn in turns] == ["reader", "author"] * len(PARTS)
    assert [text[turn.body_start : turn.end].strip() for turn in turns[1::2]] == PARTS
    assert text.startswith("**Reader:** What about step 1?\n\n**Author:** A bridge is")


@pytest.mark.parametrize(
    "line",
    [
        "[2] Why is that?",
        "2. Why is that?",
        "2) Why is that?",
        "(2) Why is that?",
        "2: Why is that?",
        "**[2]** Why is that?",
        "**2.** Why is that?",
        "**2. Why is that?**",
        "- [2] Why is that?",
        "[2] **Reader:** Why is that?",
        "**Reader:** [2] Why is that?",
        "[2] Reader: Why is that?",
        "[2]: Why is that?",
        "[2]\nWhy is that?",
        "[2]\n\n**Reader:** Why is that?",
        "Here are the turns:\n\n[2] Why is that?\n\nI hope this helps!",
        "[1] ...\n[2] ...\n\n[2] Why is that?",
    ],
)
def test_numbers_come_in_many_dresses(line: str) -> None:
    remarks = read_remarks(line, PAGE, "Reader", len(PARTS))

    assert list(remarks) == [1]
    assert remarks[1].removeprefix("**Reader:** ") == "Why is that?"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot do that.",
        "[1] ...\n[2] ...",
        "[0] Why?",
        "[99] Why?",
        "3.14 is about pi.",
        "[1] No bridge lies on a  cycle, and",
        PAGE,
        number_parts(PAGE),
    ],
    ids=["nothing", "no", "dots", "zero", "beyond", "decimal", "copy", "page", "parts"],
)
def test_an_answer_without_a_usable_line_is_given_back(answer: str) -> None:
    assert assemble(answer) == answer


def test_a_part_without_a_remark_goes_on_with_the_turn_before() -> None:
    text = assemble("[1] What is a bridge?\n[3] And then?")
    turns = parse_turns(text)

    assert [turn.speaker for turn in turns] == ["reader", "author", "reader", "author"]
    assert find_missing(PAGE, text) == []


def test_without_the_first_remark_the_author_begins() -> None:
    text = assemble("[2] Why?")

    assert text.startswith(f"**Author:** {PARTS[0]}\n\n**Reader:** Why?")


def test_the_first_line_of_a_number_counts() -> None:
    assert read_remarks("[1] Why?\n[1] How?", PAGE, "Reader", 3) == {0: "Why?"}


def test_a_part_that_is_a_block_begins_on_a_line_of_its_own() -> None:
    table = "| n | n! |\n|---|---|\n| 3 | 6 |"

    assert assemble("[1] What is the factorial?", table).endswith(f"**Author:**\n\n{table}")


def test_a_heading_begins_a_part_and_is_none_alone() -> None:
    assert any(part.startswith("# Why\n\nSuppose") for part in PARTS)


def test_what_is_numbered_are_the_parts() -> None:
    assert number_parts("One is odd.") == "[1] One is odd."
    assert number_parts(" \n ") == ""


@settings(deadline=None)
@given(page=pages(), answer=ANSWERS)
def test_the_page_is_there_in_order_whatever_the_model_answers(page: str, answer: str) -> None:
    text = assemble(answer, page)

    assert text == answer or find_missing(page, text) == []


@settings(deadline=None)
@given(page=pages(), said=st.sets(st.integers(1, MAX_PARTS)))
def test_each_part_that_is_led_to_has_a_turn(page: str, said: set[int]) -> None:
    count = len(find_parts(page))
    remarks = read_remarks(
        "\n".join(f"[{n}] \u00bfQu\u00e9 {n}?" for n in said), page, "Reader", count
    )

    assert set(remarks) == {n - 1 for n in said if n <= count}


@settings(deadline=None)
@given(page=pages())
def test_parts_are_all_of_the_page_and_cut_no_formula(page: str) -> None:
    parts = find_parts(page)
    inside = InsideSpans(find_spans(page))

    assert "".join("".join(page[start:end] for start, end in parts).split()) == "".join(
        page.split()
    )
    assert len(parts) <= MAX_PARTS
    assert all(start < end and start not in inside for start, end in parts)


@pytest.mark.parametrize(
    "piece", ["[1] ", "[1]\n", "1", "**", "*", "[", "Reader: ", "[1] a\n", "A b. ", "# A\n\n", "\n"]
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()

    assemble(text)
    assemble(ANSWER, text)

    assert time.process_time() - started < 5
