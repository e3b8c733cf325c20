"""Ctrl-C: the JVM first, one message, no stack trace of PySpark's own."""

import os
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from spark_jobs.core.session import stop_on_interrupt


@pytest.fixture(autouse=True)
def _handler_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_jvm_ends_first_and_what_it_hangs_up_on_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ended = []

    class Fails(socketserver.BaseRequestHandler):
        """As PySpark's own does when the JVM hangs up."""

        def handle(self) -> None:
            raise EOFError

    with socketserver.TCPServer(("127.0.0.1", 0), Fails) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        gateway = SimpleNamespace(proc=SimpleNamespace(terminate=lambda: ended.append("jvm")))
        spark: Any = SimpleNamespace(
            sparkContext=SimpleNamespace(_gateway=gateway, _accumulatorServer=server)
        )
        stop_on_interrupt(spark)

        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        socket.create_connection(server.server_address).close()
        server.shutdown()

    assert ended == ["jvm"]
    assert capfd.readouterr().err == ""
