"""Near-duplicates: the smallest place wins, whatever the order in which texts came."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spark_jobs.core.duplicates import find_duplicates
from udfs.checks.duplicate import Limits, sign
from udfs.contamination.stream import read_stream

pytestmark = pytest.mark.spark
LIMITS = Limits(action="gate", ngram=5, bands=14, rows=8, min_similarity=0.75)
PROOF = " ".join(f"Step {n} uses lemma {n * n} and bounds the term {n + 7}." for n in range(60))
OTHER = " ".join(f"Case {n}: the angle {n} turns the square {3 * n}." for n in range(60))
Texts = dict[str, tuple[str, str]]  # place: family and text


@pytest.fixture(scope="module")
def find(spark: Any) -> Callable[[Texts], dict[str, str]]:
    """Who repeats whom: `find({place: (family, text)})`."""

    def find_in(texts: Texts) -> dict[str, str]:
        rows = [
            (family, place, sign(read_stream(t), LIMITS)) for place, (family, t) in texts.items()
        ]
        signed = spark.createDataFrame(rows, "family string, place string, signature array<int>")
        return {row["place"]: row["first"] for row in find_duplicates(signed, LIMITS).collect()}

    return find_in


def test_the_smallest_place_wins(find: Callable[[Texts], dict[str, str]]) -> None:
    again = f"{PROOF} So it is shown."

    found = find({"c": ("x", PROOF), "a": ("x", again), "b": ("x", OTHER), "d": ("x", PROOF)})

    assert found == {"c": "a", "d": "a"}


def test_families_are_apart(find: Callable[[Texts], dict[str, str]]) -> None:
    assert find({"a": ("debate", PROOF), "b": ("interview", PROOF)}) == {}


def test_texts_without_words_repeat_nobody(find: Callable[[Texts], dict[str, str]]) -> None:
    assert find({"a": ("x", "$+$"), "b": ("x", ""), "c": ("x", " ")}) == {}


def test_what_has_half_in_common_is_no_duplicate(find: Callable[[Texts], dict[str, str]]) -> None:
    half = PROOF[: len(PROOF) // 2]

    assert find({"a": ("x", half + OTHER[: len(OTHER) // 2]), "b": ("x", PROOF)}) == {}


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(6)), cut=st.integers(0, 3))
def test_what_there_is_decides_and_not_the_order_it_came_in(
    find: Callable[[Texts], dict[str, str]], order: list[int], cut: int
) -> None:
    texts = [PROOF[cut:], PROOF, OTHER, f"{OTHER} And so on.", f"{PROOF} And so on.", "Else."]
    placed = {f"{n}": ("x", texts[n]) for n in order}

    assert find(placed) == {"1": "0", "3": "2", "4": "0"}
