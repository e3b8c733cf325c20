"""Styles: how a chunk is to be retold, read from one TOML file each."""

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from udfs.dialogue.inpainting import PARTS


class Style(BaseModel):
    """One way to retell a chunk; the file `conf/prompts/<name>.toml` holds its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    participants: str = Field(min_length=1, description="who speaks, for people to read")
    labels: tuple[str, ...] = Field(description="speaker labels that the prompt asks for")
    knowledge_gap: str = Field(description="who knows what the others do not; empty if nobody")
    min_speakers: int = Field(ge=1, description="fewer speakers are no dialogue of this style")
    min_turns: int = Field(ge=1, description="fewer turns are no dialogue of this style")
    opening: str = Field(description="first speaker's label, for models that need a start")
    instruction: str = Field(min_length=1, description="what is asked of the model, in full")
    quotes_source: bool = Field(
        default=False, description="whether the page's own sentences are wanted, word for word"
    )
    assembly: Literal["", "inpainting"] = Field(
        default="", description="how the answer becomes the dialogue; empty: it is one"
    )

    @field_validator("assembly")
    @classmethod
    def _has_parts(cls, assembly: str, fields: ValidationInfo) -> str:
        """What is put together needs two speakers, and an instruction that shows the parts."""
        labels, instruction = fields.data.get("labels", ()), fields.data.get("instruction", "")
        if assembly and (len(labels) != 2 or instruction.count(PARTS) != 1):
            raise ValueError(f"expected two labels, and {PARTS} once in the instruction")
        return assembly


def load_style(path: Path) -> Style:
    """The style in one file; raises ValueError naming the file and all that is wrong with it."""
    try:
        style = Style.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ValueError("\n".join(f"{path}: {line}" for line in _problems(error))) from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise ValueError(f"{path}: not a TOML file in UTF-8: {error}") from error
    if style.name != path.stem:
        raise ValueError(f"{path}: name: expected {path.stem!r} as the file's, got {style.name!r}")
    return style


def load_styles(folder: Path) -> dict[str, Style]:
    """All styles of a folder by name, in the order of their names.

    Raises ValueError with the problems of all bad files together, or if there is no file at all.
    """
    styles: dict[str, Style] = {}
    problems = []
    for path in sorted(folder.glob("*.toml")):
        try:
            styles[path.stem] = load_style(path)
        except ValueError as error:
            problems.append(str(error))
    if not styles and not problems:
        problems.append(f"{folder}: expected style files (*.toml), found none")
    if problems:
        raise ValueError("\n".join(problems))
    return styles


def _problems(error: ValidationError) -> Iterator[str]:
    """One line per problem: the key, what was expected, what came."""
    for detail in error.errors():
        key = ".".join(map(str, detail["loc"]))
        if detail["type"] == "extra_forbidden":
            yield f"{key}: unknown key{_suggest(key)}"
        elif detail["type"] == "missing":
            yield f"{key}: missing; {Style.model_fields[key].description or 'the name'}"
        else:
            yield f"{key}: {detail['msg']}, got {detail['input']!r}"


def _suggest(key: str) -> str:
    """The nearest valid key as a question, or all of them when none is near."""
    near = difflib.get_close_matches(key, Style.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(Style.model_fields)}"
