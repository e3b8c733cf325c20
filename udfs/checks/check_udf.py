"""The rules for people who live in SQL: `mind_check(text, source, style)`, one verdict per row."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from udfs.checks.judge_rows import DialogueJudge
from udfs.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VERDICT = {
    "accepted": "boolean",
    "reasons": "array<string>",
    "tags": "array<string>",
    "preamble_length": "int",
}


def register(spark: "SparkSession", judge: DialogueJudge, metrics: dict[str, str]) -> None:
    """Make `mind_check(text, source, style)` known to a session.

    `metrics` are the SQL types of all values that the checks measure; they are fields beside the
    verdict's own.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    fields = {**VERDICT, **metrics}
    kind = f"struct<{', '.join(f'{name}: {sql_type}' for name, sql_type in fields.items())}>"
    # pyspark's own types know no iterator of structs.
    function: Any = pandas_udf(make_udf(judge, list(metrics)), kind)  # type: ignore[call-overload]
    spark.udf.register("mind_check", function)


def make_udf(
    judge: DialogueJudge, metrics: list[str]
) -> Callable[[Iterator[tuple[pd.Series, pd.Series, pd.Series]]], Iterator[pd.DataFrame]]:
    """The function that Spark calls with batches of (text, source, style)."""
    names = [*VERDICT, *metrics]

    def mind_check(
        batches: Iterator[tuple[pd.Series, pd.Series, pd.Series]],
    ) -> Iterator[pd.DataFrame]:
        for batch in batches:
            rows = [check_text(judge, *row) for row in zip(*batch, strict=True)]
            # As objects, with a null for what is not there: pandas' own kinds have a NaN.
            values = [[row.get(name) for name in names] for row in rows]
            yield pd.DataFrame(values, columns=names, dtype=object)

    return mind_check


def check_text(judge: DialogueJudge, text: Any, source: Any, style: Any) -> dict[str, Any]:
    """The verdict on one text as the engine's whole answer; nulls for a null text or style.

    A null source is an empty one; an unknown style raises UsageError. How many tokens the text has
    is not known, so that no limit of tokens applies.
    """
    if not isinstance(text, str) or not isinstance(style, str):
        return {}
    if style not in judge.styles:
        known = ", ".join(judge.styles)
        raise UsageError(f"mind_check: {style!r} is no style, expected one of {known}")
    row = judge.judge_row(
        {
            "text": text,
            "source": source if isinstance(source, str) else "",
            "style": style,
            "status": "ok",
            "finish_reason": "",
            "completion_tokens": 0,
        }
    )
    return {**{name: row[name] for name in VERDICT}, **row["metrics"]}
