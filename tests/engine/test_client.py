"""The client against servers with bad manners: every request ends with a status, none raises."""

import asyncio
import ssl
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

import udfs.engine.client
from spark_jobs.core.engine import check_endpoint
from tests.engine.conftest import Handler, serve
from udfs.engine.client import EngineClient, read_retry_after, sampling_fields
from udfs.engine.outcomes import Outcome
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import attach
from udfs.errors import EngineError

ASK = [{"role": "user", "content": "A page.\n\nRetell it."}]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udfs.engine.client, "BACKOFF_SECONDS", 0.01)


def ask(handler: Handler, messages: list[dict[str, str]] = ASK, **changes: object) -> Outcome:
    """One dialogue from a server that answers as the handler does."""

    async def complete() -> Outcome:
        async with EngineClient(plan, attach(plan)) as client:
            return await client.complete(messages, {"temperature": 1.0})

    with serve(handler) as served:
        plan = served.model_copy(update=changes)
        return asyncio.run(complete())


def good_answer(text: str = "**Ada:** Hello") -> web.Response:
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], "usage": {"completion_tokens": 3}})


async def fail(_: web.Request) -> web.Response:
    return web.Response(status=500, text="out of memory")


def test_a_good_answer_takes_one_request() -> None:
    async def answer(_: web.Request) -> web.Response:
        return good_answer()

    outcome = ask(answer)

    assert (outcome.status, outcome.attempt, outcome.text) == ("ok", 1, "**Ada:** Hello")


def test_an_error_that_passes_costs_a_retry_and_no_dialogue() -> None:
    seen: Counter[str] = Counter()

    async def answer(_: web.Request) -> web.Response:
        seen["requests"] += 1
        return web.Response(status=503) if seen["requests"] < 3 else good_answer()

    outcome = ask(answer)

    assert (outcome.status, outcome.attempt) == ("ok", 3)


@pytest.mark.fault("HTTP 500", "asked again, three times in all; then `engine_error`")
def test_an_error_that_stays_is_an_engine_error_with_its_message() -> None:
    outcome = ask(fail)

    assert (outcome.status, outcome.attempt) == ("engine_error", 3)
    assert (outcome.error_class, outcome.error_message) == ("HTTP 500", "out of memory")


@pytest.mark.fault("HTTP 400", "`rejected`, or `too_long`")
def test_a_refused_request_is_not_repeated() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=400, text="temperature must be positive")

    outcome = ask(answer)

    assert (outcome.status, outcome.attempt) == ("rejected", 1)


@pytest.mark.fault(
    "no answer within `engine.request_timeout`", "asked again, three times in all; then `timeout`"
)
def test_a_slow_answer_is_a_timeout() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return good_answer()

    outcome = ask(answer, request_timeout=0.1, max_attempts=1)

    assert (outcome.status, outcome.error_class) == ("timeout", "TimeoutError")


@pytest.mark.fault(
    "a hang-up, half an answer", "asked again, three times in all; then `engine_error`"
)
def test_a_hang_up_in_the_middle_is_an_engine_error() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"choices": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    assert ask(answer, max_attempts=1).status == "engine_error"


@pytest.mark.fault("wrong JSON, no choices", "asked again, three times in all; then `engine_error`")
def test_an_answer_that_is_no_json_is_an_engine_error() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>Bad gateway</html>")

    assert ask(answer, max_attempts=1).status == "engine_error"


@pytest.mark.fault("an answer without a word", "asked once more; then `empty`")
def test_an_empty_answer_is_tried_once_more() -> None:
    async def answer(_: web.Request) -> web.Response:
        return good_answer("")

    outcome = ask(answer)

    assert (outcome.status, outcome.attempt) == ("empty", 2)


def test_the_key_comes_from_the_environment_and_goes_in_the_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", "secret")

    async def answer(request: web.Request) -> web.Response:
        return good_answer(request.headers["Authorization"])

    assert ask(answer, api_key_env="TEST_KEY").text == "Bearer secret"


