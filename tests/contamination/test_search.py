"""Questions planted in other words, found or not, and where."""

import re
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contamination.questions import BISCUITS, FERRY, LIGHTHOUSE, SHORT, index_of
from udfs.contamination.index import Index
from udfs.contamination.search import Match, find_retold, find_reworded, find_verbatim
from udfs.contamination.stream import read_stream

PAGE = """
## Harbours of the west

Ferries have sailed from Cleggan since 1896, and the timetable has hardly changed. How many
passengers a boat may carry depends on the tide. Let $n$ be the number of berths, so that
$$ \\sum_{i=1}^{n} b_i = \\frac{n(n+1)}{2} $$ metres of quay are needed. The keeper of the light
climbs to the lamp every evening; his brother sells biscuits, each of them for a dollar.

"""


@pytest.fixture(scope="module")
def index() -> Index:
    return index_of()


def loose(text: str, index: Index) -> Match | None:
    return find_reworded(read_stream(text), index, 2.0)


def retold(text: str, index: Index) -> Match | None:
    return find_retold(read_stream(text), index, 2.0)


LATEX = (
    "Farida bakes $36$ \\textbf{almond} biscuits and\\;sells \\text{each of them} for $\\$1.25$. "
    "Her brother *Tomasz* eats a third of what is left. How much money does Farida take home if "
    "$6$~biscuits break?"
)


@pytest.mark.parametrize(
    "planted",
    [
        BISCUITS,
        BISCUITS.upper(),
        "\n".join(textwrap.wrap(BISCUITS, 20)),
        re.sub(r"\s+", "\n\n> ", BISCUITS),
        LATEX,
        BISCUITS.replace("$1.25", "1.25 dollars"),
    ],
)
def test_however_a_question_is_set_it_is_found_word_for_word(planted: str, index: Index) -> None:
    match = find_verbatim(read_stream(PAGE + planted + PAGE), index)

    assert match is not None
    assert match.item == "ours:1"
    assert match.score == 21
    assert (match.start, match.end) == (len(PAGE), len(PAGE) + len(planted) - 1)


def test_thirteen_words_in_a_row_are_enough_and_twelve_are_not(index: Index) -> None:
    words = FERRY.split()

    assert find_verbatim(read_stream(" ".join(words[3:16])), index) is not None
    assert find_verbatim(read_stream(" ".join(words[3:15])), index) is None


def test_a_short_question_must_be_there_as_a_whole(index: Index) -> None:
    found = find_verbatim(read_stream(f"{PAGE} {SHORT} {PAGE}"), index)
    part = find_verbatim(read_stream(SHORT.replace("hundred", "")), index)

    assert found is not None
    assert (found.item, found.score, part) == ("ours:3", 1.0, None)


def test_the_item_with_the_most_grams_is_named(index: Index) -> None:
    half = " ".join(LIGHTHOUSE.split()[:16])

    match = find_verbatim(read_stream(f"{half}. {FERRY}"), index)

    assert match is not None
    assert match.item == "ours:2"


def test_a_question_quoted_twice_is_located_where_it_is_first(index: Index) -> None:
    text = FERRY + PAGE * 3 + FERRY

    match = find_verbatim(read_stream(text), index)

    assert match is not None
    assert text[match.start : match.end] == FERRY[:-1]


@pytest.mark.parametrize(
    "planted",
    [
        FERRY.replace("84", "85"),
        FERRY.replace("84", "9").replace("11", "12").replace("4 times", "five times"),
        FERRY.replace("Inishbofin", "Skellig").replace("June", "May"),
        FERRY.replace("carries", "takes").replace("How many", "What number of"),
    ],
)
def test_a_question_in_other_words_is_found_loosely(planted: str, index: Index) -> None:
    text = PAGE + planted + PAGE

    match = loose(text, index)

    assert match is not None
    assert match.item == "ours:2"
    assert 0.4 <= match.score < 1
    assert planted[10:-20] in text[match.start : match.end]


