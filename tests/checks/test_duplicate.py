"""Signatures: alike for texts that are, however they are set, and the same on every machine."""

from hypothesis import given
from hypothesis import strategies as st

from udfs.checks.duplicate import Limits, sign
from udfs.contamination.stream import read_stream

LIMITS = Limits(action="gate", ngram=5, bands=14, rows=8, min_similarity=0.75)
PROOF = " ".join(f"Step {n} uses lemma {n * n} and bounds the term {n + 7}." for n in range(60))


def similarity(one: str, other: str) -> float:
    first, second = sign(read_stream(one), LIMITS), sign(read_stream(other), LIMITS)
    assert first is not None
    assert second is not None
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)


def test_the_same_words_are_alike_however_they_are_set() -> None:
    assert similarity("We pay $\\$1{,}200$ per *House* now", "we pay 1200 per\nhouse now") == 1


def test_one_sentence_more_changes_little() -> None:
    assert similarity(PROOF, f"{PROOF} This was to be shown, as we said.") > 0.9


def test_an_estimate_is_near_the_part_that_is_in_common() -> None:
    half = PROOF[: len(PROOF) // 2]

    assert 0.35 < similarity(PROOF, half) < 0.65


def test_other_words_have_nothing_in_common() -> None:
    other = " ".join(f"Case {n}: the angle {n} turns the square {3 * n}." for n in range(60))

    assert similarity(PROOF, other) < 0.1


def test_texts_shorter_than_a_gram_are_alike_only_if_they_are_equal() -> None:
    assert similarity("Two plus two", "two plus two") == 1
    assert similarity("Two plus two", "two plus three") == 0


def test_a_text_without_words_has_no_signature() -> None:
    assert sign(read_stream(" \n$$ + $$"), LIMITS) is None


def test_a_signature_is_the_same_today_and_in_a_year() -> None:
    """Those of old rows are compared with those of new ones."""
    signature = sign(read_stream("The square of three is nine, and that of four is more."), LIMITS)

    assert signature is not None
    assert signature[:4] == [-892467227, -911625073, -999165949, -996875887]


@given(st.text())
def test_any_text_has_all_hashes_or_none(text: str) -> None:
    signature = sign(read_stream(text), LIMITS)

    assert signature is None or len(signature) == 14 * 8
