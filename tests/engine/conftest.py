"""Engines for tests: plans for the embedded one, and a server with bad manners."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from spark_jobs.core.tables import ATTEMPTS
from udfs.engine.client import EngineClient
from udfs.engine.outcomes import Outcome
from udfs.engine.processes import end_processes, processes_in
from udfs.engine.recipes import EnginePlan, Recipe, load_recipe
from udfs.engine.sidecar import Engine
from udfs.engine.spool import Spool
from udfs.engine.supervisor import UnixConnection
from udfs.engine.tally import Tally
from udfs.engine.window import background_loop

ENGINES = Path(__file__).parents[2] / "conf" / "engines"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_spool(folder: Path | str, partition: int = 3) -> Spool:
    """The spool of one task in a wave's folder."""
    tally = Tally("", "task", seconds=2.0)
    schema = ATTEMPTS.arrow_schema()
    return Spool(str(folder), partition, seconds=5.0, schema=schema, tally=tally)


def make_plan(recipe: Recipe, **changes: object) -> EnginePlan:
    """A plan with short deadlines; `changes` replace its fields."""
    fields: dict[str, object] = {
        "recipe": recipe,
        "model": "",
        "model_name": "tiny",
        "revision": "",
        "weights": "",
        "weights_directory": "",
        "weights_timeout": 60.0,
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
    return processes_in(Path(plan.directory))


def find_running(directory: Path, word: str) -> list[psutil.Process]:
    """Those of a directory's processes that have a word in their command line."""
    found = []
    for process in processes_in(directory):
        # One may end while it is looked at.
        with suppress(psutil.Error):
            if word in process.cmdline():
                found.append(process)
    return found


def listening_addresses(plan: EnginePlan) -> list[str]:
    """The addresses whose TCP ports somebody could connect to, one for each port."""
    return [
        connection.laddr.ip
        for process in processes_of(plan)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def ask(plan: EnginePlan, engine: Engine) -> Outcome:
    """The outcome of a short question."""

    async def complete() -> Outcome:
        async with EngineClient(plan, engine) as client:
            messages = [{"role": "user", "content": "Say hello."}]
            return await client.complete(messages, {"temperature": 0.0, "max_tokens": 8})

    return asyncio.run(complete())


def post(engine: Engine, path: str, body: dict[str, Any]) -> Any:
    """The engine's JSON answer."""
    connection = UnixConnection(Path(engine.socket))
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@contextmanager
def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[EnginePlan]:
    """A chat server on this machine that answers as the handler does; gives its plan."""
    recipe = load_recipe(ENGINES / "endpoint.toml")
    with background_loop() as loop:
        runner = asyncio.run_coroutine_threadsafe(start_server(handler, tls), loop).result(10)
        port = runner.addresses[0][1]
        yield make_plan(recipe, url=f"http{'s' if tls else ''}://127.0.0.1:{port}/v1")
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)


async def start_server(handler: Handler, tls: ssl.SSLContext | None) -> web.AppRunner:
    """A chat server on a free port of this machine."""

    async def list_models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    app.router.add_get("/v1/models", list_models)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner
