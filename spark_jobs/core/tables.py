"""Every table: its columns with their comments, its layout and its name; and the way to them.

A job can write only what is declared here. Names are `raw.documents` and so on, in the session's
own in-memory catalog over a folder, or in a real catalog under a prefix.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from spark_jobs.core.settings import BUCKETS, Tables
from udfs.checks.rules import value_types
from udfs.errors import JobError

# What Delta says to the columns of now for a table of then.
OTHER_COLUMNS = "DELTA_CREATE_TABLE_SCHEME_MISMATCH"
Columns = tuple[tuple[str, str, str], ...]  # name, SQL type, comment
LAYERS = ("raw", "synthetic", "filtered", "ops")


@dataclass(frozen=True)
class Table:
    """One declared table; `stats` are the columns whose ranges Delta keeps to skip files."""

    layer: str
    name: str
    comment: str
    columns: Columns
    stats: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def sliced(self) -> bool:
        """Whether it is partitioned by `slice`."""
        return any(name == "slice" for name, _, _ in self.columns)

    def ddl(self) -> str:
        """Its columns as Spark takes a schema in words."""
        return ", ".join(f"`{name}` {kind}" for name, kind, _ in self.columns)

    def arrow_schema(self) -> pa.Schema:
        """The schema that a mapInArrow function must give back for this table."""
        return arrow_schema((name, kind) for name, kind, _ in self.columns)


PLACE: Columns = (
    ("bucket", "INT", "pmod(xxhash64(doc_id), 65536): where a page lies, the same in all tables"),
    ("slice", "INT", "bucket div (65536 / slices): the partition"),
)

DOCUMENTS = Table(
    "raw",
    "documents",
    "One row per page.",
    (
        ("doc_id", "STRING", "H(url, text)"),
        ("url", "STRING", "Where the page was"),
        ("text", "STRING", "The page as it came"),
        ("date", "STRING", "When it was crawled, in the source's own words; null if unknown"),
        ("metadata", "STRING", "JSON of the source; null if none"),
        ("source", "STRING", "Label of the corpus (ingest.source)"),
        ("source_revision", "STRING", "Its version (ingest.revision)"),
        ("source_file", "STRING", "The file it was read from"),
        ("ingested_at", "TIMESTAMP", "Start of the run that read it"),
        *PLACE,
    ),
    stats=("doc_id", "url", "bucket", "ingested_at"),
)

WITHDRAWN = Table(
    "raw",
    "withdrawn",
    "One row per page that no dialogue is wanted of any more, and per URL that may not come back.",
    (
        ("doc_id", "STRING", "The page; null for a URL without a page so far"),
        ("url", "STRING", "Its URL; null where only the page was named"),
        ("kind", "STRING", "withdrawn (maintain deletes it) or superseded (a newer text is there)"),
        ("reason", "STRING", "Why, in the words of whoever withdrew it; null if none were given"),
        ("withdrawn_at", "TIMESTAMP", "Start of the run that noted it"),
    ),
)

REJECTED = Table(
    "raw",
    "rejected",
    "One row per input row or file that could not be taken as a page.",
    (
        ("rejection_id", "STRING", "H(source_file, source_row, reason)"),
        ("source_file", "STRING", "The file"),
        ("source_row", "BIGINT", "Row in the file, from 0; null when it is the whole file"),
        ("reason", "STRING", "What was wrong"),
        ("payload", "STRING", "The first 500 characters of the row; null if there are none"),
        ("rejected_at", "TIMESTAMP", "Start of the run that read it"),
    ),
    stats=("rejection_id", "rejected_at"),
)

CHUNKS = Table(
    "raw",
    "chunks",
    "One row per chunk of a page; the chunks of a page and chunker, joined, are the page.",
    (
        ("chunk_id", "STRING", "H(doc_id, chunker_id, start, end)"),
        ("doc_id", "STRING", "The page"),
        ("chunk_index", "INT", "Position among the page's chunks, from 0"),
        ("start", "INT", "First character in the page"),
        ("end", "INT", "Character after the last"),
        ("text", "STRING", "The chunk's text"),
        ("n_tokens", "INT", "Tokens by the chunker's tokenizer"),
        ("cut", "BOOLEAN", "Whether a unit over the limit had to be cut at one of its ends"),
        ("chunker_id", "STRING", "Algorithm version, token limit and tokenizer"),
        ("created_at", "TIMESTAMP", "Start of the run that made it"),
        *PLACE,
    ),
    stats=("chunk_id", "doc_id", "bucket", "chunker_id", "created_at"),
)

CHUNK_VERDICTS = Table(
    "raw",
    "chunk_verdicts",
    "One row per chunk and set of rules: whether an engine may be paid for it.",
    (
        ("chunk_id", "STRING", "The chunk"),
        ("doc_id", "STRING", "Its page"),
        ("chunker_id", "STRING", "What made it"),
        ("rules_id", "STRING", "The rules: H of all thresholds of [screen.checks]"),
        ("accepted", "BOOLEAN", "Whether no gate spoke against it"),
        ("reasons", "ARRAY<STRING>", "Reasons of gates: each alone rejects"),
        ("tags", "ARRAY<STRING>", "Reasons that are only recorded"),
        ("prose_words", "INT", "Words of two letters and more outside formulas, code and tables"),
        ("contaminated_item", "STRING", "Benchmark and row of the question in it; empty if none"),
        ("contaminated_start", "INT", "First character of that question"),
        ("contaminated_end", "INT", "Character after its last"),
        ("signature", "ARRAY<INT>", "MinHash of its words; null if rejected or not asked for"),
        ("created_at", "TIMESTAMP", "Start of the run that made the chunk"),
        ("duplicate_of", "STRING", "The accepted chunk that it repeats; null if none"),
        ("similarity", "DOUBLE", "Part of their word grams in common, 0 to 1, estimated"),
        ("judged_at", "TIMESTAMP", "Start of the run that judged"),
        *PLACE,
    ),
    stats=("chunk_id", "doc_id", "bucket", "chunker_id", "rules_id", "judged_at"),
)

SPECS = Table(
    "ops",
    "specs",
    "One row per way of asking: the exact words, model and sampling behind a spec_id.",
    (
        ("spec_id", "STRING", "H(style, prompt_hash, model, revision, quantisation, sampling)"),
        ("style", "STRING", "The style"),
        ("prompt_hash", "STRING", "Identity of the rendered messages"),
        ("messages", "STRING", "JSON: the messages, $document standing for the chunk"),
        ("model", "STRING", "The generator"),
        ("model_revision", "STRING", "Its version"),
        ("quantisation", "STRING", "How its weights are stored; empty: as in the checkpoint"),
        ("sampling", "STRING", "JSON: temperature, top-p and so on"),
        ("created_at", "TIMESTAMP", "Start of the run that first asked so"),
    ),
)

ATTEMPTS = Table(
    "synthetic",
    "attempts",
    "One row per dialogue asked for and run that asked, whatever became of it.",
    (
        ("gen_key", "STRING", "H(chunk_id, spec_id, sample): the dialogue wanted"),
        ("chunk_id", "STRING", "The chunk"),
        ("doc_id", "STRING", "Its page"),
        ("spec_id", "STRING", "How it was asked for (ops.specs)"),
        ("style", "STRING", "The style"),
        ("sample", "INT", "0 unless several dialogues per chunk and style are wanted"),
        (
            "status",
            "STRING",
            "ok, length, empty, too_long, rejected, timeout, engine_error or poisoned",
        ),
        ("finish_reason", "STRING", "The engine's word; null without an answer"),
        ("text", "STRING", "What the model wrote, its opening included"),
        ("prompt_tokens", "INT", "Tokens in, by the engine"),
        ("cached_tokens", "INT", "Of these, from the prefix cache"),
        ("completion_tokens", "INT", "Tokens out"),
        ("latency_seconds", "DOUBLE", "From request to answer, the engine's queue included"),
        ("attempt", "INT", "Requests made for it in its run"),
        ("error_class", "STRING", "Kind of error; null if none"),
        ("error_message", "STRING", "Its first 500 characters; null if none"),
        ("neutralised", "BOOLEAN", "Whether control tokens in the chunk were broken up"),
        ("engine", "STRING", "The recipe"),
        ("engine_version", "STRING", "The engine's version; empty if it does not tell"),
        ("run_id", "STRING", "The run (ops.runs)"),
        ("wave_id", "STRING", "The commit it came with"),
        ("created_at", "TIMESTAMP", "When it ended"),
        *PLACE,
    ),
    # Text stays out of the log: a dialogue as a column's minimum helps nobody.
    stats=("gen_key", "chunk_id", "spec_id", "style", "bucket", "run_id", "wave_id", "created_at"),
)

SQL_TYPES: Mapping[type, str] = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "STRING"}
METRICS = {name: SQL_TYPES[kind] for name, kind in value_types().items()}
METRICS_TYPE = f"STRUCT<{', '.join(f'{name}: {kind}' for name, kind in METRICS.items())}>"

VERDICTS = Table(
    "filtered",
    "verdicts",
    "One row per dialogue, attempt and set of rules: what the checks measured and said.",
    (
        ("gen_key", "STRING", "The dialogue"),
        ("chunk_id", "STRING", "Its chunk"),
        ("doc_id", "STRING", "Its page"),
        ("spec_id", "STRING", "How it was asked for"),
        ("style", "STRING", "Its style"),
        ("attempt", "INT", "The attempt that was judged"),
        ("wave_id", "STRING", "The commit it came with"),
        ("rules_id", "STRING", "The rules: H of all thresholds"),
        ("accepted", "BOOLEAN", "Whether no gate spoke against it"),
        ("reasons", "ARRAY<STRING>", "Reasons of gates: each alone rejects"),
        ("tags", "ARRAY<STRING>", "Reasons that are only recorded"),
        ("preamble_length", "INT", "Characters before the dialogue proper, left out of it"),
        ("metrics", METRICS_TYPE, "Every value that the checks measured"),
        ("signature", "ARRAY<INT>", "MinHash of its words; null if rejected or not asked for"),
        ("judged_at", "TIMESTAMP", "Start of the run that judged"),
        *PLACE,
    ),
    stats=("gen_key", "style", "bucket", "rules_id", "judged_at"),
)

DIALOGUES = Table(
    "filtered",
    "dialogues",
    "The accepted dialogues by the active rules: the corpus.",
    (
        ("gen_key", "STRING", "The dialogue"),
        ("text", "STRING", "Its text, preamble left out"),
        ("style", "STRING", "Its style"),
        ("completion_tokens", "INT", "Tokens that the model wrote"),
        ("chunk_id", "STRING", "The chunk it was made from"),
        ("doc_id", "STRING", "Its page"),
        ("spec_id", "STRING", "How it was asked for"),
        ("sample", "INT", "0 unless several dialogues per chunk and style are wanted"),
        ("attempt", "INT", "The attempt it is"),
        ("wave_id", "STRING", "The commit that attempt came with"),
        ("rules_id", "STRING", "The rules that accepted it"),
        ("tags", "ARRAY<STRING>", "What was noted about it"),
        *PLACE,
    ),
    stats=("gen_key", "chunk_id", "style", "bucket"),
)

DUPLICATES = Table(
    "filtered",
    "duplicates",
    "One row per accepted dialogue that is nearly the same as another of its spec.",
    (
        ("gen_key", "STRING", "The dialogue"),
        ("duplicate_of", "STRING", "The one that it repeats: of a smaller gen_key"),
        ("similarity", "DOUBLE", "Part of their word grams in common, 0 to 1, estimated"),
        ("spec_id", "STRING", "How both were asked for"),
        ("style", "STRING", "Their style"),
        ("chunk_id", "STRING", "The chunk that it was made from"),
        ("doc_id", "STRING", "Its page"),
        ("rules_id", "STRING", "The rules (filtered.verdicts)"),
        *PLACE,
    ),
    stats=("gen_key", "spec_id", "bucket"),
)

RUNS = Table(
    "ops",
    "runs",
    "One row per job that ended: what it was told, on what, and what it did.",
    (
        ("run_id", "STRING", "The run"),
        ("job", "STRING", "Its job"),
        ("status", "STRING", "done or failed"),
        ("started_at", "TIMESTAMP", "Start"),
        ("finished_at", "TIMESTAMP", "End"),
        ("settings", "STRING", "JSON: all settings in force"),
        ("versions", "STRING", "JSON: this project, its commit, Python, Spark, Delta"),
        (
            "table_versions",
            "STRING",
            "JSON: tables read or written, their versions at the end",
        ),
        ("result", "STRING", "JSON: what it printed; null if it failed"),
        ("error", "STRING", "Why it failed; null if it did not"),
    ),
)

WAVES = Table(
    "ops",
    "waves",
    "One row per wave: what it was to ask for, what came of it, how long it took and what it cost.",
    (
        ("wave_id", "STRING", "The wave: transaction id of its commit"),
        ("run_id", "STRING", "The run that asked (ops.runs)"),
        ("status", "STRING", "done, stopped (before its end), or recovered (from a dead run)"),
        ("first_bucket", "INT", "Where it begins; null if recovered"),
        ("last_bucket", "INT", "Where it ends, that bucket included; null if recovered"),
        ("chunks", "BIGINT", "Chunks with a dialogue pending; null if recovered"),
        ("pending", "BIGINT", "Dialogues pending in it; null if recovered"),
        ("dialogues", "BIGINT", "Rows that it committed"),
        ("ok", "BIGINT", "Of these, ended by the model itself"),
        ("length", "BIGINT", "Of these, ended by the token limit"),
        ("failed", "BIGINT", "The rest of these"),
        ("requests", "BIGINT", "Requests made for them, retries included"),
        ("prompt_tokens", "BIGINT", "Tokens in"),
        ("cached_tokens", "BIGINT", "Of these, from the prefix cache"),
        ("completion_tokens", "BIGINT", "Tokens out"),
        ("launched_at", "TIMESTAMP", "When it was handed to Spark; null if recovered"),
        ("committed_at", "TIMESTAMP", "When its rows were there"),
        ("seconds", "DOUBLE", "From the commit before it, or its launch, to its own commit"),
        ("asking_seconds", "DOUBLE", "Of these, from the first request to the last answer"),
        ("engine", "STRING", "Their recipe; null without a row"),
        ("engine_version", "STRING", "Their version; empty if they do not tell"),
        ("engines", "INT", "Engines at work; null if recovered"),
        ("gpu_seconds", "DOUBLE", "GPUs of these engines times seconds"),
        ("cost", "DOUBLE", "Money for GPUs and tokens at the prices of [cost]"),
        ("chunks_version", "BIGINT", "Version of raw.chunks that it read; null if recovered"),
        ("attempts_version", "BIGINT", "Version of synthetic.attempts that it read"),
        ("committed_version", "BIGINT", "Version of synthetic.attempts that it made"),
    ),
    stats=("wave_id", "run_id", "committed_at"),
)

ENGINE_METRICS = Table(
    "ops",
    "engine_metrics",
    "One row per look at an engine while it worked for a run; counters since the engine's start.",
    (
        ("run_id", "STRING", "The run"),
        ("engine", "STRING", "Its executor's pid and start, and its plan"),
        ("starts", "INT", "Its life: 1, and one more after each death"),
        ("sampled_at", "TIMESTAMP", "When"),
        ("running", "DOUBLE", "Requests that it worked on"),
        ("waiting", "DOUBLE", "Requests in its queue"),
        ("kv_cache_usage", "DOUBLE", "Part of its key-value cache in use, 0 to 1"),
        ("generation_tokens", "DOUBLE", "Tokens out so far"),
        ("prompt_tokens", "DOUBLE", "Tokens in so far"),
        ("cached_tokens", "DOUBLE", "Of these, from the prefix cache; 0 where it does not say"),
        ("preemptions", "DOUBLE", "Requests thrown out of the cache so far"),
        ("memory", "DOUBLE", "Bytes of the host's memory that its processes hold"),
    ),
    stats=("run_id", "sampled_at"),
)

TABLES = (
    *(DOCUMENTS, REJECTED, WITHDRAWN, CHUNKS, CHUNK_VERDICTS),
    *(SPECS, ATTEMPTS, VERDICTS, DUPLICATES, DIALOGUES),
    *(RUNS, WAVES, ENGINE_METRICS),
)

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "STRING": pa.string(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(columns: Iterable[tuple[str, str]]) -> pa.Schema:
    """An Arrow schema from names and SQL types."""
    return pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns])


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of one of the SQL types that the tables use."""
    if kind.startswith("ARRAY<"):
        return pa.list_(arrow_type(kind[6:-1]))
    if kind.startswith("STRUCT<"):
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in split_struct(kind)])
    return ARROW_TYPES[kind]


