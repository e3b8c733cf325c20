"""Control tokens: none is left in a page, and mathematics is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.dialogue.control_tokens import (
    CONTROL_TOKEN_PATTERN,
    break_control_tokens,
    break_likely_control_tokens,
)

SMOLLM = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"]

# Few characters, so that tokens overlap, nest and touch as often as possible.
tokens_of_few_characters = st.lists(st.text(alphabet="<|a> ", min_size=1, max_size=4), max_size=5)
texts_of_few_characters = st.text(alphabet="<|a> ", max_size=30)


def is_command(token: str) -> bool:
    return len(token) > 1 and not token.isspace()


def test_a_page_without_control_tokens_is_left_as_it_is():
    page = r"For $x < |y|$ we have $\langle x | y \rangle > 0$."

    assert break_control_tokens(page, SMOLLM) == (page, False)


def test_a_control_token_is_broken_after_its_first_character():
    assert break_control_tokens("end<|im_end|>now", SMOLLM) == ("end< |im_end|>now", True)


def test_every_occurrence_is_broken():
    broken, _ = break_control_tokens("<|im_start|>system<|im_end|><|im_start|>", SMOLLM)

    assert broken == "< |im_start|>system< |im_end|>< |im_start|>"


def test_only_the_models_own_tokens_are_broken():
    assert break_control_tokens("<|eot_id|>", SMOLLM) == ("<|eot_id|>", False)


def test_a_token_inside_a_token_is_broken_too():
    assert break_control_tokens("<<SYS>>", ["<<SYS>>", "<SYS>"]) == ("< < SYS>>", True)


def test_overlapping_tokens_are_both_broken():
    assert break_control_tokens("<a<b<", ["<a<", "<b<"]) == ("< a< b<", True)


def test_a_break_never_completes_another_token():
    broken, changed = break_control_tokens("<|x|>", ["<|x|>", "< |x|>"])

    assert changed
    assert "<|x|>" not in broken
    assert "< |x|>" not in broken


@pytest.mark.parametrize("harmless", ["", "\n", "    "])
def test_tokens_that_command_nothing_are_left_alone(harmless: str):
    assert break_control_tokens("a\n    b", [harmless]) == ("a\n    b", False)


@given(texts_of_few_characters, tokens_of_few_characters)
def test_no_token_is_left(text: str, tokens: list[str]):
    broken, _ = break_control_tokens(text, tokens)

    assert [token for token in tokens if is_command(token) and token in broken] == []


@given(texts_of_few_characters, tokens_of_few_characters)
def test_breaking_twice_is_breaking_once(text: str, tokens: list[str]):
    broken, _ = break_control_tokens(text, tokens)

    assert break_control_tokens(broken, tokens) == (broken, False)


@given(texts_of_few_characters, tokens_of_few_characters)
def test_it_says_whether_the_text_changed(text: str, tokens: list[str]):
    broken, changed = break_control_tokens(text, tokens)

    assert changed == (broken != text)


@given(st.text(), st.sampled_from(SMOLLM), st.text())
def test_nothing_is_lost(before: str, token: str, after: str):
    broken, _ = break_control_tokens(before + token + after, SMOLLM)

    assert broken.replace(" ", "") == (before + token + after).replace(" ", "")


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|eot_id|>",
        "<|begin_of_text|>",
        "<|START_OF_TURN_TOKEN|>",
        "<|reserved_special_token_17|>",
        "<｜begin▁of▁sentence｜>",
        "<｜User｜>",
        "[|user|]",
        "<s>",
        "</s>",
        "<bos>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<extra_id_0>",
        "<think>",
        "</think>",
        "[gMASK]",
    ],
)
def test_without_a_tokenizer_control_tokens_are_known_by_their_look(token: str):
    broken, changed = break_likely_control_tokens(f"before {token} after")

    assert (broken, changed) == (f"before {token[0]} {token[1:]} after", True)


@pytest.mark.parametrize(
    "page",
    [
        "let y = f <| g <| x |> h",
        "if a <|b|> c then",
        "bounded by <|x|> on average",
        r"$\langle\psi|A|\psi\rangle$ and $|a|<|b|$",
        "$D_n = <r, s>$ with $s^2 = 1$",
        "the intervals [0,1] and [a|b]",
        "<p>some <b>HTML</b><sup>2</sup></p>",
        "a[INT] = <int>(x)",
        "x<y && y>z",
    ],
)
def test_mathematics_code_and_html_are_not_taken_for_control_tokens(page: str):
    assert break_likely_control_tokens(page) == (page, False)


@given(st.text(alphabet="<|>s/[]INSTa_", max_size=40))
def test_likely_tokens_are_gone_after_one_call(text: str):
    broken, _ = break_likely_control_tokens(text)

    assert CONTROL_TOKEN_PATTERN.search(broken) is None
    assert break_likely_control_tokens(broken) == (broken, False)
