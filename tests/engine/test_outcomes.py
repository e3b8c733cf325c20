"""What an answer of the engine becomes."""

import pytest

from udfs.engine.outcomes import failure, read_answer, read_refusal


def answer(text: str | None, finish_reason: str = "stop") -> dict[str, object]:
    return {
        "choices": [{"message": {"content": text}, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 600,
            "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 480},
        },
    }


def test_whole_answer_is_ok_with_the_engines_own_counts() -> None:
    outcome = read_answer(answer("**Ada:** Two and two?"), opening="")

    assert outcome.status == "ok"
    assert outcome.text == "**Ada:** Two and two?"
    assert (outcome.prompt_tokens, outcome.cached_tokens, outcome.completion_tokens) == (
        600,
        480,
        300,
    )


@pytest.mark.parametrize("text", ["**Ada:** Two", " Two"])
def test_opening_stands_before_the_text_exactly_once(text: str) -> None:
    expected = "**Ada:** Two"

    assert read_answer(answer(text), opening="**Ada:**").text == expected


@pytest.mark.parametrize("text", ["", None, "  \n", "**Ada:**", "**Ada:** "])
def test_an_answer_without_a_word_of_its_own_is_empty(text: str | None) -> None:
    assert read_answer(answer(text), opening="**Ada:**").status == "empty"


def test_an_answer_cut_by_the_limit_is_length() -> None:
    assert read_answer(answer("and so", "length"), opening="").status == "length"


def test_half_a_character_at_the_limit_is_replaced() -> None:
    assert read_answer(answer("and so \ud83d", "length"), opening="").text == "and so ?"


def test_missing_usage_counts_as_zero() -> None:
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}

    assert read_answer(body, opening="").completion_tokens == 0


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": 3}]},
        {"choices": [{"message": {"content": ["a"]}}]},
    ],
)
def test_an_answer_of_another_shape_is_an_engine_error(body: object) -> None:
    assert read_answer(body, opening="").status == "engine_error"


@pytest.mark.parametrize(
    ("http_status", "body", "expected"),
    [
        (400, "request (4031 tokens) exceeds the available context size", "too_long"),
        (400, "This model's maximum context length is 4096 tokens", "too_long"),
        (400, "bad temperature", "rejected"),
        (404, "no such model", "rejected"),
        (429, "slow down", "engine_error"),
        (500, "context lost", "engine_error"),
        (503, "starting", "engine_error"),
    ],
)
def test_http_errors_tell_the_prompts_fault_from_the_engines(
    http_status: int, body: str, expected: str
) -> None:
    assert read_refusal(http_status, body).status == expected


def test_only_what_a_retry_can_help_is_tried_again() -> None:
    tried = {
        status: failure(status, "X", "").tried_again(max_attempts=3)
        for status in ("timeout", "engine_error", "rejected", "too_long")
    }

    assert tried == {"timeout": True, "engine_error": True, "rejected": False, "too_long": False}
