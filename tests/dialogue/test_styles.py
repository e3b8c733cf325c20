"""Styles: seven files that say what the paper asks for, three baselines, and errors that say what
to mend.
"""

import tomllib
from pathlib import Path

import pytest

from udfs.dialogue.styles import Style, load_style, load_styles

PROMPTS = Path(__file__).parents[2] / "conf" / "prompts"
SEVEN = [
    "debate",
    "interview",
    "layman_knowall",
    "problem_solving",
    "teacher_student",
    "two_professors",
    "two_students",
]
BASELINES = ["inpainting", "question_answer", "rephrase"]
GOOD = {
    "name": "wizard_hobbit",
    "participants": "Gandalf and Frodo",
    "labels": ["Gandalf", "Frodo"],
    "knowledge_gap": "Gandalf knows what the ring is",
    "min_speakers": 2,
    "min_turns": 4,
    "opening": "**Gandalf:**",
    "instruction": "Let Gandalf explain the text above to Frodo.",
}


@pytest.fixture(params=SEVEN)
def style(request: pytest.FixtureRequest) -> Style:
    return load_style(PROMPTS / f"{request.param}.toml")


def write_style(folder: Path, stem: str = "wizard_hobbit", /, **changes: object) -> Path:
    """A style file with changed keys; None leaves a key out."""
    fields = {key: value for key, value in (GOOD | changes).items() if value is not None}
    path = folder / f"{stem}.toml"
    path.write_text("\n".join(f"{key} = {value!r}" for key, value in fields.items()))
    return path


def error_of(path: Path) -> str:
    with pytest.raises(ValueError, match=path.stem) as caught:
        load_style(path)
    return str(caught.value)


def test_the_seven_styles_of_the_paper_are_there():
    assert set(SEVEN) <= set(load_styles(PROMPTS))


def test_it_asks_for_a_dialogue_of_two_speakers_and_four_turns(style: Style):
    assert (style.min_speakers, style.min_turns) == (2, 4)
    assert len(style.labels) == 2


def test_its_opening_starts_with_a_label_that_the_instruction_names(style: Style):
    assert style.opening.startswith(tuple(f"**{label}:**" for label in style.labels))


def test_its_opening_ends_with_a_label_and_no_blank(style: Style):
    # A blank at the end would be a token of its own, which models do not expect there.
    assert style.opening.endswith(":**")


def test_its_instruction_shows_how_turns_are_labelled(style: Style):
    for label in style.labels:
        assert f"**{label}:**" in style.instruction


@pytest.mark.parametrize("name", SEVEN + BASELINES)
@pytest.mark.parametrize("clause", ["Keep to the text above", "Be faithful to it", "Add nothing"])
def test_its_instruction_has_the_three_clauses(name: str, clause: str):
    assert clause in load_style(PROMPTS / f"{name}.toml").instruction


@pytest.mark.parametrize("wish", ["conversation", "LaTeX", "introduction", "discussion ends"])
def test_its_instruction_says_what_to_write_and_when_to_stop(style: Style, wish: str):
    assert wish in style.instruction


def test_only_the_professors_have_no_knowledge_gap(style: Style):
    assert (style.knowledge_gap == "") == (style.name == "two_professors")


def test_instructions_begin_alike_so_that_the_cache_holds_more_than_the_page():
    beginnings = {
        style.instruction.split("\n\n")[0]
        for style in load_styles(PROMPTS).values()
        if style.name in SEVEN
    }

    assert len(beginnings) == 1


def test_the_longer_part_of_an_instruction_is_its_own(style: Style):
    others = [load_style(PROMPTS / f"{name}.toml") for name in SEVEN if name != style.name]
    own = style.instruction.split("\n\n")[1]

    assert all(own not in other.instruction for other in others)


def test_a_baseline_is_no_style_of_the_paper_and_asked_for_by_name_only():
    assert list(load_styles(PROMPTS)) == sorted(SEVEN + BASELINES)
    shipped = tomllib.loads((PROMPTS.parent / "mind.toml").read_text(encoding="utf-8"))
    assert sorted(shipped["generate"]["styles"]) == SEVEN


