"""Equalities that prose says in words: 7 times 8 is 54, 15% of $84 makes $12.60.

Only numbers joined by words or signs, a verb in place of the equals sign, and a number in digits,
behind which the sentence ends or goes on to something else: what words do to numbers (8 more than
that, 3 squared, two thirds, 4 remainder 2) has no end of forms. What may be a part of a longer
calculation, since a word of one stands before, is cut like any other side.
"""

# ruff: noqa: RUF001 - signs that look alike

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from udfs.arithmetic.chains import JOINS, Chain, Side, is_part
from udfs.arithmetic.tokens import GROUPED, Token
from udfs.text.math_spans import Span

ONES = "one two three four five six seven eight nine ten eleven twelve"
NUMBERS = {word: str(number) for number, word in enumerate(ONES.split(), start=1)}
DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,15})?"
AMOUNT = rf"(?:[$€£]?{DIGITS}\$?|(?:{'|'.join(NUMBERS)})\b)"
SIGNS = {
    "times": "times",
    "multiplied by": "times",
    "plus": "plus",
    "and": "plus",
    "minus": "minus",
    "less": "minus",
    "divided by": "over",
    "over": "over",
    **dict.fromkeys("×·*", "times"),
    **dict.fromkeys("÷/", "over"),
    "+": "plus",
    **dict.fromkeys("-−–", "minus"),
}
SIGN = r"times|multiplied by|plus|and|minus|less(?! than\b)|divided by|over|[×·*÷/+−–-]"
IS = (
    r"(?:,? (?:which |that |this )?(?:is|are|equals?|makes?|gives?|leaves?)"
    r"|,? that['’]s)(?: (?:equal to|exactly|just|only|(?:a|the) total of|us|you|me|another))?"
)
# So many operations at most, so that no chain is read again from each of its numbers.
REST = (
    rf"(?:(?: (?:{SIGN}) {AMOUNT}){{1,12}}|(?:%| percent) of {AMOUNT}| factorial))(?P<is>{IS})"
    rf" (?P<right>(?:minus |negative |[-−])?[$€£]?{DIGITS}%?\$?)"
    # What may stand behind it: an end, a currency, or a word that begins something else.
    r"(?=[*”\"')]*(?:$|\n|[.!?;:](?!\w)|,(?!\d| (?:carry|remainder|rem|with|plus|minus|less)\b)"
    r"| (?:dollars|euros|pounds|so|because|since|which|then|right|too|but|in total)\b"
    r"| and (?!an?\b|half\b|one\b|two\b|three\b|four\b|[0-9$])))"
)
# They begin with a set of characters and with a word's boundary, which the regex engine looks for
# much faster than for what stands before.
WITH_DIGITS = re.compile(
    r"(?P<left>(?=[0-9$€£])[$€£]?(?<![^\s(\"“'*][$€£])(?<![^\s(\"“'*$€£])"
    rf"{DIGITS}\$?{REST}",
    re.IGNORECASE,
)
WITH_WORDS = re.compile(rf"\b(?P<left>(?:{'|'.join(NUMBERS)}){REST}", re.IGNORECASE)
SAID = (" times ", " plus ", " minus ", " factorial", " divided by ")
PART = re.compile(
    rf"(?P<number>{DIGITS})|(?P<word>(?:{'|'.join(NUMBERS)})\b)|(?P<percent>%|percent\b)"
    rf"|(?P<of>of\b)|(?P<factorial>factorial\b)|(?P<sign>(?:{SIGN}))(?=\s)"
    r"|(?P<minus>minus|negative|[-−])",
    re.IGNORECASE,
)
WORDS = 60  # characters before in which words are looked for
WORD = re.compile(r"[^\W\d_]+|[^\w\s]|\d+")
ENDS = frozenset('.!?;:,"”“(')
# Beyond those of `chains`: thirty four, three point five, the absolute value of, 2 to the 3.
COMPOUNDS = frozenset(
    """
    twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million point half
    quarter third absolute cdot div pm frac the pages page grades grade years chapters
    """.split()  # noqa: SIM905 - a table of quotes says no more
)
PRODUCTS = re.compile(r"multipl|product|factor|times", re.IGNORECASE)
CURRENCY = re.compile(r"[$€£][0-9]")


