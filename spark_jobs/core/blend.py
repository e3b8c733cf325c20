"""How much of each part an export takes: by weights and a budget in tokens, chosen by hash.

A record is in when the hash of its key is at or under its part's cutoff. The cutoff is found from
sums over 65,536 ranges of hashes and then inside one of them, so that it is exact and the driver
holds little, however many records there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.kept import keep
from udfs.errors import JobError
from udfs.export.tokenizing import Encoder

RANGE_BITS = 48  # of the 64 of a hash: what is left tells the range


@dataclass(frozen=True)
class Share:
    """What is taken of a part: all records `whole` times, and once more those up to `cutoff`.

    `tokens` is how many that gives; null where nobody counted.
    """

    whole: int = 1
    cutoff: int | None = None
    tokens: int | None = None


def order_by_key(seed: int, part: int) -> Column:
    """A record's place among all: the hash of its key and of which repeat it is."""
    return F.xxhash64(F.lit(seed), F.lit(part), "key", "repeat")


def repeat_records(records: DataFrame, share: Share, *, seed: int, part: int) -> DataFrame:
    """The records that a share takes, with their `repeat` from 0 and their `order`."""
    repeats = range(share.whole + (share.cutoff is not None))
    numbers = F.array(*map(F.lit, repeats)).cast("array<int>")  # of nothing it is empty, too
    numbered = records.withColumn("repeat", F.explode(numbers))
    numbered = numbered.withColumn("order", order_by_key(seed, part))
    if share.cutoff is None:
        return numbered
    return numbered.where((F.col("repeat") < share.whole) | (F.col("order") <= share.cutoff))


@contextmanager
def measured(parts: Sequence[DataFrame], encoder: Encoder) -> Iterator[list[DataFrame]]:
    """`key` and `n_tokens` of each part's records, counted once and kept on disk meanwhile."""
    with ExitStack() as stack:
        sizes = []
        for part in parts:
            texts = part.select("key", "text")
            counted = texts.mapInArrow(encoder.add_counts, "key string, n_tokens bigint")
            sizes.append(stack.enter_context(keep(counted)))
        yield sizes


def share_out(
    sizes: Sequence[DataFrame],
    weights: Sequence[float],
    *,
    budget: int,
    max_repeats: int,
    seed: int,
) -> list[Share]:
    """What is taken of each part; without a budget the most for which no part is repeated."""
    there = [int(size.agg(F.sum("n_tokens")).collect()[0][0] or 0) for size in sizes]
    wanted = split_tokens(there, weights, budget=budget, max_repeats=max_repeats)
    return [
        take(size, tokens, total, seed=seed, part=part)
        for part, (size, tokens, total) in enumerate(zip(sizes, wanted, there, strict=True))
    ]


def split_tokens(
    there: Sequence[int], weights: Sequence[float], *, budget: int, max_repeats: int
) -> list[int]:
    """How many tokens to take of each part, of which `there` are so many.

    Raises JobError when a part has none, or would have to be repeated more often than allowed.
    """
    empty = [part for part, tokens in enumerate(there) if not tokens]
    if empty:
        raise JobError(
            f"part {empty[0] + 1} of the export has no text: run the jobs before it, or another "
            "layout"
        )
    shares = [Fraction(weight) for weight in weights]
    unit = min(Fraction(t) / s for t, s in zip(there, shares, strict=True))
    if budget:
        unit = Fraction(budget) / sum(shares)
    wanted = [round(unit * share) for share in shares]
    for part, (tokens, total) in enumerate(zip(wanted, there, strict=True)):
        if tokens > total * max_repeats:
            raise JobError(
                f"part {part + 1} of the export has {total:,} tokens, and the budget wants "
                f"{tokens:,} of it: more than export.max_repeats = {max_repeats} times all; lower "
                "the budget or its weight, or allow more repeats"
            )
    return wanted


def take(size: DataFrame, tokens: int, total: int, *, seed: int, part: int) -> Share:
    """The share of a part of `total` tokens that comes nearest to so many."""
    whole, rest = divmod(tokens, total)
    if not rest:
        return Share(whole, None, tokens)
    repeated = size.withColumn("repeat", F.lit(whole))
    ordered = repeated.select(order_by_key(seed, part).alias("order"), "n_tokens")
    cutoff, found = find_cutoff(ordered, rest)
    return Share(whole, cutoff, whole * total + found)


def find_cutoff(ordered: DataFrame, wanted: int) -> tuple[int, int]:
    """The `order` up to which records have nearly so many tokens, and how many they have."""
    in_range = F.shiftright("order", RANGE_BITS).alias("in_range")
    sums = ordered.groupBy(in_range).agg(F.sum("n_tokens").alias("tokens")).collect()
    place, before = find_range({row["in_range"]: row["tokens"] for row in sums}, wanted)
    rows = ordered.where(in_range == place).collect()
    cutoff, found = nearest_cutoff(
        [(row["order"], row["n_tokens"]) for row in rows], wanted - before
    )
    return cutoff, before + found


def find_range(sums: Mapping[int, int], wanted: int) -> tuple[int, int]:
    """The range in which the sum of all up to it reaches `wanted`, and the sum before it."""
    before = 0
    for place in sorted(sums):
        if before + sums[place] >= wanted:
            return place, before
        before += sums[place]
    raise ValueError(f"wanted {wanted}, there are {before}")


def nearest_cutoff(rows: Sequence[tuple[int, int]], wanted: int) -> tuple[int, int]:
    """Of (order, tokens) the order whose sum of all up to it is nearest to `wanted`, and the sum.

    Nothing may be nearest: then it is under all of them.
    """
    ordered = sorted(rows)
    best, total = (ordered[0][0] - 1, 0), 0
    for order, tokens in ordered:
        total += tokens
        if abs(total - wanted) < abs(best[1] - wanted):
            best = order, total
    return best
