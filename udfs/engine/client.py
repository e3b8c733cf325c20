"""The client: asks the engine of this task, tries again what a retry can help, never raises."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from udfs.dialogue.specs import Spec
from udfs.engine.gate import Gate
from udfs.engine.outcomes import ANSWERED, Outcome, failure, read_answer, read_refusal
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach, is_locked, read_record
from udfs.errors import EngineError

Message = dict[str, str]
Body = dict[str, Any]
BACKOFF_SECONDS = 0.5  # before the first retry, doubled each time
NOTICE_SECONDS = 0.5  # between two looks at an engine that may be dying
HEALTH_TIMEOUT = 10.0  # a busy engine answers late
LONGEST_WAIT_SECONDS = 60.0  # between two requests that a rate limit refuses without a time
LONGEST_PAUSE_SECONDS = 30.0  # between two looks at an endpoint that is away
ENGINE_DIED = "EngineDied"


class EngineClient:
    """One session with the engine; lives on one event loop, as long as its task."""

    def __init__(self, plan: EnginePlan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine
        self.session = open_session(plan, engine)
        self.gate = Gate(Path(engine.directory) if engine.directory else None)
        self.reattaching = asyncio.Lock()
        self.silent_until = 0.0  # time.monotonic() before which a rate limit forbids requests

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the engine."""
        await self.session.close()
        self.gate.close()

    async def retell(self, spec: Spec, document: str) -> Outcome:
        """The outcome of one dialogue, its text as the style wants it; raises as `complete`."""
        outcome = await self.complete(spec.messages(document), spec.sampling)
        if outcome.status not in ANSWERED:
            return outcome
        return replace(outcome, text=spec.read_dialogue(document, outcome.text))

    async def complete(self, messages: Sequence[Message], sampling: dict[str, float]) -> Outcome:
        """The outcome of one dialogue: as many requests as its errors deserve.

        Raises EngineError when the engine is gone for good: the dialogue stays pending.
        """
        body = self.request_body(messages, sampling)
        outcome = await self.ask_within_limits(body)
        deaths = 0
        while (died := outcome.error_class == ENGINE_DIED) or outcome.tried_again(
            max_attempts=self.plan.max_attempts
        ):
            deaths += died
            if died and (verdict := await self.ask_alone(body, deaths)):
                return replace(verdict, attempt=outcome.attempt + 1)
            await asyncio.sleep(0 if died else BACKOFF_SECONDS * 2 ** (outcome.attempt - 1))
            again = await self.ask_within_limits(body)
            outcome = replace(again, attempt=outcome.attempt + 1)
        return outcome

    async def ask_within_limits(self, body: Body) -> Outcome:
        """One request, sent again while a rate limit refuses it, within engine.request_timeout."""
        deadline = time.monotonic() + self.plan.request_timeout
        refusals = 0
        while True:
            await asyncio.sleep(max(0.0, self.silent_until - time.monotonic()))
            outcome = await self.ask_in_company(body)
            if outcome.retry_after is None:
                return outcome
            wait = outcome.retry_after or min(2.0**refusals, LONGEST_WAIT_SECONDS)
            refusals += 1
            if time.monotonic() + wait > deadline:
                return outcome
            self.silent_until = max(self.silent_until, time.monotonic() + wait)

    async def ask_in_company(self, body: Body) -> Outcome:
        """One request beside others; with the class ENGINE_DIED if the engine died under it."""
        async with self.gate.company():
            life = self.engine.starts
            outcome = await self.ask(body)
        if outcome.status != "engine_error" or outcome.retry_after is not None:
            return outcome
        if not self.plan.starts_engine:
            await self.wait_for_endpoint()
        elif await self.has_died(life):
            return replace(outcome, error_class=ENGINE_DIED)
        return outcome

    async def ask_alone(self, body: Body, deaths: int) -> Outcome | None:
        """Try a suspect while nothing else runs: poisoned if the engine dies again.

        After one death a single token is asked for: prompts that kill do so when they are read,
        and the innocent, None, then go back into company at little cost. After two deaths the
        whole dialogue is asked for, and is the answer.
        """
        with self.gate.suspicion():
            await self.reattach(self.engine.starts)
            async with self.gate.solitude():
                life = self.engine.starts
                outcome = await self.ask(body if deaths > 1 else {**body, "max_tokens": 1})
                if outcome.status == "engine_error" and await self.has_died(life):
                    await self.reattach(life)
                    return failure("poisoned", ENGINE_DIED, "the engine died of this prompt alone")
        return outcome if deaths > 1 else None

    async def ask(self, body: Body) -> Outcome:
        """The outcome of one request, sent now."""
        started = time.monotonic()
        try:
            outcome = await self.post(body)
            if outcome.status == "too_long" and "max_tokens" in body:
                # The limit does not fit behind this prompt; what is left of the context is less.
                outcome = await self.post({k: v for k, v in body.items() if k != "max_tokens"})
        except TimeoutError:
            seconds = self.plan.request_timeout
            outcome = failure("timeout", "TimeoutError", f"no answer in {seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome = failure("engine_error", type(error).__name__, str(error))
        return replace(outcome, latency=time.monotonic() - started, engine=self.engine.version)

    async def post(self, body: Body) -> Outcome:
        """Send one request; raises what aiohttp raises when there is no answer to read."""
        last = body["messages"][-1]
        opening = last["content"] if last["role"] == "assistant" else ""
        async with self.session.post("chat/completions", json=body) as response:
            if response.status != 200:
                outcome = read_refusal(response.status, await response.text(errors="replace"))
                wait = read_retry_after(response.status, response.headers.get("Retry-After"))
                return replace(outcome, retry_after=wait)
            return read_answer(await response.json(content_type=None), opening=opening)

    def request_body(self, messages: Sequence[Message], sampling: dict[str, float]) -> Body:
        """A chat completion request; what a spec leaves at zero is left out."""
        continues = messages[-1]["role"] == "assistant"
        return {
            "model": self.plan.model_name,
            "messages": list(messages),
            **sampling,
            **(self.plan.recipe.opening_fields if continues else {}),
        }

    async def has_died(self, life: int) -> bool:
        """Whether the engine ended that life, after an error that may have been its death.

        A dying engine may refuse requests before it ends, and one that is healthy again is
        either another or was never ill.
        """
        directory = Path(self.engine.directory)
        while True:
            record = await asyncio.to_thread(read_record, directory)
            if record is None or record.starts != life or record.state != "ready":
                return True
            if not is_locked(directory):
                # Its supervisor died, and took it along.
                return True
            if await self.answers("http://engine/health"):
                return read_record(directory) != record
            await asyncio.sleep(NOTICE_SECONDS)

    async def answers(self, url: str) -> bool:
        """Whether a GET is answered by a server in order."""
        try:
            timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT)
            async with self.session.get(url, timeout=timeout) as response:
                return response.status < 500
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False

    async def reattach(self, life: int) -> None:
        """Wait for the engine that follows that life; raises EngineError when none does."""
        async with self.reattaching:
            if self.engine.starts == life:
                self.engine = await asyncio.to_thread(attach, self.plan)

    async def wait_for_endpoint(self) -> None:
        """Wait while a server that somebody else runs is away, at most engine.start_timeout.

        Raises EngineError then: what is not answered stays pending.
        """
        async with self.reattaching:
            deadline, pause = time.monotonic() + self.plan.start_timeout, 1.0
            while not await self.answers(f"{self.engine.url.rstrip('/')}/models"):
                if time.monotonic() + pause > deadline:
                    raise EngineError(
                        f"engine.url {self.engine.url} was away for engine.start_timeout "
                        f"({self.plan.start_timeout:g} s): mend it and run generate again"
                    )
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


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


def read_retry_after(http_status: int, header: str | None) -> float | None:
    """Seconds that a server wants to be left alone; 0 for "some", None if it does not ask for it.

    HTTP 429 always asks, 503 only with the header, which is a number of seconds or a date.
    """
    if http_status != 429 and not (http_status == 503 and header):
        return None
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return max(0.0, seconds)


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
