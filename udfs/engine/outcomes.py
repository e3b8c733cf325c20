"""What becomes of one request: a status of a closed list, never an exception."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal[
    "ok",  # the model ended by itself
    "length",  # it ran into max_tokens or the context's end
    "empty",  # it ended without a word
    "too_long",  # the prompt does not fit into the context
    "rejected",  # the engine refused the request (4xx)
    "timeout",  # no answer within engine.request_timeout
    "engine_error",  # the engine failed or went away (5xx, hang-up)
    "poisoned",  # the prompt kills the engine
]
ANSWERED = frozenset({"ok", "length"})  # these have a text
# Tried again within a run, at most so many requests in all; others are final at once.
RETRIED: dict[Status, int] = {"timeout": 3, "engine_error": 3, "empty": 2}
TOO_LONG = re.compile(r"context|maximum.{0,20}length|max_model_len|too long", re.IGNORECASE)
MESSAGE_LIMIT = 500  # characters of an error that are kept


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one request.

    Token counts are the engine's own, 0 where it gave none; `latency` is in seconds; `attempt`
    counts the requests made within the run, the single token of a suspect left out;
    `finish_reason` is the engine's word, None without an answer; `engine` is the version that
    answered; `retry_after` is how many seconds a server wants to be left alone, 0 where it does
    not say how long, None where it does not ask for it.
    """

    status: Status
    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    latency: float = 0.0
    attempt: int = 1
    error_class: str | None = None
    error_message: str | None = None
    engine: str = ""
    retry_after: float | None = None

    def tried_again(self, *, max_attempts: int) -> bool:
        """Whether another request can help and is still allowed."""
        return self.attempt < min(RETRIED.get(self.status, 1), max_attempts)


def read_answer(body: Any, *, opening: str) -> Outcome:
    """The outcome of an HTTP 200; an answer of the wrong shape is an engine error.

    `opening` is put before the text where the engine leaves it out.
    """
    try:
        choice, usage = body["choices"][0], body.get("usage") or {}
        text = clean(choice["message"].get("content") or "")
        finish_reason = clean(choice.get("finish_reason") or "")
        details = usage.get("prompt_tokens_details") or {}
        return Outcome(
            status=judge_answer(text, finish_reason, opening=opening),
            text=text if text.startswith(opening) else opening + text,
            finish_reason=finish_reason,
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            cached_tokens=int(details.get("cached_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return failure("engine_error", "BadAnswer", f"not a chat completion: {body!r}")


def clean(text: str) -> str:
    """Text that UTF-8 can hold: an emoji cut off at the limit leaves half a character behind."""
    return text.encode("utf-8", "replace").decode("utf-8")


def judge_answer(text: str, finish_reason: str, *, opening: str) -> Status:
    """The status of an answer that arrived whole."""
    if finish_reason == "length":
        return "length"
    return "ok" if text.removeprefix(opening).strip() else "empty"


def read_refusal(http_status: int, body: str) -> Outcome:
    """The outcome of an HTTP answer other than 200."""
    error_class = f"HTTP {http_status}"
    if http_status in {408, 429} or http_status >= 500:
        return failure("engine_error", error_class, body)
    too_long = http_status in {400, 413, 422} and TOO_LONG.search(body)
    return failure("too_long" if too_long else "rejected", error_class, body)


def failure(status: Status, error_class: str, message: str) -> Outcome:
    """An outcome without a text."""
    return Outcome(status, error_class=error_class, error_message=clean(message)[:MESSAGE_LIMIT])
