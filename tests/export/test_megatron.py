"""Megatron's files: read back by their own description. Byte equality is in tests/vllm."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.export.megatron import MegatronWriter

TEXTS = st.lists(st.lists(st.integers(0, 65_000), max_size=20), max_size=20)


def write(texts: Sequence[Sequence[int]], vocabulary: int) -> tuple[bytes, bytes]:
    tokens, index = io.BytesIO(), io.BytesIO()
    writer = MegatronWriter(tokens, index, vocabulary)
    for text in texts:
        writer.add(text)
    writer.finish()
    return tokens.getvalue(), index.getvalue()


def read_index(index: bytes) -> tuple[int, list[int], list[int], list[int]]:
    """Code of the type, lengths, starts in bytes, ends of documents."""
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, documents = struct.unpack("<QBQQ", index[9:34])
    assert version == 1
    lengths, starts, ends = np.split(
        np.frombuffer(index[34:], np.uint8), [sequences * 4, sequences * 12]
    )
    assert len(ends) == documents * 8
    return (
        code,
        lengths.view(np.int32).tolist(),
        starts.view(np.int64).tolist(),
        ends.view(np.int64).tolist(),
    )


@given(TEXTS)
def test_every_text_is_found_by_its_start_and_length(texts: list[list[int]]) -> None:
    tokens, index = write(texts, vocabulary=49_152)

    code, lengths, starts, documents = read_index(index)

    assert code == 8
    assert documents == list(range(len(texts) + 1))
    found = [
        np.frombuffer(tokens, np.uint16, count=length, offset=start).tolist()
        for length, start in zip(lengths, starts, strict=True)
    ]
    assert found == texts


@pytest.mark.parametrize(("vocabulary", "code", "size"), [(65_499, 8, 2), (65_500, 4, 4)])
def test_a_vocabulary_that_does_not_fit_into_16_bits_gets_32(
    vocabulary: int, code: int, size: int
) -> None:
    tokens, index = write([[1, 2, 3]], vocabulary)

    assert read_index(index)[0] == code
    assert len(tokens) == 3 * size
