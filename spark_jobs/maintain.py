"""maintain: small files together, withdrawn pages deleted, old files counted or deleted.

Safe beside a working `generate`: waves append blindly at versions whose files stay as long as the
oldest run that is still at work may read them.
"""

import re
import time
from collections import Counter

from spark_jobs.core.claims import Claims
from spark_jobs.core.console import say, show_table
from spark_jobs.core.recovery import find_spool
from spark_jobs.core.runs import Result, Run
from spark_jobs.core.session import with_properties
from spark_jobs.core.tables import (
    ATTEMPTS,
    CHUNK_VERDICTS,
    CHUNKS,
    DIALOGUES,
    DOCUMENTS,
    DUPLICATES,
    TABLES,
    VERDICTS,
    Table,
)
from spark_jobs.core.withdrawn import delete_withdrawn

SLICED = tuple(table for table in TABLES if table.sliced)
# Verdicts and dialogues go before what they were made from: a run that dies in between leaves
# nothing that says of what it was.
DELETED = (
    *(DIALOGUES, DUPLICATES, VERDICTS, ATTEMPTS),
    *(CHUNK_VERDICTS, CHUNKS, DOCUMENTS),
)
SLICE = re.compile(r"/slice=(\d+)/[^/]*$")
RUN_MARGIN_HOURS = 1.0
UNCHECKED = {"spark.databricks.delta.retentionDurationCheck.enabled": "false"}
FILE_SIZE = "spark.databricks.delta.optimize.maxFileSize"


def run(run: Run) -> Result:
    """Delete what was withdrawn, compact what is in pieces, then look at what nobody needs."""
    deleted = {str(table): delete_withdrawn(run, table) for table in DELETED}
    compacted = {str(table): compact(run, table) for table in TABLES}
    hours = retention_hours(run)
    unneeded = {str(table): vacuum(run, table, hours) for table in TABLES}
    show_table(
        "Tables",
        ["table", "rows deleted", "parts compacted", "files nobody needs"],
        [(name, deleted.get(name, 0), compacted[name], unneeded[name]) for name in compacted],
    )
    say_vacuum(run, sum(unneeded.values()), hours)
    return {
        "deleted": sum(deleted.values()),
        "compacted": sum(compacted.values()),
        "unneeded_files": sum(unneeded.values()),
        "vacuumed": run.settings.maintain.vacuum,
        "retention_hours": round(hours, 1),
    }


def compact(run: Run, table: Table) -> int:
    """Put the files of each crowded part of a table together; how many parts that were.

    A part is a slice, in bucket order then, so that a wave finds its buckets in few files; a table
    without slices is one part. Crowded is a part with many times the files that its size needs:
    ordering rewrites all of a part, so one that is in order is left alone.
    """
    # The log knows its files: nothing is read.
    files = run.warehouse.read(table).inputFiles()
    parts = Counter(find_slice(file) for file in files)
    if max(parts.values(), default=0) < run.settings.maintain.small_files:
        return 0  # a part needs a file at least, so none is crowded, whatever the size
    needed = max(1.0, size_of(run, table) / len(parts) / file_size(run))
    most = run.settings.maintain.small_files * needed
    crowded = [part for part, count in parts.items() if count >= most]
    for part in sorted(crowded):
        chosen = f" WHERE slice = {part} ZORDER BY (bucket)" if table.sliced else ""
        run.spark.sql(f"OPTIMIZE {run.warehouse.name(table)}{chosen}")
    return len(crowded)


def size_of(run: Run, table: Table) -> int:
    """Bytes of a table's newest version."""
    found = run.spark.sql(f"DESCRIBE DETAIL {run.warehouse.name(table)}").select("sizeInBytes")
    return int(found.collect()[0][0])


def file_size(run: Run) -> int:
    """Bytes that OPTIMIZE makes a file of."""
    return int(run.spark.conf.get(FILE_SIZE, str(1 << 30)) or 0)


def find_slice(file: str) -> int:
    """The slice that a table's file belongs to, -1 for a table without slices."""
    found = SLICE.search(file)
    return int(found[1]) if found else -1


def retention_hours(run: Run) -> float:
    """How long files are kept: as set, and as long as a run that is at work may read them."""
    hours, spool = run.settings.maintain.retention_hours, find_spool(run)
    if not spool:
        return hours
    claims = Claims(spool)
    started = [claim.started_at for claim in claims.read() if claims.lives(claim)]
    return max([hours, *((time.time() - at) / 3600 + RUN_MARGIN_HOURS for at in started)])


def vacuum(run: Run, table: Table, hours: float) -> int:
    """How many files no version of the last hours needs; deleted where that is wanted."""
    name = run.warehouse.name(table)
    # Delta refuses less than a week, whatever is at work; here that is known.
    with with_properties(run.spark, UNCHECKED):
        found = run.spark.sql(f"VACUUM {name} RETAIN {hours} HOURS DRY RUN").count()
        if found and run.settings.maintain.vacuum:
            run.spark.sql(f"VACUUM {name} RETAIN {hours} HOURS")
    return found


def say_vacuum(run: Run, files: int, hours: float) -> None:
    """What became of the files that nobody needs."""
    kept = f"no version of the last {hours:,.0f} hours needs"
    if run.settings.maintain.vacuum:
        say(f"maintain: {files} files that {kept} were deleted")
    else:
        say(f"maintain: {files} files that {kept}; --vacuum deletes them")
