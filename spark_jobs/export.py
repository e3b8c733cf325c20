"""export: the corpus as files for training, in one of the paper's layouts or a blend of them.

The same tables and settings give the same bytes, on whatever cluster: records are chosen, placed
and ordered by the hash of their keys.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.core.blend import Share, measured, repeat_records, share_out
from spark_jobs.core.chunker import read_named_tokenizer
from spark_jobs.core.console import say, show_table
from spark_jobs.core.data_card import write_card
from spark_jobs.core.export_folder import ExportFolder
from spark_jobs.core.layouts import check_layouts, list_parts, read_layout
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.scratch import scratch_root
from udfs.errors import JobError, UsageError
from udfs.export.shards import WRITTEN, ShardWriter
from udfs.export.tokenizing import Encoder
from udfs.keys import content_key

VERSION = "1"  # of what is written from a record: another one makes another export


@dataclass(frozen=True)
class Chosen:
    """The records of an export with their `order`, how many, and what tells them from others."""

    records: DataFrame
    shares: list[Share]
    count: int
    export_id: str


def run(run: Run) -> Result:
    """Choose the records, write them, and say what they are; a finished export is left alone."""
    check_layouts(run.settings.export)
    encoder = make_encoder(run)
    folder = ExportFolder(scratch_root(run.spark, run.settings.export.output))
    with choose_records(run, encoder) as chosen:
        manifest = folder.manifest()
        if manifest is None:
            folder.begin(chosen.export_id)
            files = write_records(run, chosen, folder, encoder)
            manifest = describe(run, chosen, files, encoder)
            folder.finish(manifest, write_card(run, manifest))
        elif manifest["export_id"] != chosen.export_id:
            raise UsageError(
                f"{folder.location} holds another export, of other tables or settings: choose "
                "another export.output, or remove it"
            )
        else:
            say(f"export: {folder.location} is this export already, nothing was written")
    show_files(folder, manifest)
    return {name: manifest[name] for name in ("export_id", "format", "records", "tokens")}


def make_encoder(run: Run) -> Encoder:
    """The tokenizer of the settings; raises UsageError when the format cannot do with it."""
    settings = run.settings.export
    encoder = read_encoder(run, settings.end_token)
    if settings.format == "megatron" and not settings.end_token:
        raise UsageError(
            "export.end_token is empty, expected the name of the token that ends a text, "
            "<|end_of_text|> say: Megatron parts its documents by it"
        )
    try:
        encoder.encode("")
    except ValueError as error:
        location = tokenizer_location(run)
        raise UsageError(f"export.end_token: {error} (export.tokenizer: {location})") from error
    return encoder


def read_encoder(run: Run, end_token: str) -> Encoder:
    """The tokenizer of the settings, with a token that ends each text."""
    return Encoder(read_named_tokenizer(tokenizer_location(run), "export.tokenizer"), end_token)


def tokenizer_location(run: Run) -> str:
    """Where the tokenizer lies: the chunker's unless the settings name another."""
    return run.settings.export.tokenizer or run.settings.chunk.tokenizer


@contextmanager
def choose_records(run: Run, encoder: Encoder) -> Iterator[Chosen]:
    """What the export takes of each of its parts."""
    settings = run.settings.export
    parts = list_parts(settings)
    read = [read_layout(run, part) for part in parts]
    with measured(read, encoder) as sizes:
        shares = [Share()]
        if settings.budget or len(parts) > 1:
            say("export: counting tokens")
            weights = [part.weight for part in parts]
            limits = {"budget": settings.budget, "max_repeats": settings.max_repeats}
            shares = share_out(sizes, weights, **limits, seed=settings.seed)
        taken = [
            repeat_records(records, share, seed=settings.seed, part=part)
            for part, (records, share) in enumerate(zip(read, shares, strict=True))
        ]
        yield identify(run, reduce(DataFrame.unionByName, taken), shares, encoder)


def identify(run: Run, records: DataFrame, shares: list[Share], encoder: Encoder) -> Chosen:
    """Count the records, and put what decides the files into one hash; texts stay unread."""
    mark = F.sum(F.xxhash64("order", "key", "repeat", "version").cast("decimal(38,0)"))
    row = records.agg(F.count("*").alias("records"), mark.alias("mark")).collect()[0]
    if not row["records"]:
        raise JobError(
            "there is nothing to export: `filter` accepts dialogues, `chunk` makes chunks"
        )
    settings = json.dumps(decisive_settings(run), sort_keys=True)
    found = (str(row["records"]), str(row["mark"]))
    export_id = content_key(VERSION, settings, encoder.counter.tokenizer_id, *found)
    return Chosen(records, shares, row["records"], export_id)


def decisive_settings(run: Run) -> dict[str, Any]:
    """The settings that decide what is written; of the tokenizer not where it lies."""
    return run.settings.export.model_dump(mode="json", exclude={"output", "tokenizer"})


def write_records(
    run: Run, chosen: Chosen, folder: ExportFolder, encoder: Encoder
) -> list[dict[str, Any]]:
    """Write all shards; what each file holds, in their order."""
    settings = run.settings.export
    shards = count_shards(run, chosen)
    say(f"export: {chosen.count:,} records into {shards} shard(s) of {folder.data}")
    writer = ShardWriter(folder.data, settings.format, shards, encoder)
    placed = chosen.records.withColumn("shard", F.pmod("order", F.lit(shards)).cast("int"))
    sorted_ = placed.repartition(shards, "shard").sortWithinPartitions(
        "shard", "order", "key", "repeat"
    )
    written = sorted_.mapInArrow(writer.write, from_arrow_schema(WRITTEN)).collect()
    return sorted((row.asDict() for row in written), key=lambda file: file["file"])


def count_shards(run: Run, chosen: Chosen) -> int:
    """How many shards there are; one may be empty and has no file then."""
    return -(-chosen.count // run.settings.export.records_per_file)


def describe(
    run: Run, chosen: Chosen, files: list[dict[str, Any]], encoder: Encoder
) -> dict[str, Any]:
    """The manifest: what the export is and what its files are; the same for the same bytes."""
    settings = run.settings.export
    of_shards = {file["shard"]: file for file in files}.values()
    parts = [
        {**part.model_dump(), "repeated": share.whole, "tokens": share.tokens}
        for part, share in zip(list_parts(settings), chosen.shares, strict=True)
    ]
    return {
        "export_id": chosen.export_id,
        "format": settings.format,
        "records": sum(file["records"] for file in of_shards),
        "tokens": sum(file["tokens"] for file in of_shards),
        "shards": count_shards(run, chosen),
        "parts": parts,
        "tokenizer": encoder.counter.tokenizer_id,
        "settings": decisive_settings(run),
        "files": files,
    }


def show_files(folder: ExportFolder, manifest: dict[str, Any]) -> None:
    """What lies where."""
    size = sum(file["bytes"] for file in manifest["files"])
    show_table(
        "export",
        ["records", "tokens", "files", "MB"],
        [[manifest["records"], manifest["tokens"], len(manifest["files"]), round(size / 1e6, 1)]],
    )
    say(f"export: {folder.location}, its data card is README.md there")
