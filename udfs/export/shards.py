"""Records into files: a task writes the shards that it holds, each under its final name at the end.

A shard is written to temporary names first, so that a task that dies leaves nothing that looks
whole; of two attempts at one task both write the same bytes.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import fsspec
import pyarrow as pa

from udfs.batches import batch_rows, take_rows
from udfs.export.formats import FORMATS, HashedFile, Record
from udfs.export.tokenizing import Encoder

WRITTEN = pa.schema(
    [
        pa.field("shard", pa.int32()),
        pa.field("file", pa.string()),
        pa.field("records", pa.int64()),
        pa.field("tokens", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
    ]
)
BATCH = 256  # records that are tokenized and written at a time
TEMPORARY = ".writing-"


@dataclass(frozen=True)
class ShardWriter:
    """What tasks need to write shards below a folder that fsspec reaches."""

    folder: str
    format: str
    shards: int
    encoder: Encoder

    def write(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of a record and its `shard`, in the order of shards, as rows of WRITTEN."""
        rows = (row for batch in batches for row in batch.to_pylist())
        written = (
            file
            for shard, records in groupby(rows, key=lambda row: row["shard"])
            for file in self.write_shard(shard, records)
        )
        return batch_rows(written, WRITTEN, size=1)

    def write_shard(self, shard: int, records: Iterable[Record]) -> list[dict[str, Any]]:
        """Write one shard and give its files their names; what each of them is."""
        files = ShardFiles(self.folder, shard_name(shard, self.shards))
        form = FORMATS[self.format](files.open, self.encoder)
        n_records = n_tokens = 0
        for taken in take_rows(records, size=BATCH):
            for record in taken:
                record["tokens"] = self.encoder.encode(record["text"])
                record["n_tokens"] = len(record["tokens"])
            form.add(taken)
            n_records += len(taken)
            n_tokens += sum(record["n_tokens"] for record in taken)
        form.finish()
        counts = {"shard": shard, "records": n_records, "tokens": n_tokens}
        return [{**counts, **file} for file in files.publish()]


def shard_name(shard: int, shards: int) -> str:
    """The name of a shard's files without their endings, as Hugging Face names parts."""
    return f"train-{shard:05d}-of-{shards:05d}"


class ShardFiles:
    """The files of one shard: open under a temporary name, then published."""

    def __init__(self, folder: str, name: str) -> None:
        self.filesystem, self.folder = fsspec.core.url_to_fs(folder)
        self.name = name
        self.mark = f"{TEMPORARY}{uuid.uuid4().hex}"
        self.files: dict[str, HashedFile] = {}

    def open(self, ending: str) -> HashedFile:
        """A new file of the shard."""
        path = f"{self.folder}/{self.mark}-{self.name}{ending}"
        self.files[ending] = HashedFile(self.filesystem.open(path, "wb"))
        return self.files[ending]

    def publish(self) -> list[dict[str, Any]]:
        """Give all files their names; what each is."""
        published = []
        for ending, file in self.files.items():
            final = f"{self.name}{ending}"
            self.filesystem.mv(f"{self.folder}/{self.mark}-{final}", f"{self.folder}/{final}")
            digest = file.hash.hexdigest()
            published.append({"file": final, "bytes": file.size, "sha256": digest})
        return published
