"""Pages from files: Parquet and JSON Lines, each bad row kept with its reason, none fatal."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from udfs.batches import Row, batch_rows
from udfs.keys import content_key

PARQUET = (".parquet", ".pq")
JSON_LINES = (".jsonl", ".json", ".ndjson")
COMPRESSIONS = ("", ".gz", ".zst", ".bz2", ".xz")
READABLE = PARQUET + tuple(j + c for j in JSON_LINES for c in COMPRESSIONS)
PAYLOAD_LIMIT = 500  # characters of a bad row that are kept
BATCH_ROWS = 256  # pages per Arrow batch: 2 MB at OpenWebMath's mean, so that memory stays flat


@dataclass(frozen=True)
class PageReader:
    """How input rows become pages; the four names are the input's columns.

    `limit` stops after so many good pages of one task, 0 reads all.
    """

    url: str
    text: str
    date: str
    metadata: str
    limit: int
    schema: pa.Schema

    def read_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pages and rejections of files, given as rows of `file` and `content`.

        `content` is null where the file is to be opened here, and holds its bytes where only
        Spark knows its filesystem.
        """
        files = (row for batch in batches for row in batch.to_pylist())
        rows = chain.from_iterable(self.read_file(f["file"], f["content"]) for f in files)
        return batch_rows(self.up_to_limit(rows), self.schema, size=BATCH_ROWS)

    def up_to_limit(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows until so many pages have been seen."""
        pages = 0
        for row in rows:
            yield row
            pages += row["reason"] is None
            if self.limit and pages == self.limit:
                return

    def read_file(self, file: str, content: bytes | None = None) -> Iterator[Row]:
        """The rows of one file; what cannot be read ends it with a rejection."""
        position = -1
        try:
            with open_file(file, content) as stream:
                for position, row in read_rows(file, stream, self.columns):
                    yield self.take(row, file, position)
        except Exception as error:  # noqa: BLE001 - each format and codec has errors of its own
            where = f"after row {position}" if position >= 0 else "from the start"
            reason = f"the file is unreadable {where}: {type(error).__name__}: {error}"
            yield reject(file, None, reason, None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The input's columns that are wanted."""
        return (self.url, self.text, self.date, self.metadata)

    def take(self, row: Any, file: str, position: int) -> Row:
        """A page from one input row, or the rejection of it."""
        reason = self.find_fault(row)
        if reason is not None:
            return reject(file, position, reason, row)
        url, text = row[self.url], row[self.text]
        return {
            "doc_id": content_key(url, text),
            "url": url,
            "text": text,
            "date": as_text(row.get(self.date)),
            "metadata": as_text(row.get(self.metadata)),
            "source_file": file,
            "source_row": position,
            "reason": None,
            "payload": None,
        }

    def find_fault(self, row: Any) -> str | None:
        """Why an input row is no page, None if it is one."""
        if isinstance(row, Unreadable):
            return row.reason
        if not isinstance(row, dict):
            return f"the row is {kind_of(row)}, expected an object"
        for name in (self.url, self.text):
            value = row.get(name)
            if not isinstance(value, str):
                return f"{name} is {kind_of(value)}, expected a string"
            if any("\ud800" <= character <= "\udfff" for character in value):
                return f"{name} holds half a character (a lone surrogate)"
        return f"{self.text} is blank" if not row[self.text].strip() else None


@dataclass(frozen=True)
class Unreadable:
    """A line that could not be parsed."""

    reason: str
    line: str


def open_file(file: str, content: bytes | None) -> Any:
    """A binary stream of the decompressed file."""
    raw = fsspec.open(file, "rb").open() if content is None else io.BytesIO(content)
    compression = fsspec.utils.infer_compression(file)
    if compression is None:
        return raw
    # Buffered, because the reader of .zst files cannot give lines by itself.
    return io.BufferedReader(fsspec.compression.compr[compression](raw, mode="r"))


def read_rows(file: str, stream: BinaryIO, columns: tuple[str, ...]) -> Iterator[tuple[int, Any]]:
    """Numbered rows of a stream, by the ending of its file's name."""
    rows = read_parquet(stream, columns) if file.endswith(PARQUET) else read_json_lines(stream)
    return enumerate(rows)


def read_parquet(stream: BinaryIO, columns: tuple[str, ...]) -> Iterator[Any]:
    """Rows as dictionaries of the wanted columns that are there."""
    parquet = pq.ParquetFile(stream)
    there = [name for name in parquet.schema_arrow.names if name in columns]
    for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=there):
        yield from batch.to_pylist()


def read_json_lines(stream: BinaryIO) -> Iterator[Any]:
    """One parsed value a line, Unreadable where it does not parse; blank lines are passed over."""
    for line in stream:
        if line.strip():
            yield parse_line(line)


def parse_line(line: bytes) -> Any:
    """One line's value; nesting deeper than Python's stack counts as invalid too."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"invalid JSON: {error}", line.decode("utf-8", "replace"))


def reject(file: str, position: int | None, reason: str, row: Any) -> Row:
    """The row that tells what could not be taken, and why."""
    return {
        "doc_id": content_key(file, "" if position is None else str(position), reason),
        "url": None,
        "text": None,
        "date": None,
        "metadata": None,
        "source_file": file,
        "source_row": position,
        "reason": reason[:PAYLOAD_LIMIT],
        "payload": payload_of(row),
    }


def payload_of(row: Any) -> str | None:
    """The head of a bad row."""
    if row is None:
        return None
    text = row.line if isinstance(row, Unreadable) else json.dumps(row, default=str)
    return str(text)[:PAYLOAD_LIMIT]


def as_text(value: Any) -> str | None:
    """An optional column as the string it should be: JSON for what is no string."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("utf-8", "replace").decode("utf-8")


def kind_of(value: Any) -> str:
    """A value's kind in JSON's words."""
    names = {type(None): "null", bool: "a boolean", dict: "an object", list: "a list"}
    default = "a number" if isinstance(value, int | float) else f"a {type(value).__name__}"
    return names.get(type(value), default)
