"""What an export costs as the corpus grows: `python -m tests.bench.export`.

For each size (accepted dialogues) and format, in a session of its own with two executors in
processes of their own: records and MB per second, and the peak memory of the driver and of an
executor, which must not grow with the corpus. The tables are made directly, with the texts of the
labelled set's good dialogues; a size is removed when it is measured, unless --keep.

Tables go to stderr, one line of JSON to stdout. Nothing here is asserted: numbers of a busy machine
prove nothing.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from spark_jobs.core.console import print_result, show_table
from spark_jobs.core.settings import PROJECT
from tests.bench.apart import apart
from tests.bench.export.measure import ROLES, Measured, make, make_settings, measure

SIZES = "10000,100000,1000000"
FORMATS = "parquet,megatron"


def bench(root: Path, options: argparse.Namespace) -> dict[str, list[Measured]]:
    """All sizes, one after the other, each in all formats."""
    measured: dict[str, list[Measured]] = {form: [] for form in options.formats.split(",")}
    for size in map(int, options.sizes.split(",")):
        folder = root / str(size)
        place = {"executors": options.executors, "memory": options.memory}
        apart(make, make_settings(folder, form="parquet", **place), size)
        for form, found in measured.items():
            found.append(apart(measure, make_settings(folder, form=form, **place)))
            show(form, found)
        if not options.keep:
            shutil.rmtree(folder)
    return measured


def show(form: str, measured: Sequence[Measured]) -> None:
    """The sizes of a format so far."""
    show_table(
        f"export as {form}; the most MiB at a time",
        ["dialogues", "seconds", "per second", "MB", "MB/s", *ROLES],
        [
            (
                found.records,
                f"{found.seconds:.0f}",
                f"{found.records / found.seconds:,.0f}",
                f"{found.megabytes:,.0f}",
                f"{found.megabytes / found.seconds:.1f}",
                *(f"{found.peaks[role]:,.0f}" for role in ROLES),
            )
            for found in measured
        ],
    )


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sizes", default=SIZES, help=f"dialogues ({SIZES})")
    parser.add_argument("--formats", default=FORMATS, help=f"formats ({FORMATS})")
    parser.add_argument("--root", type=Path, help="folder for the tables; a temporary one if unset")
    parser.add_argument("--keep", action="store_true", help="leave the tables for the next time")
    parser.add_argument("--executors", type=int, default=2, help="executors of one core each (2)")
    parser.add_argument("--memory", default="2048m", help="of each JVM, in m (2048m)")
    options = parser.parse_args()
    os.environ.setdefault("MIND_MODELS_DIR", str(PROJECT / ".cache" / "models"))
    os.environ.setdefault("DELTA_JARS_DIR", str(PROJECT / ".cache" / "jars"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        measured = bench(options.root or Path(folder), options)
    sizes = {form: [asdict(found) for found in sizes] for form, sizes in measured.items()}
    print_result({"bench": "export", "formats": sizes})


if __name__ == "__main__":
    main()
