"""Faults of clusters: their own words, and what a person is told of them."""

import pytest

from spark_jobs.core.cluster_faults import find_faults

JAVA_TOO_OLD = """Last 4096 bytes of stderr :
Error: LinkageError occurred while loading main class
java.lang.UnsupportedClassVersionError: org/apache/spark/deploy/yarn/ExecutorLauncher has been
"""
TOO_MUCH_MEMORY = """Container [pid=1,containerID=container_1_01_000002] is running 1073741B beyond
the 'PHYSICAL' memory limit. Container killed by YARN for exceeding physical memory limits.
"""
NO_SUCH_MEMORY = """Required executor memory (8192 MB), offHeap memory (0) MB, overhead (32768 MB)
is above the max threshold (4096 MB) of this cluster!
"""
NO_SCRIPT = 'java.io.IOException: Cannot run program "/opt/find.sh": error=2, No such file'
NO_PYTHON = 'java.io.IOException: Cannot run program "/opt/bin/python3": error=2, No such file'


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        (JAVA_TOO_OLD, "expected 17 or later"),
        ("/bin/bash: line 1: /opt/java/bin/java: No such file or directory", "submit.java_home"),
        (TOO_MUCH_MEMORY, "raise spark.executor.memoryOverhead"),
        ("discover_gpus.sh: all 8 GPUs of node7 are taken", "all 8 GPUs of node7 are taken"),
        (NO_SCRIPT, "the nodes cannot run /opt/find.sh"),
        (NO_PYTHON, "submit.python"),
        ("ModuleNotFoundError: No module named 'pydantic'", "has no pydantic"),
        ("application_1_0001 submitted by user me to unknown queue: gold", "has no queue gold"),
        (NO_SUCH_MEMORY, "yarn.scheduler.maximum-allocation-mb"),
        ("ClassNotFoundException: io.delta.sql.DeltaSparkSessionExtension", "Delta's jar"),
        ("WARN TaskSchedulerImpl: Initial job has not accepted any resources", "no room"),
    ],
)
def test_a_fault_is_told_with_what_to_do(log: str, advice: str) -> None:
    assert len(find_faults(log)) == 1
    assert advice in find_faults(log)[0]


def test_a_log_without_a_fault_says_nothing() -> None:
    assert find_faults("12:00:01 INFO Client: Application report for application_1_0001") == []
