"""A sliding window over asynchronous work: it stays full, whatever the consumer does meanwhile."""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from udfs.engine.budget import Budget

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_window(
    loop: asyncio.AbstractEventLoop,
    items: Iterable[Item],
    work: Callable[[Item], Awaitable[Result]],
    *,
    budget: Budget,
    weigh: Callable[[Item], int],
) -> Iterator[Result]:
    """Results in the order in which they are done, with as much under way as the budget allows.

    An item goes in as soon as there is room for a part of it, so that the last one may exceed the
    budget and one that alone weighs more still runs. Work starts in the order of the items. What
    `work` raises is raised here; leaving early cancels what is under way.
    """
    done: queue.SimpleQueue[tuple[Future[Result], int]] = queue.SimpleQueue()
    open_futures: set[Future[Result]] = set()

    def take() -> Result:
        future, weight = done.get()
        budget.set(budget.own - weight)
        open_futures.discard(future)
        return future.result()

    try:
        for item in items:
            while open_futures and not budget.has_room():
                yield take()
            weight = weigh(item)
            future = asyncio.run_coroutine_threadsafe(as_coroutine(work, item), loop)
            open_futures.add(future)
            budget.set(budget.own + weight)
            future.add_done_callback(lambda f, w=weight: done.put((f, w)))  # type: ignore[misc]
            while not done.empty():
                yield take()
        while open_futures:
            yield take()
    finally:
        for future in open_futures:
            future.cancel()


async def as_coroutine(work: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    """One item's work as a coroutine object, which is what a loop of another thread takes."""
    return await work(item)


@contextmanager
def background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own, so that it never waits for Spark."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="engine-client", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(cancel_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def cancel_all() -> None:
    """Cancel every other task of this loop and wait until they have let go."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
