"""Formats: what a record becomes."""

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.core.chunker import read_named_tokenizer
from udfs.export.formats import FORMATS, GROUP_ROWS, RECORD, Record, to_messages
from udfs.export.tokenizing import Encoder

DIALOGUE = """A word before.

**Teacher:** What is $2 + 2$?

**Student:** It is $4$.

**Teacher:** Good."""


class Kept(io.BytesIO):
    """A file that can be read after it was closed."""

    def close(self) -> None:
        """Stay open."""


def record(text: str, number: int = 0, encoder: Encoder | None = None) -> Record:
    tokens = encoder.encode(text) if encoder else []
    made: dict[str, Any] = dict.fromkeys(RECORD.names)
    return {
        **made,
        "key": f"{number:032x}",
        "repeat": 0,
        "text": text,
        "tokens": tokens,
        "n_tokens": len(tokens),
    }


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(read_named_tokenizer("embedded", "chunk.tokenizer"), "<|endoftext|>")


def write(name: str, records: list[Record], encoder: Encoder) -> dict[str, bytes]:
    """The files of one shard by their endings."""
    files: dict[str, Kept] = {}

    def open_file(ending: str) -> Kept:
        return files.setdefault(ending, Kept())

    form = FORMATS[name](open_file, encoder)
    form.add(records)
    form.finish()
    return {ending: file.getvalue() for ending, file in files.items()}


def test_parquet_holds_records_in_groups_of_one_size(encoder: Encoder) -> None:
    records = [record(f"Text {n}.", n) for n in range(GROUP_ROWS + 5)]

    file = pq.ParquetFile(io.BytesIO(write("parquet", records, encoder)[".parquet"]))

    assert file.read()["text"].to_pylist() == [each["text"] for each in records]
    groups = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    assert groups == [GROUP_ROWS, 5]


@given(st.lists(st.text(min_size=1), max_size=5))
def test_a_line_of_json_holds_any_text(texts: list[str]) -> None:
    records = [record(text, n) for n, text in enumerate(texts)]

    lines = write("jsonl", records, Encoder("{}"))[".jsonl"].decode().split("\n")

    assert lines.pop() == ""
    assert [json.loads(line)["text"] for line in lines] == texts


def test_half_a_surrogate_pair_does_not_end_a_job() -> None:
    assert b"a?b" in write("jsonl", [record("a\ud800b")], Encoder("{}"))[".jsonl"]


def test_a_dialogue_becomes_messages_of_which_the_first_speaker_is_the_user() -> None:
    assert to_messages(DIALOGUE) == [
        {"role": "user", "name": "teacher", "content": "A word before.\n\nWhat is $2 + 2$?"},
        {"role": "assistant", "name": "student", "content": "It is $4$."},
        {"role": "user", "name": "teacher", "content": "Good."},
    ]


def test_a_text_without_speakers_is_one_message() -> None:
    assert to_messages("Only prose.") == [
        {"role": "assistant", "name": "", "content": "Only prose."}
    ]


def test_megatrons_tokens_are_those_of_the_texts_and_their_ends(encoder: Encoder) -> None:
    records = [record(text, n, encoder) for n, text in enumerate(["One.", "$x^2$ <|endoftext|>"])]

    files = write("megatron", records, encoder)

    tokens = [token for each in records for token in each["tokens"]]
    assert files[".bin"] == b"".join(token.to_bytes(2, "little") for token in tokens)
    assert tokens.count(encoder.end_id()) == 2
    spans = pq.read_table(io.BytesIO(files[".spans.parquet"])).to_pylist()
    assert [span["n_tokens"] for span in spans] == [each["n_tokens"] for each in records]


def test_an_end_that_the_tokenizer_does_not_know_is_named(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="no token '<eos>'"):
        Encoder(encoder.tokenizer, "<eos>").end_id()
