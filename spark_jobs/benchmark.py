"""benchmark: lists the indices of benchmarks that `filter` looks for, or makes one. No Spark."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import fsspec

from spark_jobs.core.benchmarks import ENDING, list_names, read_benchmark
from spark_jobs.core.console import say, show_table
from spark_jobs.core.inputs import list_files
from spark_jobs.core.settings import Benchmarks, Settings
from udfs.contamination.index import SHORTEST_ITEM, Benchmark, build_index, load_index
from udfs.errors import JobError, UsageError
from udfs.text.pages import open_file, read_rows

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Result = dict[str, Any]


def add_or_list(settings: Settings, add: list[str] | None) -> Result:
    """What is there, after `add`, a name and a path, has been made into an index."""
    made = {"added": add_benchmark(settings.benchmark, *add)} if add else {}
    folder = settings.benchmark.folder
    found = [describe(read_benchmark(name, folder)) for name in list_names(folder)]
    used = {named.name for named in settings.filter.checks.contaminated.benchmarks}
    show_table(
        f"Benchmarks in {folder}",
        ["name", "items", "13-grams", "hash", "in use"],
        [(*row.values(), "yes" if row["name"] in used else "no") for row in found],
    )
    return {"job": "benchmark", **made, "benchmarks": found}


def describe(benchmark: Benchmark) -> Result:
    """What an index holds: items, their long grams, and the hash that is part of `rules_id`."""
    index = load_index(benchmark)
    grams = sum(len(grams.items) for grams in index.long.values())
    return {
        "name": benchmark.name,
        "items": len(index.rows),
        "grams": grams,
        "sha256": benchmark.sha256,
    }


def add_benchmark(settings: Benchmarks, name: str, path: str) -> Result:
    """Make the index of the questions in some files; one of the same name gives way to it."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--add {name}: expected a name of letters, digits, '-', '_' and '.'")
    counts: Counter[str] = Counter()
    content = build_index(name, read_questions(path, settings.field, counts))
    made = describe(Benchmark.load(content))
    if not made["items"]:
        raise JobError(
            f"{path} has no question of {SHORTEST_ITEM} words or more in {settings.field!r} "
            f"({counts['rows']} rows): --field names another column"
        )
    write_file(f"{settings.folder}/{name}{ENDING}", content)
    left_out = counts["rows"] - counts["without"] - made["items"]
    say(
        f"{name}: {made['items']} of {counts['rows']} rows indexed; {left_out} have fewer than "
        f"{SHORTEST_ITEM} words or repeat another, {counts['without']} no text in "
        f"{settings.field!r}"
    )
    say(f'filter looks for it with filter.checks.contaminated.benchmarks = [..., "{name}"]')
    return {**made, "rows": counts["rows"], "left_out": left_out, "without_text": counts["without"]}


def read_questions(path: str, field: str, counts: Counter[str]) -> Iterator[tuple[int, str]]:
    """The texts of all files with their row numbers, which go on from file to file.

    Notes in `counts` all `rows`, and those `without` a text.
    """
    for file in list_files(path):
        with open_file(file, None) as stream:
            for _, row in read_rows(file, stream, (field,)):
                text = row.get(field) if isinstance(row, dict) else None
                if isinstance(text, str) and text.strip():
                    yield counts["rows"], text
                else:
                    counts["without"] += 1
                counts["rows"] += 1


def write_file(location: str, content: bytes) -> None:
    """Write a file on any filesystem, its folder made if it is not there."""
    filesystem, path = fsspec.core.url_to_fs(location)
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    filesystem.pipe_file(path, content)
