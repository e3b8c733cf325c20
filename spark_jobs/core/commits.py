"""How attempts get into their table: each wave once, whoever commits it and however often."""

import json

from pyspark.sql import DataFrame

from spark_jobs.core.runs import Run
from spark_jobs.core.tables import ATTEMPTS
from udfs.errors import JobError

NEWEST_COMMITS = 32  # among which a wave's own is, just after it


class CommittedElsewhereError(JobError):
    """Somebody else committed the same wave, so that these rows of it are not kept."""


def append_once(run: Run, attempts: DataFrame, wave_id: str, *, run_id: str) -> None:
    """Append the rows of one wave in one commit that names it.

    A wave that is there already is left as it is, and `attempts` are not even computed. Raises
    CommittedElsewhereError when another writer commits it meanwhile.
    """
    metadata = {"job": "generate", "run_id": run_id, "wave_id": wave_id}
    options = {"txnAppId": wave_id, "txnVersion": "1", "userMetadata": json.dumps(metadata)}
    try:
        run.warehouse.append(attempts, ATTEMPTS, options)
    except Exception as error:
        if "ConcurrentTransaction" not in type(error).__name__ + str(error)[:500]:
            raise
        raise CommittedElsewhereError(
            f"another run committed the same wave {wave_id} meanwhile"
        ) from error


def find_commit(run: Run, wave_id: str) -> int | None:
    """The version that a wave's commit made, if it is one of the newest."""
    return read_commits(run, NEWEST_COMMITS).get(wave_id, (None, ""))[0]


def read_commits(run: Run, newest: int) -> dict[str, tuple[int, str]]:
    """Version and run of each wave among so many of the newest commits."""
    history = run.spark.sql(f"DESCRIBE HISTORY {run.warehouse.name(ATTEMPTS)} LIMIT {newest}")
    rows = history.where("userMetadata like '%wave_id%'").select("version", "userMetadata")
    found = ((row["version"], json.loads(row["userMetadata"])) for row in rows.collect())
    return {said["wave_id"]: (version, said["run_id"]) for version, said in found}
