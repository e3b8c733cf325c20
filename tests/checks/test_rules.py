"""The verdict, the rules' identity, and the promises every check keeps."""

import math
import sys
from collections import Counter
from collections.abc import Callable
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from udfs.checks.base import Dialogue
from udfs.checks.preamble import strip_preamble
from udfs.checks.rules import CHECKS, Rules, Verdict, judge, rules_id, value_types
from udfs.dialogue.styles import Style

Judge = Callable[..., Verdict]
GOOD = (
    "**Teacher:** Is 7 prime?\n**Student:** It is.\n**Teacher:** And 9?\n**Student:** It is not.\n"
)


def change(rules: Rules, check: str, **limits: object) -> Rules:
    shipped = getattr(rules, check)
    changed = type(shipped).model_validate({**dict(shipped), **limits})
    return rules.model_copy(update={check: changed})


def test_the_reason_words_are_the_contract() -> None:
    assert list(CHECKS) == [
        "engine_status",
        "too_few_tokens",
        "truncated",
        "no_dialogue",
        "one_sided",
        "role_names",
        "alternation",
        "preamble",
        "meta_text",
        "refusal",
        "prompt_leak",
        "latex_broken",
        "repetition",
        "echo",
        "not_inpainted",
        "new_numbers",
        "lost_numbers",
        "not_english",
        "new_personal_data",
        "false_arithmetic",
        "contaminated",
        "contaminated_loose",
    ]
    # Whether a dialogue repeats another no check of one dialogue can say.
    assert list(Rules.model_fields) == [*CHECKS, "duplicate"]


def test_gates_and_tags_are_as_designed(rules: Rules) -> None:
    tags = {name for name in CHECKS if getattr(rules, name).action == "tag"}

    assert tags == {
        "one_sided",
        "role_names",
        "alternation",
        "preamble",
        "meta_text",
        "new_numbers",
        "lost_numbers",
        "new_personal_data",
        "contaminated_loose",
    }


def test_all_reasons_are_kept_in_order(judged: Judge) -> None:
    verdict = judged("I'm sorry, but $x", n_tokens=6, finish_reason="length", preamble="Sure!\n")

    assert verdict.reasons == (
        "too_few_tokens",
        "truncated",
        "no_dialogue",
        "refusal",
        "latex_broken",
    )
    assert (verdict.tags, verdict.accepted) == (("preamble",), False)


def test_a_tag_does_not_reject(judged: Judge) -> None:
    verdict = judged(GOOD, preamble="Sure!\n")

    assert (verdict.tags, verdict.accepted) == (("preamble",), True)


@pytest.mark.parametrize(
    ("action", "reasons", "tags"),
    [("gate", ("too_few_tokens",), ()), ("tag", (), ("too_few_tokens",)), ("off", (), ())],
)
def test_the_action_decides_what_a_reason_does(
    action: str, reasons: tuple[str, ...], tags: tuple[str, ...], rules: Rules, lesson: Style
) -> None:
    dialogue = Dialogue(text=GOOD, source="", style=lesson, n_tokens=49)

    verdict = judge(dialogue, change(rules, "too_few_tokens", action=action))

    assert (verdict.reasons, verdict.tags, verdict.values["tokens"]) == (reasons, tags, 49)


@pytest.mark.parametrize("status", ["ok", "length"])
def test_an_answer_passes_the_engines_status(status: str, judged: Judge) -> None:
    assert "engine_status" not in judged(GOOD, status=status).reasons


@pytest.mark.parametrize(
    "status", ["empty", "too_long", "rejected", "timeout", "engine_error", "poisoned"]
)
def test_what_is_no_answer_does_not(status: str, judged: Judge) -> None:
    assert judged("", status=status, finish_reason="", n_tokens=0).reasons[0] == "engine_status"


@pytest.mark.parametrize(("tokens", "expected"), [(49, ("too_few_tokens",)), (50, ())])
def test_fifty_tokens_are_enough(tokens: int, expected: tuple[str, ...], judged: Judge) -> None:
    assert judged(GOOD, n_tokens=tokens).reasons == expected


def test_words_count_where_the_engine_gave_no_usage(judged: Judge) -> None:
    assert judged(GOOD, n_tokens=0).values["tokens"] == 14


