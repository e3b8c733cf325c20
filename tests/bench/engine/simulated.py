"""A simulated engine with continuous batching: a process of its own, `python -m … PORT SECONDS`.

128 requests at most are worked on, each of them a token per step; the rest waits in its order.
How many tokens a prompt gets is log-normal and follows from the prompt alone, so that every client
is given exactly the same work. `GET /clock` says when the first request came, when the last was
answered, and how long the engine was busy.
"""

import asyncio
import hashlib
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass, field

from aiohttp import web

CAPACITY = 128
STEP_SECONDS = 0.0125  # of one token: 10,240 tokens a second when full
MEDIAN_TOKENS, SIGMA = 85.0, 0.5  # a mean of 96 tokens: about 106 requests a second


def draw_tokens(prompt: str) -> int:
    """The length of the answer to a prompt."""
    digest = hashlib.blake2b(prompt.encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 0.5) / 2**64
    return max(1, round(MEDIAN_TOKENS * math.exp(SIGMA * statistics.NormalDist().inv_cdf(uniform))))


@dataclass
class Engine:
    """The server's state."""

    step_seconds: float = STEP_SECONDS
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CAPACITY))
    first: float = 0.0
    last: float = 0.0
    work: float = 0.0  # seconds of one slot
    answered: int = 0

    async def complete(self, request: web.Request) -> web.Response:
        """One chat completion."""
        self.first = self.first or time.time()
        body = await request.json()
        prompt = body["messages"][0]["content"]
        tokens = draw_tokens(prompt)
        async with self.slots:
            await asyncio.sleep(tokens * self.step_seconds)
        self.last = time.time()
        self.work += tokens * self.step_seconds
        self.answered += 1
        text = "word " * tokens
        usage = {
            "prompt_tokens": len(prompt) // 4,
            "completion_tokens": tokens,
            "prompt_tokens_details": {"cached_tokens": len(prompt) // 6},
        }
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": usage})

    async def clock(self, _: web.Request) -> web.Response:
        """What it has seen since the last look; a look starts anew."""
        busy = self.work / CAPACITY
        seen = {"first": self.first, "last": self.last, "busy": busy, "answered": self.answered}
        self.first = self.last = self.work = 0.0
        self.answered = 0
        return web.json_response(seen)


async def list_models(_: web.Request) -> web.Response:
    """GET /v1/models."""
    return web.Response(text=json.dumps({"data": [{"id": "simulated"}]}))


async def make_app(step_seconds: float) -> web.Application:
    """The server."""
    engine, app = Engine(step_seconds), web.Application()
    app.router.add_post("/v1/chat/completions", engine.complete)
    app.router.add_get("/v1/models", list_models)
    app.router.add_get("/clock", engine.clock)
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(float(sys.argv[2])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=None,
        access_log=None,
    )
