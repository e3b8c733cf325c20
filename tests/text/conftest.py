"""Tokenizers for the tests: a small one made here, and the embedded model's own."""

import json
import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.text.strategies import WELL_FORMED, read_webmath
from udfs.text.tokens import TokenCounter


@pytest.fixture(scope="session")
def tokenizer_json() -> str:
    """Byte-level BPE with few merges, so that words are of several tokens; two control tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["</s>", "<|im_start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WELL_FORMED, trainer)
    return tokenizer.to_str()


@pytest.fixture(scope="session")
def counter(tokenizer_json: str) -> TokenCounter:
    return TokenCounter.from_json(tokenizer_json)


@pytest.fixture(scope="session")
def word_counter() -> TokenCounter:
    """One token a word: a tokenizer without bytes, which knows no word at all."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return TokenCounter.from_json(tokenizer.to_str())


@pytest.fixture(scope="session")
def prefix_counter() -> TokenCounter:
    """A tokenizer that sees a space before every text, so that parts count more than the whole."""
    vocabulary = {"?": 0, **{chr(code): code for code in range(33, 127) if chr(code) != "?"}}
    tokenizer = Tokenizer(models.BPE({**vocabulary, "\u2581": 300}, [], unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return TokenCounter.from_json(json.dumps(json.loads(tokenizer.to_str())))


@pytest.fixture(scope="session")
def model() -> Path:
    """The embedded model's GGUF file; tests that ask for it carry the mark `engine`."""
    path = Path(os.environ["MIND_MODELS_DIR"]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.is_file():
        pytest.skip(f"{path} is not there: ./submit.sh local doctor fetches it")
    return path


@pytest.fixture(scope="session")
def model_tokenizer(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's tokenizer.json, as the set-up makes it."""
    from udfs.text.gguf_tokenizer import write_tokenizer

    output = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    write_tokenizer(model, output)
    return output


@pytest.fixture(scope="session")
def model_counter(model_tokenizer: Path) -> TokenCounter:
    return TokenCounter.from_json(model_tokenizer.read_text("utf-8"))


@pytest.fixture(scope="session")
def webmath() -> list[str]:
    texts = read_webmath()
    if not texts:
        pytest.skip("no real pages beside the checkout (../shared/data/webmath)")
    return texts
