"""What a Spark task does with its pages: cut them into chunk rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from udfs.batches import Row, batch_rows
from udfs.keys import content_key
from udfs.text.chunking import chunk_page
from udfs.text.tokens import TokenCounter

BATCH_ROWS = 256  # chunks per Arrow batch: half a megabyte


@dataclass(frozen=True)
class PageChunker:
    """How pages are cut; `tokenizer` is the JSON text of a tokenizer.json."""

    tokenizer: str
    max_tokens: int
    chunker_id: str
    schema: pa.Schema

    def chunk_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Chunk rows of page rows with `doc_id` and `text`."""
        counter = TokenCounter.from_json(self.tokenizer)
        pages = (row for batch in batches for row in batch.to_pylist())
        rows = (self.chunk_rows(page["doc_id"], page["text"], counter) for page in pages)
        return batch_rows(chain.from_iterable(rows), self.schema, size=BATCH_ROWS)

    def chunk_rows(self, doc_id: str, text: str, counter: TokenCounter) -> Iterator[Row]:
        """The chunks of one page, in order."""
        for index, chunk in enumerate(chunk_page(text, counter, self.max_tokens)):
            yield {
                "chunk_id": content_key(doc_id, self.chunker_id, str(chunk.start), str(chunk.end)),
                "doc_id": doc_id,
                "chunk_index": index,
                "start": chunk.start,
                "end": chunk.end,
                "text": text[chunk.start : chunk.end],
                "n_tokens": chunk.n_tokens,
                "cut": chunk.cut,
            }
