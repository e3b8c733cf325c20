"""What the driver knows of the engines before any task runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from spark_jobs.core.cluster import Cluster, look_at_cluster
from udfs.errors import UsageError


def look(master: str, *, executors: int, cores: int, size: int = 1, **conf: str) -> Cluster:
    """A cluster as Spark describes it: the driver is in its list of executors."""
    tracker = SimpleNamespace(getExecutorInfos=lambda: [None] * (executors + 1))
    scala = SimpleNamespace(sc=lambda: SimpleNamespace(statusTracker=lambda: tracker))
    context = SimpleNamespace(master=master, defaultParallelism=cores, _jsc=scala)
    properties = {f"spark.{name.replace('_', '.')}": value for name, value in conf.items()}
    spark: Any = SimpleNamespace(sparkContext=context, conf=properties)
    plan: Any = SimpleNamespace(tensor_parallel_size=size, takes_gpus=False, starts_engine=False)
    return look_at_cluster(spark, plan)


def test_a_local_master_is_its_own_only_executor() -> None:
    assert look("local[8]", executors=0, cores=8) == Cluster(engines=1, slots=8)


def test_every_executor_has_an_engine() -> None:
    assert look("yarn", executors=4, cores=32) == Cluster(engines=4, slots=32)


def test_an_executor_has_as_many_engines_as_groups_of_gpus() -> None:
    cluster = look("yarn", executors=2, cores=32, size=2, executor_resource_gpu_amount="8")

    assert cluster == Cluster(engines=8, slots=32, gpus=16)


def test_tasks_of_several_cores_leave_fewer_slots() -> None:
    assert look("yarn", executors=2, cores=32, task_cpus="4") == Cluster(engines=2, slots=8)


def test_too_few_gpus_for_one_engine_are_refused_before_any_task() -> None:
    with pytest.raises(UsageError, match=r"tensor_parallel_size is 4.*has 2 GPU"):
        look("yarn", executors=2, cores=32, size=4, executor_resource_gpu_amount="2")
