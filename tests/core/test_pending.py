"""What is pending is exact, by key: no duplicate, stranger or old answer hides a gap."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from spark_jobs.core.pending import Wanted, look_up_wanted
from spark_jobs.core.tables import ATTEMPTS, CHUNKS, Table
from spark_jobs.core.waves import Wave

pytestmark = pytest.mark.spark
Pending = dict[str, set[tuple[str, int]]]
CHUNKER = "one of 500 tokens"


@pytest.fixture
def prepare(make_run: Any) -> Callable[..., Wanted]:
    """Takes the chunks Euclid and Gauss, and attempts: (chunk, spec, sample, status)."""

    def prepare(
        *attempts: tuple[str, str, int, str], specs: list[str], settings: tuple[str, ...] = ()
    ) -> Wanted:
        run = make_run("generate", "generate.limit_chunks=0", *settings)
        chunks = [{"chunk_id": name, "chunker_id": CHUNKER} for name in ("Euclid", "Gauss")]
        add(run, CHUNKS, chunks)
        names = ("chunk_id", "spec_id", "sample", "status")
        add(run, ATTEMPTS, [dict(zip(names, attempt, strict=True)) for attempt in attempts])
        return look_up_wanted(run, specs, CHUNKER)

    return prepare


def add(run: Any, table: Table, rows: list[dict[str, Any]]) -> None:
    """Appends rows of one page."""
    same = {
        "doc_id": "page",
        "bucket": 7,
        "slice": 0,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    empty = dict.fromkeys(name for name, _, _ in table.columns)
    if rows:
        listed = [{**empty, **same, **row} for row in rows]
        run.warehouse.append(run.spark.createDataFrame(listed, table.ddl()), table)


def find(wanted: Wanted) -> Pending:
    """What is missing of each chunk."""
    rows = wanted.find(*wanted.buckets).collect()
    return {row["chunk_id"]: {tuple(pair) for pair in row["missing"]} for row in rows}


def test_the_same_answer_twice_does_not_stand_for_another(prepare: Callable[..., Wanted]) -> None:
    twice = [("Euclid", "debate", 0, "ok")] * 2

    wanted = prepare(*twice, specs=["debate", "interview"])

    assert find(wanted) == {
        "Euclid": {("interview", 0)},
        "Gauss": {("debate", 0), ("interview", 0)},
    }
    assert wanted.count() == [Wave(7, 7, chunks=2, requests=3)]


def test_an_answer_counts_for_its_own_sample_only(prepare: Callable[..., Wanted]) -> None:
    answers = [("Euclid", "debate", sample, "ok") for sample in (-1, 1, 3)]
    answers += [
        ("Gauss", spec, sample, "ok") for spec in ["debate", "interview"] for sample in (0, 1, 2)
    ]

    wanted = prepare(*answers, specs=["debate", "interview"], settings=("generate.samples=3",))

    missing = {("debate", 0), ("debate", 2), *(("interview", sample) for sample in (0, 1, 2))}
    assert find(wanted) == {"Euclid": missing}


def test_answers_to_other_specs_count_for_nothing(prepare: Callable[..., Wanted]) -> None:
    wanted = prepare(("Euclid", "monologue", 0, "ok"), specs=["debate"])

    assert find(wanted) == {"Euclid": {("debate", 0)}, "Gauss": {("debate", 0)}}


def test_a_failure_is_final_until_it_is_retried_and_then_an_ok_beside_it_still_is(
    prepare: Callable[..., Wanted],
) -> None:
    failed = [(name, "debate", 0, "timeout") for name in ("Euclid", "Gauss")]
    retried = ("Gauss", "debate", 0, "ok")

    wanted = prepare(*failed, retried, specs=["debate"])
    assert find(wanted) == {}

    run = wanted.run
    retry = run.settings.generate.model_copy(update={"retry": ("failed",)})
    run.__dict__["settings"] = run.settings.model_copy(update={"generate": retry})
    assert find(look_up_wanted(run, ["debate"], CHUNKER)) == {"Euclid": {("debate", 0)}}


def test_what_is_pending_stays_what_it_was_when_the_run_looked(
    prepare: Callable[..., Wanted],
) -> None:
    wanted = prepare(specs=["debate"])
    assert set(find(wanted)) == {"Euclid", "Gauss"}

    late = {"chunk_id": "Euclid", "spec_id": "debate", "sample": 0, "status": "ok"}
    add(wanted.run, ATTEMPTS, [late])

    assert set(find(wanted)) == {"Euclid", "Gauss"}
    assert set(find(look_up_wanted(wanted.run, ["debate"], CHUNKER))) == {"Gauss"}


def test_many_samples_of_a_chunk_are_told_apart(prepare: Callable[..., Wanted]) -> None:
    samples = 64
    answers = [("Euclid", "debate", sample, "ok") for sample in range(samples)]
    all_but_two = [
        ("Gauss", "debate", n, "ok") for n in range(samples) if n not in (0, samples - 1)
    ]

    wanted = prepare(
        *answers, *all_but_two, specs=["debate"], settings=(f"generate.samples={samples}",)
    )

    assert find(wanted) == {"Gauss": {("debate", 0), ("debate", samples - 1)}}


def test_more_dialogues_per_chunk_than_a_word_has_bits_are_told_apart(
    prepare: Callable[..., Wanted],
) -> None:
    specs, samples = ["debate", "interview", "lecture"], 40
    gaps = {("debate", 39), ("interview", 23), ("interview", 24), ("lecture", 0), ("lecture", 39)}
    pairs = {(spec, sample) for spec in specs for sample in range(samples)}
    answered = [("Euclid", *pair, "ok") for pair in sorted(pairs - gaps)]
    # One more than is wanted is nobody else's answer.
    answered.append(("Gauss", "debate", samples, "ok"))

    wanted = prepare(*answered, specs=specs, settings=(f"generate.samples={samples}",))

    assert find(wanted) == {"Euclid": gaps, "Gauss": pairs}
    assert sum(wave.requests for wave in wanted.count()) == len(gaps) + len(pairs)
