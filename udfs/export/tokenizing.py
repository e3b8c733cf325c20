"""How many tokens a text has by the tokenizer of an export, and which."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from udfs.text.tokens import TokenCounter


@dataclass(frozen=True)
class Encoder:
    """A tokenizer, as the text of its tokenizer.json, and the token that ends each text.

    `end` is the token's name, empty for none. A text's own mention of it is spelled out in
    ordinary tokens, as all special tokens are.
    """

    tokenizer: str
    end: str = ""

    @property
    def counter(self) -> TokenCounter:
        """The tokenizer, built once per process."""
        return TokenCounter.from_json(self.tokenizer)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, the one that ends it included."""
        return self.counter.encode(text) + ([self.end_id()] if self.end else [])

    def end_id(self) -> int:
        """The number of the token that ends a text; raises ValueError when there is none such."""
        found = self.counter.find(self.end)
        if found is None:
            raise ValueError(f"the tokenizer has no token {self.end!r}")
        return found

    def add_counts(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows with `text` as rows with `n_tokens` in its place, at the end."""
        counter, end = self.counter, bool(self.end)
        for batch in batches:
            counts = [counter.count(text) + end for text in batch["text"].to_pylist()]
            kept = batch.drop_columns("text")
            yield kept.append_column("n_tokens", pa.array(counts, pa.int64()))
