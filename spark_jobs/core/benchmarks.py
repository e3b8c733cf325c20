"""Indices of benchmarks: found by name in `benchmark.folder`, or by path, read on the driver.

They travel to the executors inside the rules, as their files' bytes.
"""

import difflib
from collections.abc import Iterable

import fsspec

from udfs.checks.rules import Rules
from udfs.contamination.index import Benchmark
from udfs.errors import UsageError

ENDING = ".npz"


def load_rules(rules: Rules, folder: str) -> Rules:
    """The rules with the contents of their benchmarks.

    Both checks get the same list, unless the loose one has its own.
    """
    strict, loose = rules.contaminated, rules.contaminated_loose
    found = load_named(strict.benchmarks, folder)
    found_loose = load_named(loose.benchmarks, folder) if loose.benchmarks else found
    return rules.model_copy(
        update={
            "contaminated": strict.model_copy(update={"benchmarks": found}),
            "contaminated_loose": loose.model_copy(update={"benchmarks": found_loose}),
        }
    )


def load_named(benchmarks: Iterable[Benchmark], folder: str) -> tuple[Benchmark, ...]:
    """Benchmarks with their contents; raises UsageError for one that is not there."""
    return tuple(read_benchmark(named.name, folder) for named in benchmarks)


def read_benchmark(name: str, folder: str) -> Benchmark:
    """The index with this name in the folder, or with this path if it ends like one."""
    location = name if name.endswith(ENDING) else f"{folder}/{name}{ENDING}"
    try:
        with fsspec.open(location, "rb") as file:
            return Benchmark.load(file.read())
    except FileNotFoundError as error:
        known = list_names(folder)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'};"
        raise UsageError(
            f"there is no index {location} of a benchmark: {hint} `./submit.sh local benchmark "
            "--add NAME PATH` makes one"
        ) from error
    except UsageError as error:
        raise UsageError(f"{location}: {error}") from error


def list_names(folder: str) -> list[str]:
    """The names of the indices in a folder, sorted; none where there is no folder."""
    filesystem, path = fsspec.core.url_to_fs(folder)
    files = filesystem.glob(f"{path}/*{ENDING}")
    return sorted(file.rsplit("/", 1)[-1].removesuffix(ENDING) for file in files)