def test_the_whole_question_scores_one(index: Index) -> None:
    match = loose(PAGE + FERRY + PAGE, index)

    assert match is not None
    assert match.score == pytest.approx(1)


def test_a_page_on_the_same_subject_is_clean(index: Index) -> None:
    assert find_verbatim(read_stream(PAGE), index) is None
    assert loose(PAGE, index) is None
    assert retold(PAGE, index) is None


RETOLD = (
    "My sister's bakery has a tray of 36 biscuits. Tomasz, her brother, eats one third of what is "
    "left after 6 of them break. One biscuit of almond sells at $1.25. What is the money at home?"
)


def test_a_question_told_anew_is_found_by_its_words_and_numbers(index: Index) -> None:
    assert loose(PAGE + RETOLD + PAGE, index) is None

    match = retold(PAGE + RETOLD + PAGE, index)

    assert match is not None
    assert match.item == "ours:1"
    assert 0.4 <= match.score < 1
    assert "Tomasz, her brother" in (PAGE + RETOLD + PAGE)[match.start : match.end]


@pytest.mark.parametrize("place", range(4))
def test_of_items_with_the_same_numbers_the_one_of_most_words_is_found(place: int) -> None:
    others = [
        f"{thing} number 36 is left at home by 6 brothers, a third of what its money of $1.25 is."
        for thing in ("Train", "Lighthouse", "Ferry")
    ]
    questions = [*others[:place], BISCUITS, *others[place:]]

    match = retold(PAGE + RETOLD + PAGE, index_of(*questions))

    assert match is not None
    assert match.item == f"ours:{place}"


@pytest.mark.parametrize(
    "other",
    [
        RETOLD.replace("36", "48").replace("1.25", "2.10"),
        "The 36 trains of line 6 leave every 1.25 minutes, and none of them is late.",
        "Her brother eats a third of what is left and sells almond biscuits at home for money.",
    ],
    ids=["other numbers", "another story", "no numbers"],
)
def test_neither_numbers_nor_words_are_enough(other: str, index: Index) -> None:
    match = retold(PAGE + other + PAGE, index)

    assert match is None or match.score < 0.4


def test_parts_that_lie_far_apart_do_not_add_up(index: Index) -> None:
    sentences = re.split(r"(?<=[.?]) ", FERRY)
    near, far = loose(" ".join(sentences), index), loose((PAGE * 2).join(sentences), index)

    assert near is not None
    assert far is not None
    assert far.score < 0.6 < near.score


def test_the_same_part_again_and_again_counts_once(index: Index) -> None:
    once, often = loose(FERRY[:60], index), loose((FERRY[:60] + ". ") * 9, index)

    assert once is not None
    assert often is not None
    assert often.score == pytest.approx(once.score)


@pytest.mark.parametrize(
    "text", ["0 " * 500, "0 1 " * 500, "for (int i = 0; i < n; i++) " * 99, "... --- ", ""]
)
def test_runs_never_match_even_where_a_benchmark_has_them(text: str) -> None:
    index = index_of("Let A be " + "0 " * 30, "for (int i = 0; i < n; i++) " * 9, "0 1 " * 30)

    assert find_verbatim(read_stream(text), index) is None
    assert loose(text, index) is None


def test_an_index_of_nothing_finds_nothing() -> None:
    assert find_verbatim(read_stream(FERRY), index_of("Too short.")) is None
    assert loose(FERRY, index_of("Too short.")) is None
    assert retold(FERRY, index_of("Too short.")) is None


WORDS = st.sampled_from([*FERRY.split(), *SHORT.split(), "\n\n", "$", "\\text{", "}", "🦀"])


@settings(deadline=None)
@given(st.lists(WORDS | st.text(max_size=4), max_size=80).map(" ".join))
def test_whatever_is_found_lies_in_the_text(text: str) -> None:
    index = index_of()
    matches = [find_verbatim(read_stream(text), index), loose(text, index), retold(text, index)]

    for match in filter(None, matches):
        assert match.score > 0
        assert 0 <= match.start < match.end <= len(text)
        assert text[match.start : match.end] == text[match.start : match.end].strip()
