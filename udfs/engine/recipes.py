"""Recipes: how each engine is started and spoken to, as data; and the plan of one engine."""

import string
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from udfs.keys import content_key

MetricName = Literal[
    "running",  # requests that the engine works on
    "waiting",  # requests in its queue
    "kv_cache_usage",  # part of the key-value cache in use, 0 to 1
    "generation_tokens",  # tokens out since its start
    "prompt_tokens",  # tokens in since its start
    "cached_tokens",  # of these, from the prefix cache
    "preemptions",  # requests thrown out of the cache since its start, to be computed again
]


class Recipe(BaseModel):
    """How one kind of engine is started and spoken to; a file in `conf/engines`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    command: tuple[str, ...] = Field(description="argument vector; empty: nothing is started")
    capacity: int = Field(ge=1, description="requests that it works on at once")
    opening_fields: dict[str, bool] = Field(description="request fields that continue an opening")
    environment: dict[str, str]
    distributions: tuple[str, ...] = Field(description="packages whose version is the engine's")
    control_tokens: Literal["gguf", "transformers", "pattern"] = Field(
        description="where the model's special tokens are read; pattern: whatever looks like one"
    )
    metrics: dict[MetricName, str] = Field(description="names of the engine's own metrics")


class EnginePlan(BaseModel):
    """All that an executor must know to start one engine and to speak to it.

    Times are seconds. It is sent to executors and written beside the engine's socket: no secret
    may enter it (`api_key_env` is a variable's name).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: Recipe
    model: str = Field(description="what the engine loads; its name where weights are staged")
    model_name: str = Field(description="the name that requests ask for")
    revision: str
    weights: str = Field(description="URL of what is staged on each host; empty: nothing")
    weights_directory: str = Field(description="where to; empty: one per user in /var/tmp")
    weights_timeout: float
    max_model_len: int
    url: str
    api_key_env: str
    python: str = Field(description="interpreter; empty: the task's own")
    extra_args: tuple[str, ...]
    capacity: int = Field(ge=1)
    tensor_parallel_size: int = Field(ge=1, description="GPUs of one engine")
    gpus: tuple[str, ...] = Field(description="entries of CUDA_VISIBLE_DEVICES; empty: all it sees")
    directory: str = Field(description="where sockets and logs go; empty: one per user in /tmp")
    start_timeout: float
    request_timeout: float
    stall_timeout: float
    max_restarts: int
    max_attempts: int

    @property
    def starts_engine(self) -> bool:
        """Whether there is an engine to start, rather than a server that somebody else runs."""
        return bool(self.recipe.command)

    @property
    def takes_gpus(self) -> bool:
        """Whether the engine is one for GPUs: it is told how many are its own."""
        return any("$tensor_parallel_size" in part for part in self.recipe.command)

    def plan_id(self) -> str:
        """Tells plans apart: tasks with different plans must not share an engine."""
        return content_key(self.model_dump_json())

    def command_line(self, *, socket: Path, python: str) -> list[str]:
        """The engine's argument vector with its markers filled in, extra arguments last.

        A `--flag=$value` without a value is left out.
        """
        values = {
            "python": self.python or python,
            "model": self.model,
            "model_name": self.model_name,
            "revision": self.revision,
            "socket": str(socket),
            "max_model_len": str(self.max_model_len),
            "capacity": str(self.capacity),
            "tensor_parallel_size": str(self.tensor_parallel_size),
        }
        filled = [string.Template(part).substitute(values) for part in self.recipe.command]
        return [*(part for part in filled if not part.endswith("=")), *self.extra_args]


def load_recipe(path: Path) -> Recipe:
    """The recipe in one TOML file; raises ValueError naming what is wrong with it."""
    return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
