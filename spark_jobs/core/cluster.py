"""What the cluster has, as far as the engines care: how many there are, and who feeds them."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from udfs.engine.gpus import read_memory
from udfs.engine.recipes import EnginePlan
from udfs.errors import UsageError


@dataclass(frozen=True, slots=True)
class Cluster:
    """Engines of all executors together, task slots that feed them, and GPUs of these engines."""

    engines: int
    slots: int
    gpus: int = 0


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
    engines = executors * max(1, gpus // plan.tensor_parallel_size)
    return Cluster(
        engines=engines,
        slots=max(1, context.defaultParallelism // cores_per_task),
        gpus=engines * plan.tensor_parallel_size if gpus or (local and has_own_gpus(plan)) else 0,
    )


def has_own_gpus(plan: EnginePlan) -> bool:
    """Whether an engine on this machine uses GPUs that Spark was told nothing of."""
    return plan.takes_gpus and bool(read_memory())
