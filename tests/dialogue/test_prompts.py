"""Prompts: the page comes through as it is, above the instruction, whatever it holds."""

from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.dialogue import inpainting
from udfs.dialogue.prompts import check_frame, prompt_hash, render
from udfs.dialogue.styles import Style, load_styles
from udfs.keys import content_key

FRAME = "Page:\n\n$document\n\n$instruction\n"
SEVEN = [
    "debate",
    "interview",
    "layman_knowall",
    "problem_solving",
    "teacher_student",
    "two_professors",
    "two_students",
]
STYLES = load_styles(Path(__file__).parents[2] / "conf" / "prompts")
DEBATE = STYLES["debate"]
NASTY_PAGES = [
    r"\frac{a}{b} and {0} and {name} and {{}}",
    "it costs $5 to $12, or $$x$$, or \\$3",
    "$instruction and ${instruction} and $document",
    r"\1 \g<0> \n %s %(x)s",
    "",
    "  blank at both ends \n\n",
]


@pytest.fixture(params=SEVEN)
def style(request: pytest.FixtureRequest) -> Style:
    return STYLES[request.param]


def user_text(document: str, style: Style = DEBATE, frame: str = FRAME) -> str:
    return render(frame, document, style, with_opening=False)[0]["content"]


def test_one_user_message_and_no_system_message(style: Style):
    messages = render(FRAME, "A page.", style, with_opening=False)

    assert [message["role"] for message in messages] == ["user"]


def test_with_opening_the_assistant_has_begun_to_speak(style: Style):
    messages = render(FRAME, "A page.", style, with_opening=True)

    assert messages[1:] == [{"role": "assistant", "content": style.opening}]


def test_a_style_without_an_opening_gets_no_assistant_message():
    rephrase = DEBATE.model_copy(update={"opening": ""})

    assert len(render(FRAME, "A page.", rephrase, with_opening=True)) == 1


def test_the_page_stands_above_the_instruction(style: Style):
    text = user_text("A page.", style)

    assert text == f"Page:\n\nA page.\n\n{style.instruction.strip()}"


@pytest.mark.parametrize("page", NASTY_PAGES)
def test_the_page_comes_through_verbatim(page: str):
    assert user_text(page) == f"Page:\n\n{page}\n\n{DEBATE.instruction.strip()}"


@given(page=st.text())
def test_any_page_comes_through_verbatim(page: str):
    assert user_text(page) == f"Page:\n\n{page}\n\n{DEBATE.instruction.strip()}"


@given(page=st.text(alphabet="${}\\ docuentisr", max_size=60))
def test_pages_like_markers_come_through_verbatim(page: str):
    assert user_text(page).startswith(f"Page:\n\n{page}\n\n")


def test_a_marker_in_an_instruction_stays_text():
    odd = DEBATE.model_copy(update={"instruction": "Write $document in full."})

    assert user_text("A page.", odd).endswith("A page.\n\nWrite $document in full.")


def test_all_styles_share_what_comes_before_their_own_words():
    columns = zip(*(user_text("A page.", STYLES[name]) for name in SEVEN), strict=False)
    shared = "".join(column[0] for column in takewhile(lambda c: len(set(c)) == 1, columns))

    assert shared.startswith("Page:\n\nA page.\n\nRetell the text above as a conversation")
    assert len(shared) > len("Page:\n\nA page.\n\n") + 400


def test_the_hash_is_the_same_whatever_the_page():
    assert prompt_hash(FRAME, DEBATE, with_opening=False) == prompt_hash(
        FRAME, DEBATE, with_opening=False
    )


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("page", [page for page in NASTY_PAGES if page.strip()])
def test_all_styles_share_the_page_that_stands_first(name: str, page: str):
    assert user_text(page, STYLES[name]).startswith(f"Page:\n\n{page}\n\n")


def test_where_a_dialogue_is_put_together_the_instruction_shows_the_parts():
    text = user_text("One is odd. $parts and $document", STYLES["inpainting"])

    assert "\n\n[1] One is odd. $parts and $document\n\n" in text


@given(page=st.text())
def test_parts_of_any_page_can_be_shown(page: str):
    assert user_text(page, STYLES["inpainting"]).startswith(f"Page:\n\n{page}\n\n")


def test_the_ten_styles_have_ten_hashes():
    hashes = {prompt_hash(FRAME, style, with_opening=False) for style in STYLES.values()}

    assert len(hashes) == 10


def test_the_hashes_of_the_seven_are_what_they_were():
    hashes = [
        prompt_hash("$document\n\n$instruction", STYLES[n], with_opening=False) for n in SEVEN
    ]

    # What was paid for under these is looked up by them.
    assert content_key(*hashes) == "c76111d97b7f9dc31cf634ca7c757ff3"


def test_what_makes_the_dialogue_of_an_answer_changes_the_hash(monkeypatch: pytest.MonkeyPatch):
    style = STYLES["inpainting"]
    before = prompt_hash(FRAME, style, with_opening=False)
    renamed = style.model_copy(update={"labels": ("Listener", "Writer")})

    assert prompt_hash(FRAME, renamed, with_opening=False) != before
    monkeypatch.setattr(inpainting, "VERSION", inpainting.VERSION + 1)
    assert prompt_hash(FRAME, style, with_opening=False) != before
    assert len({prompt_hash(FRAME, s, with_opening=False) for s in STYLES.values()}) == 10


def test_the_seven_styles_have_seven_hashes():
    hashes = {prompt_hash(FRAME, STYLES[name], with_opening=False) for name in SEVEN}

    assert len(hashes) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"participants": "Statler and Waldorf"},
        {"knowledge_gap": "neither knows anything"},
        {"labels": ("Statler", "Waldorf")},
        {"min_turns": 40},
        {"opening": "**Statler:**"},
        {"instruction": DEBATE.instruction + "\n\n"},
    ],
)
def test_what_is_not_sent_does_not_change_the_hash(change: dict[str, object]):
    changed = DEBATE.model_copy(update=change)

    assert prompt_hash(FRAME, changed, with_opening=False) == prompt_hash(
        FRAME, DEBATE, with_opening=False
    )


@pytest.mark.parametrize(
    "change", [{"instruction": "Argue."}, {"opening": "**Statler:**"}], ids=["words", "opening"]
)
def test_what_is_sent_changes_the_hash(change: dict[str, object]):
    changed = DEBATE.model_copy(update=change)

    assert prompt_hash(FRAME, changed, with_opening=True) != prompt_hash(
        FRAME, DEBATE, with_opening=True
    )


def test_the_frame_and_the_opening_change_the_hash():
    plain = prompt_hash(FRAME, DEBATE, with_opening=False)

    assert prompt_hash(f"Dear model,\n{FRAME}", DEBATE, with_opening=False) != plain
    assert prompt_hash(FRAME, DEBATE, with_opening=True) != plain


def test_blank_lines_around_the_frame_do_not_change_the_hash():
    assert prompt_hash(f"\n{FRAME}\n\n", DEBATE, with_opening=False) == prompt_hash(
        FRAME, DEBATE, with_opening=False
    )


def test_a_good_frame_is_accepted():
    check_frame(FRAME)


def test_dollars_in_a_frame_are_allowed():
    check_frame("Formulas look like $x$ and cost $5.\n$document\n$instruction")


def test_missing_markers_are_all_named():
    with pytest.raises(ValueError, match="prompt") as caught:
        check_frame("Say something.")

    assert str(caught.value) == (
        "prompt: expected $document exactly once, found it 0 times; "
        "expected $instruction exactly once, found it 0 times"
    )


def test_a_marker_twice_is_an_error():
    with pytest.raises(ValueError, match="document exactly once, found it 2 times"):
        check_frame("$document $document $instruction")


def test_a_misspelt_marker_is_pointed_out():
    with pytest.raises(ValueError, match="is \\$documents a misspelling"):
        check_frame("$documents $instruction")


def test_the_page_must_come_first():
    with pytest.raises(ValueError, match="expected \\$document before \\$instruction"):
        check_frame("$instruction $document")