def split_struct(kind: str) -> list[tuple[str, str]]:
    """Names and SQL types of a struct's fields."""
    fields = (field.partition(": ") for field in kind[len("STRUCT<") : -1].split(", "))
    return [(name, inner) for name, _, inner in fields]


def place_columns(slices: int) -> dict[str, Column]:
    """`bucket` and `slice` of a row with a `doc_id`."""
    bucket = F.pmod(F.xxhash64("doc_id"), F.lit(BUCKETS)).cast("int")
    return {"bucket": bucket, "slice": F.floor(bucket / (BUCKETS // slices)).cast("int")}


def select_columns(rows: DataFrame, table: Table) -> DataFrame:
    """The columns that a table has, in its order."""
    return rows.select(*(name for name, _, _ in table.columns))


def in_place_order(rows: DataFrame) -> DataFrame:
    """A file for each slice, in bucket order, so that a wave opens few."""
    return rows.repartition("slice").sortWithinPartitions("slice", "bucket")


class Warehouse:
    """The tables of one root or catalog, as a session sees them."""

    def __init__(self, spark: SparkSession, settings: Tables) -> None:
        self.spark = spark
        self.settings = settings
        self.looked_at: set[Table] = set()

    def again(self) -> "Warehouse":
        """The same tables for another run."""
        return Warehouse(self.spark, self.settings)

    def versions_looked_at(self) -> dict[str, int]:
        """The current version of each table that was read or written."""
        return {str(table): self.version(table) for table in sorted(self.looked_at, key=str)}

    def name(self, table: Table) -> str:
        """The table's name in SQL."""
        return f"{self.schema(table.layer)}.{table.name}"

    def schema(self, layer: str) -> str:
        """A layer's name in SQL."""
        catalog = self.settings.catalog
        return f"{catalog}.{self.settings.schema_prefix}{layer}" if catalog else layer

    def location(self, table: Table) -> str:
        """The folder of a table under a root."""
        return f"{self.settings.root.rstrip('/')}/{table.layer}/{table.name}"

    def make(self, table: Table) -> None:
        """Make a table if it is not there, and name it in the session."""
        self.open_schema(table.layer)
        try:
            self.spark.sql(self.create_statement(table))
        except AnalysisException as error:
            if error.getCondition() != OTHER_COLUMNS:
                raise
            self.spark.sql(self.name_statement(table))
        self.add_missing_columns(table)

    def add_missing_columns(self, table: Table) -> None:
        """Bring a table of an earlier version up to date; old rows have nulls there."""
        there = self.spark.table(self.name(table)).schema
        check_types(table, there)
        missing = [column for column in table.columns if column[0] not in there.names]
        listed = [describe_columns(missing)] if missing else []
        listed += missing_fields(table, there)
        if listed:
            self.spark.sql(f"ALTER TABLE {self.name(table)} ADD COLUMNS ({', '.join(listed)})")

    def open_schema(self, layer: str) -> None:
        """Make a layer's schema; under a root it lies in a folder of its own."""
        where = (
            "" if self.settings.catalog else f" LOCATION {quote(f'{self.settings.root}/{layer}')}"
        )
        self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.schema(layer)}{where}")

    def create_statement(self, table: Table) -> str:
        """The SQL that makes a table, or names one that lies there already."""
        properties = {"mind.slices": str(self.settings.slices)} if table.sliced else {}
        if table.stats:
            properties["delta.dataSkippingStatsColumns"] = ",".join(table.stats)
        listed = ", ".join(f"{quote(k)} = {quote(v)}" for k, v in properties.items())
        return "\n".join(
            [
                f"CREATE TABLE IF NOT EXISTS {self.name(table)} (",
                f"{describe_columns(table.columns)}) USING DELTA",
                "PARTITIONED BY (slice)" if table.sliced else "",
                "" if self.settings.catalog else f"LOCATION {quote(self.location(table))}",
                f"COMMENT {quote(table.comment)}",
                f"TBLPROPERTIES ({listed})" if properties else "",
            ]
        )

    def name_statement(self, table: Table) -> str:
        """The SQL that names a table of an earlier version in a session that does not know it."""
        where = f"USING DELTA LOCATION {quote(self.location(table))}"
        return f"CREATE TABLE IF NOT EXISTS {self.name(table)} {where}"

    def check_slices(self) -> None:
        """Refuse a number of slices other than the one that the tables were made with."""
        rows = self.spark.sql(f"SHOW TBLPROPERTIES {self.name(CHUNKS)}").collect()
        made = next((int(row["value"]) for row in rows if row["key"] == "mind.slices"), None)
        if made not in (None, self.settings.slices):
            raise JobError(
                f"tables.slices is {self.settings.slices}, but the tables under "
                f"{self.settings.catalog or self.settings.root} were made with {made}: "
                f"set tables.slices to {made}, or choose another root"
            )

    @property
    def buckets_per_slice(self) -> int:
        """Buckets in one partition."""
        return BUCKETS // self.settings.slices

    def read(self, table: Table, *, version: int | None = None) -> DataFrame:
        """The table, as of a version if one is given."""
        self.looked_at.add(table)
        pinned = "" if version is None else f" VERSION AS OF {version}"
        return self.spark.sql(f"SELECT * FROM {self.name(table)}{pinned}")

    def version(self, table: Table) -> int:
        """The table's current version."""
        history = self.spark.sql(f"DESCRIBE HISTORY {self.name(table)} LIMIT 1")
        return int(history.collect()[0]["version"])

    def make_rows(self, rows: Sequence[Mapping[str, Any]], table: Table) -> DataFrame:
        """Rows that the driver has for a table, nulls where they lack a column.

        As an Arrow table: a list would be turned into rows by Python workers.
        """
        made = pa.Table.from_pylist(list(rows), schema=table.arrow_schema())
        return self.spark.createDataFrame(made, table.ddl())

    def append(self, rows: DataFrame, table: Table, options: Mapping[str, str] = {}) -> None:
        """Append rows with exactly the declared columns, in one commit."""
        self.write(rows, table, mode="append", options=options)

    def append_counted(self, rows: DataFrame, table: Table) -> int:
        """Append rows in one commit, and how many they were: counted on their way, not again."""
        seen = Observation()
        self.append(rows.observe(seen, F.count(F.lit(1)).alias("rows")), table)
        return int(seen.get["rows"])

    def replace_slices(self, rows: DataFrame, table: Table, slices: list[int]) -> None:
        """Replace whole slices in one commit."""
        where = f"slice IN ({', '.join(map(str, slices))})"
        self.write(rows, table, mode="overwrite", options={"replaceWhere": where})

    def write(
        self, rows: DataFrame, table: Table, *, mode: str, options: Mapping[str, str]
    ) -> None:
        """Write rows with exactly the declared columns."""
        self.looked_at.add(table)
        check_columns(rows, table)
        writer = select_columns(rows, table).write.format("delta")
        if table.sliced:
            writer = writer.partitionBy("slice")
        writer.mode(mode).options(**options).saveAsTable(self.name(table))


def describe_columns(columns: Iterable[tuple[str, str, str]]) -> str:
    """Columns as SQL declares them."""
    return ",\n  ".join(
        f"`{name}` {kind} COMMENT {quote(comment)}" for name, kind, comment in columns
    )


def missing_fields(table: Table, there: StructType) -> list[str]:
    """Fields that the declared structs of a table have and its stored ones lack."""
    stored = {field.name: field.dataType for field in there}
    return [
        f"`{name}`.`{field}` {inner}"
        for name, kind, _ in table.columns
        if isinstance(struct := stored.get(name), StructType)
        for field, inner in split_struct(kind)
        if field not in struct.names
    ]


def check_types(table: Table, there: StructType) -> None:
    """Raise JobError when a stored column has another type than is declared, before any work."""
    stored = {field.name: field.dataType.simpleString() for field in there}
    for name, kind, _ in table.columns:
        # Of structs the fields are looked at.
        if name in stored and not kind.startswith("STRUCT") and stored[name] != kind.lower():
            raise JobError(
                f"{table}: its column {name} is {stored[name]}, expected {kind.lower()}: a table "
                "that another version of this project has made; make it anew, or use that version"
            )


def check_columns(rows: DataFrame, table: Table) -> None:
    """Raise JobError when rows have other columns or types than their table declares."""
    declared = {name: normalise_type(kind) for name, kind, _ in table.columns}
    given = {field.name: normalise_type(field.dataType.simpleString()) for field in rows.schema}
    if given != declared:
        wrong = {n: (declared.get(n), given.get(n)) for n in declared.keys() | given.keys()}
        listed = "; ".join(
            f"{n}: declared {d}, given {g}" for n, (d, g) in sorted(wrong.items()) if d != g
        )
        raise JobError(f"rows for {table} do not fit its schema: {listed}")


def normalise_type(kind: str) -> str:
    """A SQL type without spaces and case."""
    return re.sub(r"\s", "", kind).lower()


def quote(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
