"""The spool from the driver's side: where it is, and what runs that died had left in it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.claims import Claim, Claims, make_claim
from spark_jobs.core.commits import CommittedElsewhereError, append_once
from spark_jobs.core.console import say, warn
from spark_jobs.core.kept import keep
from spark_jobs.core.ledger import WaveRow, describe_recovered, is_recorded, save_wave
from spark_jobs.core.runs import Run, progress_folder
from spark_jobs.core.scratch import has_single_writer
from spark_jobs.core.tables import ATTEMPTS
from udfs.batches import batch_rows
from udfs.engine.spool import list_spooled, read_spooled, remove_folder
from udfs.engine.tally import remove_tallies
from udfs.errors import JobError

BATCH_ROWS = 64  # as the engine's tasks give them back
FILES_PER_TASK = 32  # of a megabyte at most


@contextmanager
def open_spool(run: Run, spec_ids: Sequence[str], chunker_id: str) -> Iterator[str]:
    """The folder of this run's spool, empty for none, with what dead runs left committed before.

    Raises JobError when another run is at work on the same.
    """
    # First: where no table can be written, it matters little that no spool can.
    _ = run.warehouse
    spool = find_spool(run)
    if not spool:
        yield ""
        return
    buckets = run.settings.generate.bucket_range()
    alone = has_single_writer(run.spark, run.settings.tables.root)
    claims = Claims(spool, single_writer=alone)
    claim = make_claim(
        run.run_id, buckets=buckets, spec_ids=tuple(sorted(spec_ids)), chunker_id=chunker_id
    )
    with ExitStack() as held:
        dead = try_claim(held, claims, claim)
        for run_id in dead or []:
            recover_run(run, claims, run_id)
        yield "" if dead is None else f"{spool}/{run.run_id}"


def find_spool(run: Run) -> str:
    """Where spools lie; empty where there shall be none."""
    setting = run.settings.generate.spool
    if setting == "off":
        return ""
    return setting or f"{run.scratch}/_spool"


def try_claim(held: ExitStack, claims: Claims, claim: Claim) -> list[str] | None:
    """The runs that died, under a claim that is now held; None, and said, without a spool."""
    try:
        return held.enter_context(claims.hold(claim))
    except JobError:
        raise
    except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
        warn(
            f"the spool is off, a crash costs the open waves: {claims.spool} cannot be used: "
            f"{type(error).__name__}: {error}; set generate.spool to a folder that driver and "
            "executors can write, or to off"
        )
        return None


def recover_run(run: Run, claims: Claims, run_id: str) -> None:
    """Commit each wave that a dead run left, by the wave's own transaction id, then forget it.

    A wave that was committed before its run died is not committed again: the id says so.
    """
    for folder in claims.folders(run_id):
        wave_id = folder.rpartition("/")[2]
        files = list_spooled(folder)
        if files:
            commit_spooled(run, files, wave_id, run_id)
            if not is_recorded(run, wave_id):
                save_recovered(run, describe_recovered(run, wave_id, run_id))
        remove_folder(folder)
    remove_tallies(progress_folder(run, run_id))
    claims.forget(run_id)


def save_recovered(run: Run, row: WaveRow) -> None:
    """Note a recovered wave in the ledger and say so, if anything of it was still missing."""
    if row["dialogues"]:
        dead = f"run {row['run_id']}, which died"
        say(f"generate: {row['dialogues']} dialogues of {dead}, are kept")
        save_wave(run, row)


def commit_spooled(run: Run, files: Sequence[str], wave_id: str, run_id: str) -> None:
    """One plain append of the rows that a wave's spool holds and nobody else has, each once."""
    # Read once: a task that outlived its driver may still add to it.
    with keep(read_files(run, files).dropDuplicates(["gen_key"])) as spooled:
        rows = leave_out_known(run, spooled)
        try:
            append_once(run, rows.sortWithinPartitions("bucket"), wave_id, run_id=run_id)
        except CommittedElsewhereError:
            say(f"generate: another run commits what run {run_id} left")


def leave_out_known(run: Run, spooled: DataFrame) -> DataFrame:
    """Those that have not been asked for again since.

    Executors may outlive their driver, and what they write after the next run has looked is found
    by the one after that. An answer to a retry is no repetition: it comes beside one that was not
    good enough.
    """
    places = spooled.groupBy("slice").agg(F.min("bucket"), F.max("bucket")).collect()
    ranges = [f"slice = {place} AND bucket BETWEEN {low} AND {high}" for place, low, high in places]
    # At a version: so the append stays a blind one, which conflicts with nothing.
    attempts = run.warehouse.read(ATTEMPTS, version=run.warehouse.version(ATTEMPTS))
    near = attempts.where(" OR ".join(ranges) or "false")
    known = near.select("slice", "gen_key", F.col("status").alias("known"))
    same = F.expr("s.slice = k.slice AND s.gen_key = k.gen_key AND known IN ('ok', status)")
    return spooled.alias("s").join(known.alias("k"), same, "left_anti")


def read_files(run: Run, files: Sequence[str]) -> DataFrame:
    """The rows of spool files, read by the executors."""
    schema = ATTEMPTS.arrow_schema()

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        named = (row["file"] for batch in batches for row in batch.to_pylist())
        return batch_rows(read_spooled(named), schema, size=BATCH_ROWS)

    tasks = -(-len(files) // FILES_PER_TASK)
    listed = run.spark.createDataFrame([(file,) for file in files], "file string")
    return listed.repartition(tasks).mapInArrow(read, ATTEMPTS.ddl())
