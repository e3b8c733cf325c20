"""`generate` as people start it, in processes of its own, for tests that kill some of them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import quick_environment

ENDS_THE_JOB = {"everything", "driver", "JVM"}


class Job:
    """One `generate` with all the processes that it starts; `log` is where it says what it does."""

    def __init__(self, root: Path, log: Path, settings: Sequence[str]) -> None:
        self.log = log
        options = [f"--set={text}" for text in settings]
        command = [sys.executable, "-m", "spark_jobs", "local", "generate", f"--root={root}"]
        with log.open("a") as file:
            self.process = psutil.Popen(
                [*command, *options],
                env=quick_environment(),
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether its driver has."""
        return self.process.poll() is not None

    def find(self, kind: str) -> list[psutil.Process]:
        """Its processes of a kind: everything, driver, JVM, daemon or worker."""
        tree: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            tree = [self.process, *self.process.children(recursive=True)]
        commands = {process: read_command(process) for process in tree}
        daemons = {p.pid: p for p, command in commands.items() if "pyspark.daemon" in command}
        workers = [p for p in daemons.values() if read_parent(p) in daemons]
        return {
            "everything": tree,
            "driver": tree[:1],
            "JVM": [p for p, command in commands.items() if "SparkSubmit" in command],
            "daemon": [p for p in daemons.values() if p not in workers],
            "worker": workers,
        }[kind]

    def kill(self, kind: str) -> bool:
        """SIGKILL to all processes of a kind, or to one of the workers; whether there was any.

        Returns when all is gone that goes with them.
        """
        tree, found = self.find("everything"), self.find(kind)
        for process in found[:1] if kind == "worker" else found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if found and kind in ENDS_THE_JOB:
            _, left = psutil.wait_procs(tree, timeout=60)
            assert not left, f"{left} outlived the {kind} that was killed"
            self.process.stdout.close()
        return bool(found)

    def result(self) -> dict[str, Any]:
        """What it printed when it ended well."""
        out, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0, self.log.read_text()
        return dict(json.loads(out.splitlines()[-1]))


def read_command(process: psutil.Process) -> str:
    """A process's command line; empty when it has ended."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def read_parent(process: psutil.Process) -> int:
    """The pid of its parent; 0 when it has ended."""
    with suppress(psutil.Error):
        return int(process.ppid())
    return 0
