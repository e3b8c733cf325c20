"""Which versions of Spark, Delta, Python and Java go together; pairs known to be bad are refused.

From file names and packages alone, before a session is opened and long before an engine is paid.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath

SPARK_LINES = ("4.0", "4.1", "4.2")
PYTHON_LINES = ("3.11", "3.12")
DELTA_VERSION = "4.4.0"
# delta-spark_4.1_2.13-4.4.0.jar; until 4.0 the artifact named no line of Spark.
DELTA_JAR = re.compile(
    r"delta-spark_(?:(?P<line>\d+\.\d+)_)?2\.13-(?P<version>\d+\.\d+\.\d+)\.jar$"
)


@dataclass(frozen=True)
class Versions:
    """What is installed: empty where a package is not; `jars` are the files that Spark is given."""

    spark: str
    delta: str
    python: str
    jars: tuple[str, ...] = ()


def read_versions(jars: Sequence[str] = ()) -> Versions:
    """The versions of this process's packages, beside the jars that its session will get."""
    python = ".".join(map(str, sys.version_info[:2]))
    return Versions(package_version("pyspark"), package_version("delta-spark"), python, tuple(jars))


def package_version(name: str) -> str:
    """The version of an installed package, empty if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def find_version_problems(found: Versions) -> Iterator[str]:
    """Why these do not go together, one line each: what was expected, and what to install."""
    if found.python not in PYTHON_LINES:
        yield f"Python {found.python}, expected {' or '.join(PYTHON_LINES)}: set MIND_PYTHON to one"
    if not found.spark:
        yield "pyspark is not installed: pip install 'mind-on-spark[oss]'"
        return
    if line_of(found.spark) not in SPARK_LINES:
        yield (
            f"Spark {found.spark}, expected {', '.join(SPARK_LINES[:-1])} or {SPARK_LINES[-1]}, "
            "which Delta is built for: pip install 'pyspark>=4.0,<=4.2.0'"
        )
    yield from find_jar_problems(found)


def find_jar_problems(found: Versions) -> Iterator[str]:
    """A Delta jar for another Spark, two of them, or another version than the Python package."""
    matches = [match for jar in found.jars if (match := DELTA_JAR.search(PurePath(jar).name))]
    fitting = f"delta-spark_{line_of(found.spark)}_2.13-{DELTA_VERSION}.jar"
    if len(matches) > 1:
        listed = ", ".join(match[0] for match in matches)
        yield f"there are {len(matches)} Delta jars, {listed}: expected {fitting} alone"
    for match in matches:
        if match["line"] not in {None, line_of(found.spark)}:
            yield (
                f"{match[0]} is built for Spark {match['line']}, and Spark is {found.spark}: "
                f"expected {fitting}"
            )
        elif as_numbers(found.spark) >= (4, 1, 2) and as_numbers(match["version"]) <= (4, 2, 0):
            # Measured: Delta up to 4.2.0 calls what Spark 4.1.2 has changed.
            yield f"{match[0]} breaks on Spark {found.spark}: expected {fitting}"
        elif found.delta and found.delta != match["version"]:
            yield (
                f"{match[0]} beside the Python package delta-spark {found.delta}: expected one "
                f"version of both, {fitting} and pip install delta-spark=={DELTA_VERSION}"
            )


def line_of(text: str) -> str:
    """The line of a version: 4.1 of 4.1.2."""
    return ".".join(text.split(".")[:2])


def as_numbers(text: str) -> tuple[int, ...]:
    """A version to be compared; what is no number is left out."""
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
