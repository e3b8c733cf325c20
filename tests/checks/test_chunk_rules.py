"""What a chunk must be before an engine is paid for it."""

from typing import Any

import pyarrow as pa
import pytest

from spark_jobs.core.screening import load_chunk_rules
from spark_jobs.core.settings import load_settings
from tests.contamination.questions import FERRY, benchmark_of
from udfs.checks.chunk_rules import ChunkJudge, ChunkRules

PROSE = "The square of a sum is not the sum of the squares, unless one of the two numbers is zero."


@pytest.fixture(scope="module")
def rules() -> ChunkRules:
    return load_chunk_rules(load_settings("local"))


def judge(rules: ChunkRules, text: str, n_tokens: int = 300) -> dict[str, Any]:
    return ChunkJudge(rules, pa.schema([])).judge_row({"text": text, "n_tokens": n_tokens})


def test_a_page_of_prose_is_worth_an_engine(rules: ChunkRules) -> None:
    verdict = judge(rules, PROSE)

    assert (verdict["accepted"], verdict["reasons"], verdict["tags"]) == (True, [], [])
    assert verdict["prose_words"] == 19


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```python\nfor n in range(9):\n    print(n)\n```\n", id="code"),
        pytest.param("2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43", id="numbers"),
        pytest.param("$$\\int_0^1 x^2\\,dx = \\frac13$$\n$$a = b$$", id="formulas"),
        pytest.param(" \n\t ", id="nothing"),
    ],
)
def test_what_has_no_prose_is_not(rules: ChunkRules, text: str) -> None:
    assert judge(rules, text)["reasons"] == ["no_prose"]


def test_a_few_words_are_too_short(rules: ChunkRules) -> None:
    assert judge(rules, PROSE, n_tokens=19)["reasons"] == ["too_short"]
    assert judge(rules, PROSE, n_tokens=20)["accepted"]


def test_a_benchmarks_question_is_found_with_its_place(rules: ChunkRules) -> None:
    limits = rules.contaminated.model_copy(update={"benchmarks": (benchmark_of(FERRY),)})
    text = f"{PROSE}\n\n{FERRY}"

    verdict = judge(rules.model_copy(update={"contaminated": limits}), text)

    assert verdict["reasons"] == ["contaminated"]
    assert verdict["contaminated_item"] == "ours:0"
    found = text[verdict["contaminated_start"] : verdict["contaminated_end"]]
    assert found == FERRY.removesuffix("?")


def test_a_tag_rejects_nothing(rules: ChunkRules) -> None:
    tagged = rules.too_short.model_copy(update={"action": "tag"})
    off = rules.no_prose.model_copy(update={"action": "off"})

    verdict = judge(rules.model_copy(update={"too_short": tagged, "no_prose": off}), "$x$", 1)

    assert (verdict["accepted"], verdict["reasons"], verdict["tags"]) == (True, [], ["too_short"])


def test_every_limit_is_part_of_the_rules_identity(rules: ChunkRules) -> None:
    longer = rules.too_short.model_copy(update={"min_tokens": 21})
    loose = rules.duplicate.model_copy(update={"min_similarity": 0.8})
    others = ({"too_short": longer}, {"duplicate": loose})

    ids = {rules.rules_id(), *(rules.model_copy(update=other).rules_id() for other in others)}

    assert len(ids) == 3
