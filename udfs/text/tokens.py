"""Tokens: how long a text is, by the tokenizer that the settings name.

The driver reads the tokenizer's JSON once (`read_tokenizer`) and sends it to executors in a
closure; each worker process builds it once (`TokenCounter.from_json`).
"""

import json
import os
import re
from collections.abc import Sequence
from functools import lru_cache

import fsspec
from tokenizers import Encoding, Tokenizer

from udfs.keys import content_key

ADVICE = "set chunk.tokenizer to the path or URL of a tokenizer.json"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
KEPT_TOKENIZERS = 4  # per process; one with 128,000 entries takes about 100 MB


class TokenCounter:
    """Counts tokens of plain text; build it with `from_json`.

    Nothing is added, cut off or padded, and a page's text is only text: names of special tokens
    in it (`<|im_start|>`) are spelled out in ordinary tokens. Half a surrogate pair, which no
    UTF-8 text can hold but a damaged page may, counts as U+FFFD.
    """

    def __init__(self, tokenizer: Tokenizer, tokenizer_id: str) -> None:
        self._tokenizer = tokenizer
        self.tokenizer_id = tokenizer_id

    @classmethod
    def from_json(cls, json_text: str) -> "TokenCounter":
        """The counter of a tokenizer.json, built once per process and text.

        Raises ValueError when the text is no JSON or no tokenizer.
        """
        return _build_counter(json_text)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """First character and end of each token, in order.

        A character of several tokens is repeated; spaces may lie between tokens or in them, as
        the tokenizer has it.
        """
        encoding = self._tokenizer.encode(_as_utf8(text), add_special_tokens=False)
        return encoding.offsets

    def count(self, text: str) -> int:
        """Number of tokens of the text on its own, 0 for an empty one."""
        return len(self._encode(text))

    def encode(self, text: str) -> list[int]:
        """The text's tokens by their numbers."""
        ids: list[int] = self._encode(text).ids
        return ids

    def _encode(self, text: str) -> Encoding:
        """The library's own result, without offsets."""
        return self._tokenizer.encode_batch_fast([_as_utf8(text)], add_special_tokens=False)[0]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, names of special ones included."""
        return self._tokenizer.decode(tokens, skip_special_tokens=False)

    def find(self, token: str) -> int | None:
        """The number of a token by its name; null if there is none such."""
        return self._tokenizer.token_to_id(token)

    def vocabulary(self) -> int:
        """How many tokens there are, special ones included."""
        return self._tokenizer.get_vocab_size()


def read_tokenizer(location: str) -> str:
    """The text of a tokenizer.json at a local path or any URL that fsspec can open.

    Raises FileNotFoundError when nothing is there or it cannot be opened, ValueError when it is
    no tokenizer.json; each says in one line which location, what was expected and what to do.
    """
    try:
        with fsspec.open(location, "rb") as stream:
            content: bytes = stream.read()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no tokenizer.json at {location!r}: {ADVICE}") from error
    except (OSError, ImportError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FileNotFoundError(f"cannot open {location!r} ({reason}): {ADVICE}") from error
    return _check_tokenizer(content, location)


def _check_tokenizer(content: bytes, location: str) -> str:
    """The content as text, if it looks like a tokenizer.json."""
    try:
        text = content.decode("utf-8")
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{location!r} is no JSON, expected a tokenizer.json: {ADVICE}") from error
    if not isinstance(parsed, dict) or "model" not in parsed:
        raise ValueError(
            f"{location!r} is JSON without a 'model', expected Hugging Face's tokenizer.json: "
            + ADVICE
        )
    return text


@lru_cache(maxsize=KEPT_TOKENIZERS)
def _build_counter(json_text: str) -> TokenCounter:
    # A worker has one core and was forked: the library's threads would only get in the way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        tokenizer = Tokenizer.from_str(json_text)
        tokenizer_id = content_key(_write_canonically(json_text))
    # The library raises bare Exception for whatever it cannot read.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"not a tokenizer.json ({reason}): {ADVICE}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return TokenCounter(tokenizer, tokenizer_id)


def _write_canonically(json_text: str) -> str:
    """The same JSON with sorted keys and no spaces: formatting is no part of an identity."""
    return json.dumps(
        json.loads(json_text), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


def _as_utf8(text: str) -> str:
    """The text with half surrogate pairs replaced, one for one, so that offsets stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return LONE_SURROGATE.sub("\ufffd", text)
    return text
