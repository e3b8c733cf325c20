"""Settings: typed, layered, checked as a whole before anything starts.

`conf/mind.toml` holds every default; this module holds the types. A wrong key, type or value
anywhere is collected with all others into one `UsageError`.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from udfs.checks.chunk_rules import ChunkRules
from udfs.checks.rules import Rules
from udfs.dialogue.prompts import check_frame
from udfs.errors import UsageError

BUCKETS = 65536  # one is about 3,100 generations of OpenWebMath
PROJECT = Path(__file__).resolve().parents[2]
PLACES = (PROJECT / "conf", PROJECT / "spark_jobs" / "conf")  # of a checkout, of a wheel
CONF = Path(os.environ.get("MIND_CONF", next(filter(Path.is_dir, PLACES), PLACES[0])))
EMBEDDED = "embedded"

URL = re.compile(r"[a-z][a-z0-9+.-]*:/")  # hdfs://…, dbfs:/…
# Settings that hold a path, and the word that is not one.
PATHS = (
    *("tables.root", "ingest.input", "ingest.withdraw", "chunk.tokenizer", "generate.spool"),
    *("engine.directory", "engine.python", "benchmark.folder", "filter.rules"),
    *("submit.spark_home", "submit.archive", "report.output", "export.output", "export.tokenizer"),
    *("engine.weights", "engine.weights_directory"),
)
NO_PATHS = ("", "embedded", "off")
# A comma that ends an assignment of MIND_SET, rather than one in a value.
NEXT_ASSIGNMENT = re.compile(r",(?=[a-z_]+\.[\w.]+=)")

Job = Literal[
    "pipeline",
    "ingest",
    "chunk",
    "estimate",
    "generate",
    "filter",
    "export",
    "trace",
    "maintain",
    "sql",
    "report",
    "benchmark",
    "doctor",
]
JOBS: tuple[Job, ...] = get_args(Job)


class Section(BaseModel):
    """A table of the settings file: frozen, without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tables(Section):
    """Where the Delta tables lie."""

    root: str = Field(min_length=1)
    catalog: str
    schema_prefix: str
    slices: int = Field(ge=1, le=65536)
    make_anew: tuple[str, ...]

    @model_validator(mode="after")
    def _slices_divide_buckets(self) -> Self:
        if self.slices & (self.slices - 1):
            raise ValueError(f"tables.slices is {self.slices}, expected a power of two")
        return self


class Columns(Section):
    """Names of the input's columns."""

    url: str
    text: str
    date: str
    metadata: str


class Ingest(Section):
    """What pages are read."""

    input: str = Field(min_length=1)
    source: str
    revision: str
    limit: int = Field(ge=0)
    withdraw: str
    one_page_per_url: bool
    columns: Columns


class Chunk(Section):
    """How pages are cut."""

    tokenizer: str = Field(min_length=1)
    max_tokens: int = Field(ge=16, description="below this a chunk holds no sentence")


class Screen(Section):
    """Which chunks an engine may be paid for."""

    enabled: bool
    checks: ChunkRules


class Sampling(Section):
    """How the engine draws tokens; part of a dialogue's identity."""

    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)
    top_k: int = Field(ge=0)
    min_p: float = Field(ge=0, lt=1)
    max_tokens: int = Field(ge=0)


