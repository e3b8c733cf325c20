"""The labelled set: what the rules reject of good dialogues, and what they find of each defect."""

from collections.abc import Callable, Mapping
from math import sqrt

import pytest

from spark_jobs.core.engine import known_styles
from tests.checks.labelled import BLIND, Labelled, read_file, read_labelled, read_labelled_rules
from udfs.checks.base import Dialogue
from udfs.checks.preamble import strip_preamble
from udfs.checks.rules import CHECKS, Rules, Verdict, judge

MAX_GOOD_REJECTED = 0.02
MIN_RECALL = 0.95
MIN_BLIND_RECALL = 0.9  # of all gates together
RECORDS = read_labelled()
UNSEEN = list(read_file(BLIND))
GOOD = [record for record in RECORDS if not record.expected]
LABELS = sorted({reason for record in RECORDS for reason in record.expected} & set(CHECKS))


@pytest.fixture(scope="module")
def rules() -> Rules:
    return read_labelled_rules()


@pytest.fixture(scope="module")
def verdicts(rules: Rules) -> dict[str, Verdict]:
    """The verdict on every record, by its name."""
    styles = known_styles()

    def judge_record(record: Labelled) -> Verdict:
        preamble, text = strip_preamble(record.text)
        return judge(
            Dialogue(
                text=text,
                source=record.source,
                style=styles[record.style],
                finish_reason=record.finish_reason,
                n_tokens=record.n_tokens,
                preamble=preamble,
            ),
            rules,
        )

    return {record.name: judge_record(record) for record in (*RECORDS, *UNSEEN)}


def found_in(verdict: Verdict) -> set[str]:
    return {*verdict.reasons, *verdict.tags}


def interval(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson."""
    z = 1.96
    centre, spread = hits + z * z / 2, z * sqrt(hits * (of - hits) / of + z * z / 4)
    return (centre - spread) / (of + z * z), (centre + spread) / (of + z * z)


def describe_share(hits: int, of: int) -> str:
    low, high = interval(hits, of)
    return f"{hits:>3} of {of:>3} = {hits / of:6.1%} ({low:.1%} - {high:.1%})"


def test_the_set_is_large_enough() -> None:
    assert len(GOOD) >= 300
    assert len({record.name for record in (*RECORDS, *UNSEEN)}) == len(RECORDS) + len(UNSEEN)


def test_good_dialogues_are_accepted(
    verdicts: Mapping[str, Verdict], record_line: Callable[[str, str], None]
) -> None:
    rejected = {r.name: verdicts[r.name].reasons for r in GOOD if verdicts[r.name].reasons}

    share = describe_share(len(rejected), len(GOOD))
    record_line("labelled set", f"{'good ones rejected':<20} {share}: {rejected}")
    assert len(rejected) <= MAX_GOOD_REJECTED * len(GOOD), rejected


@pytest.mark.parametrize("reason", LABELS)
def test_a_defect_is_found(
    verdicts: Mapping[str, Verdict],
    record_line: Callable[[str, str], None],
    reason: str,
    rules: Rules,
) -> None:
    labelled = [record for record in RECORDS if reason in record.expected]
    missed = [r.name for r in labelled if reason not in found_in(verdicts[r.name])]
    wrong = [r.name for r in GOOD if reason in found_in(verdicts[r.name])]

    hits = len(labelled) - len(missed)
    record_line(
        "labelled set",
        f"{reason:<20} {describe_share(hits, len(labelled))} found; good ones hit: "
        f"{len(wrong)} of {len(GOOD)}",
    )
    if getattr(rules, reason).action == "gate":
        assert hits >= MIN_RECALL * len(labelled), missed


def test_defects_that_were_written_without_sight_of_the_checks_are_found(
    verdicts: Mapping[str, Verdict], record_line: Callable[[str, str], None], rules: Rules
) -> None:
    found = {record.name: record.expected & found_in(verdicts[record.name]) for record in UNSEEN}
    gates = {reason for reason in LABELS if getattr(rules, reason).action == "gate"}

    for reason in sorted({reason for record in UNSEEN for reason in record.expected}):
        hits = [reason in found[record.name] for record in UNSEEN if reason in record.expected]
        line = f"{reason:<20} {describe_share(sum(hits), len(hits))} found"
        record_line("written without sight of the checks", line)
    rejected = [r.name for r in UNSEEN if not r.expected and verdicts[r.name].reasons]
    assert not rejected
    of_gates = [bool(found[record.name]) for record in UNSEEN if record.expected & gates]
    assert sum(of_gates) >= MIN_BLIND_RECALL * len(of_gates)
