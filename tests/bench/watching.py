"""Looking at something again and again beside the work that is measured."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def look_again(seconds: float, look: Callable[[], None]) -> Iterator[None]:
    """Look every so many seconds while the block lasts; the last look has ended with it."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
