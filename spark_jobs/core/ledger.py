"""`ops.waves`: what each wave did and cost. Derived from the tables, never needed to be right."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F

from spark_jobs.core.commits import find_commit
from spark_jobs.core.runs import Run
from spark_jobs.core.settings import Cost
from spark_jobs.core.tables import ATTEMPTS, WAVES
from udfs.engine.tally import TOKENS

WaveRow = dict[str, Any]


def count_wave(run: Run, wave_id: str) -> WaveRow:
    """Rows, tokens and engine of a wave, as the table has them: tasks that ran twice count once."""
    rows = run.warehouse.read(ATTEMPTS).where(F.col("wave_id") == wave_id)
    counted = rows.agg(
        F.count("*").alias("dialogues"),
        F.count_if(F.col("status") == "ok").alias("ok"),
        F.count_if(F.col("status") == "length").alias("length"),
        F.count_if(~F.col("status").isin("ok", "length")).alias("failed"),
        F.coalesce(F.sum("attempt"), F.lit(0)).alias("requests"),
        *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in TOKENS),
        *(F.max(name).alias(name) for name in ("engine", "engine_version")),
    )
    return counted.collect()[0].asDict()


def price(cost: Cost, *, gpu_seconds: float, input_tokens: float, output_tokens: float) -> float:
    """Money for GPUs and tokens, in cost.currency."""
    return (
        cost.gpu_hour * gpu_seconds / 3600
        + cost.million_input_tokens * input_tokens / 1e6
        + cost.million_output_tokens * output_tokens / 1e6
    )


def describe_recovered(run: Run, wave_id: str, run_id: str) -> WaveRow:
    """The ledger row of a wave whose own driver did not live to write one."""
    counts = count_wave(run, wave_id)
    cost = price(
        run.settings.cost,
        gpu_seconds=0.0,
        input_tokens=counts["prompt_tokens"],
        output_tokens=counts["completion_tokens"],
    )
    return {
        **counts,
        "wave_id": wave_id,
        "run_id": run_id,
        "status": "recovered",
        "committed_at": datetime.now(UTC),
        "cost": cost,
        "committed_version": find_commit(run, wave_id)[0],
    }


def is_recorded(run: Run, wave_id: str) -> bool:
    """Whether the ledger has a wave."""
    return not run.warehouse.read(WAVES).where(F.col("wave_id") == wave_id).isEmpty()


def save_wave(run: Run, row: Mapping[str, Any]) -> None:
    """Add a wave to the ledger; columns that the row does not have are null."""
    run.warehouse.append(run.warehouse.make_rows([row], WAVES), WAVES)
