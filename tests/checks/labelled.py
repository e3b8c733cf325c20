"""The labelled set of tests/data/dialogues with the reasons expected, and the rules it is for."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.benchmark import read_questions
from spark_jobs.core.benchmarks import load_rules
from spark_jobs.core.settings import CONF
from tests.contamination.questions import with_benchmarks
from udfs.checks.rules import Rules
from udfs.contamination.index import Benchmark, build_index

DATA = Path(__file__).parents[1] / "data" / "dialogues"
QUESTIONS = DATA.parent / "questions.jsonl"
BLIND = DATA.parent / "blind.txt"
RECORD = re.compile(r"^=== ", re.MULTILINE)
PARTS = re.compile(
    r"(?P<header>.*)\n--- source\n(?P<source>.*)\n--- dialogue\n(?P<text>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Labelled:
    """One record: `expected` are the reasons that truly apply, empty for a good dialogue.

    `origin` is hand or model; `n_tokens` is a quarter of the characters where none were counted.
    """

    name: str
    file: str
    style: str
    flavour: str
    origin: str
    finish_reason: str
    n_tokens: int
    expected: frozenset[str]
    source: str
    text: str


def read_labelled() -> list[Labelled]:
    """All records, in the order of the files."""
    return [record for path in sorted(DATA.glob("*.txt")) for record in read_file(path)]


def read_file(path: Path) -> Iterator[Labelled]:
    """The records of one file."""
    for record in RECORD.split(path.read_text(encoding="utf-8"))[1:]:
        found = PARTS.fullmatch(record.strip("\n"))
        if found is None:
            raise ValueError(f"{path}: a record is not as tests/data/README.md says: {record[:80]}")
        fields = dict(read_field(part) for part in found["header"].split(" | "))
        text = found["text"].strip("\n")
        yield Labelled(
            name=fields["name"],
            file=path.stem,
            style=fields["style"],
            flavour=fields["flavour"],
            origin=fields["origin"],
            finish_reason=fields.get("finish") or "stop",
            n_tokens=int(fields.get("tokens") or len(text) // 4),
            expected=frozenset(filter(None, map(str.strip, fields["expected"].split(",")))),
            source=found["source"].strip("\n"),
            text=text,
        )


def read_field(text: str) -> tuple[str, str]:
    """Name and value of one part of a record's header."""
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def read_shipped_rules() -> Rules:
    """The rules of conf/mind.toml with their benchmarks, without a target's own."""
    shipped = tomllib.loads((CONF / "mind.toml").read_text(encoding="utf-8"))
    rules = Rules.model_validate(shipped["filter"]["checks"])
    return load_rules(rules, str(CONF / "benchmarks"))


def read_labelled_rules() -> Rules:
    """The shipped rules, which look for the set's own questions, too."""
    rules = read_shipped_rules()
    questions = read_questions(str(QUESTIONS), "question", Counter())
    ours = Benchmark.load(build_index(QUESTIONS.stem, questions))
    return with_benchmarks(rules, *rules.contaminated.benchmarks, ours)
