"""Where tasks and driver leave each other files: below the tables' root, as fsspec reaches it.

Spark reaches HDFS by itself. fsspec's hdfs:// needs Hadoop's native library and its class path in
every Python worker, which containers of YARN seldom have, so that HDFS is spoken to by its web
address. S3 has a weakness of its own, which is told here, too.
"""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import fsspec
from pyspark.sql import SparkSession

from spark_jobs.core.session import DATABRICKS

HTTP_ADDRESS = "dfs.namenode.http-address"
S3 = ("s3", "s3a", "s3n")
HTTP_PORT = "9870"  # Hadoop's own


def scratch_root(spark: SparkSession, root: str) -> str:
    """The tables' root as tasks reach it; of one that is not on HDFS, the root itself.

    With Kerberos, or without a name node that answers there, it stays hdfs://, and Hadoop's native
    library must be on every host.
    """
    root = root.rstrip("/")
    parts = urlsplit(root)
    context: Any = spark.sparkContext
    hadoop = context._jsc.hadoopConfiguration()  # noqa: SLF001 - the only way to it
    if parts.scheme != "hdfs" or hadoop.get("hadoop.security.authentication") == "kerberos":
        return root
    authority = parts.netloc or urlsplit(hadoop.get("fs.defaultFS") or "").netloc
    groups = context._jvm.org.apache.hadoop.security.UserGroupInformation  # noqa: SLF001
    user = groups.getCurrentUser().getShortUserName()
    urls = [f"webhdfs://{user}@{a}{parts.path}" for a in web_addresses(hadoop, authority)]
    return next(filter(answers, urls), root)


def web_addresses(hadoop: Any, authority: str) -> Iterator[str]:
    """Where the name nodes behind an authority, or a name service, answer by HTTP."""
    host = authority.partition(":")[0]
    for node in (hadoop.get(f"dfs.ha.namenodes.{authority}") or "").split(","):
        suffix = f".{authority}.{node.strip()}" if node else ""
        address = hadoop.get(f"{HTTP_ADDRESS}{suffix}") or f"0.0.0.0:{HTTP_PORT}"
        named, _, port = address.partition(":")
        # Hadoop's own default names no host.
        yield f"{host if named in {'', '0.0.0.0'} else named}:{port or HTTP_PORT}"  # noqa: S104


def answers(url: str) -> bool:
    """Whether a name node answers there and is the active one."""
    try:
        filesystem, _ = fsspec.core.url_to_fs(url)
        filesystem.ls("/", detail=False)
    except Exception:  # noqa: BLE001 - requests, the name node and fsspec have errors of their own
        return False
    return True


def has_single_writer(spark: SparkSession, root: str) -> bool:
    """Whether two drivers that write one table at one moment could lose a commit: so it is on S3.

    Not with a log store that asks DynamoDB who was first, and not on Databricks, which has its own.
    """
    scheme = urlsplit(root).scheme
    store = spark.conf.get(f"spark.delta.logStore.{scheme}.impl", "") or ""
    elsewhere = "DynamoDB" in store or DATABRICKS in os.environ
    return scheme in S3 and not elsewhere
