"""The special tokens of an engine's own model: what a page must not say to it."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable

from udfs.engine.recipes import EnginePlan

LOG = logging.getLogger(__name__)
CONTROL = 3  # gguf.TokenType
TIMEOUT_SECONDS = 300.0  # a hub on the other side of the world

# Run by the engine's own interpreter, which may have none of our packages.
TRANSFORMERS_SCRIPT = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], revision=sys.argv[2] or None)
added = [t.content for t in tokenizer.added_tokens_decoder.values() if t.special]
print(json.dumps(sorted({*tokenizer.all_special_tokens, *added})))
"""


def read_control_tokens(plan: EnginePlan) -> list[str]:
    """Special tokens of the plan's model, empty where only a pattern is left.

    A tokenizer that cannot be read is logged: pages are then cleaned by the pattern alone, as for
    an endpoint.
    """
    read = READERS.get(plan.recipe.control_tokens)
    if read is None:
        return []
    try:
        return read(plan)
    except Exception:
        LOG.exception("control_tokens=unknown: pages are cleaned by a pattern only")
        return []


def read_gguf(plan: EnginePlan) -> list[str]:
    """Those of a GGUF file."""
    import gguf

    fields = gguf.GGUFReader(plan.model).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    return [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]


def read_transformers(plan: EnginePlan) -> list[str]:
    """Those of a Hugging Face tokenizer, as the engine's interpreter loads it."""
    command = [plan.python or sys.executable, "-c", TRANSFORMERS_SCRIPT]
    done = subprocess.run(
        [*command, plan.model, plan.revision],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return [str(token) for token in json.loads(done.stdout.splitlines()[-1])]


READERS: dict[str, Callable[[EnginePlan], list[str]]] = {
    "gguf": read_gguf,
    "transformers": read_transformers,
}
