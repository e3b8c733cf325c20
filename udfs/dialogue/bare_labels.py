"""Labels without a colon: `[Teacher] ...`, `**Teacher**` on a line of its own, `Teacher - ...`.

Used by `udfs.dialogue.turns` where colons label nobody. Without a colon a label looks like a
heading, a term in bold or a list's entry, so only roles count, and in brackets names that come
again; and somebody must answer.
"""

import re
from collections import Counter

from udfs.dialogue.labels import Label, could_be_name, is_role, normalise_name

BARE_HEAD = re.compile(
    r"""
    ^[ \t>]{0,9} (?: \d{1,3}[.)][ ] )?
    (?: \*{0,3} \[ (?P<square> [^\W\d_] [^\[\]\n]{0,40} ) \] \*{0,3}
      | 【 (?P<wide> [^\W\d_] [^【】\n]{0,40} ) 】
      | \*{2,3} (?P<bold> [^\W\d_] [^*\n]{0,40} ) \*{2,3}
      | \#{1,6}[ ] (?P<heading> [^\W\d_] [^\n:]{0,40} ) $
      | (?P<plain> [^\W\d_] [^\n:*\[\u2013\u2014-]{0,40} ) [ ] (?=[-\u2013\u2014][ ])
    )
    (?: [ ]? [*_]? [(\[] [^()\[\]\n]{0,60} [)\]] [*_]? )?
    (?: [ ]? [-\u2013\u2014] (?=\s) )?
    """,
    re.MULTILINE | re.VERBOSE,
)
BRACKETS = ("square", "wide")
ASIDE = re.compile(r"[ ][(\[].*")


def find_bare_labels(text: str) -> list[Label]:
    """The labels without a colon of all speakers, none unless two people have some."""
    labels = [_read(head) for head in BARE_HEAD.finditer(text)]
    counts = Counter(label.name for label in labels)
    speakers = {
        label.name
        for label in labels
        if is_role(label.name)
        or (not label.is_item and counts[label.name] > 1 and could_be_name(label))
    }
    return [label for label in labels if label.name in speakers] if len(speakers) > 1 else []


def _read(head: re.Match[str]) -> Label:
    """The possible label in a match; one that is not in brackets counts as a list's entry."""
    shape = next(name for name, found in head.groupdict().items() if found is not None)
    raw = ASIDE.sub("", head[shape]).strip()
    return Label(normalise_name(raw), raw, shape not in BRACKETS, head.start(), head.end())
