"""A simulated engine: an OpenAI-compatible server on this machine that answers at once.

It stands in for the engine where a test is about Spark, keys and tables. It notes every request,
so that a test can count what was paid for.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from udfs.engine.window import background_loop

GOOD = """\
**Teacher:** Let us read the first claim slowly. The page calls $a_{1} = 1$ its start.

**Student:** I would begin with the smallest case, because it can be done by hand.

**Teacher:** Good. Which hypothesis did you use when you divided by the unknown $a_{3}$?

**Student:** That it is not zero, which the second paragraph grants for $a_{4} = 4$.

**Teacher:** Then nothing stands in the way of the general statement $a_{n} = n$.

**Student:** So the argument works for every natural number, and we are done."""

# When it began and was over.
Death = tuple[float, float]
# The pages of most tests are too short for a screen, and the dialogues all the same.
SCREENS_OFF = ("screen.enabled=false", "filter.checks.duplicate.action=off")


@dataclass
class SimulatedEngine:
    """What the server answers, and the requests that it got.

    `fail` maps a piece of text to the HTTP status that a prompt which holds it gets. After
    `dies_after` answers, unless it is 0, it hangs up on everybody. `answers` are the prompts that
    it answered, when, and in which life: what a run put before `v1` in its URL, by which it can
    be told from tasks that outlived the run before it. `on_request` is called with the number of
    each request. It answers no prompt for as long as `hold` says so.
    """

    url: str = ""
    text: str = GOOD
    finish_reason: str = "stop"
    fail: dict[str, int] = field(default_factory=dict)
    delay: float = 0.0
    dies_after: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, float, str]] = field(default_factory=list)
    on_request: Callable[[int], None] | None = None
    hold: Callable[[str], bool] = lambda _: False

    @property
    def settings(self) -> list[str]:
        """The settings that make a run ask this engine."""
        return self.settings_of_life("")

    def settings_of_life(self, life: str) -> list[str]:
        """The same for a life of its own, which ends with a slash."""
        url = self.url.removesuffix("v1") + f"{life}v1"
        address = ["engine.recipe=endpoint", f"engine.url={url}", "engine.model=simulated"]
        return [*address, *SCREENS_OFF]

    def repeats(self, deaths: Mapping[str, Iterable[Death]], *, durable: float) -> list[str]:
        """Prompts that were asked again though their answer was old enough to be safe.

        `deaths` are those of each life. An answer may be lost with the first death of its life
        that is over after it, unless it was given `durable` seconds before that began.
        """
        answered: dict[str, tuple[float, str]] = {}
        late = []
        for prompt, moment, life in self.answers:
            if any(begun < moment < over for begun, over in deaths.get(life, ())):
                continue  # asked by what outlived its run
            seen, answered[prompt] = answered.get(prompt), (moment, life)
            if seen is None:
                continue
            before, its_life = seen
            after = (begun for begun, over in deaths.get(its_life, ()) if over > before)
            death = min(after, default=moment)
            if before + durable < death:
                late.append(f"{prompt[:40]!r}, answered {death - before:.1f} s before a death")
        return late

    async def answer(self, request: web.Request) -> web.Response:
        """One chat completion."""
        self.hang_up_if_dead(request)
        body = await request.json()
        self.requests.append(body)
        if self.on_request:
            self.on_request(len(self.requests))
        # Before other requests change it.
        text, finish_reason = self.text, self.finish_reason
        await asyncio.sleep(self.delay)
        prompt = body["messages"][0]["content"]
        # Whatever a test waits for happens in other threads.
        while self.hold(prompt):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for piece, status in self.fail.items():
            if piece in prompt:
                return web.Response(status=status, text=f"refused: {piece}")
        choice = {
            "message": {"content": text},
            "finish_reason": finish_reason,
        }
        usage = {
            "prompt_tokens": len(prompt) // 4,
            "completion_tokens": len(text) // 4,
            "prompt_tokens_details": {"cached_tokens": len(prompt) // 8},
        }
        self.answers.append((prompt, time.time(), request.match_info["life"]))
        return web.json_response({"choices": [choice], "usage": usage})

    def hang_up_if_dead(self, request: web.Request) -> None:
        """Behave as a server that is not there any more."""
        if self.dies_after and len(self.requests) >= self.dies_after and request.transport:
            request.transport.abort()
            raise web.HTTPServiceUnavailable

    async def list_models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        self.hang_up_if_dead(request)
        return web.Response(text=json.dumps({"data": [{"id": "simulated"}]}))


@contextmanager
def run_simulated() -> Iterator[SimulatedEngine]:
    """A simulated engine on a free port of this machine."""
    engine = SimulatedEngine()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/{life:.*}v1/chat/completions", engine.answer)
        app.router.add_get("/{life:.*}v1/models", engine.list_models)
        # What nobody waits for any more is no answer.
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    with background_loop() as loop:
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield engine
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