@pytest.mark.parametrize(
    ("name", "labels", "speakers", "turns", "assembly"),
    [
        ("rephrase", (), 1, 1, ""),
        ("question_answer", ("Question", "Answer"), 1, 1, ""),
        ("inpainting", ("Reader", "Author"), 2, 4, "inpainting"),
    ],
)
def test_only_inpainting_among_the_baselines_is_a_conversation(
    name: str, labels: tuple[str, ...], speakers: int, turns: int, assembly: str
):
    style = load_style(PROMPTS / f"{name}.toml")

    assert (style.labels, style.min_speakers, style.min_turns) == (labels, speakers, turns)
    assert (style.assembly, style.quotes_source) == (assembly, bool(assembly))


@pytest.mark.parametrize(
    "change",
    [{"instruction": "No parts."}, {"instruction": "$parts $parts"}, {"labels": ["Gandalf"]}],
    ids=["no parts", "parts twice", "one label"],
)
def test_a_dialogue_that_is_put_together_needs_two_speakers_and_its_parts(
    tmp_path: Path, change: dict[str, object]
):
    path = write_style(
        tmp_path, **({"instruction": "Lead to $parts", "assembly": "inpainting"} | change)
    )

    assert "assembly: Value error, expected two labels, and $parts once" in error_of(path)


def test_styles_come_in_the_order_of_their_names(tmp_path: Path):
    for name in ("zebra", "aardvark"):
        write_style(tmp_path, name, name=name)

    assert list(load_styles(tmp_path)) == ["aardvark", "zebra"]


def test_a_new_file_is_a_new_style(tmp_path: Path):
    write_style(tmp_path)

    assert load_styles(tmp_path)["wizard_hobbit"].labels == ("Gandalf", "Frodo")


def test_a_comment_changes_nothing(tmp_path: Path):
    path = write_style(tmp_path)
    before = load_style(path)
    path.write_text("# one does not simply walk into Mordor\n" + path.read_text())

    assert load_style(path) == before


def test_an_unknown_key_is_named_with_the_nearest_valid_one(tmp_path: Path):
    path = write_style(tmp_path, instructions="Fly, you fools.")

    assert error_of(path) == f"{path}: instructions: unknown key; did you mean 'instruction'?"


def test_an_unknown_key_like_no_other_is_answered_with_all_valid_ones(tmp_path: Path):
    assert "known: name, participants, labels" in error_of(write_style(tmp_path, xyzzy=1))


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path):
    path = write_style(tmp_path, opening=None, min_turns=0, lables=[])
    keys = [line.removeprefix(f"{path}: ").split(":")[0] for line in error_of(path).split("\n")]

    assert sorted(keys) == ["lables", "min_turns", "opening"]


def test_a_missing_key_is_explained(tmp_path: Path):
    message = error_of(write_style(tmp_path, opening=None))

    assert message.endswith("opening: missing; first speaker's label, for models that need a start")


def test_a_wrong_value_is_shown(tmp_path: Path):
    assert error_of(write_style(tmp_path, min_turns="many")).endswith("got 'many'")


def test_a_style_is_named_like_its_file(tmp_path: Path):
    message = error_of(write_style(tmp_path, "wizard_elf"))

    assert "expected 'wizard_elf' as the file's, got 'wizard_hobbit'" in message


def test_a_file_that_is_no_toml_is_named(tmp_path: Path):
    path = tmp_path / "balrog.toml"
    path.write_text("you shall not parse")

    assert error_of(path).startswith(f"{path}: not a TOML file in UTF-8: ")


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path):
    path = tmp_path / "balrog.toml"
    path.write_bytes(b'name = "\xff"')

    assert error_of(path).startswith(f"{path}: not a TOML file in UTF-8: ")


def test_problems_of_several_files_are_told_together(tmp_path: Path):
    paths = [write_style(tmp_path, name, name=name, min_turns=0) for name in ("merry", "pippin")]

    with pytest.raises(ValueError, match="min_turns") as caught:
        load_styles(tmp_path)

    assert all(str(path) in str(caught.value) for path in paths)


def test_a_folder_without_styles_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match="expected style files"):
        load_styles(tmp_path)


def test_style_files_hold_no_key_twice_as_text(style: Style):
    raw = tomllib.loads((PROMPTS / f"{style.name}.toml").read_text(encoding="utf-8"))

    required = {name for name, field in Style.model_fields.items() if field.is_required()}
    assert required <= set(raw) <= set(Style.model_fields)


def test_a_style_wants_no_quotes_unless_it_says_so(tmp_path: Path):
    assert not load_style(write_style(tmp_path)).quotes_source
