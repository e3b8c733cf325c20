"""What a chunk must be before an engine is paid for it: a verdict from its text alone.

`duplicate` is a fact of all chunks together, found from the signatures (`duplicate.py`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from udfs.batches import Row, map_rows
from udfs.checks import base, contaminated, duplicate
from udfs.checks.source import WORD
from udfs.contamination.search import find_verbatim
from udfs.contamination.stream import read_stream
from udfs.keys import content_key
from udfs.text.math_spans import mask_spans

# Raised by every change of what is measured or found: old verdicts then stay what they were.
CHUNK_RULES_VERSION = 1


class TooShort(base.Limits):
    """`min_tokens`: tokens of the chunk at least, by the chunker's tokenizer."""

    min_tokens: int = Field(ge=0)


class NoProse(base.Limits):
    """`min_words`: words of two letters and more outside formulas, code and tables, at least."""

    min_words: int = Field(ge=0)


class ChunkRules(BaseModel):
    """The limits of all checks of chunks: the table `[screen.checks]` of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    too_short: TooShort
    no_prose: NoProse
    contaminated: contaminated.Limits
    duplicate: duplicate.Limits

    def rules_id(self) -> str:
        """Identifies what decides a verdict: limits, actions, benchmarks' contents, versions.

        Raises ValueError for benchmarks that are only named.
        """
        for benchmark in self.contaminated.benchmarks:
            if not benchmark.sha256:
                raise ValueError(f"the benchmark {benchmark.name} is not loaded: see load_named")
        limits = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        versions = (CHUNK_RULES_VERSION, duplicate.ALGORITHM_VERSION)
        return content_key(*map(str, versions), limits)


@dataclass(frozen=True)
class ChunkJudge:
    """The rules, and the Arrow schema of a verdict."""

    rules: ChunkRules
    schema: pa.Schema

    def judge_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Verdict rows of chunk rows, batch for batch, their keys carried over."""
        return map_rows(batches, self.judge_row, self.schema)

    def judge_row(self, row: Row) -> Row:
        """The verdict on one chunk, from its `text` and `n_tokens`."""
        rules, stream = self.rules, read_stream(row["text"])
        words = count_words(row["text"])
        benchmarks = rules.contaminated.benchmarks
        match = contaminated.find_in_stream(stream, benchmarks, find_verbatim)
        found = {
            "too_short": row["n_tokens"] < rules.too_short.min_tokens,
            "no_prose": words < rules.no_prose.min_words,
            "contaminated": bool(match.item),
        }
        actions = {name: getattr(rules, name).action for name, is_so in found.items() if is_so}
        reasons = [name for name, action in actions.items() if action == "gate"]
        return {
            **row,
            "accepted": not reasons,
            "reasons": reasons,
            "tags": [name for name, action in actions.items() if action == "tag"],
            "prose_words": words,
            "contaminated_item": match.item,
            "contaminated_start": match.start,
            "contaminated_end": match.end,
            "signature": None if reasons else duplicate.sign(stream, rules.duplicate),
        }


def count_words(text: str) -> int:
    """Words of two letters and more outside formulas, code and tables."""
    words = WORD.findall(mask_spans(text))
    return sum(word.isalpha() and len(word) > 1 for word in words)
