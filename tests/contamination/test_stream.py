"""One stream for one text, however it is set; and offsets that lead back to it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from udfs.contamination.stream import PIECE, Stream, normalise, read_stream
from udfs.dialogue.turns import parse_turns


def tokens(text: str) -> list[str]:
    return [word for piece in PIECE.findall(text) if (word := normalise(piece))]


def same(one: str, other: str) -> bool:
    return read_stream(one).hashes.tolist() == read_stream(other).hashes.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The HOUSE of Straße", "the house of strasse"),
        ("ﬁsh 𝑥 ５", "fish x 5"),
        ("x² + y₁", "x 2 y 1"),
        ("cafe\u0301 café", "café café"),
        ("Zoë's, Zoë’s", "zoë s zoë s"),
        ("1,250 and 1{,}250 and 1\\,250 and 1\u202f250", "1250 and 1250 and 1250 and 1250"),
        ("1,2,3 and 12,3456", "1 2 3 and 12 3456"),
        ("$2.50, $3.00 and 10.", "2.5 3 and 10"),
        ("$5, \\$5, $\\$5$, 5 dollars, 5 USD", "5 5 5 5 5"),
        ("20%, 20\\%, 20 percent", "20 20 20"),
        ("twelve eggs, one hen", "12 eggs 1 hen"),
        ("\\(x\\) \\[y\\] $z$ $$w$$", "x y z w"),
        ("a\\,b\\;c\\:d\\!e~f\\quad g\\qquad h\\ i", "a b c d e f g h i"),
        ("\\left( \\text{apples} \\right) \\mathbf{v}", "apples v"),
        ("\\begin{align*} a &= b \\end{align*}", "a b"),
        ("\\alpha \\sin x", "alpha sin x"),
        ("\\frac{1}{2} \\times 3, 1/2 × 3, 1/2*3", "1 2 3 1 2 3 1 2 3"),
        ("**bold** _light_ `code` ~~gone~~", "bold light code gone"),
        ("# Title\n> quoted\n| a | b |\n|---|---|\n- item", "title quoted a b item"),
        ("我有5个苹果", "我 有 5 个 苹 果"),
        ("... --- $$ \\\\ \\$ {}", ""),
    ],
)
def test_what_a_text_says(text: str, expected: str) -> None:
    assert tokens(text) == expected.split()


def test_line_ends_are_nothing_but_blanks() -> None:
    assert same("Six hens lay\nsix eggs\r\n\r\nin six days.", "Six hens lay six eggs in six days.")


def test_numbers_that_differ_are_different_tokens() -> None:
    assert not same("She has 12 hens.", "She has 13 hens.")
    assert not same("She has 1,200 hens.", "She has 1.2 hens.")


def test_labels_are_cut_out_and_the_stream_goes_on_over_turns() -> None:
    text = "**Ada:** Six hens lay six eggs.\n\n**Ben:** How many do nine hens lay?\n"
    labels = [(turn.start, turn.body_start) for turn in parse_turns(text)]

    stream = read_stream(text, labels)

    plain = read_stream("Six hens lay six eggs. How many do nine hens lay?")
    assert stream.hashes.tolist() == plain.hashes.tolist()
    assert text[slice(*stream.locate(4, 6))] == "eggs.\n\n**Ben:** How many"


def test_tokens_that_are_nothing_are_not_counted_in_offsets() -> None:
    text = "It costs \\textbf{5 dollars} per hen."
    stream = read_stream(text)

    assert text[slice(*stream.locate(2, 3))] == "5 dollars} per"
    assert text[slice(*stream.locate(4, 4))] == "hen"


def test_a_hash_is_the_same_in_every_process() -> None:
    # An index that was shipped would find nothing otherwise.
    assert read_stream("hen").hashes.tolist() == [9594972896368855093]


ODD = st.sampled_from(
    [
        *"0²½₃ﬁİßẞ\u0301\u200d\ud800\ude00\u3164中_$\\{},.%~",
        "\\text",
        "\\,",
        "\\begin{",
        "1,000",
        "\n",
    ]
)


@settings(deadline=None)
@given(st.lists(ODD | st.text(max_size=5), max_size=40).map("".join))
@example("İ" * 50)
def test_no_text_raises_and_every_token_lies_in_it(text: str) -> None:
    stream = read_stream(text)

    assert all(0 <= start < end <= len(text) for start, end in every_offset(stream))


def every_offset(stream: Stream) -> list[tuple[int, int]]:
    return [stream.locate(number, number) for number in range(len(stream))]


@pytest.mark.parametrize(
    "piece", [" ", ".", "0", "a", "1,000", "\\", "{", "\u0301", "e\u0301", "½"]
)
def test_a_megabyte_of_anything_is_read(piece: str) -> None:
    assert len(read_stream(piece * (1_000_000 // len(piece)))) <= 1_000_000
