"""Sets of small numbers as bits of BIGINT columns: `pending` keeps what a chunk has in them.

Spark sums bits up without an object per row, which a set of structs needs.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

WORD = 63  # numbers in one column: the sign is left alone


def collect_bits(number: Column, below: int) -> list[Column]:
    """Aggregates that say which numbers below a limit a group of rows has; null for none."""
    one = F.lit(1).cast("bigint")
    return [
        F.bit_or(
            F.when(
                number.between(first, first + WORD - 1),
                F.call_function("shiftleft", one, (number - first).cast("int")),
            )
        )
        for first in range(0, below, WORD)
    ]


def lacks_any(words: Sequence[Column], below: int) -> Column:
    """Whether a number below a limit is missing."""
    full = (2 ** min(WORD, below - first) - 1 for first in range(0, below, WORD))
    return reduce(or_, (word != F.lit(all_) for word, all_ in zip(words, full, strict=True)))


def has_bit(words: Sequence[Column], number: Column) -> Column:
    """Whether a number is there."""
    word = F.element_at(F.array(*words), F.floor(number / WORD).cast("int") + 1)
    return F.call_function("shiftright", word, number % WORD) % 2 == 1
