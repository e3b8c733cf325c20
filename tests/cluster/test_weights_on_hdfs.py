"""Weights from a real HDFS, by its web address: no native library is needed."""

import os
import random
from pathlib import Path

import fsspec
import pytest

from tests.cluster.conftest import Hdfs
from udfs.engine import weight_copy
from udfs.engine.weights import stage

BLOCK = 64 * 1024
SHARD = random.Random(1).randbytes(5 * BLOCK + 7)


def test_weights_come_from_hdfs_and_what_was_cut_short_goes_on(
    hdfs: Hdfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_copy, "BLOCK", BLOCK)
    filesystem, folder = fsspec.core.url_to_fs(f"{hdfs.web}/models/m")
    filesystem.makedirs(f"{folder}/original")
    for name, content in {"a.safetensors": SHARD, "original/x.pth": b"x"}.items():
        with filesystem.open(f"{folder}/{name}", "wb") as file:
            file.write(content)
    path = stage(f"{hdfs.web}/models/m", tmp_path)
    assert [file.name for file in path.iterdir()] == ["a.safetensors"]

    # As a copier leaves it that is killed after three blocks.
    (path.parent / "stamp.json").rename(path.parent / "copying.json")
    (path / "a.safetensors").rename(path / "a.safetensors.part")
    os.truncate(path / "a.safetensors.part", 3 * BLOCK)

    assert (stage(f"{hdfs.web}/models/m", tmp_path) / "a.safetensors").read_bytes() == SHARD
