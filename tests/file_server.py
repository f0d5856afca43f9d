"""A web server of one file, for tests of downloads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """A server of one file.

    Attributes:
        content: of the file.
        ranges: whether it can send a part.
        cut_after: bytes after which it closes the connection, ``None`` for never.
        status: what it answers.
        requests: the ranges requested.
    """

    content: bytes
    ranges: bool = True
    cut_after: int | None = None
    status: int = 200
    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """Serve a file on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested = self.headers.get("Range", "")
            server.requests.append(requested)
            if server.status != 200:
                self.send_error(server.status)
                return
            whole = len(server.content)
            start = int(requested.removeprefix("bytes=").removesuffix("-")) if server.ranges else 0
            if start >= whole:
                self.send_error(416)
                return
            self.send_response(206 if server.ranges else 200)
            if server.ranges:
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(whole - start))
            self.end_headers()
            with suppress(ConnectionError):  # the client may have closed the connection
                self.wfile.write(server.content[start:][: server.cut_after])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}/clips.zip"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            listening.shutdown()
            thread.join()
