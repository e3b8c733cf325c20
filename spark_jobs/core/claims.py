"""Claims: which runs are at work on what, so that no two of them ask for the same dialogues.

A claim is a small file in the run's folder of the spool, with another beside it that its driver
writes anew every few seconds. Claims save money; that nothing is doubled is what the waves'
transaction ids are for.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import fsspec
import psutil

from spark_jobs.core.console import say
from udfs.engine.spool import remove_folder, write_whole
from udfs.errors import JobError

BEAT_SECONDS = 10.0
# A driver on another host that has not written for so long is dead; one in a long garbage
# collection is not.
SILENT_SECONDS = 45.0
SINGLE_WRITER = (
    "On S3 Delta is safe for one writing driver at a time: run jobs one after the other, or set up "
    "its log store for several (spark.delta.logStore.s3a.impl = "
    "io.delta.storage.S3DynamoDBLogStore, with a table in DynamoDB)"
)
CLAIM, BEAT = "claim.json", "beat"


@dataclass(frozen=True)
class Claim:
    """What a run works on, and where to look whether it lives."""

    run_id: str
    started_at: float
    buckets: tuple[int, int]
    spec_ids: tuple[str, ...]
    chunker_id: str
    host: str
    boot: str
    pid: int
    pid_started: float

    def overlaps(self, other: "Claim") -> bool:
        """Whether both could ask for the same dialogue."""
        apart = self.buckets[1] < other.buckets[0] or other.buckets[1] < self.buckets[0]
        same_specs = set(self.spec_ids) & set(other.spec_ids)
        return not apart and bool(same_specs) and self.chunker_id == other.chunker_id

    def is_here(self) -> bool:
        """Whether its process is, or was, one of this host's that can be looked up."""
        return (self.host, self.boot) == (socket.gethostname(), read_boot())

    def has_process(self) -> bool:
        """Whether the process on this host still runs."""
        try:
            return psutil.Process(self.pid).create_time() == self.pid_started
        except psutil.NoSuchProcess:
            return False


