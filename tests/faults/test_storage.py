"""Storage that refuses or fills up, for real: a small disk of its own in a namespace of mounts."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.core.tables import ATTEMPTS, WAVES
from tests.conftest import quick_environment
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PROJECT = Path(__file__).parents[2]
PAGES = 40
WAVES_OF_TEN = [
    *("generate.styles=['debate']", "generate.limit_chunks=0", "tables.slices=2"),
    *("generate.wave_requests=10", "generate.spool_seconds=0.1", "engine.capacity=2"),
]
DURABLE_SECONDS = 1.0  # ten times spool_seconds
# A disk of 64 MB with a copy of the tables on it; `try` runs a command and notes how it ended.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=64m none "$DISK"
cp -a "$ROOT/." "$DISK"
try() {
  name=$1; shift; code=0
  "$@" >"$OUT/$name.out" 2>"$OUT/$name.err" || code=$?
  echo $code >"$OUT/$name.code"
}
"""


class Disk:
    """The tables of a test on a disk that only a script sees."""

    def __init__(self, folder: Path, engine: SimulatedEngine) -> None:
        self.root, self.disk, self.out = folder / "warehouse", folder / "disk", folder / "out"
        self.disk.mkdir()
        self.out.mkdir()
        settings = [f"--set={value}" for value in [*engine.settings, *WAVES_OF_TEN]]
        self.job = [sys.executable, "-m", "spark_jobs", "local", "generate", *settings]
        self.job += ["--root", str(self.disk)]

    def start(self, script: str) -> "subprocess.Popen[bytes]":
        """A script in a namespace of its own, in which $@ is the job."""
        folders = {"ROOT": self.root, "DISK": self.disk, "OUT": self.out}
        shell = ["unshare", "--map-root-user", "--mount", "sh", "-euc"]
        return subprocess.Popen(
            [*shell, ON_A_SMALL_DISK + script, "sh", *self.job],
            cwd=PROJECT,
            env=quick_environment(**{name: str(path) for name, path in folders.items()}),
        )

    def ended(self, name: str) -> tuple[int, str]:
        """The exit code of a command, and what it told people."""
        code = int((self.out / f"{name}.code").read_text())
        return code, (self.out / f"{name}.err").read_text()


@pytest.fixture
def disk(make_chunks: Callable[[int], None], engine: SimulatedEngine, tmp_path: Path) -> Disk:
    """Pages as far as chunks."""
    try:
        tried = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here, so no disk of its own for a test")
    if tried.returncode:
        pytest.skip(f"this machine gives a test no disk of its own: {tried.stderr.strip()}")
    make_chunks(PAGES)
    return Disk(tmp_path, engine)


@pytest.mark.fault(
    "the root is read-only",
    "the job says so before it asks for anything; `sql` answers all the same",
)
def test_a_read_only_root_is_said_before_anything_is_asked(
    disk: Disk, engine: SimulatedEngine
) -> None:
    query = "'select count(*) n from raw.chunks'"
    script = f"""
mount -o remount,ro "$DISK"
try generate "$@"
try sql {sys.executable} -m spark_jobs local sql --json {query} --root "$DISK" --set tables.slices=2
"""
    assert disk.start(script).wait() == 0

    code, said = disk.ended("generate")
    assert code == 1
    assert f"{disk.disk} cannot be written: Read-only file system" in said
    assert "Traceback" not in said
    assert engine.requests == []
    assert disk.ended("sql")[0] == 0, disk.ended("sql")[1]
    assert (disk.out / "sql.out").read_text() == f'{{"n": {PAGES}}}\n'


@pytest.mark.fault(
    "the disk fills in the middle of a wave",
    "nothing more is sent, one message; with room again the same command goes on, "
    "and what was answered a moment before is not asked again",
)
def test_a_disk_that_fills_loses_and_doubles_nothing(
    disk: Disk, engine: SimulatedEngine, make_run: Any
) -> None:
    filled: list[float] = []

    def fill(number: int) -> None:
        if number == PAGES * 5 // 8:
            fill_up(Path(f"/proc/{script.pid}/root{disk.disk}/ballast"))
            filled.append(time.time())

    engine.delay, engine.on_request = 0.3, fill
    script = disk.start("""
try first "$@"
mount -o remount,size=1g "$DISK"
try second "$@"
rm "$DISK/ballast"
rm -r "$ROOT"
cp -a "$DISK" "$ROOT"
""")
    assert script.wait() == 0

    code, said = disk.ended("first")
    assert code == 1
    assert said.count("error: ") == 1
    assert "no room left to write" in said
    assert "Traceback" not in said
    assert disk.ended("second")[0] == 0, disk.ended("second")[1]
    run = make_run("sql")
    attempts = run.warehouse.read(ATTEMPTS)
    assert attempts.count() == attempts.select("gen_key").distinct().count() == PAGES
    waves = run.warehouse.read(WAVES)
    assert waves.groupBy().sum("dialogues").first()[0] == PAGES
    assert not list((disk.root / "_spool").iterdir())
    limit = filled[0] - DURABLE_SECONDS
    durable = [prompt for prompt, moment, _ in engine.answers if moment < limit]
    asked = [request["messages"][0]["content"] for request in engine.requests]
    assert durable
    assert all(asked.count(prompt) == 1 for prompt in durable)
    assert len(asked) < 2 * PAGES


def fill_up(ballast: Path) -> None:
    """Leave no byte."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65536)):
            pass
