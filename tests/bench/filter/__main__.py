"""What the checks cost and reject, beside the field's web filters: `python -m tests.bench.filter`.

On the good dialogues of the labelled set, in one run: dialogues and MB per CPU second with all our
checks on, seven dialogues of each source and one, and the same for datatrove's Gopher, C4 and
FineWeb filters. Then what each rejects of these dialogues, of the set's bad ones, and of a folder
of real math pages (--pages); seconds of each check, and each on one dialogue of 1 k to 1 M
characters: none may grow faster than its text.

datatrove is installed into .cache/datatrove at the first start (a minute, 500 MB). Tables go to
stderr, one line of JSON to stdout. Nothing here is asserted: numbers of a busy machine prove
nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pyarrow import dataset

from spark_jobs.core.console import print_result, say, show_table
from spark_jobs.core.engine import known_styles
from spark_jobs.core.settings import CONF, PROJECT
from tests.checks.labelled import (
    Labelled,
    read_labelled,
    read_labelled_rules,
    read_shipped_rules,
)
from udfs.checks.base import Dialogue
from udfs.checks.rules import CHECKS, Rules, judge
from udfs.checks.source import read_source

HERE = Path(__file__).parent
ENVIRONMENT = PROJECT / ".cache" / "datatrove"
REQUIREMENTS = CONF / "requirements" / "datatrove.txt"
STYLES = 7  # dialogues of one source, side by side in the table, as the paper's styles are
REPEATS = 4  # the best counts: others use the machine, too
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
COMPARED = ("Gopher repetition", "Gopher quality", "C4")  # together, as the field runs them


def make_dialogues(records: Iterable[Labelled]) -> Iterator[Dialogue]:
    """Dialogues that nothing was found out about yet, none kept, as the filter job makes them."""
    styles = known_styles()
    read_source.cache_clear()
    for record in records:
        yield Dialogue(
            text=record.text,
            source=record.source,
            style=styles[record.style],
            finish_reason=record.finish_reason,
            n_tokens=record.n_tokens,
        )


def time_once(dialogues: Iterable[Dialogue], work: Callable[[Dialogue], Any]) -> float:
    """CPU seconds of some work on all dialogues."""
    started = time.process_time()
    for dialogue in dialogues:
        work(dialogue)
    return time.process_time() - started


def time_all(records: Sequence[Labelled], rules: Rules, styles: int) -> float:
    """CPU seconds of all checks on each record, with so many dialogues of each source."""
    several = (record for record in records for _ in range(styles))
    return time_once(make_dialogues(several), lambda dialogue: judge(dialogue, rules)) / styles


def time_check(name: str, rules: Rules, records: Sequence[Labelled]) -> float:
    """CPU seconds of one check, with what it shares with others found before."""
    check, limits = CHECKS[name].check, getattr(rules, name)

    def make() -> list[Dialogue]:
        dialogues = list(make_dialogues(records))
        for dialogue in dialogues:
            look_at_all(dialogue)
        return dialogues

    return min(time_once(make(), lambda d: check(d, limits)) for _ in range(REPEATS))


def look_at_all(dialogue: Dialogue) -> None:
    """Find out what several checks ask for."""
    for name in ("turns", "prose_words", "lower", "numbers", "stream"):
        getattr(dialogue, name)
    for name in ("words", "vocabulary", "numbers", "formulas", "stream"):
        getattr(dialogue.chunk, name)


def grow(name: str, rules: Rules, record: Labelled) -> list[float]:
    """Milliseconds of one check on ever longer dialogues, all that it looks at included."""
    found = []
    for length in LENGTHS:
        text = (record.text + "\n\n") * (length // len(record.text) + 1)
        longer = [Labelled(**{**vars(record), "text": text[:length]})]
        dialogue = next(make_dialogues(longer))
        started = time.process_time()
        CHECKS[name].check(dialogue, getattr(rules, name))
        found.append((time.process_time() - started) * 1e3)
    return found


def ask_peers(texts: Sequence[str]) -> dict[str, Any]:
    """What datatrove's filters take and reject."""
    done = subprocess.run(
        [find_datatrove(), "-P", HERE / "peers.py"],
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def find_datatrove() -> Path:
    """The interpreter that has datatrove; installed when it is not there."""
    python, installed = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed"
    if not installed.exists():
        say(f"bench: installing datatrove into {ENVIRONMENT}")
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
        subprocess.run([python, *install], check=True, stdout=sys.stderr)
        installed.touch()
    return python


def read_pages(folder: Path) -> list[str]:
    """The texts of a folder's Parquet files."""
    return [str(text) for text in dataset.dataset(folder).to_table(["text"])["text"].to_pylist()]


def show_speed(records: Sequence[Labelled], rules: Rules) -> dict[str, Any]:
    """All checks beside the peers."""
    texts = [record.text for record in records]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    # By turns, so that a busy minute of the machine is everybody's.
    turns = [
        {"ours": time_all(records, rules, STYLES), "alone": time_all(records, rules, 1)}
        | {name: one["seconds"] for name, one in ask_peers(texts)["filters"].items()}
        for _ in range(REPEATS)
    ]
    best = {name: min(turn[name] for turn in turns) for name in turns[0]}
    ours, alone = best.pop("ours"), best.pop("alone")
    together = sum(best[name] for name in COMPARED)
    lines = [
        (f"MIND, all {len(CHECKS)} checks", ours),
        ("the same, one dialogue of a source", alone),
        *best.items(),
        ("Gopher and C4 together", together),
    ]
    show_table(
        f"{len(texts)} good dialogues, {megabytes:.2f} MB",
        ["filter", "CPU s", "MB/s per core", "dialogues/s"],
        [
            (name, f"{took:.2f}", f"{megabytes / took:.2f}", f"{len(texts) / took:,.0f}")
            for name, took in lines
        ],
    )
    say(f"bench: {together / ours:.1f} times the throughput of Gopher and C4 together")
    return {"megabytes": megabytes, "seconds": ours, "alone": alone, "peers": best}


def show_checks(records: Sequence[Labelled], rules: Rules) -> dict[str, Any]:
    """Each check alone, on many dialogues and on long ones."""
    seconds = {name: time_check(name, rules, records) for name in CHECKS}
    longest = max(records, key=lambda record: len(record.text))
    growth = {name: grow(name, rules, longest) for name in CHECKS}
    show_table(
        "Each check: microseconds per dialogue; milliseconds by characters, with all it looks at",
        ["check", "us", *(f"{length:,}" for length in LENGTHS)],
        [
            (
                name,
                f"{seconds[name] / len(records) * 1e6:.0f}",
                *(f"{ms:.1f}" for ms in growth[name]),
            )
            for name in CHECKS
        ],
    )
    return {"seconds": seconds, "growth_ms": growth}


def show_rejected(
    good: Sequence[Labelled], bad: Sequence[Labelled], folder: Path | None, rules: Rules
) -> dict[str, Any]:
    """What our gates and the peers reject of good dialogues, of bad ones and of real pages."""
    texts = {
        "good dialogues": [record.text for record in good],
        "bad dialogues": [record.text for record in bad],
        "real math pages": read_pages(folder) if folder else [],
    }
    ours = [count_rejected(records, rules) for records in (good, bad)]
    peers = [ask_peers(some) if some else None for some in texts.values()]
    names = next(filter(None, peers))["filters"]
    lines: list[tuple[str, list[int | None]]] = [("MIND's gates", [*ours, None])]
    lines += [(name, [one and one["filters"][name]["rejected"] for one in peers]) for name in names]
    lines.append(("any of these four", [one and one["rejected_by_any"] for one in peers]))
    sizes = [len(some) for some in texts.values()]
    show_table(
        "Rejected",
        ["filter", *(f"{name} ({size})" for name, size in zip(texts, sizes, strict=True))],
        [
            (name, *(show_share(count, of) for count, of in zip(counts, sizes, strict=True)))
            for name, counts in lines
        ],
    )
    return {"sizes": sizes, "rejected": dict(lines)}


def count_rejected(records: Sequence[Labelled], rules: Rules) -> int:
    """Dialogues that a gate rejects."""
    return sum(not judge(dialogue, rules).accepted for dialogue in make_dialogues(records))


def show_share(count: int | None, of: int) -> str:
    """A count and its part of all."""
    return "" if count is None else f"{count} = {count / of:.1%}"


def main() -> None:
    """Measure, and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.filter", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pages", type=Path, help="a folder of Parquet files with a column text")
    options = parser.parse_args()
    rules, records = read_shipped_rules(), read_labelled()
    gates = {name for name in CHECKS if getattr(rules, name).action == "gate"}
    good = [record for record in records if not record.expected]
    bad = [record for record in records if record.expected & gates]
    result = {"dialogues": len(good), **show_speed(good, rules)}
    result |= show_rejected(good, bad, options.pages, read_labelled_rules())
    result |= show_checks(good, rules)
    print_result({"bench": "filter", **result})


if __name__ == "__main__":
    main()
