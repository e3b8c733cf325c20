"""What an index file holds, and what it does not."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from tests.contamination.questions import (
    BISCUITS,
    FERRY,
    LIGHTHOUSE,
    QUESTIONS,
    SHORT,
    TOO_SHORT,
    benchmark_of,
    index_file,
    index_of,
)
from udfs.contamination.grams import LONG_GRAM, SHORT_GRAM, hash_grams
from udfs.contamination.index import Benchmark, load_index, parse_index
from udfs.contamination.stream import read_stream
from udfs.errors import UsageError


def test_items_keep_their_rows_and_one_that_is_too_short_is_left_out() -> None:
    index = index_of(TOO_SHORT, LIGHTHOUSE, SHORT)

    assert index.rows.tolist() == [1, 2]
    assert index.tokens.tolist() == [29, 10]
    assert index.item_id(0) == "ours:1"


def test_a_short_item_is_one_gram_and_a_long_one_as_many_as_there_are() -> None:
    index = index_of(LIGHTHOUSE, SHORT)

    assert {length: len(grams.items) for length, grams in index.long.items()} == {13: 17, 10: 1}


def test_an_item_that_repeats_another_is_left_out() -> None:
    assert index_of(LIGHTHOUSE, LIGHTHOUSE.upper(), FERRY).rows.tolist() == [0, 2]


def test_the_file_holds_hashes_and_no_text() -> None:
    with zipfile.ZipFile(io.BytesIO(index_file())) as archive:
        raw = b"".join(archive.read(name) for name in archive.namelist()).lower()

    words = {word for text in QUESTIONS for word in text.lower().split() if len(word) > 3}
    assert words
    assert not [word for word in words if word.encode() in raw]
    # UTF-32 is how NumPy stores text.
    assert not [word for word in words if word.encode("utf-32-le") in raw]


def test_the_same_questions_give_the_same_file_and_others_another() -> None:
    assert index_file() == index_file()
    assert benchmark_of().sha256 == benchmark_of().sha256
    assert benchmark_of(LIGHTHOUSE).sha256 != benchmark_of(BISCUITS).sha256


def test_what_is_loaded_is_what_was_built() -> None:
    index = index_of(LIGHTHOUSE, BISCUITS)
    for item, text in enumerate((LIGHTHOUSE, BISCUITS)):
        hashes = read_stream(text).hashes

        places, numbers = index.long[LONG_GRAM].look_up(hash_grams(hashes, LONG_GRAM))

        assert places.tolist() == list(range(len(hashes) - LONG_GRAM + 1))
        assert set(index.long[LONG_GRAM].owners(numbers)[1].tolist()) == {item}


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0",
        "for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) for (int k = 0; k < n; k++)",
    ],
)
def test_runs_and_idioms_make_no_gram(text: str) -> None:
    index = index_of(text)

    assert index.rows.tolist() == [0]
    assert not any(len(grams.items) for grams in index.long.values())


def test_a_sentence_that_many_items_share_makes_no_gram() -> None:
    template = "Answer the following question as well as you can and give your reasons at the end:"
    tasks = ("Count the herons.", "Weigh the anchors.", "Fold the sails.", "Mend the nets.")

    shared = index_of(*(f"{template} {task}" for task in tasks))
    alone = index_of(*(f"{template} {task}" for task in tasks[:2]))

    gram = hash_grams(read_stream(template).hashes, LONG_GRAM)
    assert len(shared.long[LONG_GRAM].look_up(gram)[0]) == 0
    assert len(alone.long[LONG_GRAM].look_up(gram)[0]) == len(gram)


def test_what_is_rare_in_the_benchmark_weighs_more() -> None:
    questions = [f"How many ropes does {name} splice before noon?" for name in ("Ada", "Ben")]
    index = index_of(*questions)
    grams = hash_grams(read_stream("how many ropes ada splice before").hashes, SHORT_GRAM)[[0, 3]]

    _, numbers = index.short.look_up(grams >> np.uint64(32) << np.uint64(32))

    common, rare = index.weights[numbers]
    assert common < rare


@pytest.mark.parametrize("length", [1, 2, 3, 7, 13])
def test_a_gram_s_hash_is_the_polynomial_of_its_tokens(length: int) -> None:
    hashes = read_stream(LIGHTHOUSE).hashes
    step, modulus = 0x9E3779B97F4A7C15, 2**64

    grams = hash_grams(hashes, length).tolist()

    tokens = hashes.tolist()
    assert len(grams) == len(tokens) - length + 1
    for place, gram in enumerate(grams):
        value = 0
        for token in tokens[place : place + length]:
            value = (value * step + token) % modulus
        assert gram == value


def test_a_text_shorter_than_a_gram_has_none() -> None:
    for words in range(LONG_GRAM):
        assert len(hash_grams(read_stream("hen " * words).hashes, LONG_GRAM)) == 0


def test_an_empty_benchmark_is_an_index_of_nothing() -> None:
    assert index_of(TOO_SHORT).rows.tolist() == []


def test_a_loaded_benchmark_travels_with_its_content() -> None:
    loaded = benchmark_of()

    arrived = pickle.loads(pickle.dumps(loaded))

    assert load_index(arrived).tokens.tolist() == load_index(loaded).tokens.tolist()


def test_a_dump_names_the_content_by_its_hash_alone() -> None:
    loaded = benchmark_of()

    assert loaded.model_dump() == {"name": "ours", "sha256": loaded.sha256}
    assert len(loaded.sha256) == 32


def test_a_benchmark_that_is_only_named_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(UsageError, match="ours is not loaded"):
        load_index(Benchmark.model_validate("ours"))


def bare_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue()


def other_archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, other=np.arange(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", pickle.dumps([1]), index_file()[:999], bare_array(), other_archive()],
)
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match="not an index"):
        parse_index(content)


def test_an_index_of_another_format_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("udfs.contamination.index.FORMAT", 0)
        old = index_file(FERRY)

    with pytest.raises(UsageError, match="ours has format 0, expected 2: make it anew"):
        parse_index(old)