class Generate(Section):
    """Which dialogues are wanted."""

    styles: tuple[str, ...] = Field(min_length=1)
    samples: int = Field(ge=1)
    specs: tuple[str, ...]
    buckets: str = Field(pattern=r"^(\d+-\d+)?$")
    where: str
    limit_chunks: int = Field(ge=0)
    max_waves: int = Field(ge=0)
    max_hours: float = Field(ge=0)
    max_requests: int = Field(ge=0)
    max_new_spec_requests: int = Field(ge=0)
    max_cost: float = Field(ge=0)
    confirmed: bool
    spool: str
    spool_seconds: float = Field(gt=0)
    opening: bool
    prompt: str
    tasks_per_slot: int = Field(ge=1)
    wave_requests: int = Field(ge=1)
    lanes: int = Field(ge=1, le=8)
    max_failed_share: float = Field(ge=0, le=1)
    max_length_change: float = Field(ge=0)
    retry: tuple[Literal["failed", "length", "all"], ...]
    sampling: Sampling

    @model_validator(mode="after")
    def _frame_has_its_markers(self) -> Self:
        check_frame(self.prompt)
        return self

    @model_validator(mode="after")
    def _buckets_are_a_range(self) -> Self:
        first, last = self.bucket_range()
        if not first <= last < BUCKETS:
            raise ValueError(f"generate.buckets is {self.buckets}, expected a-b in 0-{BUCKETS - 1}")
        return self

    def bucket_range(self) -> tuple[int, int]:
        """First and last bucket asked for, both included."""
        first, _, last = (self.buckets or f"0-{BUCKETS - 1}").partition("-")
        return int(first), int(last)


class Engine(Section):
    """The engine and its deadlines."""

    recipe: str
    model: str = Field(min_length=1)
    revision: str
    weights: str
    weights_directory: str
    weights_timeout: float = Field(gt=0)
    quantisation: str
    max_model_len: int = Field(ge=256)
    url: str
    api_key_env: str
    python: str
    extra_args: tuple[str, ...]
    capacity: int = Field(ge=0)
    tensor_parallel_size: int = Field(ge=1)
    directory: str
    start_timeout: float = Field(gt=0)
    request_timeout: float = Field(gt=0)
    stall_timeout: float = Field(gt=0)
    max_restarts: int = Field(ge=0)
    max_attempts: int = Field(ge=1)


class Cost(Section):
    """Prices."""

    currency: str = Field(min_length=1)
    gpu_hour: float = Field(ge=0)
    million_input_tokens: float = Field(ge=0)
    million_output_tokens: float = Field(ge=0)


Range = tuple[float, float]


class Estimate(Section):
    """What is assumed before anything was measured."""

    pilot: int = Field(ge=0)
    gpus: int = Field(ge=0)
    output_tokens: Range
    tokens_per_second: Range
    cached_share: float = Field(ge=0, le=1)
    accepted_share: Range
    weights_gigabytes_per_second: Range

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> Self:
        for name in (
            *("output_tokens", "tokens_per_second", "accepted_share"),
            "weights_gigabytes_per_second",
        ):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"estimate.{name} is [{low}, {high}], expected [low, high]")
        return self


class Part(Section):
    """One part of a blend: what it is of, and its weight in tokens beside the others'."""

    layout: str
    weight: float = Field(default=1.0, gt=0)
    path: str = ""
    column: str = "text"


class Export(Section):
    """What is written for training, and how."""

    output: str = Field(min_length=1)
    format: Literal["parquet", "jsonl", "chat", "megatron"]
    layout: str
    parts: tuple[Part, ...]
    raw: Literal["chunks", "pages"]
    styles: tuple[str, ...] = Field(min_length=1)
    concat: str
    specs: tuple[str, ...]
    per_page: int = Field(ge=0)
    budget: int = Field(ge=0)
    max_repeats: int = Field(ge=1)
    tokenizer: str
    end_token: str
    seed: int
    records_per_file: int = Field(ge=1)
    license: str


class Maintain(Section):
    """How the tables are kept in order."""

    vacuum: bool
    retention_hours: float = Field(ge=0)
    small_files: int = Field(ge=2)


class Filter(Section):
    """The rules that judge a dialogue, and a file of others to try."""

    rules: str
    activate: bool
    checks: Rules


class Report(Section):
    """What the page of a report shows, and where it goes."""

    output: str = Field(min_length=1)
    samples: int = Field(ge=0, le=100)
    compare: str = Field(pattern=r"^([0-9a-f]+,[0-9a-f]+)?$")


