"""Blends: how many tokens each part gives, and which records these are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.core.blend import (
    find_range,
    nearest_cutoff,
    repeat_records,
    share_out,
    split_tokens,
)
from udfs.errors import JobError

ROWS = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(1, 5000)),
    min_size=1,
    unique_by=lambda row: row[0],
)


@given(ROWS, st.integers(0, 10**6))
def test_no_cutoff_is_nearer_to_what_is_wanted(rows: list[tuple[int, int]], wanted: int) -> None:
    cutoff, found = nearest_cutoff(rows, wanted)

    assert found == sum(tokens for order, tokens in rows if order <= cutoff)
    others = [sum(t for o, t in rows if o <= order) for order, _ in rows]
    assert all(abs(found - wanted) <= abs(other - wanted) for other in [0, *others])


def test_the_range_is_the_one_that_reaches_what_is_wanted() -> None:
    assert find_range({1: 10, -2: 5, 3: 10}, 15) == (1, 5)
    assert find_range({1: 10, -2: 5, 3: 10}, 16) == (3, 15)


def split(there: list[int], weights: list[float], budget: int = 0, repeats: int = 1) -> list[int]:
    return split_tokens(there, weights, budget=budget, max_repeats=repeats)


def test_without_a_budget_the_part_that_is_short_decides() -> None:
    assert split([1000, 300], [1, 1]) == [300, 300]
    assert split([1000, 300], [2, 1]) == [600, 300]
    assert split([700], [0.1]) == [700]


def test_a_budget_is_split_by_weight() -> None:
    assert split([1000, 1000], [2, 1], budget=900) == [600, 300]


def test_more_than_there_is_must_be_allowed() -> None:
    with pytest.raises(JobError, match=r"part 2 .* has 100 tokens, and the budget wants 300"):
        split([1000, 100], [2, 1], budget=900)
    assert split([1000, 100], [2, 1], budget=900, repeats=3) == [600, 300]


def test_a_part_without_text_is_named() -> None:
    with pytest.raises(JobError, match="part 1 of the export has no text"):
        split([0, 5], [1, 1])


@pytest.mark.spark
@pytest.mark.parametrize("budget", [1_000_003, 7_500_000, 25_000_001])
def test_a_budget_is_met_within_a_thousandth(spark: Any, budget: int) -> None:
    # 20,000 records of 1 to 1,000 tokens, ten million in all.
    sizes = spark.range(20_000).selectExpr(
        "sha2(cast(id as string), 256) as key", "id % 1000 + 1 as n_tokens"
    )

    (share,) = share_out([sizes], [1.0], budget=budget, max_repeats=3, seed=0)
    taken = repeat_records(sizes, share, seed=0, part=0)
    tokens = taken.agg({"n_tokens": "sum"}).collect()[0][0]

    assert tokens == share.tokens
    assert abs(tokens - budget) <= budget / 1000
    times = {row["count"] for row in taken.groupBy("key").count().collect()}
    assert times <= {share.whole, share.whole + 1}
