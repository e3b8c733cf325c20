"""The formats of an export: each writes the records of one file, in order, at constant memory.

A record is a row with the columns of `RECORD`, its `tokens` beside. What a file holds depends on
its records alone.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import IO, Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from udfs.dialogue.turns import parse_turns
from udfs.export.megatron import MegatronWriter
from udfs.export.tokenizing import Encoder

Record = dict[str, Any]
Open = Callable[[str], IO[bytes]]  # a file by the ending of its name

# Where a record's text comes from; null where it does not apply, as for outside corpora.
LINEAGE = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("repeat", pa.int32()),
        pa.field("layout", pa.string()),
        pa.field("style", pa.string()),
        pa.field("gen_key", pa.string()),
        pa.field("chunk_id", pa.string()),
        pa.field("doc_id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("n_tokens", pa.int64()),
    ]
)
RECORD = pa.schema([pa.field("text", pa.string()), *LINEAGE])
# Rows of a group: texts of a few thousand characters, so some ten megabytes at a time.
GROUP_ROWS = 4096


class Format(Protocol):
    """Writes one file's records."""

    def add(self, records: Sequence[Record]) -> None:
        """Append records in order."""

    def finish(self) -> None:
        """Write what comes last and close."""


class ParquetFormat:
    """Parquet with one row per record, in groups of equal size."""

    endings = (".parquet",)
    schema = RECORD

    def __init__(self, open_file: Open, encoder: Encoder) -> None:
        del encoder
        self.stack = ExitStack()
        file = self.stack.enter_context(open_file(self.endings[0]))
        writer = pq.ParquetWriter(file, self.schema, compression="zstd")
        self.writer = self.stack.enter_context(writer)
        self.waiting: list[Record] = []

    def add(self, records: Sequence[Record]) -> None:
        """Append records; a group is written when it is full."""
        # A record has more than its file: no text or tokens are held for nothing.
        self.waiting += [{name: record[name] for name in self.schema.names} for record in records]
        while len(self.waiting) >= GROUP_ROWS:
            self._write(self.waiting[:GROUP_ROWS])
            del self.waiting[:GROUP_ROWS]

    def finish(self) -> None:
        """Write the last group and the footer."""
        if self.waiting:
            self._write(self.waiting)
        self.stack.close()

    def _write(self, records: Sequence[Record]) -> None:
        self.writer.write_table(pa.Table.from_pylist(list(records), schema=self.schema))


class SpansFormat(ParquetFormat):
    """Beside Megatron's files: the lineage of each text in them, in their order."""

    endings = (".spans.parquet",)
    schema = LINEAGE


class JsonLinesFormat:
    """One JSON object per line."""

    endings = (".jsonl",)

    def __init__(self, open_file: Open, encoder: Encoder) -> None:
        del encoder
        self.file = open_file(self.endings[0])

    def add(self, records: Sequence[Record]) -> None:
        """Append a line for each record."""
        lines = (json.dumps(self.to_object(record), ensure_ascii=False) for record in records)
        # Half a surrogate pair, which a damaged page may hold, has no UTF-8.
        self.file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    def to_object(self, record: Record) -> Record:
        """What a record's line says."""
        return {name: record[name] for name in RECORD.names}

    def finish(self) -> None:
        """Close the file."""
        self.file.close()


class ChatFormat(JsonLinesFormat):
    """JSON Lines with `messages`, one for each turn, instead of `text`."""

    def to_object(self, record: Record) -> Record:
        """A record's line."""
        lineage = {name: record[name] for name in LINEAGE.names}
        return {"messages": to_messages(record["text"]), **lineage}


def to_messages(text: str) -> list[dict[str, str]]:
    """A dialogue's turns as chat messages, their labels left out; one message where nobody speaks.

    Whoever speaks first is `user`, everybody else `assistant`, by `name` who. What stands before
    the first label goes into the first message, so that no word of the text is lost.
    """
    turns = parse_turns(text)
    if not turns:
        return [{"role": "assistant", "name": "", "content": text}]
    messages = [
        {
            "role": "user" if turn.speaker == turns[0].speaker else "assistant",
            "name": turn.speaker,
            "content": text[turn.body_start : turn.end].strip(),
        }
        for turn in turns
    ]
    before = text[: turns[0].start].strip()
    if before:
        messages[0]["content"] = f"{before}\n\n{messages[0]['content']}"
    return messages


class MegatronFormat:
    """Megatron's `.bin` and `.idx`, with the lineage of each text beside."""

    endings = (".bin", ".idx", *SpansFormat.endings)

    def __init__(self, open_file: Open, encoder: Encoder) -> None:
        self.files = [open_file(ending) for ending in self.endings[:2]]
        self.writer = MegatronWriter(self.files[0], self.files[1], encoder.counter.vocabulary())
        self.spans = SpansFormat(open_file, encoder)

    def add(self, records: Sequence[Record]) -> None:
        """Append the tokens of records."""
        for record in records:
            self.writer.add(record["tokens"])
        self.spans.add(records)

    def finish(self) -> None:
        """Write the index, close all."""
        self.writer.finish()
        self.spans.finish()
        for file in self.files:
            file.close()


FORMATS: dict[str, type[Any]] = {
    "parquet": ParquetFormat,
    "jsonl": JsonLinesFormat,
    "chat": ChatFormat,
    "megatron": MegatronFormat,
}


class HashedFile:
    """A file that is written once, from its start, and knows its size and SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self.hash.update(data)
        self.size += len(data)
        self.file.write(data)
        return len(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def flush(self) -> None:
        """Nothing: closing does."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.file.closed

    def close(self) -> None:
        """Close the file behind it."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
