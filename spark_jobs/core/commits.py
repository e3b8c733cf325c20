"""How attempts get into their table: each wave once, whoever commits it and however often."""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame

from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS, Table
from udfs.errors import JobError

NEWEST_COMMITS = 32  # among which a wave's own is, just after it


class CommittedElsewhereError(JobError):
    """Somebody else committed the same wave, so that these rows of it are not kept."""


def append_once(run: Run, attempts: DataFrame, wave_id: str, *, run_id: str) -> int | None:
    """Append the rows of one wave in one commit that names it and its run; the commit's version.

    A wave that is there already is left as it is, and `attempts` are not even computed. Raises
    CommittedElsewhereError when another run has committed it, before or meanwhile. None where so
    many others came in between that it cannot be told.
    """
    metadata = {"job": "generate", "run_id": run_id, "wave_id": wave_id}
    options = {"txnAppId": wave_id, "txnVersion": "1", "userMetadata": json.dumps(metadata)}
    try:
        try_append(run, attempts, ATTEMPTS, options)
    except CommittedElsewhereError as error:
        raise CommittedElsewhereError(
            f"another run committed the same wave {wave_id} meanwhile"
        ) from error
    version, committer = find_commit(run, wave_id)
    if committer not in ("", run_id):
        raise CommittedElsewhereError(f"run {committer} had committed the same wave {wave_id}")
    return version


def try_append(run: Run, rows: DataFrame, table: Table, options: Mapping[str, str] = {}) -> None:
    """Append rows in one commit.

    Raises CommittedElsewhereError when another writer is quicker: with a commit of the same name
    (`txnAppId`), or without one with any, where `rows` follow from what the table has.
    """
    conflict = "ConcurrentTransaction" if "txnAppId" in options else "ConcurrentAppend"
    try:
        run.warehouse.append(rows, table, options)
    except Exception as error:
        if conflict not in type(error).__name__ + str(error)[:500]:
            raise
        raise CommittedElsewhereError(f"another writer was quicker in {table}") from error


def find_commit(run: Run, wave_id: str) -> tuple[int | None, str]:
    """Version and run of a wave's commit, if it is one of the newest; None and empty if not."""
    return read_commits(run, NEWEST_COMMITS).get(wave_id, (None, ""))


def read_commits(run: Run, newest: int) -> dict[str, tuple[int, str]]:
    """Version and run of each wave among so many of the newest commits."""
    history = run.spark.sql(f"DESCRIBE HISTORY {run.warehouse.name(ATTEMPTS)} LIMIT {newest}")
    rows = history.where("userMetadata like '%wave_id%'").select("version", "userMetadata")
    found = ((row["version"], json.loads(row["userMetadata"])) for row in rows.collect())
    return {said["wave_id"]: (version, said["run_id"]) for version, said in found}