class Submit(Section):
    """How a job gets to a cluster, and what the cluster's executors run."""

    by: Literal["python", "spark-submit", "bundle"]
    spark_home: str
    java_home: str
    python: str
    archive: str
    image: str
    executor_timeout: float = Field(gt=0)

    @model_validator(mode="after")
    def _one_python(self) -> Self:
        if self.python and self.archive:
            raise ValueError(
                "submit.python and submit.archive are both set, expected one: where the executors' "
                "Python lies on the nodes, or the packed environment that has it"
            )
        return self


class Benchmarks(Section):
    """Where the indices of benchmarks lie, and how one is made."""

    folder: str = Field(min_length=1)
    field: str = Field(min_length=1)


class Settings(Section):
    """All settings of a run."""

    tables: Tables
    ingest: Ingest
    chunk: Chunk
    screen: Screen
    generate: Generate
    engine: Engine
    cost: Cost
    estimate: Estimate
    filter: Filter
    export: Export
    maintain: Maintain
    report: Report
    benchmark: Benchmarks
    submit: Submit
    spark: dict[Literal["all"] | Job, dict[str, str]]

    def spark_properties(self, job: str) -> dict[str, str]:
        """Spark properties of one job: those of all jobs, then its own.

        A pipeline has those of all jobs; an estimate those of generate, for its pilot.
        """
        jobs = {"pipeline": JOBS, "estimate": ("estimate", "generate")}.get(job, (job,))
        return {k: v for name in ("all", *reversed(jobs)) for k, v in self._of_job(name).items()}

    def _of_job(self, name: str) -> dict[str, str]:
        """The table `[spark.NAME]`, empty if there is none."""
        return self.spark.get(name, {})  # type: ignore[call-overload,no-any-return]

    def to_json(self) -> str:
        """All settings in force, as stored with the run."""
        return self.model_dump_json()


def load_settings(
    target: str, files: Sequence[Path] = (), assignments: Sequence[str] = ()
) -> Settings:
    """The settings in force for a target; raises one UsageError that lists every problem."""
    return validate(merge_all([*shipped_layers(target), *user_layers(files, assignments)]))


def shipped_layers(target: str) -> list[dict[str, Any]]:
    """The files of conf for a target; relative paths in them are from the folder of conf."""
    names = ("mind.toml", f"targets/{target}.toml")
    return [read_layer(CONF / name, base=CONF.parent) for name in names]


def user_layers(files: Sequence[Path], assignments: Sequence[str]) -> list[dict[str, Any]]:
    """What a person gave, in the order in which it counts: MIND_SET, then the command line."""
    return [
        *(parse_assignment(text, base=Path.cwd()) for text in environment_assignments()),
        *command_line_layers(files, assignments),
    ]


def command_line_layers(files: Sequence[Path], assignments: Sequence[str]) -> list[dict[str, Any]]:
    """What a person gave on the command line, in the order in which it counts."""
    return [
        *(read_layer(file, base=Path.cwd()) for file in files),
        *(parse_assignment(text, base=Path.cwd()) for text in assignments),
    ]


def environment_assignments() -> list[str]:
    """Settings of whoever set the machine up: MIND_SET, section.key=value with commas between."""
    return [text for text in NEXT_ASSIGNMENT.split(os.environ.get("MIND_SET", "")) if text]


def list_changes(target: str, files: Sequence[Path], assignments: Sequence[str]) -> list[str]:
    """What a person's settings change, as assignments that mean the same on another machine.

    One for each value that differs from conf's, its paths made absolute, in order of name.
    """
    shipped = merge_all(shipped_layers(target))
    return sorted(changes(merge_all([shipped, *user_layers(files, assignments)]), shipped, ""))


def list_given(files: Sequence[Path], assignments: Sequence[str]) -> list[str]:
    """The settings that the command line names, as assignments, paths absolute, in order of name.

    Also those that are as conf has them: where the job runs, another default may be in force.
    """
    return sorted(changes(merge_all(command_line_layers(files, assignments)), {}, ""))


def changes(values: dict[str, Any], before: Any, prefix: str) -> Iterator[str]:
    """Assignments for the values of nested tables that differ from what they were."""
    for key, value in values.items():
        was = before.get(key) if isinstance(before, dict) else None
        if isinstance(value, dict):
            yield from changes(value, was, f"{prefix}{key}.")
        elif prefix.startswith("spark.") and value != was:
            yield f"{prefix}{key}={value}"
        elif value != was:
            yield f"{prefix}{key}={json.dumps(value, ensure_ascii=False)}"


