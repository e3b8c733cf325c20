"""What it costs to find out what is pending: `python -m tests.bench.backfill`.

For each size (chunks, seven attempts at each) in a session of its own: to find that nothing is
pending, to plan one style more, and to compute the rows of one wave of it, beside the limit: what
it costs merely to read the same columns. The tables are made directly, 14 kB a chunk; a size is
removed when it is measured, unless --keep. A million chunks take 13 GB (measured: LOG.md).

Tables go to stderr, one line of JSON to stdout. Nothing here is asserted: numbers of a busy machine
prove nothing.
"""

import argparse
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from spark_jobs.core.console import print_result, say, show_table
from spark_jobs.core.settings import PROJECT
from tests.bench.apart import apart
from tests.bench.backfill.measure import Measured, make, make_settings, measure
from tests.bench.backfill.tables import STYLES

SIZES = "10000,100000,1000000"
CHUNK_BYTES = 14_000  # on the disk, with seven attempts
# A wave of one style more has a chunk for each request: as many as a usual wave of 24,000 requests
# in seven styles, and so few that the smallest size has a whole one, too.
WAVE_REQUESTS = 4_000


def bench(root: Path, sizes: Sequence[int], options: argparse.Namespace) -> list[Measured]:
    """All sizes, one after the other."""
    measured = []
    for size in sizes:
        folder = root / str(size)
        check_disk(root, 0 if folder.exists() else size)
        settings = make_settings(folder, master=options.master, memory=options.memory)
        apart(make, make_settings(folder, master="local[2]", memory="4g"), size)
        measured.append(apart(measure, settings, options.wave_requests))
        show_size(measured[-1])
        if not options.keep:
            shutil.rmtree(folder)
    return measured


def check_disk(root: Path, chunks: int) -> None:
    """End here rather than on a full disk."""
    free, needed = shutil.disk_usage(root).free, chunks * CHUNK_BYTES * 5 // 4
    if free < needed:
        sys.exit(f"{root} has {free / 1e9:.0f} GB free, {chunks:,} chunks need {needed / 1e9:.0f}")


def show_size(found: Measured) -> None:
    """A size's steps."""
    show_table(
        f"{found.chunks:,} chunks x {STYLES} (load {found.load:.1f})",
        ["step", "seconds", "again", "CPU s", "Spark jobs", "rows", "heap MiB", "after GC"],
        [tuple(asdict(step).values()) for step in found.steps],
    )


def show_growth(measured: Sequence[Measured]) -> None:
    """Each step's second time by size, and how many times longer it takes per decade."""
    sizes = [f"{found.chunks:,}" for found in measured]
    by_step = zip(*(found.steps for found in measured), strict=True)
    lines = {f"{steps[0].name}, s": [step.again for step in steps] for steps in by_step}
    lines |= {
        "driver's heap after GC, MiB": [max_live(found) for found in measured],
        "Python driver's peak, MiB": [found.python for found in measured],
        "JVM's peak, MiB": [found.jvm for found in measured],
    }
    growth = [f"to {size}" for size in sizes[1:]]
    show_table(
        "What it takes, and growth per decade",
        ["step", *sizes, *growth],
        [(name, *values, *grow(measured, values)) for name, values in lines.items()],
    )


def max_live(found: Measured) -> float:
    """MiB on the heap after a collection, at most over the steps."""
    return max(step.live for step in found.steps)


def grow(measured: Sequence[Measured], values: Sequence[float]) -> list[str]:
    """How many times more each value is than the one before, for ten times the chunks."""
    decades = (math.log10(b.chunks / a.chunks) for a, b in pairwise(measured))
    factors = (b / a for a, b in pairwise(values))
    return [f"x {f ** (1 / d):.2f}" for f, d in zip(factors, decades, strict=True)]


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.backfill", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sizes", default=SIZES, help=f"chunks ({SIZES})")
    parser.add_argument("--root", type=Path, help="folder for the tables; a temporary one if unset")
    parser.add_argument("--keep", action="store_true", help="leave the tables for the next time")
    parser.add_argument("--master", default="local[2]", help="Spark's master (local[2])")
    parser.add_argument("--memory", default="4g", help="the driver's memory (4g)")
    parser.add_argument("--wave-requests", type=int, default=WAVE_REQUESTS)
    options = parser.parse_args()
    os.environ.setdefault("MIND_MODELS_DIR", str(PROJECT / ".cache" / "models"))
    os.environ.setdefault("DELTA_JARS_DIR", str(PROJECT / ".cache" / "jars"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = options.root or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        measured = bench(root, [int(size) for size in options.sizes.split(",")], options)
    if not options.root and options.keep:
        say("the tables are gone: --keep needs --root")
    show_growth(measured)
    print_result({"bench": "backfill", "sizes": [asdict(found) for found in measured]})


if __name__ == "__main__":
    main()
