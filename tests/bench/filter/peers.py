"""datatrove's filters on texts: `python peers.py <TEXTS.json`, by its own interpreter.

Prints, for each filter, the CPU seconds it took and the number of texts
that it rejects, and how many at least one of them does. Each filter is as datatrove has it by
default.
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

FILTERS = {
    "Gopher repetition": GopherRepetitionFilter,
    "Gopher quality": GopherQualityFilter,
    "C4": C4QualityFilter,
    "FineWeb": FineWebQualityFilter,
}


def main() -> None:
    """Each filter over all texts."""
    texts = json.load(sys.stdin)
    rejected: set[int] = set()
    found = {}
    for name, make in FILTERS.items():
        one = make()
        # The tokenizer is loaded with the first.
        accepts(one, texts[0])
        started = time.process_time()
        bad = {number for number, text in enumerate(texts) if not accepts(one, text)}
        found[name] = {"seconds": time.process_time() - started, "rejected": len(bad)}
        rejected |= bad
    json.dump({"filters": found, "rejected_by_any": len(rejected)}, sys.stdout)


def accepts(one: object, text: str) -> bool:
    """Whether a filter keeps a text; some filters change what they keep."""
    answer = one.filter(Document(text=text, id=""))  # type: ignore[attr-defined]
    return bool(answer[0] if isinstance(answer, tuple) else answer)


if __name__ == "__main__":
    main()
