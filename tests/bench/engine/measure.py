"""What the engine's benchmarks share: pages, a bare client to compare with, and CPU by process."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from spark_jobs.core.settings import CONF
from udfs.dialogue.specs import Spec

PAGE_CHARS = 700  # about 250 tokens: a page is one chunk


@dataclass(frozen=True)
class Pass:
    """One way through all requests: seconds from the first of them to the end, CPU seconds."""

    seconds: float
    python_cpu: float
    jvm_cpu: float = 0.0


def make_pages(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Pages of real text, each of one chunk, no two alike."""
    lines = (CONF / "sample" / "pages.jsonl").read_text(encoding="utf-8").splitlines()
    text = "\n\n".join(json.loads(line)["text"] for line in lines)
    starts = itertools.cycle(range(0, len(text) - PAGE_CHARS, 97))
    return [
        {
            "url": f"https://math.example/{number}",
            "text": f"Page {number}.\n\n{text[start : start + PAGE_CHARS]}",
            "date": None,
            "metadata": None,
        }
        for number, start in zip(range(first, first + count), starts, strict=False)
    ]


def write_pages(path: Path, pages: Sequence[dict[str, Any]]) -> Path:
    """The pages as a file for ingest."""
    path.write_text("\n".join(json.dumps(page) for page in pages) + "\n", encoding="utf-8")
    return path


def make_bodies(
    pages: Sequence[dict[str, Any]], specs: Sequence[Spec], model: str
) -> Iterator[dict[str, Any]]:
    """The requests for all styles of all pages, back to back."""
    for page in pages:
        for spec in specs:
            yield {"model": model, "messages": spec.messages(page["text"]), **spec.sampling}


def run_bare(socket: Path, bodies: Iterator[dict[str, Any]], *, window: int) -> Pass:
    """The least that a client can do: keep `window` requests under way, and read the answers."""

    async def drive(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            async with session.post("chat/completions", json=body) as response:
                response.raise_for_status()
                await response.json()

    async def drive_all() -> None:
        connector = aiohttp.UnixConnector(str(socket), limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            "http://engine/v1/", connector=connector, timeout=timeout
        ) as session:
            await asyncio.gather(*(drive(session) for _ in range(window)))

    started, cpu = time.time(), time.process_time()
    asyncio.run(drive_all())
    return Pass(time.time() - started, time.process_time() - cpu)


def cpu_of_workers() -> float:
    """CPU seconds so far of Spark's Python workers, those that have ended included."""
    return sum(spent(process, ended=True) for process in spark_processes("worker"))


def cpu_of_jvm() -> float:
    """CPU seconds so far of Spark's JVM."""
    return sum(spent(process, ended=False) for process in spark_processes("java"))


def spark_processes(word: str) -> list[psutil.Process]:
    """Processes below this one: "java", or "worker", PySpark's daemon included."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if word in (process.name(), process.cmdline()[-1].rpartition(".")[2]):
                found.append(process)
    return found


def spent(process: psutil.Process, *, ended: bool) -> float:
    """CPU seconds of a process, and of its children that have ended."""
    times = process.cpu_times()
    own = times.user + times.system
    return own + (times.children_user + times.children_system if ended else 0.0)
