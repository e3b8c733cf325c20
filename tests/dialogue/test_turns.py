"""Who speaks where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.dialogue.turns import parse_turns


def speakers(text: str) -> list[str]:
    return [turn.speaker for turn in parse_turns(text)]


def words(text: str) -> list[str]:
    return [text[turn.body_start : turn.end].strip() for turn in parse_turns(text)]


@pytest.mark.parametrize(
    "label",
    [
        "**Teacher:**",
        "**Teacher**:",
        "**Teacher: **",
        "***Teacher***:",
        "__Teacher__:",
        "*Teacher:*",
        "Teacher:",
        "Teacher :",
        "teacher:",
        "TEACHER:",
        "[Teacher]:",
        "**[Teacher]:**",
        '"Teacher":',
        "1. Teacher:",
        "12) **Teacher:**",
        "- Teacher:",
        "### Teacher:",
        "> **Teacher:**",
        "   Teacher:",
        "Teacher\uff1a",
        "Teacher (smiling):",
        "**Teacher (smiling):**",
        "**Teacher** (smiling):",
        "Teacher [at the board]:",
        "**Teacher** *(smiling)*:",
        "Teacher（smiling）\uff1a",
        "Teacher\u00a0:",
        "`Teacher`:",
        "<b>Teacher:</b>",
        "\\textbf{Teacher}:",
        "【Teacher】\uff1a",
        "(1) Teacher:",
        "a) Teacher:",
        "**1. Teacher:**",
        "Turn 1 - Teacher:",
        "👩\u200d🏫 Teacher:",
        "**Teacher 🙂:**",
    ],
)
def test_a_label_in_any_dress_names_the_same_speaker(label: str) -> None:
    text = f"{label} What is a prime?"

    assert (speakers(text), words(text)) == (["teacher"], ["What is a prime?"])


@pytest.mark.parametrize(
    "name",
    [
        "Student A",
        "Student 2",
        "Professor Smith",
        "Dr O'Neil",
        "Jean-Luc",
        "Maria de la Cruz",
        "Problem Solver",
        "Know-It-All",
        "Amina",
        "Étudiante B",
        "Учитель",
        "Преподаватель Иванов",
        "老师",
        "小明",
        "선생님",
        "शिक्षक",
        "المعلم",
        "Γιάννης",
    ],
)
def test_names_are_free_form(name: str) -> None:
    assert speakers(f"{name}: And now?") == [name.casefold()]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Lehrer:", "lehrer"),
        ("Étudiant\u00a0:", "étudiant"),
        ("E\u0301tudiant :", "étudiant"),
        ("Profesor:", "profesor"),
        ("学生\uff1a", "学生"),
        ("老师（笑）\uff1a", "老师"),
        ("【老师】", "老师"),
        ("Учитель (смеётся):", "учитель"),
    ],
)
def test_labels_may_be_in_any_language(label: str, name: str) -> None:
    assert speakers(f"{label} 1 + 1?\n【学生】 2.")[:1] == [name]


@pytest.mark.parametrize(
    "heading",
    [
        "Proof:",
        "**Proof:**",
        "*Proof (by contradiction):*",
        "Note:",
        "Step 2:",
        "**Step 2: Simplify.**",
        "Case 1:",
        "Case A:",
        "Example:",
        "Example 3.1:",
        "Solution:",
        "Theorem 3:",
        "Theorem 3 (Pythagoras):",
        "Proof of Lemma 2:",
        "Base case:",
        "Inductive Step:",
        "Therefore:",
        "Simplifying:",
        "Left-hand side:",
        "We get:",
        "In other words:",
        "Here is the thing:",
        "Conversation:",
        "Q.E.D.:",
        "1. **Area:**",
        "- **Numerator:**",
        "x:",
        "f: A to B, where",
        "T: V to W",
        "https://example.org:",
        "Ratio 3:4",
        "N := 5",
        "**Remember: signs matter.**",
        "The area of the triangle in the figure that we have drawn on the board last week is:",
        "Beweis:",
        "Доказательство:",
        "证明：",
    ],
)
def test_what_a_textbook_puts_before_a_colon_is_no_speaker(heading: str) -> None:
    text = f"**Ada:** Look.\n{heading} so it is.\n**Ben:** I see."

    assert speakers(text) == ["ada", "ben"]


def test_a_name_in_a_list_is_a_speaker_once_it_comes_again() -> None:
    text = "1. Ada: One.\n2. Ben: Two.\n3. Ada: Three.\n4. Ben: Four."

    assert speakers(text) == ["ada", "ben", "ada", "ben"]


def test_two_letters_are_two_people_and_one_letter_is_a_map() -> None:
    assert speakers("A: Hello.\nB: Hello.") == ["a", "b"]
    assert speakers("F: from the reals to the reals.") == []


def test_one_speaker_in_several_spellings_is_one() -> None:
    text = "**Student A:** Hi.\nStudent  a: Again.\n[STUDENT A]: And again."

    assert speakers(text) == ["student a"] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Student A", "student a"),
        ("Student A", "Student A (laughing)"),
        ("Student A", "Student-A"),
        ("Student A", "Student_A"),
        ("Student 1", "Student #1"),
        ("Dr. Lee", "Dr Lee"),
        ("Ms. O'Neil", "MS O’NEIL"),
        ("Teacher", "\uff34eacher"),
        ("Émilie", "E\u0301milie"),
    ],
)
def test_two_spellings_are_one_speaker(one: str, other: str) -> None:
    text = f"{one}: Hi.\n\nBen: Hi.\n\n**{other}**: And how?\n\nBen: Well."

    assert len(set(speakers(text))) == 2
    assert speakers(text)[0] == speakers(text)[2]


@pytest.mark.parametrize(
    "dress",
    [
        "[{}]",
        "**[{}]**",
        "**{}**",
        "**{}**\n",
        "**{}** (slowly)",
        "## {}\n",
        "{} -",
        "{} \u2014",
        "**{}** \u2013",
        "【{}】",
        "1. [{}]",
    ],
)
def test_a_label_needs_no_colon_where_none_has_one(dress: str) -> None:
    teacher, student = dress.format("Teacher"), dress.format("Student")
    text = f"{teacher} One.\n\n{student} Two.\n\n{teacher} Three."

    assert speakers(text) == ["teacher", "student", "teacher"]
    assert words(text) == ["One.", "Two.", "Three."]


def test_names_in_brackets_are_speakers_once_they_come_again() -> None:
    assert speakers("[Ada] One.\n[Ben] Two.\n[Ada] Three.\n[Ben] Four.") == ["ada", "ben"] * 2
    assert speakers("[Ada] One.\n[Ben] Two.") == []


@pytest.mark.parametrize(
    "text",
    [
        "**Primes** have two divisors.\n\n**Squares** have an odd number.\n\n**Primes** again.",
        "[Note] One.\n[Hint] Two.\n[Note] Three.\n[Hint] Four.",
        "**Teacher** is a profession.\n\nMany people like it.",
        "- Addition - one.\n- Division - two.\nAddition - three.",
        "```\n[Teacher] One.\n[Student] Two.\n```",
    ],
    ids=["terms", "notes", "one role", "list", "code"],
)
def test_without_a_colon_headings_and_terms_are_no_speakers(text: str) -> None:
    assert speakers(text) == []


def test_a_colon_decides_where_both_are() -> None:
    text = "Ada: The roles?\n[Teacher] One.\n[Student] Two.\nBen: Two roles.\nAda: I see."

    assert speakers(text) == ["ada", "ben", "ada"]


def test_shares_and_alternation_can_be_read_off_the_turns() -> None:
    text = "**Ada:** Four.\n\nBen: Eight.\n\n[ADA]: Six!"
    turns = parse_turns(text)

    assert [turn.end - turn.body_start for turn in turns] == [7, 8, 4]
    assert [turn.speaker for turn in turns] == ["ada", "ben", "ada"]


def test_text_may_follow_on_the_next_line() -> None:
    assert words("**Ada:**\nGood morning.\n\n**Ben:**\n\nGood morning.") == ["Good morning."] * 2


def test_a_turn_has_paragraphs_and_the_narration_after_it() -> None:
    text = "**Ada:** One.\n\nTwo.\n\n*She sits down.*\n\n**Ben:** Three."

    assert words(text) == ["One.\n\nTwo.\n\n*She sits down.*", "Three."]


def test_text_before_the_first_label_belongs_to_nobody() -> None:
    turns = parse_turns("An evening in March.\n\n**Ada:** Hello.")

    assert [turn.start for turn in turns] == [22]


@pytest.mark.parametrize(
    "block",
    [
        "```\nStudent: x\n```",
        "$$\nStudent: x\n$$",
        "\\[\nStudent: x\n\\]",
        "\\begin{align}\nStudent: x\n\\end{align}",
        "```\n[Student] x\n**Student** y\n```",
        "$f(\\text{Student: x})$",
        "See `Student: x` here.",
        "The formula $a$ of Student: x.",
    ],
)
def test_a_label_in_code_or_a_formula_is_none(block: str) -> None:
    assert speakers(f"Teacher: Look.\n{block}\nTeacher: Well?") == ["teacher", "teacher"]


def test_two_sums_of_money_do_not_swallow_the_label_between_them() -> None:
    assert speakers("Ada: I have $5\nBen: And I have 6$ or so.") == ["ada", "ben"]


@pytest.mark.parametrize(
    "text", ["", "\n", ":", "::::", "**:**", "A page without people.", "\ud800:"]
)
def test_nobody_speaks(text: str) -> None:
    assert parse_turns(text) == ()


PIECES = st.sampled_from(
    [
        "**Ada:** ",
        "Ben: ",
        "1. Student A: ",
        "[X]:",
        "[Ada] ",
        "**Teacher**",
        "Proof: ",
        "\n",
        "\n\n",
        "$",
        "$$",
        "```\n",
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join))
def test_turns_put_together_are_the_text(text: str) -> None:
    turns = parse_turns(text)
    head = text[: turns[0].start] if turns else text

    assert head + "".join(text[turn.start : turn.end] for turn in turns) == text
    assert all(turn.start < turn.body_start <= turn.end for turn in turns)
