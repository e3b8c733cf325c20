"""Engines for tests: plans for the embedded one, and a server with bad manners."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from udfs.engine.processes import MARKER, end_processes
from udfs.engine.recipes import EnginePlan, Recipe, load_recipe
from udfs.engine.window import background_loop

ENGINES = Path(__file__).parents[2] / "conf" / "engines"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_plan(recipe: Recipe, **changes: object) -> EnginePlan:
    """A plan with short deadlines; `changes` replace its fields."""
    fields: dict[str, object] = {
        "recipe": recipe,
        "model": "",
        "model_name": "tiny",
        "revision": "",
        "max_model_len": 1024,
        "url": "",
        "api_key_env": "",
        "python": "",
        "extra_args": (),
        "capacity": 4,
        "tensor_parallel_size": 1,
        "gpus": (),
        "directory": "",
        "start_timeout": 60.0,
        "request_timeout": 30.0,
        "stall_timeout": 60.0,
        "max_restarts": 1,
        "max_attempts": 3,
    }
    return EnginePlan.model_validate({**fields, **changes})


def make_embedded_plan(model: Path, directory: Path) -> EnginePlan:
    """The embedded engine in a private directory."""
    recipe = load_recipe(ENGINES / "llamacpp.toml")
    return make_plan(recipe, model=str(model), directory=str(directory))


@pytest.fixture
def embedded_plan(
    embedded_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EnginePlan]:
    """The embedded engine in a directory of the test's own."""
    directory = tmp_path_factory.mktemp("e")
    directory.chmod(0o700)
    plan = make_embedded_plan(embedded_model, directory)
    yield plan
    # These tests are their own executors: nobody's end would end the engine.
    end_processes(processes_of(plan), grace=10)


def processes_of(plan: EnginePlan) -> list[psutil.Process]:
    """All processes of the engines in the plan's directory, supervisors included."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(MARKER, "").startswith(plan.directory)
            supervises = any(part.startswith(plan.directory) for part in process.cmdline()[3:4])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if (marked or supervises) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@contextmanager
def serve(handler: Handler) -> Iterator[EnginePlan]:
    """A chat server on this machine that answers as the handler does; gives its plan."""
    recipe = load_recipe(ENGINES / "endpoint.toml")
    with background_loop() as loop:
        runner = asyncio.run_coroutine_threadsafe(start_server(handler), loop).result(10)
        port = runner.addresses[0][1]
        yield make_plan(recipe, url=f"http://127.0.0.1:{port}/v1")
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)


async def start_server(handler: Handler) -> web.AppRunner:
    """A chat server on a free port of this machine."""

    async def list_models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    app.router.add_get("/v1/models", list_models)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner
