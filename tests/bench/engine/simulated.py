"""A simulated engine with continuous batching: a server, `python -m … SOCKET SECONDS_PER_TOKEN`.

128 requests at most are worked on, each of them a token per step; the rest waits in its order.
How many tokens a prompt gets is log-normal and follows from the prompt alone, so that every client
is given exactly the same work. `GET /clock` says when the first request came, when the last was
answered, and how long the engine was busy.
"""

import asyncio
import hashlib
import math
import statistics
import sys
import time
from dataclasses import dataclass, field

from aiohttp import web

CAPACITY = 128
STEP_SECONDS = 0.0125  # of one token: 10,240 tokens a second when full
RECIPE = f"""
name = "simulated"
command = ["$python", "-m", "tests.bench.engine.simulated", "$socket"]
capacity = {CAPACITY}
distributions = []
control_tokens = "pattern"
[opening_fields]
[environment]
[metrics]
running = "sim:running"
waiting = "sim:waiting"
generation_tokens = "sim:tokens_total"
"""
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
    asked: int = 0
    answered: int = 0
    tokens: int = 0

    async def complete(self, request: web.Request) -> web.Response:
        """One chat completion."""
        body = await request.json()
        if body.get("max_tokens") == 1:
            # The supervisor's first request.
            return web.json_response({})
        self.first = self.first or time.time()
        prompt = body["messages"][0]["content"]
        tokens = draw_tokens(prompt)
        self.asked += 1
        async with self.slots:
            await asyncio.sleep(tokens * self.step_seconds)
        self.last = time.time()
        self.work += tokens * self.step_seconds
        self.answered += 1
        self.tokens += tokens
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
        return web.json_response(seen)

    async def metrics(self, _: web.Request) -> web.Response:
        """A page as Prometheus wants it."""
        open_ = self.asked - self.answered
        values = {
            "running": min(open_, CAPACITY),
            "waiting": max(0, open_ - CAPACITY),
            "tokens_total": self.tokens,
        }
        return web.Response(text="".join(f"sim:{k} {v}\n" for k, v in values.items()))

    async def health(self, _: web.Request) -> web.Response:
        """Always well."""
        return web.Response()


async def make_app(step_seconds: float) -> web.Application:
    """The server."""
    engine, app = Engine(step_seconds), web.Application()
    app.router.add_post("/v1/chat/completions", engine.complete)
    app.router.add_get("/health", engine.health)
    app.router.add_get("/metrics", engine.metrics)
    app.router.add_get("/clock", engine.clock)
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(float(sys.argv[2])),
        path=sys.argv[1],
        print=None,
        access_log=None,
    )
