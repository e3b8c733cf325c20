"""Control tokens in a page: broken up, so that a page cannot command the engine.

Engines that render a chat template and tokenise the result turn `<|im_end|>` in a page into the
control token that ends the message. A space after its first character makes it plain text.
Why a space: some tokenizers drop zero-width characters before they look for special tokens, which
would put the token together again; and models copy what they see into the dialogue, where an
invisible character would stay unnoticed for ever.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

# Tried in turn; the first that no token contains is used, so that a break never completes
# another token.
BREAKS = (" ", "`", "\u2060")

# What chat templates of widespread models are made of, for engines whose tokenizer is unknown.
# Names have at least two characters and no blank: the pipes of `xs <| f |> g` and the absolute
# value in `<|x|>` are left alone. `<s>` is also struck-out HTML and, rarely, a generated subgroup;
# it is in the list because a needless space costs nothing, and an early end costs the dialogue.
CONTROL_TOKEN_PATTERN = re.compile(
    r"""
      <[|\uff5c][A-Za-z_][\w\u2581./:-]{1,63}[|\uff5c]>  # <|eot_id|>, DeepSeek's wide bars too
    | \[\|[A-Za-z_]\w{1,63}\|\]                         # [|user|]
    | </?s> | <(?:bos|eos|pad|unk)>
    | <</?SYS>> | \[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\] | \[TOOL_CALLS\]
    | <(?:start|end)_of_turn> | <(?:BOS|EOS)_TOKEN> | \[gMASK\] | <sop>
    | <extra_id_\d{1,3}> | <SPECIAL_\d{1,4}>            # Nemotron's roles and reserved tokens
    | </?(?:think|tool_call|tool_response)>
    """,
    re.VERBOSE,
)


def break_control_tokens(text: str, tokens: Sequence[str]) -> tuple[str, bool]:
    """The text with none of the tokens left in it, and whether that changed anything.

    `tokens` are the special tokens of the model's own tokenizer. Each is broken after its first
    character. Left alone: a token of one character, which cannot be broken, and one that is only
    blank space, which some tokenizers list and no template uses as a command. A second call
    changes nothing.
    """
    commands = {token for token in tokens if len(token) > 1 and not token.isspace()}
    present = sorted(token for token in commands if token in text)
    if not present:
        return text, False
    separator = _choose_break(commands)
    # A zero-width place inside a token: overlapping tokens are all found in one pass.
    places = "|".join(f"(?<={re.escape(token[0])})(?={re.escape(token[1:])})" for token in present)
    return re.sub(places, separator, text), True


def break_likely_control_tokens(text: str) -> tuple[str, bool]:
    """As `break_control_tokens`, for whatever looks like a control token of some model."""
    return break_control_tokens(text, CONTROL_TOKEN_PATTERN.findall(text))


def break_all_control_tokens(text: str, tokens: Sequence[str]) -> tuple[str, bool]:
    """As `break_control_tokens`, for a model's own tokens and whatever looks like one."""
    return break_control_tokens(text, [*tokens, *CONTROL_TOKEN_PATTERN.findall(text)])


def _choose_break(tokens: AbstractSet[str]) -> str:
    """A character that is in no token; raises ValueError if every candidate is."""
    for candidate in BREAKS:
        if not any(candidate in token for token in tokens):
            return candidate
    raise ValueError(f"expected special tokens without one of {BREAKS!r}, all are in use")
