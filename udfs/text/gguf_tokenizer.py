"""A Hugging Face tokenizer.json from the metadata of a GGUF file.

    python -m udfs.text.gguf_tokenizer MODEL.gguf OUT.json

The embedded model comes as GGUF alone; chunks are counted with its own tokenizer all the same.
The output depends on the file's metadata only. Known is byte-level BPE (`gpt2`) with the
pre-tokenizer `smollm`; whatever else a file asks for is refused, since a near miss would count
wrongly without a word.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from udfs.errors import UsageError

MODEL = "gpt2"  # llama.cpp's name for byte-level BPE
PRE_TOKENIZER = "smollm"
# Kinds of token in GGUF (gguf.TokenType).
NORMAL, CONTROL = 1, 3
# Settings that this writer does not carry over: only these values leave the tokens as they are.
# A beginning or end token never counts, since nothing is added to a page's own text.
EXPECTED = {"add_space_prefix": False, "remove_extra_whitespaces": False}

Json = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Write the tokenizer; 0 when done, 2 when the file is missing or not understood."""
    parser = argparse.ArgumentParser(prog="gguf_tokenizer", description=__doc__)
    parser.add_argument("model", type=Path, help="path of a GGUF file")
    parser.add_argument("output", type=Path, help="path of the tokenizer.json to write")
    options = parser.parse_args(arguments)
    try:
        write_tokenizer(options.model, options.output)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def write_tokenizer(model: Path, output: Path) -> None:
    """Write the model's tokenizer.json, under another name first so that it is never half there.

    Raises UsageError when the model is missing, no GGUF file, or of another kind.
    """
    tokenizer = build_tokenizer(read_metadata(model), str(model))
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(tokenizer, sort_keys=True, ensure_ascii=False), "utf-8")
    temporary.replace(output)


def read_metadata(model: Path) -> Json:
    """What a GGUF file says of its tokenizer, by the last part of each name."""
    try:
        import gguf
    except ImportError as error:
        message = "the package gguf is missing: pip install 'mind-on-spark[local]'"
        raise UsageError(message) from error
    try:
        fields = gguf.GGUFReader(model).fields
    except (OSError, ValueError) as error:
        raise UsageError(f"{model} is no readable GGUF file: {error}") from error
    prefix = "tokenizer.ggml."
    return {
        name.removeprefix(prefix): field.contents()
        for name, field in fields.items()
        if name.startswith(prefix)
    }


def build_tokenizer(metadata: Json, name: str) -> Json:
    """The content of the tokenizer.json; UsageError names what is not understood in `name`."""
    check_metadata(metadata, name)
    tokens, kinds = metadata["tokens"], metadata["token_type"]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            describe_control(number, token)
            for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
            if kind == CONTROL
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [DIGITS, BYTE_LEVEL]},
        "post_processor": None,
        "decoder": BYTE_LEVEL,
        "model": describe_model(tokens, metadata["merges"]),
    }


DIGITS: Json = {"type": "Digits", "individual_digits": True}
BYTE_LEVEL: Json = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}


def check_metadata(metadata: Json, name: str) -> None:
    """Raise UsageError unless every setting is one that this writer knows."""
    known = {"model": MODEL, "pre": PRE_TOKENIZER}
    for key, expected in known.items():
        if metadata.get(key) != expected:
            raise refuse(name, key, metadata.get(key), expected)
    for key, default in EXPECTED.items():
        if metadata.get(key, default) != default:
            raise refuse(name, key, metadata[key], default)
    for key in ("tokens", "token_type", "merges"):
        if not metadata.get(key):
            raise refuse(name, key, None, "a list")
    if len(metadata["tokens"]) != len(metadata["token_type"]):
        raise refuse(name, "token_type", len(metadata["token_type"]), len(metadata["tokens"]))
    if strange := sorted(set(metadata["token_type"]) - {NORMAL, CONTROL}):
        raise refuse(name, "token_type", strange, [NORMAL, CONTROL])


def refuse(name: str, key: str, came: Any, expected: Any) -> UsageError:
    """What came, what was expected, what to do."""
    return UsageError(
        f"{name}: tokenizer.ggml.{key} is {came!r}, expected {expected!r}; "
        "set chunk.tokenizer to the tokenizer.json that its makers publish"
    )


def describe_control(number: int, token: str) -> Json:
    """A control token, as an added special token."""
    return {
        "id": number,
        "content": token,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def describe_model(tokens: list[str], merges: list[str]) -> Json:
    """Byte-level BPE; each merge is two parts around one space."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": [merge.split(" ", 1) for merge in merges],
    }


if __name__ == "__main__":
    sys.exit(main())
