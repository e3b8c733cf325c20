"""The client: asks the engine of this task, tries again what a retry can help, never raises."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import aiohttp

from udfs.engine.outcomes import Outcome, failure, read_answer, read_refusal
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach

Message = dict[str, str]
BACKOFF_SECONDS = 0.5  # before the first retry, doubled each time
NOTICE_SECONDS = 0.5  # that a supervisor needs at most to notice that its engine died


class EngineClient:
    """One session with the engine; lives on one event loop, as long as its task."""

    def __init__(self, plan: EnginePlan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine
        self.session = open_session(plan, engine)
        self.reattaching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    async def complete(self, messages: Sequence[Message], sampling: dict[str, float]) -> Outcome:
        """The outcome of one dialogue: as many requests as its errors deserve."""
        outcome = await self.ask(messages, sampling)
        while outcome.tried_again(max_attempts=self.plan.max_attempts):
            await asyncio.sleep(BACKOFF_SECONDS * 2 ** (outcome.attempt - 1))
            again = await self.ask(messages, sampling)
            outcome = replace(again, attempt=outcome.attempt + 1)
        return outcome

    async def ask(self, messages: Sequence[Message], sampling: dict[str, float]) -> Outcome:
        """The outcome of one request."""
        started = time.monotonic()
        starts = self.engine.starts
        opening = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        try:
            outcome = await self.post(self.request_body(messages, sampling), opening)
        except TimeoutError:
            seconds = self.plan.request_timeout
            outcome = failure("timeout", "TimeoutError", f"no answer in {seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome = failure("engine_error", type(error).__name__, str(error))
            await self.reattach(starts)
        return replace(outcome, latency=time.monotonic() - started, engine=self.engine.version)

    async def post(self, body: dict[str, Any], opening: str) -> Outcome:
        """Send one request; raises what aiohttp raises when there is no answer to read."""
        async with self.session.post("chat/completions", json=body) as response:
            if response.status != 200:
                return read_refusal(response.status, await response.text(errors="replace"))
            return read_answer(await response.json(content_type=None), opening=opening)

    def request_body(
        self, messages: Sequence[Message], sampling: dict[str, float]
    ) -> dict[str, Any]:
        """A chat completion request; what a spec leaves at zero is left out."""
        continues = messages[-1]["role"] == "assistant"
        return {
            "model": self.plan.model_name,
            "messages": list(messages),
            **sampling,
            **(self.plan.recipe.opening_fields if continues else {}),
        }

    async def reattach(self, starts: int) -> None:
        """After a lost connection, wait for the engine that comes next; others wait for the first.

        Raises EngineError when there is none any more: then the task cannot go on.
        """
        async with self.reattaching:
            if self.engine.starts == starts and self.plan.starts_engine:
                # The supervisor sees a death at once; then its record says what comes next.
                await asyncio.sleep(NOTICE_SECONDS)
                self.engine = await asyncio.to_thread(attach, self.plan)


def open_session(plan: EnginePlan, engine: Engine) -> aiohttp.ClientSession:
    """An HTTP session with the engine; no limit of its own on connections, the window is one."""
    connector = (
        aiohttp.UnixConnector(engine.socket, limit=0)
        if engine.socket
        else aiohttp.TCPConnector(limit=0)
    )
    key = os.environ.get(plan.api_key_env, "") if plan.api_key_env else ""
    return aiohttp.ClientSession(
        base_url=engine.url.rstrip("/") + "/",
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=plan.request_timeout),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )


def sampling_fields(
    *, temperature: float, top_p: float, top_k: int, min_p: float, max_tokens: int
) -> dict[str, float]:
    """The request fields of a spec's sampling: a 0 that means "off" is not sent."""
    optional = {"top_k": top_k, "min_p": min_p, "max_tokens": max_tokens}
    return {
        "temperature": temperature,
        "top_p": top_p,
        **{name: value for name, value in optional.items() if value},
    }
