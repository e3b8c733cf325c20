import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.strategies import pages
from udfs.text.tokens import TokenCounter, read_tokenizer


def test_offsets_say_where_tokens_lie(word_counter: TokenCounter):
    assert word_counter.offsets("even or  odd") == [(0, 4), (5, 7), (9, 12)]


def test_offsets_are_in_characters_not_bytes(word_counter: TokenCounter):
    assert word_counter.offsets("\U0001f600 b") == [(0, 1), (2, 3)]


def test_an_empty_text_has_no_tokens(counter: TokenCounter):
    assert counter.count("") == 0


def test_names_of_control_tokens_are_ordinary_text(counter: TokenCounter):
    assert counter.count("<|im_start|>") > 1


def test_padding_and_truncation_of_the_file_are_not_followed(tokenizer_json: str):
    parsed = json.loads(tokenizer_json)
    parsed["truncation"] = {
        "direction": "Right",
        "max_length": 2,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    parsed["padding"] = {
        "strategy": {"Fixed": 64},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "</s>",
    }
    assert TokenCounter.from_json(json.dumps(parsed)).count("x y z u v w") == 11


def test_half_a_surrogate_pair_counts_as_the_replacement_character(counter: TokenCounter):
    assert counter.count("a\ud83d") == counter.count("a\ufffd")
    assert counter.offsets("\ud83da")[-1] == (1, 2)


@given(text=pages())
def test_count_agrees_with_offsets_on_any_text(counter: TokenCounter, text: str):
    offsets = counter.offsets(text)
    assert counter.count(text) == len(offsets)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)


def test_a_process_builds_a_tokenizer_once(tokenizer_json: str):
    assert TokenCounter.from_json(tokenizer_json) is TokenCounter.from_json(str(tokenizer_json))


def test_the_library_starts_no_threads_in_workers(counter: TokenCounter):
    assert counter.count("x") == 1
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"


def test_identity_does_not_depend_on_formatting(tokenizer_json: str):
    compact = json.dumps(json.loads(tokenizer_json), sort_keys=True)
    one, other = TokenCounter.from_json(tokenizer_json), TokenCounter.from_json(compact)
    assert one.tokenizer_id == other.tokenizer_id
    assert len(one.tokenizer_id) == 32


def test_identity_depends_on_the_vocabulary(counter: TokenCounter, word_counter: TokenCounter):
    assert counter.tokenizer_id != word_counter.tokenizer_id


def test_a_tokenizer_is_read_from_a_path_and_from_a_url(tmp_path: Path, tokenizer_json: str):
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer_json, "utf-8")
    assert read_tokenizer(str(path)) == tokenizer_json
    assert read_tokenizer(f"file://{path}") == tokenizer_json


def test_a_missing_tokenizer_names_its_place_and_the_setting(tmp_path: Path):
    location = str(tmp_path / "nowhere.json")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json.*set chunk\.tokenizer to"):
        read_tokenizer(location)


@pytest.mark.parametrize("location", ["unknown://bucket/tokenizer.json", "", "/"])
def test_a_place_that_cannot_be_opened_is_one_clear_line(location: str):
    with pytest.raises(OSError, match=r"set chunk\.tokenizer to") as caught:
        read_tokenizer(location)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no json", b"\xff\xfe", b"[]", b'{"vocab": 3}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected .*tokenizer\.json.*set chunk\.tokenizer"):
        read_tokenizer(str(path))


@given(st.text(max_size=20).filter(lambda text: not text.startswith("{")))
def test_what_is_no_tokenizer_builds_no_counter(text: str):
    with pytest.raises(ValueError, match="not a tokenizer"):
        TokenCounter.from_json(text)