def test_values_have_the_declared_names_and_types(judged: Judge) -> None:
    values = judged(GOOD).values

    assert {name: type(value) for name, value in values.items()} == value_types()


def test_no_two_checks_measure_a_value_of_the_same_name() -> None:
    names = [name for check in CHECKS.values() for name in get_type_hints(check.Values)]

    assert len(names) == len(set(names))


def test_every_limit_is_part_of_the_rules_identity(rules: Rules) -> None:
    others = [
        change(rules, "too_few_tokens", min_tokens=51),
        change(rules, "truncated", action="tag"),
        change(rules, "repetition", max_compression=7.0),
    ]

    assert len({rules_id(rules), *map(rules_id, others)}) == 4
    assert rules_id(rules) == rules_id(Rules.model_validate(rules.model_dump()))


def test_unknown_limits_are_refused(rules: Rules) -> None:
    with pytest.raises(ValidationError, match="min_token"):
        change(rules, "too_few_tokens", min_token=5)


ODD = st.sampled_from(
    [
        "**Ada:** ",
        "Ben: ",
        "\n",
        "\n\n",
        "$",
        "$$",
        "\\[",
        "\\]",
        "\\begin{a}",
        "\\end{a}",
        "{",
        "}",
        "```\n",
        "|",
        "\\",
        "\ud800",
        "\u0130",
        "\u2019",
        "I'm sorry",
        "- ",
        "1. ",
        "12,345.60",
        "= 77",
        "<|im_end|>",
        "ada@b.co",
        "+49 30 123456",
        "1::",
        "the text above ",
        "【Ada】",
        "[Teacher] ",
        "\u0664",
        "\u00b2",
        "the angle of a side is what the line has and then some ",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(ODD | st.text(max_size=6), max_size=40).map("".join),
    source=st.lists(ODD | st.text(max_size=6), max_size=20).map("".join),
)
def test_no_check_raises_or_gives_a_value_that_is_no_number(
    text: str, source: str, rules: Rules, lesson: Style, inpainting: Style
) -> None:
    judge(Dialogue(text=text, source=source, style=inpainting), rules)
    verdict = judge(Dialogue(text=text, source=source, style=lesson), rules)

    floats = [value for value in verdict.values.values() if isinstance(value, float)]
    assert all(math.isfinite(value) for value in floats)
    assert {name: type(value) for name, value in verdict.values.items()} == value_types()


@pytest.mark.parametrize(
    "piece",
    [
        GOOD,
        "$",
        "$x$ and ",
        "$5 and ",
        "\\begin{a}",
        "{",
        "```\n",
        "|",
        "a: ",
        "Ada: \n",
        "**",
        "\n",
        " ",
        "there is no math ",
        "i can't ",
        "sure ",
        "aaaa",
        "1. ",
        "12,345.6 ",
        "= 77 and 78 ",
        "a@b.co ",
        "+49 30 123456 ",
        "81.2.69.142 ",
        "1::2",
        "<|im_end|>",
        "### Response\n",
        "the text above ",
        "[Ada] \n",
        "**Teacher** \n",
        "学生",
        "the angle of a side is what the line has and then some ",
    ],
)
def test_work_grows_no_faster_than_the_text(piece: str, rules: Rules, lesson: Style) -> None:
    def work(repeats: int) -> int:
        text = piece * repeats
        strip_preamble(text)
        return count_calls(lambda: judge(Dialogue(text=text, source=text, style=lesson), rules))

    assert work(2_000) <= 4.4 * work(500) + 500


def count_calls(function: Callable[[], object]) -> int:
    """Calls of Python and C functions that a function makes."""
    calls = Counter[str]()

    def count(_frame: object, event: str, _argument: object) -> None:
        calls[event] += 1

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls["call"] + calls["c_call"]


@pytest.mark.parametrize(
    "piece",
    [
        *("$", "\\left", "i can't ", "the text does not ", "*", "a ", "[", "1. ", "\n\n", "Ada: "),
        *("77 ", "a@b.co ", "1:", "[Ada] "),
    ],
)
def test_a_megabyte_of_anything_is_judged(piece: str, rules: Rules, lesson: Style) -> None:
    text = piece * (1_000_000 // len(piece))

    assert not judge(Dialogue(text=text, source=text, style=lesson), rules).accepted
