"""Megatron's files are byte for byte those of megatron-core's own builder.

It is here since it needs torch, which vLLM's environment has.
"""

import json
import random
import subprocess
from pathlib import Path

import pytest

from tests.vllm.conftest import PYTHON
from udfs.export.megatron import MegatronWriter

BUILD = """
import json, sys
from megatron.core.datasets.indexed_dataset import DType, IndexedDatasetBuilder
import torch
asked = json.load(sys.stdin)
builder = IndexedDatasetBuilder(
    asked["prefix"] + ".bin", dtype=DType.optimal_dtype(asked["vocabulary"])
)
for text in asked["texts"]:
    builder.add_document(torch.tensor(text, dtype=torch.int64), [len(text)])
builder.finalize(asked["prefix"] + ".idx")
"""


@pytest.mark.parametrize("vocabulary", [49_152, 128_256])
def test_files_are_those_of_megatron_cores_builder(tmp_path: Path, vocabulary: int) -> None:
    draw = random.Random(vocabulary)
    sizes = [draw.randrange(1, 900) for _ in range(300)]
    texts = [[draw.randrange(vocabulary) for _ in range(size)] for size in sizes]
    asked = {"prefix": str(tmp_path / "theirs"), "vocabulary": vocabulary, "texts": texts}
    command = [str(PYTHON), "-c", BUILD]
    subprocess.run(command, input=json.dumps(asked), text=True, check=True)

    with (tmp_path / "ours.bin").open("wb") as tokens, (tmp_path / "ours.idx").open("wb") as index:
        writer = MegatronWriter(tokens, index, vocabulary)
        for text in texts:
            writer.add(text)
        writer.finish()

    for ending in ("bin", "idx"):
        ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
        assert ours.read_bytes() == theirs.read_bytes()