def find_spoken(text: str, spans: Sequence[Span]) -> Iterator[Chain]:
    """The chains that words make, in order; none from code, tables and displays."""
    starts = [span.start for span in spans]
    for found in sorted(match_all(text), key=re.Match.start):
        before = bisect_left(starts, found.end()) - 1
        if before < 0 or may_hold(spans[before], found):
            chain = read_chain(found)
            if chain is not None:
                yield chain


def may_hold(span: Span, found: re.Match[str]) -> bool:
    """Whether the last span before a match's end leaves it whole, as a number of its own does."""
    if span.end <= found.start():
        return True
    is_number = found.start("right") <= span.start and span.end == found.end()
    return span.kind == "inline_math" and (is_number or span.end <= found.start("is"))


def match_all(text: str) -> Iterator[re.Match[str]]:
    """All that may be one; with numbers in words first only where there are words of sums."""
    yield from WITH_DIGITS.finditer(text)
    if any(sign in text for sign in SAID):
        yield from WITH_WORDS.finditer(text)


def read_chain(found: re.Match[str]) -> Chain | None:
    """A left side, the verb, and a right side; None where something else may be meant."""
    left = read_side(found["left"], found.start("left"))
    right = read_side(found["right"], found.start("right"))
    verb = found["is"].split()[-1].lower()
    kinds = {token.kind for token in left}
    before = found.string[max(0, found.start() - WORDS) : found.start()]
    joins = "and" in found["left"].lower()
    if not left or not right or (joins and verb not in ("make", "makes")):
        return None
    money = len(CURRENCY.findall(found["left"])) if found["left"].count("$") % 2 else 0
    adds = bool(kinds & {"plus", "minus"})
    is_cut = (
        (adds and bool(kinds & {"times", "over"}))  # what is said is done in its own order
        or (adds and money not in (0, count_numbers(left)))
        or ("over" in kinds and verb in ("leaves", "leave", "gives", "give"))
        or is_range(left)
        or is_led_by_part(before)
        or (joins and may_be_listed(before, found))
    )
    relation = Token("equal", verb, found.start("is"), loose=True)
    return Chain([Side(left, cut=is_cut), Side(right)], [relation])


def may_be_listed(before: str, found: re.Match[str]) -> bool:
    """Whether `and` may join what is not added: factors, the end of a list."""
    around = before + found.string[found.start() : found.end() + WORDS]
    return (
        not JOINS.isdisjoint(WORD.findall(before.lower()))
        or PRODUCTS.search(around) is not None
        or before.rstrip().endswith(",")
    )


def count_numbers(tokens: Sequence[Token]) -> int:
    """How many numbers a side has."""
    return sum(token.kind == "number" for token in tokens)


def is_range(tokens: Sequence[Token]) -> bool:
    """Whether a dash may join two numbers: pages 3 - 5."""
    if [token.kind for token in tokens] != ["number", "minus", "number"]:
        return False
    return tokens[1].text in "-−–" and float(tokens[0].text) < float(tokens[2].text)


def read_side(text: str, start: int) -> list[Token]:
    """The tokens of a side, none where a sign is spelled as nobody does; `of` multiplies.

    Per cents of something are hundredths: a rate that is given, which nobody has rounded.
    """
    tokens = []
    for part in PART.finditer(text):
        kind, written = part.lastgroup or "", part[0].lower()
        if kind == "number":
            written = GROUPED.sub("", written)
        elif kind == "word":
            kind, written = "number", NUMBERS.get(written, "")
        elif kind == "sign":
            kind = SIGNS.get(written, "")
        elif kind == "of":
            kind = "times"
        elif kind == "percent" and part.end() < len(text):
            place = start + part.start()
            tokens.append(Token("over", "÷", place, loose=True))
            kind, written = "number", "100"
        if not kind or not written:
            return []
        tokens.append(Token(kind, written, start + part.start(), loose=True))
    return tokens


def is_led_by_part(before: str) -> bool:
    """Whether what stands before belongs to the calculation."""
    words = WORD.findall(before.lower().rstrip().removesuffix("**"))
    if not words or words[-1] in ENDS:
        return False
    last = words[-1]
    return not last.isalpha() or last in COMPOUNDS or "absolute" in words or is_part(words)
