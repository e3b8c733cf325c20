r"""The signs of arithmetic in a line of prose or a formula, and what is none.

Words and foreign signs are tokens too: they decide where a side of an equality ends, and whether
it was cut there.
"""

# ruff: noqa: RUF001 - signs that look alike are what this file is about

import re
from collections.abc import Iterator
from typing import NamedTuple

# 1,234 and 1{,}234 and 1\,234; a comma that divides off no thousands is no part of a number.
NUMBER = (
    r"\d{1,3}(?:(?:,|\{,\}|\\[,; ]|[\u00a0\u2009\u202f])\d{3})+(?!\d|,\d)(?:\.\d++)?"
    r"|\d++(?:\.\d++)?|(?<!\w)\.\d++"
)
GROUPED = re.compile(r"[^\d.]+")
# What TeX leaves out or only draws: spaces, sizes, alignment, environments that are rows.
BLANK = (
    r"[ \t\r~&\u00a0\u2009\u200b]|\\[,:!> ]|\\;"
    r"|\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|limits|boxed|mathbf|mathbin"
    r"|nonumber|notag|hline|thinspace)(?![A-Za-z])"
    r"|\\(?:tag|label|phantom)\*?\{[^{}]{0,80}\}"
    r"|\\(?:begin|end)\{(?:align(?:ed|at)?|gather(?:ed)?|split|eqnarray|multline|equation"
    r"|flalign)\*?\}"
)
# 72 : 3.6 = 20 divides; 2 : 3 = 4 : 6 need not.
RATIO = r"(?<=\d[ ]):(?=[ ]\d[\d.,]*[ ]=[ ]\d[\d.,]*(?![\d.,]|[ ]?[:%+]))"
# The most frequent first: each token is tried against them in order.
KINDS = {
    "number": NUMBER,
    "euler": r"(?<![^\W_])(?<!\\)e(?= ?\^)",
    # Words of prose that follow each other are one token, but for a unit's place behind a number.
    "words": r"(?<!\d[ ])(?<!\d)(?:[^\W\d_²³]{2,} ){2,}+",
    "word": r"(?:(?<=\d)/)?[^\W\d_²³]\w*+(?:['’-][^\W\d_]+)*(?:/[^\W\d_]+)?(?:\^[23](?!\d))?",
    "equal": r"==?(?!>)",
    "stop": rf"(?!{RATIO})[,;:?](?=[\s\"'”’)*]|\\[ \\,;q]|$)|\.(?=[\s\"'”’)*]|$)",
    "plus": r"\+",
    "minus": r"-(?!-*>)|−|(?<=\s)–(?=\s)",  # a dash without blanks is a range
    "open": r"[(\[{]",
    "close": r"[)\]}]",
    "times": r"\*(?!\*)|[×·⋅∗✕]|\\(?:cdot|times|ast)(?![A-Za-z])",
    "over": rf"/(?!=)|{RATIO}|[÷∕]|\\div(?![A-Za-z])",
    "currency": r"\\?[$€£¥]",
    "percent": r"\\?%",
    "row": r"\\\\(?:\[[^\]\n]{0,12}\])?|\\cr(?![A-Za-z])",
    "fraction": r"\\[dtc]?frac(?![A-Za-z])",
    "log": r"\\(?:ln|log_(?:\d|\{\d{1,4}\}))(?![A-Za-z\d])",
    "root": r"\\sqrt(?![A-Za-z])|√",
    "choose": r"\\[dt]?binom(?![A-Za-z])",
    "pi": r"\\pi(?![A-Za-z])",
    "text": r"\\(?:text(?:rm|bf|it|sf|normal)?|mathrm|mbox)\{[^{}$]{0,80}\}",
    "degree": r"°|\\degree(?![A-Za-z])|\^\{?\\circ\}?",
    "power": r"(?<=[\d)}])\*\*(?=[\d({])|\^|[²³]",
    "emphasis": r"\*\*+|__+",
    "dots": r"\.\.\.+|[…⋯]|\\[lc]?dots[bcimo]?(?![A-Za-z])",
    "about": r"[≈≃∼≅]|\\(?:approx(?:eq)?|simeq|sim|doteq)(?![A-Za-z])",
    "arrow": r"<?=>|<?-+>|<-+|[⇒→⟹⟶⇔↔↦⟺∴]|\\(?:implies|iff|to|mapsto|therefore|because"
    r"|q?quad|(?:[Ll]ong)?(?:[Ll]eft)?[Rr]ightarrow|hspace\*?\{[^{}]{0,20}\})(?![A-Za-z])",
    "relation": r"[!<>:/]=|[≠<>≤≥≡∈∝⩽⩾]|\\(?:neq?|l[et]q?|g[et]q?|[lg]eqslant|equiv|cong|in|ll"
    r"|gg|not|propto)(?![A-Za-z])",
    "factorial": r"!",
    "line": r"\n",
    "other": r"\\[A-Za-z]+|\\?.",
}
TOKEN = re.compile(
    rf"(?:{BLANK})*+(?:"
    + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in KINDS.items())
    + r"|(?P<end>$))",
    re.DOTALL,
)

LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
COMPOUND = re.compile(r"[^\W\d_]{0,15}(?:/[^\W\d_]{1,15})?(?:\^[23]|[²³])?")
TIMES_BEHIND = re.compile(r" [$€£.]?[\d(]")
ONE_LETTER_WORDS = frozenset("aAI")
# Units that are written like an unknown: 2 N + 1 = 7 is an equation.
LETTER_UNITS = frozenset("JNWV")
# Units of measure: one converts into another, so a number alone says little.
MEASURES = LETTER_UNITS | frozenset(
    """
    m cm mm km kg g mg l L ml mL s h min hr hrs sec ms ft yd mi lb lbs oz kW Hz
    km/h m/s mph inch inches foot feet yard yards mile miles meter meters metre metres kilometer
    kilometers kilometre kilometres centimeter centimeters centimetre centimetres gram grams
    kilogram kilograms pound pounds ounce ounces liter liters litre litres second seconds minute
    minutes hour hours day days week weeks month months year years degree degrees radian radians
    cent cents dollar dollars dozen dozens pair pairs hundred thousand million billion k M bn
    percent unit units kJ MJ kN kPa MPa kWh
    """.split()  # noqa: SIM905 - a table of quotes says no more
)


class Token(NamedTuple):
    """One sign: what it is, how it is written, where it begins, whether a blank stands before."""

    kind: str
    text: str
    start: int
    loose: bool


def read_tokens(text: str, start: int, end: int, *, is_math: bool) -> Iterator[Token]:
    """The tokens of a stretch without its blanks and emphasis.

    In a formula letters are `other` and words stand in text commands; in prose a letter alone, a
    function before its bracket and letters tied to a number are `other`, unless they are a unit.
    """
    kind, loose = "line", True
    for match in TOKEN.finditer(text, start, end):
        found = match.lastgroup or "end"
        if found == "emphasis":
            loose = True
            continue
        if found == "end":
            return
        written, begin = match[found], match.start(found)
        loose |= begin > match.start()
        if found == "number":
            written = GROUPED.sub("", written)
        elif found == "text":
            written = written[written.index("{") + 1 : -1].strip(" ~.,;:")
            found = "word" if LETTERS.search(written) else "other"
        elif found in ("word", "words") and is_math:
            found = "pi" if written == "π" else "other"
        elif found == "words":
            found = "word"
        elif found == "word":
            after = text[match.end() : match.end() + 3]
            found = classify_word(written, after, is_unit=kind == "number", is_tied=not loose)
        kind = found
        yield Token(found, written, begin, loose)
        loose = written[-1] == " "


def classify_word(word: str, after: str, *, is_unit: bool, is_tied: bool) -> str:
    """What letters in prose are: a word or a unit, the sign x or the number π, or `other`.

    `is_unit`: a number stands before; `is_tied`: no blank does. `after` is what follows.
    """
    if word == "π":
        return "pi"
    if word in ("x", "X") and TIMES_BEHIND.match(after):
        return "times"
    if is_unit and word[0] == "/":
        return "word" if len(word) > 2 else "other"
    if is_unit and is_tied:
        return "word" if word in MEASURES and len(word) > 1 else "other"
    if after[:1] in ("(", "[", "_", "^", "{"):
        return "other"
    is_compound = COMPOUND.fullmatch(word) is not None and not word.isalpha()
    is_measure = word in MEASURES and (is_unit or len(word) > 1)
    is_plain = LETTERS.fullmatch(word) and (len(word) > 1 or word in ONE_LETTER_WORDS)
    return "word" if is_measure or is_compound or is_plain else "other"
