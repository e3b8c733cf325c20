r"""Numbers of a text, each in one spelling: `1,234`, `1{,}234` and `1234`; `0.50` and `.5`.

A fraction counts as its two parts, a sign not at all. Ordinals (`21st`) and indices (`x_12`) are
no numbers here. The checks of faithfulness
compare a dialogue's numbers with its source's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

SEPARATOR = r"(?:,|\{,\}|\\,|['\u2019\u202f\u2009\u00a0])"
# It begins with a set of characters, which the regex engine looks for much faster than for a
# condition on what stands before.
NUMBER = re.compile(
    r"[0-9.](?<![\w.][0-9.])"
    rf"(?:(?<![.])[0-9]{{0,2}}(?:{SEPARATOR}[0-9]{{3}})+(?![0-9])(?:\.[0-9]+)?"
    r"|(?<![.])[0-9]*(?:\.[0-9]+)?|[0-9]+)"
    r"(?![0-9]|(?:st|nd|rd|th)\b)"
)
LIST_NUMBER = re.compile(r"\n[ \t>]{0,8}\(?[0-9]{1,3}[.)](?=\s)")
URL = re.compile(r"https?://\S+")
SEPARATORS = re.compile(SEPARATOR)

ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
ONES += "sixteen seventeen eighteen nineteen"
UNITS = {word: value for value, word in enumerate(ONES.split(), start=1)}
TENS = {
    word: 10 * value
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(),  # noqa: SIM905
        start=2,
    )
}
POWERS = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
WORDS = UNITS | TENS | POWERS | {"dozen": 12}
COMPOUNDING = TENS.keys() | POWERS.keys()

# Where a number may come from: what is written closely before and after it.
BEFORE, AFTER = 120, 40  # characters
OPERANDS_BEFORE, OPERANDS_AFTER = 6, 2
ALWAYS = (1.0, 2.0, 100.0)  # the next one, twice and half, per cent
RESULT_BEFORE = 40  # characters in which an equals sign and a fraction's numerator are looked for
OCCURRENCES = 3  # of one number that are looked at
LONGEST = 15  # digits that a float holds; longer numbers are compared, not calculated with
RESULT = re.compile(
    r"(?:=|≈|≡|≃|\\approx|\\equiv|\\simeq|\bequals)"
    r"(?:[^\w=]|\\[A-Za-z]+|(?<=frac)\{[^{}=]{1,12}(?=\}\{)){0,12}$"
)


def leave_out_lists(text: str) -> str:
    """The text without numbers of lists and without URLs."""
    text = LIST_NUMBER.sub("\n", text)
    return URL.sub(" ", text) if "://" in text else text


def find_numbers(text: str) -> dict[str, None]:
    """The distinct numbers in digits, in the order in which they appear first."""
    return dict.fromkeys(map(normalise_number, dict.fromkeys(NUMBER.findall(text))))


@lru_cache(maxsize=4096)
def normalise_number(digits: str) -> str:
    """One spelling: no separators, no needless zeros."""
    if not digits.isdigit():
        digits = SEPARATORS.sub("", digits)
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    digits = digits.lstrip("0")
    return digits if digits[:1].isdigit() else f"0{digits}"


def read_number_words(words: Sequence[str]) -> set[str]:
    """The numbers that words in lower case name: `twelve`, `twenty` `four`, `three` `hundred`."""
    present = WORDS.keys() & set(words)
    values = {WORDS[word] for word in present}
    compounds = not present.isdisjoint(COMPOUNDING)
    for one, other in pairwise(words) if compounds else ():
        if one in TENS and UNITS.get(other, 10) < 10:
            values.add(TENS[one] + UNITS[other])
        elif other in POWERS and one in WORDS:
            values.add(WORDS[one] * POWERS[other])
    return set(map(str, values))


def find_underived(text: str, numbers: Iterable[str]) -> set[str]:
    """Those of a text's numbers that no arithmetic written around them gives.

    Derived is what stands behind an equals sign, and the sum, difference, product or quotient of
    two numbers close by; one good occurrence of the first three is enough.
    """
    left = set(numbers)
    looked_at = dict.fromkeys(left, 0)
    for found in NUMBER.finditer(text):
        if not left:
            break
        number = normalise_number(found[0])
        if number not in left or looked_at[number] == OCCURRENCES:
            continue
        looked_at[number] += 1
        start, end = found.span()
        before = text[max(start - BEFORE, 0) : start]
        if RESULT.search(before[-RESULT_BEFORE:]) or (
            len(number) <= LONGEST and _is_calculated(number, before, text[end : end + AFTER])
        ):
            left.discard(number)
    return left


def _is_calculated(number: str, before: str, after: str) -> bool:
    """Whether two numbers close by give this one; a decimal may be a rounded quotient."""
    value, decimals = float(number), len(number.partition(".")[2])
    near = [*_read(before)][-OPERANDS_BEFORE:] + [*_read(after)][:OPERANDS_AFTER]
    operands = {*near, *ALWAYS}
    for one in near:
        partners = (value - one, one - value, value + one, value * one)
        quotients = (value / one, one / value) if one and value else ()
        if one != value and any(round(x, 9) in operands for x in (*partners, *quotients)):
            return True
    tolerance = 0.5 * 10.0**-decimals
    return decimals > 0 and any(
        abs(one / other - value) <= tolerance for one in near for other in operands if other
    )


def _read(text: str) -> Iterator[float]:
    """The values of the numbers in a short text."""
    for digits in NUMBER.findall(text):
        number = normalise_number(digits)
        if len(number) <= LONGEST:
            yield float(number)
