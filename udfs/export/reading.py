"""An export read back: which record a token is in, and what stands around it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq

from udfs.errors import UsageError
from udfs.export.formats import LINEAGE, MegatronFormat, Record, SpansFormat
from udfs.export.megatron import token_type
from udfs.export.shards import shard_name
from udfs.export.tokenizing import Encoder


@dataclass(frozen=True)
class Found:
    """A token's record, its place in it from 0, and the text before, of and after the token.

    The texts are null where the format keeps no text that the tokens are of (chat).
    """

    file: str
    record: Record
    place: int
    around: tuple[str, str, str] | None


def find_token(folder: str, manifest: dict[str, Any], encoder: Encoder, token: int) -> Found:
    """Where token number `token` of an export is, counted from 0 over its shards in order.

    Raises UsageError when there is none such.
    """
    before = 0
    for shard, (tokens, ending) in enumerate(shard_sizes(manifest)):
        if token < before + tokens:
            name = f"{shard_name(shard, manifest['shards'])}{ending}"
            return find_in_shard(f"{folder}/data/{name}", encoder, token - before)
        before += tokens
    raise UsageError(f"there is no token {token:,}: expected 0 to {before - 1:,}")


def shard_sizes(manifest: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The tokens of each shard, and the ending of its file that tells of records; 0 for none."""
    listed = {
        file["shard"]: (file["tokens"], "." + file["file"].split(".", 1)[1])
        for file in manifest["files"]
        if not file["file"].endswith(MegatronFormat.endings[:2])
    }
    for shard in range(manifest["shards"]):
        yield listed.get(shard, (0, ""))


def find_in_shard(path: str, encoder: Encoder, token: int) -> Found:
    """Where a token of one shard is."""
    before = 0
    for record in read_records(path):
        if token < before + record["n_tokens"]:
            lineage = {name: record[name] for name in LINEAGE.names}
            around = read_around(path, record, encoder, before, token - before)
            return Found(path.rsplit("/", 1)[-1], lineage, token - before, around)
        before += record["n_tokens"]
    raise UsageError(f"{path} ends before token {token:,}: it is not what the manifest tells of")


def read_records(path: str) -> Iterator[Record]:
    """The records of a file in order; from Parquet without the texts."""
    with fsspec.open(path, "rb") as file:
        if path.endswith(".jsonl"):
            yield from map(json.loads, file)
        else:
            for batch in pq.ParquetFile(file).iter_batches(columns=LINEAGE.names):
                yield from batch.to_pylist()


def read_around(
    path: str, record: Record, encoder: Encoder, before: int, place: int
) -> tuple[str, str, str] | None:
    """The text before, of and after a token of a record that begins after so many tokens."""
    tokens = read_tokens(path, record, encoder, before)
    if tokens is None:
        return None
    pieces = (tokens[:place], tokens[place : place + 1], tokens[place + 1 :])
    first, middle, last = (encoder.counter.decode(piece) for piece in pieces)
    return first, middle, last


def read_tokens(path: str, record: Record, encoder: Encoder, before: int) -> list[int] | None:
    """The tokens of a record: as Megatron's file has them, or of its text."""
    if path.endswith(SpansFormat.endings[0]):
        size = token_type(encoder.counter.vocabulary())
        start, end = before * size.itemsize, (before + record["n_tokens"]) * size.itemsize
        binary = path.removesuffix(SpansFormat.endings[0]) + MegatronFormat.endings[0]
        filesystem, inner = fsspec.core.url_to_fs(binary)
        read = filesystem.cat_file(inner, start=start, end=end)
        return [int(token) for token in np.frombuffer(read, dtype=size)]
    text = record.get("text") or read_text(path, record)
    return None if text is None else encoder.encode(text)


def read_text(path: str, record: Record) -> str | None:
    """The text of a record of a Parquet file; null in a format that has none."""
    if not path.endswith(".parquet"):
        return None
    with fsspec.open(path, "rb") as file:
        wanted = [("key", "=", record["key"]), ("repeat", "=", record["repeat"])]
        found = pq.read_table(file, columns=["text"], filters=wanted)
    return str(found["text"][0].as_py())
