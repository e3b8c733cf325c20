"""Work in a process of its own, with a JVM that has done nothing else."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """What it returns; all must be importable and go by pickle."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()
