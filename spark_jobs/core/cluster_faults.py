"""What a cluster's words mean: the cause, and what to do, for the faults that people meet.

They stand in logs of other processes, in stack traces and in YARN's diagnostics.
"""

import re
from typing import NamedTuple


class Fault(NamedTuple):
    """The expression that a fault is told by, and what to do; `{words}` is its group `words`."""

    pattern: str
    advice: str


FAULTS = (
    Fault(
        r"UnsupportedClassVersionError|bin/java: (?:No such file|not found|Permission denied)",
        "the nodes run the wrong Java, or none: expected 17 or later; install it there and name "
        "its folder, --set submit.java_home=/usr/lib/jvm/java-17",
    ),
    Fault(
        r"(?:beyond|exceeding) (?:\w+ )?memory limits",
        "the container of an executor was ended because it took more memory than it had asked "
        "for; the JVM, Python's workers and the engine share it: raise "
        "spark.executor.memoryOverhead, as in "
        "--set spark.generate.spark.executor.memoryOverhead=48g",
    ),
    Fault(r"discover_gpus\.sh: (?P<words>[^\n]+)", "an executor found no GPU: {words}"),
    Fault(
        r"Cannot run program \"[^\"]*python[^\"]*\"|env: .?python3?.?: No such file",
        "the nodes have no such Python: name one by submit.python, or a packed environment by "
        "submit.archive",
    ),
    Fault(
        r"Cannot run program \"(?P<words>(?:(?!python)[^\"])+)\"[^\n]*error=(?:2|13)",
        "the nodes cannot run {words}: if it is a discovery script, expected ./discover_gpus.sh, "
        "which goes with the job, or the path of one that is on every node and executable",
    ),
    Fault(
        r"Resource type: gpu|(?:yarn\.io/gpu|resource-types)[^\n]*not (?:found|configured)",
        "YARN knows no GPUs: its nodes need the resource type yarn.io/gpu (resource-types.xml, and "
        "the node managers' plug-in for GPUs), or ask for none: "
        "--set spark.generate.spark.executor.resource.gpu.amount=0",
    ),
    Fault(r"to unknown queue:? (?P<words>\S+)", "YARN has no queue {words}: name one with --queue"),
    Fault(
        r"above the max threshold|Required executor memory",
        "an executor asks for more memory than any node of YARN gives to a container: lower "
        "spark.executor.memory or spark.executor.memoryOverhead, or have "
        "yarn.scheduler.maximum-allocation-mb raised",
    ),
    Fault(
        r"Failed to find data source: delta"
        r"|(?:ClassNotFoundException|NoSuchMethodError|NoClassDefFoundError): [^\n]*delta",
        "Delta's jar is not there or does not fit this Spark: `./submit.sh local doctor` says "
        "which one fits",
    ),
    Fault(
        r"No module named '(?P<words>[^']+)'",
        "the Python of the executors has no {words}: name one with this project's packages, "
        "submit.python, or a packed environment, submit.archive (`./submit.sh package`)",
    ),
    Fault(
        r"Initial job has not accepted any resources",
        "the cluster has no room for an executor of this size, or no worker with a free GPU: look "
        "at its own page; spark.executor.memory, .cores and .resource.gpu.amount are what is "
        "asked for",
    ),
)


def find_faults(log: str) -> list[str]:
    """What went wrong by a log's words, in the order above; empty if nothing is known."""
    found = ((fault, re.search(fault.pattern, log)) for fault in FAULTS)
    return [fault.advice.format(**match.groupdict()) for fault, match in found if match]