class Claims:
    """The claims in a spool's folder; a `single_writer` bears no other run, whatever it wants."""

    def __init__(self, spool: str, *, single_writer: bool = False) -> None:
        self.spool = spool
        self.single_writer = single_writer
        self.filesystem, self.path = fsspec.core.url_to_fs(spool)

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[list[str]]:
        """Work under a claim; gives the runs that died, and raises JobError if another has it."""
        known = self.read()
        living = [other for other in known if self.lives(other)]
        gone = {other.run_id for other in known} - {other.run_id for other in living}
        self.check(claim, living)
        self.write(claim)
        closing = threading.Event()
        thread = threading.Thread(target=self.beat, args=(claim, closing), daemon=True)
        thread.start()
        try:
            # Two that looked at the same moment saw nobody; one of them came first.
            others = [other for other in self.read() if other.run_id not in gone]
            self.check(claim, [other for other in others if comes_before(other, claim)])
            yield self.find_dead(gone, {other.run_id for other in others})
        finally:
            closing.set()
            thread.join()
            self.release(claim)

    def find_dead(self, gone: set[str], at_work: set[str]) -> list[str]:
        """Runs that left something.

        A folder with neither claim nor wave is that of a run which is just writing its claim.
        """
        idle = [run_id for run_id in self.runs() if run_id not in at_work]
        return [run_id for run_id in idle if run_id in gone or self.folders(run_id)]

    def beat(self, claim: Claim, closing: threading.Event) -> None:
        """Show that the run lives until it closes."""
        path, number = f"{self.path}/{claim.run_id}/{BEAT}", 0
        while not closing.wait(BEAT_SECONDS):
            number += 1
            with suppress(Exception):
                self.filesystem.pipe_file(path, str(number).encode())

    def release(self, claim: Claim) -> None:
        """Take the claim back; waves that were not committed stay for the next run."""
        folder = f"{self.spool}/{claim.run_id}"
        # All at once where nothing else is in it: a folder without a claim is nobody's to remove.
        remove_folder(f"{folder}/{CLAIM}" if self.folders(claim.run_id) else folder)

    def forget(self, run_id: str) -> None:
        """Remove the folder of a dead run, unless a wave is still in it."""
        if not self.folders(run_id):
            remove_folder(f"{self.spool}/{run_id}")

    def check(self, claim: Claim, others: list[Claim]) -> None:
        """Raise JobError when one of the others wants the same, or may not be there at all."""
        for other in others:
            began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(other.started_at))
            who = f"run {other.run_id} (process {other.pid} on {other.host}, since {began})"
            if claim.overlaps(other):
                raise JobError(
                    f"{who} is at work on buckets {other.buckets[0]}-{other.buckets[1]} of the "
                    "same styles: nothing was asked; wait for it, end it, or choose other "
                    "--buckets or --styles"
                )
            if self.single_writer:
                raise JobError(f"{who} writes the same tables: nothing was asked. {SINGLE_WRITER}")

    def read(self) -> list[Claim]:
        """All claims, those of dead runs too."""
        return [claim for run_id in self.runs() if (claim := self.read_one(run_id))]

    def runs(self) -> list[str]:
        """Runs with a folder."""
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(self.path):
            return []
        return sorted(last_part(path) for path in self.filesystem.ls(self.path, detail=False))

    def read_one(self, run_id: str) -> Claim | None:
        """A run's claim; None where there is none, or another version's."""
        try:
            values = json.loads(self.filesystem.cat_file(f"{self.path}/{run_id}/{CLAIM}"))
            listed = {"buckets": tuple(values["buckets"]), "spec_ids": tuple(values["spec_ids"])}
            return Claim(**{**values, **listed})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def lives(self, claim: Claim) -> bool:
        """Whether the run is still at work; for one of another host this may take a while."""
        if claim.is_here():
            return claim.has_process()
        say(f"waiting to see whether run {claim.run_id} on {claim.host} is still at work")
        before, deadline = self.read_beat(claim), time.monotonic() + SILENT_SECONDS
        while time.monotonic() < deadline:
            time.sleep(1)
            if self.read_beat(claim) != before:
                return self.read_one(claim.run_id) is not None
        return False

    def read_beat(self, claim: Claim) -> bytes:
        """The newest sign of life; empty before the first and after the run."""
        try:
            return bytes(self.filesystem.cat_file(f"{self.path}/{claim.run_id}/{BEAT}"))
        except OSError:
            return b""

    def write(self, claim: Claim) -> None:
        """Write the claim."""
        write_whole(f"{self.spool}/{claim.run_id}/{CLAIM}", json.dumps(asdict(claim)).encode())

    def folders(self, run_id: str) -> list[str]:
        """The waves that have something in a run's folder, as URLs."""
        path = f"{self.path}/{run_id}"
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(path):
            return []
        found = self.filesystem.ls(path, detail=True)
        names = (last_part(f["name"]) for f in found if f["type"] == "directory")
        return [f"{self.spool}/{run_id}/{name}" for name in sorted(names)]


def last_part(path: str) -> str:
    """The name of a file or folder."""
    return path.rstrip("/").rpartition("/")[2]


def comes_before(one: Claim, other: Claim) -> bool:
    """Of two runs that began at once, the same one for both of them."""
    return (one.started_at, one.run_id) < (other.started_at, other.run_id)


def make_claim(
    run_id: str, *, buckets: tuple[int, int], spec_ids: tuple[str, ...], chunker_id: str
) -> Claim:
    """The claim of this process."""
    return Claim(
        run_id=run_id,
        started_at=time.time(),
        buckets=buckets,
        spec_ids=spec_ids,
        chunker_id=chunker_id,
        host=socket.gethostname(),
        boot=read_boot(),
        pid=os.getpid(),
        pid_started=psutil.Process().create_time(),
    )


def read_boot() -> str:
    """Tells the boots of a host, and hosts of one name, apart."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
