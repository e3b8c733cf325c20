"""An engine of bad manners, started by the supervisor like any other: what it does, prompts say.

    python ill_mannered.py SOCKET

A prompt that holds POISON kills it, one that holds HANG stops all tokens while /health stays
well. It answers with the prompt it got and how many requests it has seen in this life.
"""

import asyncio
import os
import sys
from pathlib import Path

from aiohttp import web

from udfs.engine.recipes import Recipe

WORK_SECONDS = 0.3  # long enough for others to be under way when one kills


class Engine:
    """Its counters, as a real engine has them."""

    def __init__(self) -> None:
        self.running = 0
        self.tokens = 0

    async def answer(self, request: web.Request) -> web.Response:
        """One chat completion."""
        body = await request.json()
        prompt = body["messages"][0]["content"]
        self.running += 1
        try:
            hangs = "HANG" in prompt and not was_hung()
            await asyncio.sleep(WORK_SECONDS / 3)
            if "POISON" in prompt:
                os._exit(1)
            if "LATE" in prompt and body.get("max_tokens") != 1:
                os._exit(1)
            await asyncio.sleep(WORK_SECONDS)
            if hangs:
                await asyncio.Event().wait()
            self.tokens += 5
        finally:
            self.running -= 1
        choice = {"message": {"content": f"I read: {prompt}"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"completion_tokens": 5}})

    async def metrics(self, _: web.Request) -> web.Response:
        """A page as Prometheus wants it."""
        return web.Response(text=f"ill:running {self.running}\nill:tokens_total {self.tokens}\n")

    async def health(self, _: web.Request) -> web.Response:
        """Always well."""
        return web.Response()


def was_hung() -> bool:
    """Whether an earlier life hung already: once is enough for a test."""
    mark = Path(sys.argv[1]).with_name("hung")
    hung = mark.exists()
    mark.touch()
    return hung


def make_recipe() -> Recipe:
    """How the supervisor starts it."""
    return Recipe(
        name="ill-mannered",
        command=("$python", __file__, "$socket"),
        capacity=8,
        opening_fields={},
        environment={},
        distributions=(),
        control_tokens="pattern",
        metrics={"running": "ill:running", "generation_tokens": "ill:tokens_total"},
    )


async def main() -> None:
    """Serve until killed."""
    engine = Engine()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", engine.answer)
    app.router.add_get("/metrics", engine.metrics)
    app.router.add_get("/health", engine.health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, sys.argv[1]).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
