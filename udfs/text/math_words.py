r"""What tells a formula from money and from prose: decisions on short texts, for `math_spans`."""

import re

CURRENCY = re.compile(r"[A-Z]\$\d")  # US$5, A$20
# What no sum of money holds, and hardly any prose.
TEX_MARK = re.compile(r"[\\^_]")
MATH_MARK = re.compile(r"[\\^_=<>{}+*]")
PLAIN_WORD = re.compile(r"(?<![\\A-Za-z])[a-z]{2,}")
# A sum and a word after it: "5 and", "1,200.50 (about", "3.5M, which". Names of functions
# and operators, which pages write without a backslash, are no such words.
MONEY = re.compile(
    r"\d[\d,.]*(?:[kKMB]|bn)?[-.,;:)!?%/]*\s+\(?"
    r"(?!(?:mod|log|ln|sin|cos|tan|exp|min|max|gcd|times|div)\b)[A-Za-z]{2,}"
)
MONEY_LENGTH = 80  # characters looked at for a sum and a word
# Four words in a row, apart from \text{...} and the like, are a sentence.
SENTENCE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}(?:[ ,]+[A-Za-z]+){3,}")


def is_inline_math(text: str, start: int, end: int) -> bool:
    r"""Whether the dollars at `start` and `end` enclose a formula.

    The rules of Pandoc's Markdown (no space after the first, none before the last, no digit after
    the last) come first; pages that write `$ x $` are met halfway: a space is accepted where the
    dollar does not face the wrong way (`5$ or`, `and $x`) and what is enclosed has no bare words.
    """
    content = text[start + 1 : end]
    before, after = text[max(start - 1, 0) : start], text[end + 1 : end + 2]
    if not content.strip() or CURRENCY.match(text, max(start - 1, 0)):
        return False
    if not TEX_MARK.search(content) and (after.isdigit() or MONEY.match(content[:MONEY_LENGTH])):
        return False
    if content[0].isspace() and before.isalnum():
        return False
    if content[-1].isspace() and (after.isalnum() or after in ("\\", "$", "{")):
        return bool(TEX_MARK.search(content)) and not PLAIN_WORD.search(content)
    if content[0].isspace() or content[-1].isspace():
        return bool(MATH_MARK.search(content)) or not PLAIN_WORD.search(content)
    return True


def is_prose(content: str) -> bool:
    """Whether a stretch between two display delimiters holds a sentence."""
    return SENTENCE.search(content) is not None
