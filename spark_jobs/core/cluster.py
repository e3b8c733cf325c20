"""What the cluster has, as far as the engines care: how many there are, and who feeds them."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from udfs.engine.recipes import EnginePlan
from udfs.errors import UsageError


@dataclass(frozen=True, slots=True)
class Cluster:
    """Engines of all executors together, and task slots that feed them."""

    engines: int
    slots: int


def look_at_cluster(spark: SparkSession, plan: EnginePlan) -> Cluster:
    """The cluster as it is now; executors that come later get their share of tasks.

    Raises UsageError when an executor has too few GPUs for one engine.
    """
    context: Any = spark.sparkContext
    local = context.master == "local" or context.master.startswith("local[")
    # The driver is among them.
    others = len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1  # noqa: SLF001
    executors = 1 if local else max(1, others)
    gpus = int(spark.conf.get("spark.executor.resource.gpu.amount", "0") or 0)
    if 0 < gpus < plan.tensor_parallel_size:
        raise UsageError(
            f"engine.tensor_parallel_size is {plan.tensor_parallel_size}, but an executor has "
            f"{gpus} GPU (spark.executor.resource.gpu.amount): make them fit"
        )
    cores_per_task = int(spark.conf.get("spark.task.cpus", "1") or 1)
    return Cluster(
        engines=executors * max(1, gpus // plan.tensor_parallel_size),
        slots=max(1, context.defaultParallelism // cores_per_task),
    )
