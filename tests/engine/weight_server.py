"""A store of files over HTTP for tests: counts what it gives, and can stop in the middle."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Store(ThreadingHTTPServer):
    """Files by name below /model/; after `give` bytes of files it holds requests until `going`."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.version = 1
        self.ranges = True
        self.give = 1 << 40
        self.given: list[tuple[str, int, int]] = []  # name, first byte, bytes
        self.lock = threading.Lock()
        self.going = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Nothing: those who are killed hang up."""

    @property
    def url(self) -> str:
        """The folder's address."""
        return f"http://127.0.0.1:{self.server_port}/model/"

    def bytes_given(self) -> int:
        """Bytes of files that were asked for and given."""
        return sum(size for _, _, size in self.given)


class Handler(BaseHTTPRequestHandler):
    """HEAD and GET of files, with ranges, and of the folder's page."""

    server: Store

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        name = self.path.removeprefix("/model/")
        if not name:
            links = "".join(f'<a href="{name}">{name}</a>' for name in self.server.files)
            self.send(200, links.encode(), with_body=with_body)
        elif name not in self.server.files:
            self.send(404, b"", with_body=with_body)
        else:
            self.send_file(name, with_body=with_body)

    def send_file(self, name: str, *, with_body: bool) -> None:
        content, asked = self.server.files[name], self.headers.get("Range", "")
        if not with_body or not asked or not self.server.ranges:
            self.count(name, 0, len(content) if with_body else 0)
            self.send(200, content, with_body=with_body)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last or len(content)) + 1]
        self.count(name, int(first), len(part))
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        self.send(206, part, with_body=True, place=place)

    def count(self, name: str, first: int, size: int) -> None:
        with self.server.lock:
            holds = size and self.server.bytes_given() + size > self.server.give
            if size and not holds:
                self.server.given.append((name, first, size))
        if holds:
            self.server.going.wait(60)

    def send(self, status: int, body: bytes, *, with_body: bool, place: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{self.server.version}"')
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serve_files(files: dict[str, bytes]) -> Iterator[Store]:
    """A store that runs meanwhile."""
    store = Store(files)
    thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield store
    finally:
        store.going.set()
        store.shutdown()
        thread.join()
        store.server_close()