def merge_all(layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All layers laid over each other, none of them changed."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merge(merged, deepcopy(layer))
    return merged


def validate(values: dict[str, Any]) -> Settings:
    """Typed settings from nested dictionaries; raises one UsageError that lists every problem."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"  {line}" for line in describe_problems(error))
        raise UsageError(
            f"{error.error_count()} problem(s) in the settings:\n{problems}\n"
            "Every setting is explained in conf/mind.toml."
        ) from error


def read_layer(path: Path, *, base: Path) -> dict[str, Any]:
    """One settings file over the one that it includes, relative paths made absolute from `base`."""
    try:
        layer = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such settings file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a readable TOML file: {error}") from error
    included = layer.pop("include", None)
    layer = resolve_paths(layer, base=base)
    if included is None:
        return layer
    return merge_all([read_layer(path.parent / str(included), base=base), layer])


def parse_assignment(text: str, *, base: Path) -> dict[str, Any]:
    """`section.key=value` as nested dictionaries; a value that is no TOML is taken as text."""
    name, equals, value = text.partition("=")
    keys = name.strip().split(".", 1 if name.strip().startswith("spark.") else -1)
    if keys[0] == "spark" and equals:
        # Property names hold dots: spark.generate.spark.executor.cores=4
        section, _, prop = keys[-1].partition(".")
        return {"spark": {section: {prop: value}}}
    if not equals or len(keys) < 2 or not all(keys):
        raise UsageError(f"--set {text}: expected section.key=value, say chunk.max_tokens=500")
    layer: dict[str, Any] = {keys[-1]: parse_value(value)}
    for key in reversed(keys[:-1]):
        layer = {key: layer}
    return resolve_paths(layer, base=base)


def parse_value(text: str) -> Any:
    """A TOML value, or the text itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def resolve_paths(layer: dict[str, Any], *, base: Path) -> dict[str, Any]:
    """The layer with relative local paths made absolute, so that they mean the same everywhere."""
    for name in PATHS:
        section, _, key = name.partition(".")
        value = layer.get(section, {}).get(key) if isinstance(layer.get(section), dict) else None
        if isinstance(value, str) and value not in NO_PATHS and not URL.match(value):
            layer[section][key] = make_absolute(value, base)
    for part in layer.get("export", {}).get("parts", []):
        if part.get("path") and not URL.match(part["path"]):
            part["path"] = make_absolute(part["path"], base)
    return layer


def make_absolute(path: str, base: Path) -> str:
    """A local path from `base`; links stay, since a virtual environment's python must be one."""
    return os.path.abspath(base / Path(path).expanduser())  # noqa: PTH100


def merge(into: dict[str, Any], layer: dict[str, Any]) -> None:
    """Lay one layer over another, table by table; lists and values are replaced whole."""
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def describe_problems(error: ValidationError) -> Iterator[str]:
    """One readable line per problem, with the nearest valid name for an unknown key."""
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"] if part != "[key]")
        if problem["type"] == "extra_forbidden":
            yield f"{name}: no such setting{nearest(problem['loc'])}"
        elif problem["type"] == "missing":
            yield f"{name}: is not set"
        else:
            given = json.dumps(problem["input"], default=str)[:80]
            yield f"{name or 'settings'}: {problem['msg']} (given: {given})".replace(
                "Value error, ", ""
            )


def nearest(location: Sequence[int | str]) -> str:
    """A hint at the valid name most like the last part of a location, empty if none is."""
    model: Any = Settings
    for part in location[:-1]:
        model = model.model_fields[str(part)].annotation
    names = difflib.get_close_matches(str(location[-1]), model.model_fields, n=1, cutoff=0.5)
    valid = ", ".join(model.model_fields)
    return f"; did you mean {names[0]}?" if names else f"; valid here: {valid}"
