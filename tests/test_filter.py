"""filter: judged once per rules, all reasons kept, the corpus always what the rules accept."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import filter as filter_job
from spark_jobs import generate
from spark_jobs.core.rule_trial import read_rules
from spark_jobs.core.settings import load_settings
from spark_jobs.core.tables import DIALOGUES, DUPLICATES, METRICS, VERDICTS
from spark_jobs.sql import register_functions
from tests.simulated import GOOD, SimulatedEngine
from udfs.contamination.index import build_index
from udfs.errors import UsageError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
ONE_STYLE = 'generate.styles=["teacher_student"]'


@pytest.fixture
def generate_dialogues(
    make_run: Any, make_once: Any, make_corpus: Any, engine: SimulatedEngine
) -> Callable[..., Any]:
    """Takes so many pages as far as dialogues."""

    def ask(count: int, *settings: str) -> None:
        pages = [{"url": str(n), "text": f"Page {n} says that a is {n}."} for n in range(count)]
        make_corpus(*pages)
        generate.run(make_run("generate", *engine.settings, ONE_STYLE, *settings))

    def make(count: int, *settings: str) -> None:
        answer = (engine.text, engine.finish_reason, engine.on_request)
        make_once(f"{count} {settings} {answer}", partial(ask, count, *settings))

    return make


def test_good_dialogues_are_accepted_once(
    generate_dialogues: Callable[..., Any], make_run: Any
) -> None:
    generate_dialogues(3)

    first = filter_job.run(make_run("filter"))
    run = make_run("filter")
    second = filter_job.run(run)

    assert (first["judged"], first["accepted"], first["reasons"]) == (3, 3, {})
    assert (second["judged"], second["accepted"]) == (0, 3)
    assert run.warehouse.read(VERDICTS).count() == 3
    assert {row["text"] for row in run.warehouse.read(DIALOGUES).collect()} == {GOOD}


def test_all_reasons_are_kept_and_nothing_is_deleted(
    generate_dialogues: Callable[..., Any], make_run: Any, engine: SimulatedEngine
) -> None:
    engine.text, engine.finish_reason = "The page is about squares and", "length"
    generate_dialogues(2)

    run = make_run("filter")
    result = filter_job.run(run)

    assert result["accepted"] == 0
    assert {"no_dialogue", "too_few_tokens"} <= set(result["reasons"])
    assert run.warehouse.read(VERDICTS).count() == 2
    assert run.warehouse.read(DIALOGUES).count() == 0


def test_other_rules_judge_again_without_the_engine_and_leave_old_verdicts(
    generate_dialogues: Callable[..., Any], make_run: Any, engine: SimulatedEngine
) -> None:
    generate_dialogues(2)
    filter_job.run(make_run("filter"))
    asked = len(engine.requests)

    run = make_run("filter", "filter.checks.too_few_tokens.min_tokens=9999")
    result = filter_job.run(run)

    assert (result["judged"], result["accepted"]) == (2, 0)
    assert len(engine.requests) == asked
    assert run.warehouse.read(VERDICTS).count() == 4
    assert run.warehouse.read(DIALOGUES).count() == 0


@pytest.fixture
def lenient(tmp_path: Path) -> str:
    """The setting of a file of rules by which fewer tokens are enough."""
    file = tmp_path / "lenient.toml"
    file.write_text("[filter.checks.too_few_tokens]\nmin_tokens = 1\n", encoding="utf-8")
    return f"filter.rules={file}"


STRICT = "filter.checks.too_few_tokens.min_tokens=9999"


def test_other_rules_are_tried_and_said_to_change_what_they_change(
    generate_dialogues: Callable[..., Any],
    make_run: Any,
    lenient: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    generate_dialogues(2)
    run = make_run("filter", STRICT, lenient)

    result = filter_job.run(run)

    assert (result["judged"], result["accepted"], result["activated"]) == (2, 2, False)
    changes = {"accepted": 2, "rejected": 0, "reasons": {"-too_few_tokens": 2}}
    assert result["changes"] == changes
    assert run.warehouse.read(DIALOGUES).count() == 0
    assert run.warehouse.read(VERDICTS).count() == 4
    said = capsys.readouterr().err
    assert "-too_few_tokens 2" in said
    assert said.count("accepted, no longer for too_few_tokens: teacher_student ") == 2


def test_rules_that_are_activated_make_the_corpus(
    generate_dialogues: Callable[..., Any], make_run: Any, lenient: str
) -> None:
    generate_dialogues(2)
    run = make_run("filter", STRICT, lenient, "filter.activate=true")

    assert filter_job.run(run)["activated"]

    corpus = run.warehouse.read(DIALOGUES).select("rules_id").collect()
    strict = filter_job.run(make_run("filter", STRICT))["rules_id"]
    assert len(corpus) == 2
    assert strict not in {row["rules_id"] for row in corpus}
    assert run.warehouse.read(DIALOGUES).count() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such settings file"),
        ("[engine]\ncapacity = 3\n", r"has no \[filter\.checks"),
        ("[filter.checks.truncatd]\n", "filter.checks.truncatd: no such setting; did you mean"),
        ("[filter.checks.truncated]\naction = 'x'\n", "filter.checks.truncated.action"),
    ],
    ids=["no file", "no checks", "no such check", "no such action"],
)
def test_a_file_that_holds_no_rules_is_refused(
    tmp_path: Path, text: str | None, message: str
) -> None:
    file = tmp_path / "other.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=message):
        read_rules(load_settings("local", assignments=[f"filter.rules={file}"]))


def test_another_benchmark_judges_again_and_finds_its_questions(
    generate_dialogues: Callable[..., Any], make_run: Any, tmp_path: Path
) -> None:
    generate_dialogues(2)
    first = filter_job.run(make_run("filter"))
    index = tmp_path / "ours.npz"
    index.write_bytes(build_index("ours", [(7, GOOD)]))

    run = make_run("filter", f'filter.checks.contaminated.benchmarks=["{index}"]')
    second = filter_job.run(run)

    assert (first["accepted"], second["judged"], second["accepted"]) == (2, 2, 0)
    assert second["reasons"] == {"contaminated": 2}
    metrics = run.warehouse.read(VERDICTS).where("not accepted").select("metrics.*").collect()
    assert {row["contaminated_item"] for row in metrics} == {"ours:7"}


def test_a_run_that_died_before_the_corpus_was_replaced_is_made_good(
    generate_dialogues: Callable[..., Any], make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_dialogues(2)
    with monkeypatch.context() as patch:
        patch.setattr(filter_job, "update_corpus", lambda *_: None)
        filter_job.run(make_run("filter"))
    run = make_run("filter")
    assert run.warehouse.read(DIALOGUES).count() == 0

    filter_job.run(run)

    assert run.warehouse.read(DIALOGUES).count() == 2


def test_a_preamble_is_left_out_of_the_corpus(
    generate_dialogues: Callable[..., Any], make_run: Any, engine: SimulatedEngine
) -> None:
    engine.text = f"Sure! Here is the conversation:\n\n{GOOD}"
    generate_dialogues(1, "generate.opening=false")

    run = make_run("filter")
    filter_job.run(run)

    assert [row["text"] for row in run.warehouse.read(DIALOGUES).collect()] == [GOOD]
    assert run.warehouse.read(VERDICTS).collect()[0]["tags"] == ["preamble", "meta_text"]


def test_only_slices_that_differ_are_rewritten(
    generate_dialogues: Callable[..., Any], make_run: Any
) -> None:
    generate_dialogues(3)
    run = make_run("filter")
    filter_job.run(run)
    version = run.warehouse.version(DIALOGUES)

    filter_job.run(make_run("filter"))

    assert run.warehouse.version(DIALOGUES) == version


def test_sql_judges_any_text_by_the_rules_in_force(make_run: Any, spark: Any) -> None:
    run = make_run("sql")
    register_functions(run)
    query = (
        "select n, c.* from (select n, mind_check(text, source, style) as c from values "
        "(1, '**Teacher:** Two.', null, 'teacher_student'), (2, null, 'x', 'debate') "
        "as t(n, text, source, style)) order by n"
    )

    short, nothing = spark.sql(query).collect()

    assert short["accepted"] is False
    assert "no_dialogue" in short["reasons"]
    assert short["tokens"] == 2
    assert set(METRICS) < set(short.asDict())
    assert nothing["accepted"] is None
    assert nothing["reasons"] is None


NEAR = 'filter.checks.duplicate.action="gate"'


def test_of_dialogues_of_one_spec_that_are_nearly_the_same_one_is_kept(
    generate_dialogues: Callable[..., Any], make_run: Any
) -> None:
    generate_dialogues(4)

    run = make_run("filter", NEAR)
    result = filter_job.run(run)

    (kept,) = run.warehouse.read(DIALOGUES).collect()
    found = run.warehouse.read(DUPLICATES).collect()
    assert (result["accepted"], result["reasons"]) == (1, {"duplicate": 3})
    assert {row["duplicate_of"] for row in found} == {kept["gen_key"]}
    assert kept["gen_key"] < min(row["gen_key"] for row in found)
    assert run.warehouse.read(VERDICTS).where("accepted").count() == 4


def test_many_runs_find_the_same_duplicates_as_one(
    generate_dialogues: Callable[..., Any], make_run: Any
) -> None:
    run = make_run("filter", NEAR)
    for pages in (3, 6):
        # The rest of the pages comes with the next.
        generate_dialogues(6, f"generate.limit_chunks={pages}")
        filter_job.run(make_run("filter", NEAR))
    table, query = run.warehouse.name(DUPLICATES), "select gen_key, duplicate_of from {} order by 1"
    many = run.spark.sql(query.format(table)).collect()
    run.spark.sql(f"delete from {table}")

    filter_job.run(make_run("filter", NEAR))

    assert len(many) == 5
    assert run.spark.sql(query.format(table)).collect() == many
    assert run.warehouse.read(DIALOGUES).count() == 1


def test_duplicates_that_other_rules_find_are_among_what_they_change(
    generate_dialogues: Callable[..., Any], make_run: Any, tmp_path: Path
) -> None:
    generate_dialogues(3)
    file = tmp_path / "near.toml"
    file.write_text('[filter.checks.duplicate]\naction = "gate"\n', encoding="utf-8")

    result = filter_job.run(make_run("filter", f"filter.rules={file}"))

    changes = {"accepted": 0, "rejected": 2, "reasons": {"+duplicate": 2}}
    assert (result["accepted"], result["changes"]) == (1, changes)


def test_a_duplicate_that_is_only_a_tag_stays(
    generate_dialogues: Callable[..., Any], make_run: Any
) -> None:
    generate_dialogues(3)

    run = make_run("filter", 'filter.checks.duplicate.action="tag"')
    result = filter_job.run(run)

    assert result["accepted"] == run.warehouse.read(DIALOGUES).count() == 3
    assert run.warehouse.read(DUPLICATES).count() == 2


def test_styles_that_make_no_difference_are_seen(
    make_corpus: Callable[..., None], make_run: Any, engine: SimulatedEngine
) -> None:
    make_corpus(*({"url": str(n), "text": f"Page {n} says that a is {n}."} for n in range(2)))
    styles = 'generate.styles=["teacher_student", "debate"]'
    # Without it the answers are word for word what the engine says.
    no_opening = "generate.opening=false"
    generate.run(make_run("generate", *engine.settings, styles, no_opening))
    # Kept, though the pages' dialogues are the same.
    filter_job.run(make_run("filter", 'filter.checks.duplicate.action="tag"'))

    run = make_run("sql")
    (alike,) = run.spark.table("filtered.style_similarity").collect()
    openings = run.spark.table("filtered.openings").orderBy("style").collect()

    assert (alike["style"], alike["other_style"]) == ("debate", "teacher_student")
    assert (alike["pairs"], alike["share_alike"]) == (2, 1)
    assert alike["similarity"] == 1
    assert [row["commonest"] for row in openings] == ["let us read the"] * 2
    assert [(row["dialogues"], row["openings"], row["its_share"]) for row in openings] == [
        (2, 1, 1)
    ] * 2
