r"""What stands around a false equality and takes the claim away: doubt, assumption, a correction.

All looks are over a bounded number of characters, and only false equalities are looked at. The
words are our own lists; where they mean something else, a false equality is missed, which is
better than a good dialogue lost.
"""

# ruff: noqa: RUF001 - apostrophes of both kinds

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from udfs.arithmetic.comparison import Truth, is_of_other_base
from udfs.arithmetic.doubts import is_brushed_aside
from udfs.arithmetic.equalities import Equality
from udfs.arithmetic.expressions import UnreadableError, evaluate
from udfs.arithmetic.numbers import UndecidableError
from udfs.arithmetic.spoken import ONES
from udfs.dialogue.turns import Turn
from udfs.text.numbers import read_number_words

SENTENCE = 240  # characters of a sentence, before and behind
CLOSE = 40  # characters before and behind in which a vague word counts
PROOF = 700  # from an assumption to what follows from it, and from there to the contradiction
REPLY = 240  # of each of the next turns, for a correction
REPLIES = 2  # as many again behind a doubt that is brushed aside
MODULUS_BEFORE, MODULUS_BEHIND = 2_000, 600

SENTENCE_END = re.compile(
    r"[.!?](?=[\s\"'”’)*$]|$)"
    # A line's end too, but not before and behind a displayed formula.
    r"|(?<![$\],:\s])\s*\n(?!\s*(?:\$|\\\[|\\begin))"
)
# In the same sentence: assumed, asked, denied, or meant roughly.
DOUBT = re.compile(
    r"\b(?:suppos\w*|assum\w*|hypothe\w*|imagin\w*|pretend\w*|what if|claim\w*"
    r"|would (?:get|imply|mean|follow|force|require|lead|say)|instead|rather than|wrong\w*|false\w*"
    r"|fails?|incorrect\w*|mistak\w*|errors?|typo|absurd\w*|impossible|nonsense|contradict\w*"
    r"|inconsistent|no solutions?|never|approximate\w*|approx|roughly|nearly"
    r"|almost|close to|estimate\w*|round(?:ed|s|ing)?|truncat\w*|overflow\w*|o['’]clock)\b"
    r"|n['’]t\b|\?|≠|\\neq?\b|\\not\b|[✗✘❌]",
    re.IGNORECASE,
)
# The same, of words that must stand close to it.
VAGUE = re.compile(
    r"\b(?:if|whether|unless|not(?! (?:even|only|just)\b)"
    r"|cannot|should|could|might|about|around|thinks?|thought|guess\w*"
    r"|believe\w*|label\w*|denot\w*|write|written|code\w*|version|score\w*|ratio|odds"
    r"|too \w+)\b",
    re.IGNORECASE,
)
# Somebody else's word; what "I'd say" is one's own.
SAID = re.compile(
    r"\b(?:says|said|wrote|heard|recall|remember|(?<!\bi )(?<!['’]d )say)\b", re.IGNORECASE
)
# In the next sentence or the next turns: what was said is wrong.
CORRECTION = re.compile(
    r"\b(?:wrong\w*|incorrect\w*|mistak\w*|errors?|oops|wait(?! (?:for|un?til+)\b)"
    r"|hold on|actually|sorry|slip\w*|i mean"
    r"|meant|corrected|correction|not (?:quite|right|correct|true|possible|equal|so)|false"
    r"|impossible|contradict\w*|absurd\w*|nonsense|no solutions?|inconsistent"
    r"|should (?:be|have been)|re-?check|double-check|careful|hmm+|fallacy|paradox\w*|fails?"
    r"|disagree|are you sure|off by|typo"
    r"|redo|recompute|recalculate"
    # It isn't; isn't that 56; 54 isn't the sum; you didn't carry; I don't think so.
    r"|(?:that|this|it|which|they|those|these|you)(?: \w+)? (?:is|was|does|do|did|are|can|could"
    r"|should|have)n['’]t(?! (?:have|need) to)|i don['’]t (?:think|believe|agree|get|see)"
    r"|(?:is|was|does|do|did|are|could|should)n['’]t (?:it|that|this|they|these|there|those|we|you"
    r"|the(?! (?:value|point|idea|only|whole) )|\$?\d|one|two|three|four|five|six|seven|eight|nine"
    r"|ten))\b"
    r"|[✗✘❌]",
    re.IGNORECASE,
)
# In the next sentence or the next turn; further on it answers something else.
DENIAL = re.compile(r"(?:^|[\s*>])no[,.!:;—-]", re.IGNORECASE)
ASSUMPTION = re.compile(
    r"\b(?:suppos\w*|assum\w*|imagin\w*|pretend\w*|what if)\b[^.]{0,80}?(?:=|false|wrong|equal)"
    r"|\bcontradiction\b|\breductio\b|\bfallac|\bparadox",
    re.IGNORECASE,
)
ABSURD = re.compile(
    r"\bcontradict|\babsurd|\bimpossib|\bparadox|\bfallac|\bnonsense|\bno solution|\binconsistent"
    r"|\\bot\b|↯|\\lightning",
    re.IGNORECASE,
)
# Another arithmetic than that of numbers, which nobody can check here...
OTHER = re.compile(
    r"\bxor\b|\\oplus|⊕|\bboolean\b|\btropical\b|\bnim\b|\bbitwise\b|\bwrap\w* around"
    r"|\b\d+-bit\b|\b(?:one|two)['’]?s['’]? complement\b|\bcharacteristic (?:\d|two|p)\b",
    re.IGNORECASE,
)
# ... remainders: an equality is another's if its sides differ by a multiple of a number there...
MODULUS = re.compile(
    r"\bmod(?:ulo|ular)?\b|\bmodulus (?:\w+ )?\$?\d|\\[bp]?mod\b|≡|\\equiv\b|\bcongruen\w+"
    r"|\bresidue|\bclock|o['’]clock|\bfinite field|\\mathbb\s*\{?[ZF]\}?\s*_|\\mathbb\s*\{?Z\}?\s*/"
    r"|\bGF\(|\bmidnight\b|\bweekday|\b[ZF]_\{?[\dpn]",
    re.IGNORECASE,
)
# ... and other bases: if it is true with its digits in one.
BASE = re.compile(
    r"\bbinary\b|\bhexa?decimal\b|\bhex\b|\boctal\b|\bternary\b"
    r"|\bbase[- ](?:\$?\d{1,2}(?!\d)|two|three|four|five|six|seven|eight"
    r"|nine|twelve|sixteen|\$?b\b)",
    re.IGNORECASE,
)
BASES = {"binary": 2, "ternary": 3, "octal": 8, "hex": 16, "hexadecimal": 16, "hexdecimal": 16}
BASES |= {word: number for number, word in enumerate(ONES.split(), start=1) if number > 1}
BASES |= {"sixteen": 16}
# A modulus that is named; those of clocks and weekdays are not.
NAMED = re.compile(
    r"(?:\bmod(?:ulo|ulus)?\b|\\[bp]?mod\b|[ZF]\}?_|[ZF]\}?/|\bGF\()[^\w\n]{0,6}\d"
    r"|clock|weekday|midnight",
    re.IGNORECASE,
)
CYCLES = frozenset({7, 12, 24, 60, 360})
INTEGER = re.compile(r"\d{1,6}")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
WORD = re.compile(r"[a-z]+")
# How a turn says what a value is instead.
STATES = r"(?:\b(?:is|be|get|gets|got|gives?|makes?|made|equals?|means|to|it's|that's|was)|=)"


class Surroundings:
    """A text and where in it words stand that take claims away, found once for all of them."""

    def __init__(self, text: str, turns: Sequence[Turn], equalities: Sequence[Equality]) -> None:
        self.text = text
        self.turns = turns
        self.starts = [turn.start for turn in turns]
        self.end = max((e.end for e in equalities), default=0) + MODULUS_BEHIND
        self.places: dict[re.Pattern[str], list[int]] = {}
        self.true = [e for e in equalities if e.truth is Truth.TRUE]
        self.true_starts = [e.start for e in self.true]
        self.truths = {e.left: e.start for e in self.true}  # the place of the last one

    def take_back(self, equality: Equality) -> bool:
        """Whether a false equality is doubted, assumed, refuted, corrected or of another kind."""
        start, end = equality.start, equality.end
        return (
            self.truths.get(equality.left, -1) > end
            or self.is_of_other_arithmetic(equality)
            or has_any(self.assumptions, start - PROOF, start)
            or has_any(self.absurdities, end, end + PROOF)
            or self.is_doubted(equality)
            or self.is_corrected(equality)
        )

    def is_of_other_arithmetic(self, equality: Equality) -> bool:
        """Whether the text speaks of another arithmetic, in which it may be true."""
        around = equality.start - MODULUS_BEFORE, equality.end + MODULUS_BEHIND
        return (
            has_any(self.find(OTHER), *around)
            or (has_any(self.find(BASE), *around) and is_of_other_base(*equality.sides, self.bases))
            or (has_any(self.find(MODULUS), *around) and self.is_congruent(equality))
        )

    def is_congruent(self, equality: Equality) -> bool:
        """Whether the sides differ by a multiple of a number near by, as remainders may."""
        try:
            left, right = (evaluate(side).value for side in equality.sides)
        except (UnreadableError, UndecidableError):
            return True
        near = max(0, equality.start - MODULUS_BEFORE), equality.end + MODULUS_BEHIND
        if not NAMED.search(self.text, *near):
            return True
        named = set(map(int, INTEGER.findall(self.text, *near)))
        difference = (left - right).numerator
        return any(difference % modulus == 0 for modulus in named | CYCLES if modulus > 1)

    @cached_property
    def bases(self) -> set[int]:
        """The bases that the text names; all where it names one by a letter."""
        words = (match[0].lower().strip("$") for match in BASE.finditer(self.text, 0, self.end))
        names = {re.split("[- $]+", word)[-1] for word in words}
        numbers = {BASES.get(name, int(name) if name.isdigit() else 0) for name in names}
        return numbers if all(2 <= number <= 36 for number in numbers) else set(range(2, 17))

    def find(self, pattern: re.Pattern[str]) -> list[int]:
        """Where a pattern is in the text, looked for once."""
        if pattern not in self.places:
            found = pattern.finditer(self.text, 0, self.end)
            self.places[pattern] = [match.start() for match in found]
        return self.places[pattern]

    @cached_property
    def assumptions(self) -> list[int]:
        """Where it assumes an equality, or names a contradiction."""
        return [match.start() for match in ASSUMPTION.finditer(self.text, 0, self.end)]

    @cached_property
    def absurdities(self) -> list[int]:
        """Where it finds something absurd."""
        return [match.start() for match in ABSURD.finditer(self.text, 0, self.end + PROOF)]

    def is_doubted(self, equality: Equality) -> bool:
        """Whether the sentence doubts what it says, or the turn's next one takes it back."""
        start, end = equality.start, equality.end
        before, behind, following = split_sentences(
            self.text[max(0, start - SENTENCE) : start],
            self.read_claims(end, min(end + 2 * SENTENCE, self.find_end(end)), equality),
        )
        return (
            any(DOUBT.search(part) for part in (before, behind))
            or any(VAGUE.search(part) for part in (before[-CLOSE:], behind[:CLOSE]))
            or SAID.search(before[-CLOSE:]) is not None
            or any(corrects(part, equality) or DENIAL.search(part) for part in (behind, following))
        )

    def is_corrected(self, equality: Equality) -> bool:
        """Whether one of the turns that follow puts it right, or the first of them denies it.

        A turn whose doubt is brushed aside is none of them, nor is the answer.
        """
        replies = list(self.find_replies(equality))
        replies, later = replies[:REPLIES], replies[REPLIES:]
        if self.is_dismissed(replies, equality):
            replies = later
        return any(corrects(reply, equality) for reply in replies) or any(
            map(DENIAL.search, replies[:1])
        )

    def is_dismissed(self, replies: Sequence[str], equality: Equality) -> bool:
        """Whether the next turn only doubts it, and that comes to nothing."""
        reply, answer = [*replies, "", ""][:2]
        if any(may_name_value(turn, equality) for turn in (reply, answer)):
            return False
        return is_brushed_aside(reply, answer, CORRECTION) and not DENIAL.search(reply)

    def find_end(self, place: int) -> int:
        """Where the turn ends in which a place lies, or the text."""
        number = bisect_right(self.starts, place)
        return self.starts[number] if number < len(self.starts) else len(self.text)

    def find_replies(self, equality: Equality) -> Iterator[str]:
        """The beginnings of the turns that follow."""
        number = bisect_right(self.starts, equality.end)
        for turn in self.turns[number : number + 2 * REPLIES]:
            yield self.read_claims(
                turn.body_start, min(turn.end, turn.body_start + REPLY), equality
            )

    def read_claims(self, start: int, end: int, equality: Equality) -> str:
        """A part of the text without the true equalities that do not work this one out anew.

        Those that do have its value, and the same numbers or fewer. What the others calculate
        with, and what comes of them, is no word on it.
        """
        pieces, position = [], start
        numbers, first = read_numbers(equality), bisect_left(self.true_starts, start)
        for true in self.true[first : bisect_left(self.true_starts, end)]:
            if true.value != equality.value or not works_out(read_numbers(true), numbers):
                pieces.append(self.text[position : true.start])
                position = max(position, true.end)
        return " ".join([*pieces, self.text[position:end]])


def read_numbers(equality: Equality) -> list[str]:
    """The numbers on its left side, sorted."""
    return sorted(NUMBER.findall(equality.left))


def works_out(numbers: list[str], false: list[str]) -> bool:
    """Whether a sum with these numbers can be the false one's: turned round, or a step of it."""
    return numbers == false or len(numbers) < len(false)


def has_any(places: Sequence[int], start: int, end: int) -> bool:
    """Whether one of the sorted places lies in the range."""
    number = bisect_left(places, start)
    return number < len(places) and places[number] < end


def split_sentences(before: str, behind: str) -> tuple[str, str, str]:
    """Of the text before an equality its sentence; of that behind it the rest of the sentence, and
    the next one.
    """
    sentence, behind_it = SENTENCE_END.split(before)[-1], behind[:SENTENCE]
    stop = SENTENCE_END.search(behind_it)
    if stop is None:
        return sentence, behind_it, ""
    following = SENTENCE_END.split(behind[stop.end() : stop.end() + SENTENCE].lstrip())
    return sentence, behind_it[: stop.end()], following[0]


def corrects(reply: str, equality: Equality) -> bool:
    """Whether a turn says that something is wrong, or states the right value."""
    return CORRECTION.search(reply) is not None or states_value(reply, equality)


def states_value(reply: str, equality: Equality) -> bool:
    """Whether a turn states the right value, if that is a whole number."""
    value = equality.value
    if value is None or value.denominator != 1:
        return False
    stated = re.compile(rf"{STATES}[\s$*:]{{0,3}}{int(value)}(?![\d.,]\d|\d)")
    return stated.search(reply.replace(",", "")) is not None


def may_name_value(turn: str, equality: Equality) -> bool:
    """Whether the right value stands in a turn, in digits or words; also where it is not whole."""
    value = equality.value
    if value is None or value.denominator != 1:
        return True
    named = {number.replace(",", "") for number in NUMBER.findall(turn)}
    return str(int(value)) in named | read_number_words(WORD.findall(turn.lower()))
