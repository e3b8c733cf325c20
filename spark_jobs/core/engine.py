"""From settings to an engine's plan and to the specs that are asked for."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from spark_jobs.core.console import warn
from spark_jobs.core.settings import CONF, EMBEDDED, PROJECT, Engine, Generate, Settings
from udfs.dialogue.specs import Spec
from udfs.dialogue.styles import Style, load_styles
from udfs.engine.client import sampling_fields
from udfs.engine.recipes import EnginePlan, load_recipe
from udfs.errors import EngineError, UsageError

EMBEDDED_NAME = "SmolLM2-135M-Instruct"
EMBEDDED_FILE = f"{EMBEDDED_NAME}.Q4_1.gguf"
EMBEDDED_TOKENIZER = f"{EMBEDDED_NAME}.tokenizer.json"
PREFLIGHT_SECONDS = 10.0
GATED = "meta-llama/"  # all models of this name on the hub want a licence accepted
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TOKEN_PROPERTY = "spark.executorEnv.HF_TOKEN"  # noqa: S105 - a name


def models_folder() -> Path:
    """Where the set-up put the embedded model and its tokenizer."""
    return Path(os.environ.get("MIND_MODELS_DIR", PROJECT / ".cache" / "models"))


def find_embedded(name: str) -> Path:
    """A file of the embedded model: in the folder of the set-up, or where spark-submit puts files.

    A driver in a container has it in the folder that it runs in.
    """
    return next(filter(Path.is_file, (models_folder() / name, Path(name))), models_folder() / name)


def make_plan(settings: Engine) -> EnginePlan:
    """The plan of the configured engine; raises UsageError for what cannot work."""
    own = settings.recipe.endswith(".toml")
    path = Path(settings.recipe) if own else CONF / "engines" / f"{settings.recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in (CONF / "engines").glob("*.toml")))
        raise UsageError(
            f"engine.recipe is {settings.recipe!r}, expected one of {known}, or the path of a "
            ".toml file like theirs"
        )
    try:
        recipe = load_recipe(path)
    except (ValidationError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    if recipe.name == "endpoint" and not settings.url:
        raise UsageError("engine.recipe is endpoint: set engine.url, say http://host:8000/v1")
    if settings.api_key_env and settings.api_key_env not in os.environ:
        raise UsageError(f"engine.api_key_env names {settings.api_key_env}, which is not set")
    return EnginePlan(
        recipe=recipe,
        # Where they are staged, each host says.
        model=model_name(settings) if settings.weights else model_location(settings),
        model_name=model_name(settings),
        revision=settings.revision,
        weights=settings.weights,
        weights_directory=settings.weights_directory,
        weights_timeout=settings.weights_timeout,
        max_model_len=settings.max_model_len,
        url=settings.url,
        api_key_env=settings.api_key_env,
        python=settings.python,
        extra_args=settings.extra_args,
        capacity=settings.capacity or recipe.capacity,
        tensor_parallel_size=settings.tensor_parallel_size,
        gpus=(),
        directory=settings.directory,
        start_timeout=settings.start_timeout,
        request_timeout=settings.request_timeout,
        stall_timeout=settings.stall_timeout,
        max_restarts=settings.max_restarts,
        max_attempts=settings.max_attempts,
    )


def model_location(settings: Engine) -> str:
    """What the engine is told to load."""
    if settings.model != EMBEDDED:
        # The engine is started in another folder: a path must mean the same there.
        path = Path(settings.model)
        return str(path.absolute()) if path.exists() else settings.model
    path = find_embedded(EMBEDDED_FILE)
    if not path.is_file():
        raise UsageError(
            f"the embedded model {path} is not there: ./submit.sh local doctor fetches it, or set "
            "engine.model"
        )
    return str(path)


def model_name(settings: Engine) -> str:
    """The name that dialogues are filed under."""
    if settings.model == EMBEDDED:
        return EMBEDDED_NAME
    return Path(settings.model).name if Path(settings.model).exists() else settings.model


def model_revision(settings: Engine) -> str:
    """The configured revision; for a model in a single file without one, the file's hash."""
    path = Path(model_location(settings))
    if settings.revision or not path.is_file():
        return settings.revision
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()[:16]


