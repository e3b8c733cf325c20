"""What a resume asks for again when all was killed at half way: `python -m tests.bench.resume`.

2,100 dialogues from a simulated engine that takes half a second for each; at the half, `kill -9` of
the driver, its JVM and all workers; then the same command again, and once more. With the spool, and
without it.

A table goes to stderr, one line of JSON to stdout. Nothing here is asserted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from spark_jobs.core.console import print_result, show_table
from spark_jobs.core.settings import PROJECT
from tests.crashes.jobs import Job
from tests.engine.conftest import wait_until
from tests.simulated import SimulatedEngine, run_simulated

PAGES, STYLES = 300, 7
DIALOGUES = PAGES * STYLES
SETTINGS = [
    *("generate.limit_chunks=0", "tables.slices=2", "engine.capacity=16"),
    "generate.wave_requests=600",
]
SPOOLS = {"on": "", "off": "off"}  # the setting for each
YOUNG_SECONDS = 10.0  # what was answered so shortly before a death need not be safe


@dataclass(frozen=True)
class Resumed:
    """Requests of both runs: at the kill those answered and in flight, later those asked again.

    `old_again` were answered YOUNG_SECONDS before the kill or earlier. `lost` dialogues are not in
    the table in the end, `doubled` are there twice; `later` is what a third run asks for.
    """

    spool: str
    answered: int
    in_flight: int
    answered_again: int
    old_again: int
    repeated: int
    lost: int
    doubled: int
    later: int
    seconds: float


def bench(folder: Path, spool: str) -> Resumed:
    """One kill at half way."""
    root, log = folder / "warehouse", folder / "log"
    make_chunks(folder, root)
    with run_simulated() as engine:
        engine.delay = 0.5
        settings = [*engine.settings, *SETTINGS, f"generate.spool={SPOOLS[spool]}"]
        job = Job(root, log, settings)
        try:
            wait_until(lambda: len(engine.answers) >= DIALOGUES // 2 or job.has_ended, 600)
            if job.has_ended:
                sys.exit(log.read_text())
            answered, asked, killed = len(engine.answers), len(engine.requests), time.time()
        finally:
            job.kill("everything")
        started = time.monotonic()
        Job(root, log, settings).result()
        seconds = time.monotonic() - started
        later = Job(root, log, settings).result()["requests"]
        again = count_again(engine, killed)
        repeated = len(engine.requests) - DIALOGUES
    rows, keys = count_rows(root)
    ends = (repeated, DIALOGUES - keys, rows - keys, later, seconds)
    return Resumed(spool, answered, asked - answered, *again, *ends)


def count_rows(root: Path) -> tuple[int, int]:
    """Rows of the attempts, and the different dialogues among them."""
    query = "select count(*) n, count(distinct gen_key) keys from synthetic.attempts"
    row = json.loads(do("sql", "--json", query, f"--root={root}"))
    return row["n"], row["keys"]


def do(*arguments: str) -> str:
    """What a job prints."""
    done = subprocess.run(
        [sys.executable, "-m", "spark_jobs", "local", *arguments, "--set", "tables.slices=2"],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def make_chunks(folder: Path, root: Path) -> None:
    """Pages of one chunk each, by the jobs that do it."""
    pages = [
        json.dumps({"url": f"https://math.example/{n}", "text": f"Page {n}: it is {n}."})
        for n in range(PAGES)
    ]
    (folder / "pages.jsonl").write_text("\n".join(pages) + "\n", encoding="utf-8")
    do("ingest", f"--input={folder / 'pages.jsonl'}", f"--root={root}")
    do("chunk", f"--root={root}")


def count_again(engine: SimulatedEngine, killed: float) -> tuple[int, int]:
    """Requests answered before the kill and asked for after it: all, and the old ones of them."""
    before = {prompt: moment for prompt, moment, _ in engine.answers if moment < killed}
    again = [prompt for prompt, moment, _ in engine.answers if moment > killed and prompt in before]
    return len(again), sum(before[prompt] + YOUNG_SECONDS < killed for prompt in again)


def main() -> None:
    """Measure with the spool and without it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.resume", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.parse_args()
    os.environ.setdefault("MIND_MODELS_DIR", str(PROJECT / ".cache" / "models"))
    os.environ.setdefault("DELTA_JARS_DIR", str(PROJECT / ".cache" / "jars"))
    found = []
    for spool in ("on", "off"):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found.append(bench(Path(folder), spool))
    show_table(
        f"{DIALOGUES:,} dialogues, everything killed at half way",
        [
            *("spool", "answered", "in flight", "answered asked again"),
            *(f"older than {YOUNG_SECONDS:g} s", "requests repeated", "lost", "doubled"),
            *("asked by a third run", "resume, s"),
        ],
        [tuple(asdict(resumed).values()) for resumed in found],
    )
    print_result({"bench": "resume", "runs": [asdict(resumed) for resumed in found]})


if __name__ == "__main__":
    main()
