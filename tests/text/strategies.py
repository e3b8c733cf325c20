"""Texts for the tests of this room: generated junk, and pages that people wrote."""

import json
from pathlib import Path

from hypothesis import strategies as st

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "conf" / "sample" / "pages.jsonl"
WEBMATH = PROJECT.parent / "shared" / "data" / "webmath"

WELL_FORMED = [
    "The sum of two odd numbers is even. See Fig. 3, e.g. for $n = 1$. ",
    "Is it true? Yes! It costs $5 and $6, or US$20. ",
    "$x^2 + y^2 = z^2$ ",
    "\n\n$$\n\\sum_{i=1}^n i = \\frac{n(n+1)}{2}\n$$\n\n",
    "\\begin{align}\na &= b \\\\\n\nc &= d\n\\end{align}\n",
    "\\[ \\begin{cases} 1 \\\\ 0 \\end{cases} \\]",
    "\n\n# Induction\n\n",
    "\n## The step ##\nSuppose that it holds. Then so it does.\n",
    "\n```python\nfor i in range(10):\n\n    print('$', i)\n```\n",
    "\n~~~\n$$ not math\n~~~\n",
    "`a[i] = $b`",
    "\n| n | n! |\n|---|---:|\n| 3 | 6 |\n| $k$ | `f(k)` |\n",
    "\n- first\n- second\n\n1. one\n2. two\n",
    " Καλημέρα, \u4f60\u597d\u3002\u518d\u89c1\uff01 ",
    "e\u0301 \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u1112\u1161\u11ab ",
    "antidisestablishmentarianism" * 3,
]
JUNK = [
    *("$", "$$", "\\$", "\\[", "\\]", "\\(", "\\)", "\\", "`", "``", "```", "\n```\n", "\n~~~~"),
    *("\\begin{align}", "\\end{align}", "\\begin{proof}", "{", "}", "|", "\n|", "\n-|-\n", "#"),
    *("\n", "\n\n", "\r\n", "\t", "    ", "\u00a0", "\u2028", "\x00", "\ufeff", "\u200b"),
    *("\ud83d", "\ude00", "\u0301", "\u200d", "<|im_start|>", "</s>", "5", ".", "?", "a", "Z"),
]


def pages() -> st.SearchStrategy[str]:
    """Pages that mix prose, formulas, code, tables, money, loose delimiters and odd Unicode."""
    piece = st.one_of(
        st.sampled_from(WELL_FORMED),
        st.sampled_from(JUNK),
        st.text(max_size=12),
        st.text(alphabet=st.characters(categories=["Cs", "Mn", "So", "Zs"]), max_size=4),
    )
    return st.lists(piece, max_size=40).map("".join)


def read_sample() -> list[str]:
    """The texts of the sample corpus."""
    lines = SAMPLE.read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line.strip()]


def read_webmath() -> list[str]:
    """The texts of the real pages beside the checkout; none where they are not."""
    import pyarrow.parquet as pq

    files = sorted(WEBMATH.glob("*.parquet"))
    return [text for file in files for text in pq.read_table(file)["text"].to_pylist()]
