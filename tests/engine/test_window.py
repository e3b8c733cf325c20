"""The sliding window: full, bounded, in order of completion, and clean at its end."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from udfs.engine.budget import Budget
from udfs.engine.window import background_loop, run_window


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with background_loop() as running:
        yield running


def alone(width: int) -> Budget:
    """The budget of a task without neighbours."""
    return Budget(None, share=width, total=width)


async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def test_results_come_in_the_order_in_which_they_are_done(
    loop: asyncio.AbstractEventLoop,
) -> None:
    results = run_window(loop, [0.2, 0.01, 0.1], nap, budget=alone(3), weigh=lambda _: 1)

    assert list(results) == [0.01, 0.1, 0.2]


def test_no_more_than_the_width_is_under_way(loop: asyncio.AbstractEventLoop) -> None:
    under_way, most = 0, 0

    async def work(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    list(run_window(loop, range(200), work, budget=alone(8), weigh=lambda _: 1))

    assert most == 8


def test_an_item_heavier_than_the_window_still_runs(loop: asyncio.AbstractEventLoop) -> None:
    assert list(run_window(loop, [0.0, 0.0], nap, budget=alone(3), weigh=lambda _: 7)) == [0.0, 0.0]


def test_items_are_read_only_as_fast_as_the_window_moves(
    loop: asyncio.AbstractEventLoop,
) -> None:
    read = []

    def items() -> Iterator[float]:
        for index in range(1000):
            read.append(index)
            yield 0.0

    next(run_window(loop, items(), nap, budget=alone(4), weigh=lambda _: 1))

    assert len(read) <= 8


def test_what_the_work_raises_is_raised_to_the_reader(loop: asyncio.AbstractEventLoop) -> None:
    async def fail(_: int) -> None:
        raise LookupError("no engine")

    with pytest.raises(LookupError, match="no engine"):
        list(run_window(loop, range(5), fail, budget=alone(2), weigh=lambda _: 1))


def test_leaving_early_cancels_what_is_under_way(loop: asyncio.AbstractEventLoop) -> None:
    cancelled = threading.Event()
    all_begun = asyncio.Event()

    async def work(item: int) -> int:
        if item == 2:
            all_begun.set()
        try:
            await (all_begun.wait() if item == 0 else asyncio.sleep(60))
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return item

    results = run_window(loop, range(3), work, budget=alone(3), weigh=lambda _: 1)
    assert next(results) == 0
    results.close()

    assert cancelled.wait(5)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_items_end_promptly(loop: asyncio.AbstractEventLoop, count: int) -> None:
    results = run_window(loop, [0.0] * count, nap, budget=alone(64), weigh=lambda _: 7)

    assert list(results) == [0.0] * count
