"""Megatron's indexed dataset: all tokens in `.bin`, in `.idx` where each text lies.

Byte for byte what megatron-core's own IndexedDatasetBuilder writes for one sequence a document.
"""

import struct
from collections.abc import Sequence
from typing import IO

import numpy as np

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
# Codes of megatron-core's enum DType.
CODES = {np.dtype(np.int32): 4, np.dtype(np.uint16): 8}
# A vocabulary under this fits into 16 bits (DType.optimal_dtype).
SMALL_VOCABULARY = 65500


def token_type(vocabulary: int) -> np.dtype[np.generic]:
    """How a token of a vocabulary of so many is stored."""
    return np.dtype(np.uint16 if vocabulary < SMALL_VOCABULARY else np.int32)


class MegatronWriter:
    """Writes one pair of files; each text that is added is a document of one sequence.

    `tokens` gets its bytes at once, `index` at the end; 12 bytes a text are held until then.
    """

    def __init__(self, tokens: IO[bytes], index: IO[bytes], vocabulary: int) -> None:
        self.tokens, self.index = tokens, index
        self.type = token_type(vocabulary)
        self.lengths: list[int] = []

    def add(self, tokens: Sequence[int]) -> None:
        """Append one text's tokens."""
        self.tokens.write(np.asarray(tokens, dtype=self.type).tobytes())
        self.lengths.append(len(tokens))

    def finish(self) -> None:
        """Write the index: lengths of sequences, where they begin in bytes, ends of documents."""
        lengths = np.asarray(self.lengths, dtype=np.int32)
        ends = np.cumsum(lengths, dtype=np.int64) * self.type.itemsize
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(lengths)]
        documents = np.arange(len(lengths) + 1, dtype=np.int64)
        self.index.write(MAGIC + struct.pack("<QB", VERSION, CODES[self.type]))
        self.index.write(struct.pack("<QQ", len(lengths), len(documents)))
        for part in (lengths, starts, documents):
            self.index.write(part.tobytes())
