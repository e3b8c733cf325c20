"""What a Spark task does with its dialogues: judge them by the rules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from udfs.batches import Row, map_rows
from udfs.checks.base import Dialogue
from udfs.checks.duplicate import sign
from udfs.checks.preamble import strip_preamble
from udfs.checks.rules import Rules, judge
from udfs.dialogue.styles import Style


@dataclass(frozen=True)
class DialogueJudge:
    """The rules, and the styles' grammars by name."""

    rules: Rules
    styles: Mapping[str, Style]
    schema: pa.Schema

    def judge_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Verdict rows of dialogue rows, batch for batch, their keys carried over."""
        return map_rows(batches, self.judge_row, self.schema)

    def judge_row(self, row: Row) -> Row:
        """The verdict on one dialogue."""
        preamble, text = strip_preamble(row["text"])
        dialogue = Dialogue(
            text=text,
            source=row["source"],
            style=self.styles[row["style"]],
            status=row["status"],
            finish_reason=row["finish_reason"] or "",
            n_tokens=row["completion_tokens"],
            preamble=preamble,
        )
        verdict = judge(dialogue, self.rules)
        return {
            **row,
            "accepted": verdict.accepted,
            "reasons": list(verdict.reasons),
            "tags": list(verdict.tags),
            "preamble_length": len(preamble),
            "metrics": verdict.values,
            "signature": sign(dialogue.stream, self.rules.duplicate) if verdict.accepted else None,
        }
