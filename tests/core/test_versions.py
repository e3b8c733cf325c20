"""Versions: known-bad pairs are refused, with what to install."""

import pytest

from spark_jobs.core.versions import Versions, find_version_problems, read_versions

GOOD = Versions("4.2.0", "4.4.0", "3.11", ("/j/delta-spark_4.2_2.13-4.4.0.jar", "/j/other.jar"))


@pytest.mark.parametrize(
    "found",
    [
        GOOD,
        Versions("4.1.4", "4.4.0", "3.12", ("delta-spark_4.1_2.13-4.4.0.jar",)),
        Versions("4.0.5", "4.4.0", "3.11", ("delta-spark_4.0_2.13-4.4.0.jar",)),
        # A platform that has Delta among its own jars, and no Python package of it.
        Versions("4.0.2", "", "3.11"),
        Versions("4.0.0", "4.0.0", "3.11", ("delta-spark_2.13-4.0.0.jar",)),
        read_versions(),
    ],
)
def test_nothing_speaks_against_what_goes_together(found: Versions) -> None:
    assert list(find_version_problems(found)) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Versions("", "", "3.11"), "pyspark is not installed"),
        (Versions("3.5.6", "", "3.11"), "Spark 3.5.6, expected 4.0, 4.1 or 4.2"),
        (Versions("4.3.0", "4.4.0", "3.11"), "pip install 'pyspark>=4.0,<=4.2.0'"),
        (Versions("4.2.0", "4.4.0", "3.10"), "Python 3.10, expected 3.11 or 3.12"),
        (
            Versions("4.1.4", "4.4.0", "3.11", ("delta-spark_4.2_2.13-4.4.0.jar",)),
            "built for Spark 4.2, and Spark is 4.1.4: expected delta-spark_4.1_2.13-4.4.0.jar",
        ),
        (
            Versions("4.1.2", "4.2.0", "3.11", ("delta-spark_2.13-4.2.0.jar",)),
            "delta-spark_2.13-4.2.0.jar breaks on Spark 4.1.2",
        ),
        (
            Versions("4.2.0", "4.4.1", "3.11", ("delta-spark_4.2_2.13-4.4.0.jar",)),
            "beside the Python package delta-spark 4.4.1",
        ),
        (
            Versions("4.2.0", "4.4.0", "3.11", (*GOOD.jars, "delta-spark_4.1_2.13-4.4.0.jar")),
            "there are 2 Delta jars",
        ),
    ],
)
def test_what_does_not_go_together_is_named_with_what_to_install(
    found: Versions, words: str
) -> None:
    assert words in "\n".join(find_version_problems(found))
