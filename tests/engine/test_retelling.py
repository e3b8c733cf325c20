"""From a chunk to dialogues and verdicts in the three baselines, without Spark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from spark_jobs.core.engine import make_specs
from spark_jobs.core.settings import load_settings
from spark_jobs.core.tables import ATTEMPTS, arrow_schema
from spark_jobs.filter import JUDGED_COLUMNS
from tests.checks.labelled import read_shipped_rules
from tests.engine.conftest import ENGINES, make_plan
from tests.simulated import SimulatedEngine
from udfs.checks.judge_rows import DialogueJudge
from udfs.dialogue.inpainting import find_parts
from udfs.dialogue.specs import Spec
from udfs.engine.dialogue_udf import make_udf
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.recipes import EnginePlan, load_recipe

Row = dict[str, Any]
BASELINES = ("rephrase", "question_answer", "inpainting")
PAGE = """\
A bridge is an edge whose removal leaves a graph in two. No bridge lies on a cycle, however long.

Suppose that the edge $e$ from $u$ to $v$ lies on a cycle. Then its rest joins $u$ and $v$ as well.

Every walk that went over this edge before can take the detour along the rest of the cycle instead.
So after the removal nothing falls apart.
"""
REMARKS = """\
Sure! Here are the reader's turns:

[1] Which connections of a network matter most?
[2] Can a round trip go over one of those?
[3] How would you show it? Let us try the opposite first.
4. And if I cross that line out, are both of its ends lost to each other?
[5] **Reader:** Does that help travellers who went over it before?
[6] What do we learn from this?
"""


@pytest.fixture
def specs() -> dict[str, Spec]:
    choice = [f"generate.styles={list(BASELINES)}", "generate.opening=false"]
    settings = load_settings("local", assignments=choice)
    return {spec.spec_id: spec for spec in make_specs(settings).values()}


@pytest.fixture
def plan(engine: SimulatedEngine) -> EnginePlan:
    return make_plan(load_recipe(ENGINES / "endpoint.toml"), url=engine.url)


@pytest.fixture
def retell(specs: dict[str, Spec], plan: EnginePlan, tmp_path: Path) -> Callable[..., list[Row]]:
    """The attempts at a page in all three, each as it is written into the table."""

    def ask(page: str = PAGE) -> list[Row]:
        missing = [{"spec_id": spec_id, "sample": 0} for spec_id in specs]
        keys = {"chunk_id": "c", "doc_id": "d", "bucket": 0, "slice": 0}
        rows = [{**keys, "text": page, "missing": missing}]
        schema = ATTEMPTS.arrow_schema()
        job = GenerationJob(plan, specs, 4, 4, "run", "wave", str(tmp_path), 2.0, "", 5.0, schema)
        batches = generate([pa.RecordBatch.from_pylist(rows)], job, partition=0)
        return [row for batch in batches for row in batch.to_pylist()]

    return ask


def judge(attempts: list[Row], specs: dict[str, Spec]) -> dict[str, Row]:
    """The verdicts by style."""
    styles = {spec.style.name: spec.style for spec in specs.values()}
    judge = DialogueJudge(read_shipped_rules(), styles, arrow_schema(JUDGED_COLUMNS))
    return {row["style"]: judge.judge_row({**row, "source": PAGE}) for row in attempts}


def test_each_baseline_is_asked_with_the_page_first(
    retell: Callable[..., list[Row]], engine: SimulatedEngine
) -> None:
    retell()

    prompts = [request["messages"][0]["content"] for request in engine.requests]
    assert len(prompts) == 3
    assert all(prompt.startswith(PAGE) for prompt in prompts)


def test_only_inpainting_puts_its_dialogue_together(
    retell: Callable[..., list[Row]], engine: SimulatedEngine, specs: dict[str, Spec]
) -> None:
    engine.text = REMARKS

    texts = {row["style"]: row["text"] for row in retell()}

    assert all(PAGE[start:end] in texts["inpainting"] for start, end in find_parts(PAGE))
    assert texts["inpainting"].startswith("**Reader:** Which connections")
    assert texts["rephrase"] == REMARKS
    assert judge(retell(), specs)["inpainting"]["reasons"] == []


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("I would rather not.", {"too_few_tokens", "no_dialogue", "not_inpainted"}),
        ("[2] Why is that so?", {"not_inpainted", "no_dialogue"}),
    ],
)
def test_an_answer_that_is_no_list_is_a_row_with_reasons(
    text: str,
    reasons: set[str],
    retell: Callable[..., list[Row]],
    engine: SimulatedEngine,
    specs: dict[str, Spec],
) -> None:
    engine.text = text

    assert set(judge(retell(), specs)["inpainting"]["reasons"]) == reasons


def test_prose_and_questions_need_no_speakers(
    retell: Callable[..., list[Row]], engine: SimulatedEngine, specs: dict[str, Spec]
) -> None:
    engine.text = (
        "**Question:** Why does no edge of a round trip cut a network in two?\n\n**Answer:** "
        "Take such an edge $e$ away. Whoever wants to go from $u$ to $v$ walks the other way "
        "round, and every longer walk is mended in the same manner. Nothing is lost, so the "
        "network hangs together as before, and that is what had to be shown about all of them."
    )

    verdicts = judge(retell(), specs)

    for style in ("rephrase", "question_answer"):
        assert (verdicts[style]["reasons"], verdicts[style]["tags"]) == ([], [])


def test_a_refused_request_keeps_its_status_and_no_text(
    retell: Callable[..., list[Row]], engine: SimulatedEngine
) -> None:
    engine.fail = {"bridge": 400}

    assert {(row["status"], row["text"]) for row in retell()} == {("rejected", "")}


def test_control_tokens_are_broken_in_both_copies_of_the_page(
    retell: Callable[..., list[Row]], engine: SimulatedEngine
) -> None:
    engine.text = REMARKS

    rows = retell(PAGE.replace("Suppose", "Suppose <|im_end|>"))

    assert "<|im_end|>" not in str([request["messages"] for request in engine.requests])
    assert all(row["neutralised"] for row in rows)
    assert "< |im_end|>" in next(r["text"] for r in rows if r["style"] == "inpainting")


def test_the_function_in_sql_gives_the_same_dialogue(
    retell: Callable[..., list[Row]],
    engine: SimulatedEngine,
    specs: dict[str, Spec],
    plan: EnginePlan,
) -> None:
    import pandas as pd

    engine.text = REMARKS
    by_style = {spec.style.name: spec for spec in specs.values()}

    answers = make_udf(plan, by_style)(iter([(pd.Series([PAGE]), pd.Series(["inpainting"]))]))

    expected = next(row["text"] for row in retell() if row["style"] == "inpainting")
    assert next(answers)["text"].to_list() == [expected]
