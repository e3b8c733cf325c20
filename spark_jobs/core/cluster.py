"""What the cluster has, as far as the engines care: how many there are, and who feeds them."""

import time
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from udfs.engine.gpus import read_memory
from udfs.engine.recipes import EnginePlan
from udfs.errors import JobError, UsageError

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Cluster:
    """Engines of all executors together, task slots that feed them, and GPUs of these engines.

    `engine_memory` is the bytes that a container has for each engine beside the JVM, 0 where nobody
    counts them.
    """

    engines: int
    slots: int
    gpus: int = 0
    engine_memory: int = 0


def look_at_cluster(spark: SparkSession, plan: EnginePlan) -> Cluster:
    """The cluster as it is now; executors that come later get their share of tasks.

    Raises UsageError when an executor has too few GPUs for one engine.
    """
    context: Any = spark.sparkContext
    local = is_local(context)
    executors = 1 if local else max(1, count_executors(context))
    gpus = int(spark.conf.get("spark.executor.resource.gpu.amount", "0") or 0)
    if 0 < gpus < plan.tensor_parallel_size:
        raise UsageError(
            f"engine.tensor_parallel_size is {plan.tensor_parallel_size}, but an executor has "
            f"{gpus} GPU (spark.executor.resource.gpu.amount): make them fit"
        )
    cores_per_task = int(spark.conf.get("spark.task.cpus", "1") or 1)
    engines_each = max(1, gpus // plan.tensor_parallel_size)
    engines = executors * engines_each
    return Cluster(
        engines=engines,
        engine_memory=read_overhead(spark) // engines_each if plan.starts_engine else 0,
        slots=max(1, context.defaultParallelism // cores_per_task),
        gpus=engines * plan.tensor_parallel_size if gpus or (local and has_own_gpus(plan)) else 0,
    )


def read_overhead(spark: SparkSession) -> int:
    """Bytes that a container of YARN has beside its executor's heap; 0 on other clusters.

    Spark's own rule where nothing is said: a tenth of the heap, 384 MiB at least.
    """
    context: Any = spark.sparkContext
    if context.master != "yarn":
        return 0
    in_mib = context._jvm.org.apache.spark.network.util.JavaUtils.byteStringAsMb  # noqa: SLF001
    heap = in_mib(spark.conf.get("spark.executor.memory", "1g"))
    overhead = in_mib(spark.conf.get("spark.executor.memoryOverhead", f"{max(384, heap // 10)}m"))
    return int(overhead) * 1024**2


def await_executors(spark: SparkSession, seconds: float) -> None:
    """Wait for the first executor; raises JobError when none comes in so many seconds."""
    context: Any = spark.sparkContext
    deadline = time.monotonic() + seconds
    while not is_local(context) and not count_executors(context):
        if time.monotonic() > deadline:
            raise JobError(
                f"no executor came within {seconds:.0f} s (submit.executor_timeout): the cluster "
                "has no room for one of this size, no free GPU, or executors end as they start; "
                f"the cluster's own pages and logs of {context.applicationId} say which"
            )
        time.sleep(POLL_SECONDS)


def is_local(context: Any) -> bool:
    """Whether the driver is the only executor."""
    return bool(context.master == "local" or context.master.startswith("local["))


def count_executors(context: Any) -> int:
    """Executors that are there now."""
    # The driver is among those that Spark counts.
    return len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1  # noqa: SLF001


def has_own_gpus(plan: EnginePlan) -> bool:
    """Whether an engine on this machine uses GPUs that Spark was told nothing of."""
    return plan.takes_gpus and bool(read_memory())
