from itertools import pairwise

import pytest
from hypothesis import given

from tests.text.strategies import pages
from udfs.text.sentences import find_sentence_starts


def cut(text: str) -> list[str]:
    starts = [0, *find_sentence_starts(text), len(text)]
    return [text[a:b] for a, b in pairwise(starts)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("It holds. ", "So we are done."),
        ("Does it? ", "$x$ does."),
        ('He said "no." ', "She went."),
        ("See the book.[12] ", "It is old."),
        ("**Done.** ", "Next."),
        ("He was told no. ", "She went."),
        ("It is 3.14. ", "The rest follows."),
        ("It holds.\n", "    So we are done."),
        ("\u5b8c\u3002", "\u597d"),
    ],
)
def test_a_new_sentence_begins_after_a_full_stop(first: str, second: str):
    assert cut(first + second) == [first, second]


@pytest.mark.parametrize(
    "whole",
    [
        "See Fig. 3 and Eq. (4), cf. Thm. 2 of Sec. IV.",
        "Look at No. 5 instead",
        "Some numbers, e.g. $2$, i.e. Primes, are odd.",
        "Pi is 3.14159 and not 3. 2 is.",
        "By J. Smith et al. The paper is old.",
        "1. Take two pointers",
        "Take $n$ pts. Then go",
        "It ends ... and goes on",
        "Compute n! = 6 now",
        "Dr. Euler vs. Prof. Gauss",
        "variables are i.i.d. Normal ones",
    ],
)
def test_other_full_stops_end_nothing(whole: str):
    assert cut(whole) == [whole]


@given(pages())
def test_starts_are_inside_the_text_and_rise(text: str):
    starts = list(find_sentence_starts(text))
    assert starts == sorted(starts)
    assert all(0 < start < len(text) for start in starts)
