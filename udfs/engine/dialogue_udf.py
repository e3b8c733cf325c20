"""The engine for people who live in SQL: `mind_dialogue(text, style)`, one dialogue per row."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from udfs.dialogue.control_tokens import break_all_control_tokens
from udfs.dialogue.specs import Spec
from udfs.engine.client import EngineClient
from udfs.engine.outcomes import Outcome
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import attach
from udfs.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RESULT = "struct<text: string, finish_reason: string, tokens: int, status: string>"
FIELDS = ["text", "finish_reason", "tokens", "status"]


def register(spark: "SparkSession", plan: EnginePlan, specs: Mapping[str, Spec]) -> None:
    """Make `mind_dialogue(text, style)` known to a session; `specs` are by style name.

    It asks the engine once for each row that Spark evaluates, so use it on a few: it is marked
    as nondeterministic, which keeps Spark from evaluating a row twice or moving it about.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    # pyspark's own types know no iterator of structs.
    function: Any = pandas_udf(make_udf(plan, specs), RESULT)  # type: ignore[call-overload]
    spark.udf.register("mind_dialogue", function.asNondeterministic())


def make_udf(
    plan: EnginePlan, specs: Mapping[str, Spec]
) -> Callable[[Iterator[tuple[pd.Series, pd.Series]]], Iterator[pd.DataFrame]]:
    """The function that Spark calls with batches of (text, style)."""

    def mind_dialogue(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        for texts, styles in batches:
            pairs = list(zip(texts, styles, strict=True))
            rows = [as_fields(outcome) for outcome in ask_pairs(pairs, plan, specs)]
            yield pd.DataFrame(rows, columns=FIELDS)

    return mind_dialogue


def ask_pairs(
    pairs: Iterable[tuple[Any, Any]], plan: EnginePlan, specs: Mapping[str, Spec]
) -> list[Outcome | None]:
    """The outcome of each pair; a null text or style gives None and no request."""

    async def ask_all() -> list[Outcome | None]:
        engine = await asyncio.to_thread(attach, plan)
        async with EngineClient(plan, engine) as client:
            room = asyncio.Semaphore(plan.capacity)
            return await asyncio.gather(*(ask_pair(pair, client, specs, room) for pair in pairs))

    return asyncio.run(ask_all())


async def ask_pair(
    pair: tuple[Any, Any],
    client: EngineClient,
    specs: Mapping[str, Spec],
    room: asyncio.Semaphore,
) -> Outcome | None:
    """The outcome of one pair, None for a null; an unknown style raises UsageError."""
    text, style = pair
    if not isinstance(text, str) or not isinstance(style, str):
        return None
    spec = specs.get(style)
    if spec is None:
        raise UsageError(
            f"mind_dialogue: {style!r} is no style, expected one of {', '.join(specs)}"
        )
    async with room:
        document, _ = break_all_control_tokens(text, client.engine.control_tokens)
        return await client.retell(spec, document)


def as_fields(outcome: Outcome | None) -> tuple[Any, ...]:
    """An outcome in the order of FIELDS, nulls for none; the text of a failure is null."""
    if outcome is None:
        return (None,) * len(FIELDS)
    text = outcome.text if outcome.error_class is None else None
    return (text, outcome.finish_reason, outcome.completion_tokens, outcome.status)
