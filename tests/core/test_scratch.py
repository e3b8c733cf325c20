"""Where scratch files lie, and what S3 cannot do."""

from typing import Any

import pytest

from spark_jobs.core.scratch import has_single_writer, scratch_root, web_addresses

pytestmark = pytest.mark.spark
LOG_STORE = "spark.delta.logStore.s3a.impl"


class Hadoop(dict[str, str]):
    """Hadoop's configuration, as far as it is asked."""


def test_a_root_that_is_not_on_hdfs_is_its_own_scratch(spark: Any) -> None:
    assert scratch_root(spark, "file:///data/mind/") == "file:///data/mind"
    assert scratch_root(spark, "s3a://bucket/mind") == "s3a://bucket/mind"


def test_an_hdfs_whose_name_node_has_no_web_address_stays_as_it_is(spark: Any) -> None:
    assert scratch_root(spark, "hdfs://127.0.0.1:1/mind") == "hdfs://127.0.0.1:1/mind"


@pytest.mark.parametrize(
    ("hadoop", "authority", "addresses"),
    [
        ({}, "nn:8020", ["nn:9870"]),
        ({"dfs.namenode.http-address": "0.0.0.0:50070"}, "nn:8020", ["nn:50070"]),
        ({"dfs.namenode.http-address": "web:9870"}, "nn:8020", ["web:9870"]),
        (
            {
                "dfs.ha.namenodes.big": "one,two",
                "dfs.namenode.http-address.big.one": "h1:9870",
                "dfs.namenode.http-address.big.two": "h2:9870",
            },
            "big",
            ["h1:9870", "h2:9870"],
        ),
    ],
)
def test_name_nodes_are_found_by_hadoops_own_files(
    hadoop: dict[str, str], authority: str, addresses: list[str]
) -> None:
    assert list(web_addresses(Hadoop(hadoop), authority)) == addresses


def test_s3_bears_one_writer_unless_its_log_store_is_for_several(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_single_writer(spark, "s3a://bucket/mind")
    assert not has_single_writer(spark, "hdfs:///mind")

    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert not has_single_writer(spark, "s3a://bucket/mind")


def test_a_log_store_with_dynamodb_bears_several(spark: Any) -> None:
    spark.conf.set(LOG_STORE, "io.delta.storage.S3DynamoDBLogStore")
    try:
        assert not has_single_writer(spark, "s3a://bucket/mind")
    finally:
        spark.conf.unset(LOG_STORE)
