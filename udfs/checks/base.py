"""What a check sees and what it answers."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict
from udfs.dialogue.turns import Turn, parse_turns

from udfs.dialogue.styles import Style

Action = Literal["gate", "tag", "off"]
Value = bool | int | float | str


class Limits(BaseModel):
    """The settings of one check; each check derives its own, `conf/mind.toml` holds the values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action


@dataclass(frozen=True)
class Dialogue:
    """One generated text with all that a check may ask about it.

    `text` has its preamble stripped; `source` is the chunk it was made from; `finish_reason` is
    the engine's word, empty when there was none; `n_tokens` counts completion tokens.
    """

    text: str
    source: str
    style: Style
    status: str = "ok"
    finish_reason: str = "stop"
    n_tokens: int = 0
    preamble: str = ""

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The dialogue's turns, parsed once for all checks."""
        return parse_turns(self.text)


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's answer: the values it measured and its reason, None where all is well."""

    values: dict[str, Value] = field(default_factory=dict)
    reason: str | None = None