def make_specs(settings: Settings) -> dict[str, Spec]:
    """The specs asked for, by style, in the order of the settings."""
    revision = model_revision(settings.engine)
    sampling = sampling_fields(**settings.generate.sampling.model_dump())
    return {
        style.name: Spec(
            style=style,
            frame=settings.generate.prompt,
            with_opening=settings.generate.opening,
            model=model_name(settings.engine),
            model_revision=revision,
            quantisation=settings.engine.quantisation,
            sampling=sampling,
        )
        for style in chosen_styles(settings.generate)
    }


def choose_specs(settings: Settings) -> dict[str, Spec]:
    """The specs asked for, by spec_id: those of the settings that `generate.specs` lets in."""
    specs = {spec.spec_id: spec for spec in make_specs(settings).values()}
    beginnings = settings.generate.specs
    chosen = {id_: spec for id_, spec in specs.items() if id_.startswith(beginnings or ("",))}
    unknown = [name for name in beginnings if not any(id_.startswith(name) for id_ in specs)]
    if unknown:
        listed = ", ".join(f"{id_} ({spec.style.name})" for id_, spec in specs.items())
        raise UsageError(
            f"generate.specs: nothing begins with {', '.join(unknown)} among what these settings "
            f"ask for: {listed}; ops.specs says how a spec was made"
        )
    return chosen


def chosen_styles(settings: Generate) -> list[Style]:
    """The styles asked for; raises UsageError naming the known ones for an unknown."""
    known = known_styles()
    unknown = [name for name in settings.styles if name not in known]
    if unknown:
        raise UsageError(
            f"generate.styles: no style named {', '.join(unknown)}; known (conf/prompts): "
            f"{', '.join(known)}"
        )
    return [known[name] for name in dict.fromkeys(settings.styles)]


def known_styles() -> dict[str, Style]:
    """All styles in conf/prompts."""
    try:
        return load_styles(CONF / "prompts")
    except (OSError, ValueError) as error:
        raise UsageError(f"conf/prompts: {error}") from error


def warn_of_gate(settings: Settings, plan: EnginePlan, environment: Mapping[str, str]) -> None:
    """Say early what a model behind Meta's licence needs, where nothing of it is to be seen.

    A warning, not an error: executors may have a token, or the model, that the driver has not.
    """
    gated = plan.starts_engine and settings.engine.model.startswith(GATED)
    staged = settings.engine.weights or Path(settings.engine.model).exists()
    given = any(TOKEN_PROPERTY in properties for properties in settings.spark.values())
    if gated and not staged and not given and not can_load_gated(settings.engine, environment):
        warn(
            f"engine.model {settings.engine.model} is behind Meta's licence: without a token the "
            f"hub refuses it. Accept the licence at https://huggingface.co/{settings.engine.model} "
            "and set HF_TOKEN in the environment of the executors, or copy the files to a place of "
            "your own and set engine.weights to it. If the hosts have the model or a token "
            "already, all is well"
        )


def can_load_gated(settings: Engine, environment: Mapping[str, str]) -> bool:
    """Whether this machine has a token for the hub, needs none, or has the model in its cache."""
    offline = environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(environment.get("HF_HOME") or Path(cache) / "huggingface")
    hub = Path(environment.get("HF_HUB_CACHE") or home / "hub")
    token = Path(environment.get("HF_TOKEN_PATH") or home / "token")
    kept = hub / f"models--{settings.model.replace('/', '--')}"
    named = any(environment.get(name) for name in TOKEN_VARIABLES)
    return offline or named or token.is_file() or kept.is_dir()


def check_endpoint(plan: EnginePlan) -> None:
    """Raise EngineError now rather than in every task when a server cannot be reached."""
    if plan.starts_engine:
        return
    url = plan.url.rstrip("/") + "/models"
    request = urllib.request.Request(url)  # noqa: S310 - the user's own URL
    if plan.api_key_env:
        request.add_header("Authorization", f"Bearer {os.environ[plan.api_key_env]}")
    try:
        with urllib.request.urlopen(request, timeout=PREFLIGHT_SECONDS) as answer:  # noqa: S310
            json.load(answer)
    except urllib.error.HTTPError as error:
        # It answers: whether it lists its models is its own affair, but a key it refuses is not.
        if error.code in {401, 403}:
            raise EngineError(f"{url} refused the key (HTTP {error.code})") from error
    except (OSError, ValueError) as error:
        raise EngineError(
            f"engine.url {plan.url} cannot be used: GET {url} failed: {error}; expected an "
            "OpenAI-compatible server, its path ending in /v1"
        ) from error
