"""Waves: pending dialogues grouped by buckets, each wave one Spark job and one commit.

Two are in flight: while one drains and commits, the other keeps the engines busy.
"""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from queue import SimpleQueue


@dataclass(frozen=True, slots=True)
class Wave:
    """Pending work in the buckets from `first` to `last`: chunks, and the requests for them."""

    first: int
    last: int
    chunks: int
    requests: int


def plan_waves(buckets: Sequence[Wave], *, size: int, buckets_per_slice: int) -> list[Wave]:
    """Waves of about `size` requests from waves of one bucket each, in their order.

    A wave stays inside one slice, unless whole slices fit into it together: waves on different
    slices never meet. The first is cut in half and the other half comes last, so that two lanes
    never drain together.
    """
    groups: list[list[Wave]] = []
    for _, found in groupby(buckets, key=lambda wave: wave.first // buckets_per_slice):
        in_slice = list(found)
        if groups and count_requests([*groups[-1], *in_slice]) <= size:
            groups[-1] += in_slice
        else:
            groups.append(in_slice)
    parts = [part for group in groups for part in split(group, size)]
    if len(parts) > 1:
        first, *second = split(parts[0], math.ceil(count_requests(parts[0]) / 2))
        parts = [first, *parts[1:], *second]
    return [join(part) for part in parts]


def split(buckets: list[Wave], size: int) -> list[list[Wave]]:
    """Runs of buckets with nearly the same number of requests, `size` at most but for the odd."""
    total = count_requests(buckets)
    pieces, before, parts = math.ceil(total / size), 0, dict[int, list[Wave]]()
    for bucket in buckets:
        middle = before + bucket.requests / 2
        parts.setdefault(int(middle * pieces / total), []).append(bucket)
        before += bucket.requests
    return list(parts.values())


def join(waves: list[Wave]) -> Wave:
    """One wave of several, which lie behind each other."""
    chunks = sum(wave.chunks for wave in waves)
    return Wave(waves[0].first, waves[-1].last, chunks, count_requests(waves))


def count_requests(waves: Iterable[Wave]) -> int:
    """Requests of all."""
    return sum(wave.requests for wave in waves)


def run_lanes(waves: Sequence[Wave], work: Callable[[Wave], bool], *, lanes: int) -> None:
    """Do the waves in their order, so many at once, until `work` says False or raises.

    What is under way then is finished; the first error is raised.
    """
    halted = threading.Event()
    rest: SimpleQueue[Wave | None] = SimpleQueue()
    for wave in (*waves, *[None] * lanes):
        rest.put(wave)

    def drive() -> None:
        for wave in iter(rest.get, None):
            if halted.is_set():
                return
            try:
                go_on = work(wave)
            except BaseException:
                halted.set()
                raise
            if not go_on:
                halted.set()

    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        for lane in [pool.submit(drive) for _ in range(lanes)]:
            lane.result()
