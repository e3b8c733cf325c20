import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from tests.text.strategies import WELL_FORMED, read_sample, read_webmath
from udfs.errors import UsageError
from udfs.text.gguf_tokenizer import build_tokenizer, main, write_tokenizer
from udfs.text.tokens import TokenCounter


def metadata(**changes: Any) -> dict[str, Any]:
    """A small model's: three control tokens' worth of nothing, two letters, and one merge."""
    known = {
        "model": "gpt2",
        "pre": "smollm",
        "tokens": ["<|end|>", "a", "b", "ab", "1"],
        "token_type": [3, 1, 1, 1, 1],
        "merges": ["a b"],
    }
    return {**known, **changes}


def test_metadata_becomes_a_tokenizer():
    tokenizer = Tokenizer.from_str(json.dumps(build_tokenizer(metadata(), "small")))
    assert tokenizer.encode("ab11<|end|>a").ids == [3, 4, 4, 0, 1]


def test_the_tokenizer_counts_text_only():
    counter = TokenCounter.from_json(json.dumps(build_tokenizer(metadata(), "small")))
    assert counter.offsets("abab") == [(0, 2), (2, 4)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "llama"}, "tokenizer.ggml.model is 'llama', expected 'gpt2'"),
        ({"model": None}, "tokenizer.ggml.model is None"),
        ({"pre": "llama-bpe"}, "tokenizer.ggml.pre is 'llama-bpe', expected 'smollm'"),
        ({"add_space_prefix": True}, "tokenizer.ggml.add_space_prefix is True"),
        ({"token_type": [3, 1, 1, 1, 6]}, r"tokenizer.ggml.token_type is \[6\]"),
        ({"token_type": [1]}, "tokenizer.ggml.token_type is 1, expected 5"),
        ({"merges": None}, "tokenizer.ggml.merges is None"),
    ],
)
def test_what_is_not_known_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=f"small: {message}.*set chunk.tokenizer"):
        build_tokenizer(metadata(**changes), "small")


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_file_that_is_no_model_is_exit_2_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
):
    pytest.importorskip("gguf")
    model, output = tmp_path / "model.gguf", tmp_path / "tokenizer.json"
    if content is not None:
        model.write_bytes(content)
    assert main([str(model), str(output)]) == 2
    assert "model.gguf is no readable GGUF file" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.engine
def test_the_output_is_the_same_every_time(model: Path, model_tokenizer: Path, tmp_path: Path):
    write_tokenizer(model, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == model_tokenizer.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["again.json"]


@pytest.mark.engine
def test_tokens_are_those_of_llama_cpp(model: Path, model_tokenizer: Path, tmp_path: Path):
    tokenizer = Tokenizer.from_file(str(model_tokenizer))
    tokenizer.encode_special_tokens = True
    texts = ["".join(WELL_FORMED), "a\u00a0b\u2028c\x00d  e\t\n\n f 12.345", *read_sample()]
    texts += read_webmath()
    expected = tokenize_with_llama(model, str(tmp_path / "x.sock"), texts)
    assert [tokenizer.encode(text).ids for text in texts] == expected


def tokenize_with_llama(model: Path, socket: str, texts: list[str]) -> list[list[int]]:
    """Token numbers by llama.cpp's own server, control tokens' names taken as text."""
    import aiohttp
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames = str(model), [socket]
    params.n_ctx, params.warmup = 256, False
    server = xllamacpp.Server(params)

    async def ask() -> list[list[int]]:
        connector = aiohttp.UnixConnector(path=socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            return [await tokenize(session, text) for text in texts]

    try:
        return asyncio.run(ask())
    finally:
        del server


async def tokenize(session: Any, text: str) -> list[int]:
    body = {"content": text, "add_special": False, "parse_special": False}
    async with session.post("http://engine/tokenize", json=body) as reply:
        assert reply.status == 200
        return (await reply.json())["tokens"]