def test_an_opening_is_sent_with_the_fields_that_continue_it() -> None:
    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        return good_answer(f" continues {body['continue_final_message']}")

    outcome = ask(answer, [*ASK, {"role": "assistant", "content": "**Ada:**"}])

    assert outcome.text == "**Ada:** continues True"


def test_sampling_that_is_off_is_not_sent() -> None:
    fields = sampling_fields(temperature=1.0, top_p=0.9, top_k=0, min_p=0.0, max_tokens=0)

    assert fields == {"temperature": 1.0, "top_p": 0.9}


@pytest.mark.fault(
    "HTTP 429, `Retry-After`", "waited out as long as it says, within `engine.request_timeout`"
)
def test_a_rate_limit_is_waited_out_as_long_as_it_says() -> None:
    seen: list[float] = []

    async def answer(_: web.Request) -> web.Response:
        seen.append(time.monotonic())
        if len(seen) < 3:
            return web.Response(status=429, headers={"Retry-After": "0.3"})
        return good_answer()

    outcome = ask(answer)

    assert (outcome.status, outcome.attempt) == ("ok", 1)
    assert seen[2] - seen[0] >= 0.6


def test_a_rate_limit_beyond_the_deadline_is_an_engine_error() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "3600"}, text="quota used up")

    outcome = ask(answer, max_attempts=1)

    assert (outcome.status, outcome.error_class) == ("engine_error", "HTTP 429")
    assert outcome.error_message == "quota used up"


@pytest.mark.parametrize(
    ("http_status", "header", "expected"),
    [
        (429, None, 0.0),
        (429, "12", 12.0),
        (429, "soon", 0.0),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (503, "2", 2.0),
        (503, None, None),
        (500, "2", None),
    ],
)
def test_only_a_rate_limit_asks_to_be_left_alone(
    http_status: int, header: str | None, expected: float | None
) -> None:
    assert read_retry_after(http_status, header) == expected


@pytest.mark.fault(
    "`max_tokens` does not fit behind the prompt", "asked for what the context leaves"
)
def test_a_limit_that_does_not_fit_behind_the_prompt_is_left_to_the_context() -> None:
    async def answer(request: web.Request) -> web.Response:
        if "max_tokens" in await request.json():
            return web.Response(status=400, text="maximum context length is 2048 tokens")
        return good_answer()

    async def complete(plan: EnginePlan) -> Outcome:
        async with EngineClient(plan, attach(plan)) as client:
            return await client.complete(ASK, {"max_tokens": 4000})

    with serve(answer) as plan:
        outcome = asyncio.run(complete(plan))

    assert (outcome.status, outcome.attempt) == ("ok", 1)


def test_an_endpoint_that_stays_away_is_given_up_and_nothing_is_blamed() -> None:
    with serve(fail) as plan:
        gone = plan.model_copy(update={"start_timeout": 0.2})

    async def complete() -> Outcome:
        async with EngineClient(gone, attach(gone)) as client:
            return await client.complete(ASK, {})

    with pytest.raises(EngineError, match=r"away for engine\.start_timeout"):
        asyncio.run(complete())


def test_a_deadline_frees_the_place_in_the_engine() -> None:
    gone = threading.Event()

    async def answer(_: web.Request) -> web.Response:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            gone.set()
            raise
        return good_answer()

    assert ask(answer, request_timeout=0.2, max_attempts=1).status == "timeout"
    assert gone.wait(5)


@pytest.mark.fault("an endpoint's certificate is nobody's", "refused; no page is sent")
def test_an_endpoint_that_cannot_prove_who_it_is_gets_no_page() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return good_answer()

    async def complete(plan: EnginePlan) -> Outcome:
        async with EngineClient(plan, attach(plan)) as client:
            return await client.complete(ASK, {"temperature": 1.0})

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    with serve(answer, tls) as plan:
        with pytest.raises(EngineError, match="CERTIFICATE_VERIFY_FAILED"):
            check_endpoint(plan)
        with pytest.raises(EngineError, match="was away"):
            asyncio.run(complete(plan.model_copy(update={"start_timeout": 0.1})))

    assert asked == []
