"""A real HTTP server in a thread that serves bytes, with or without ranges, and breaks connections on demand."""

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class FileServer:
    """Serves `content` under every path.

    `cuts` holds how many bytes each of the next answers delivers before the connection breaks.
    """

    content: bytes = b""
    has_ranges: bool = True
    has_etag: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    replace_after_cut: bytes | None = None
    range_shift: int = 0
    ranges: list[str | None] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    served: FileServer

    def do_GET(self):
        served = self.served
        served.ranges.append(self.headers.get("Range"))
        served.headers.append(dict(self.headers))
        if served.statuses:
            self.send_response(served.statuses.pop(0))
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"trouble")
            return
        start = self.start_of_range()
        body = served.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        if served.has_etag:
            self.send_header("ETag", served.etag)
        self.end_headers()
        if served.cuts:
            self.wfile.write(body[: served.cuts.pop(0)])
            served.content = served.replace_after_cut or served.content
            self.close_connection = True
            return
        self.wfile.write(body)

    def start_of_range(self) -> int:
        served, asked = self.served, re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        is_same = self.headers.get("If-Range") in {None, served.etag}
        if not (asked and served.has_ranges and is_same):
            return 0
        return int(asked[1]) + served.range_shift

    def log_message(self, *args):
        pass


@pytest.fixture
def file_server():
    served = FileServer()
    handler = type("BoundHandler", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # A client that refuses an answer hangs up in the middle of it: nothing to print.
    server.handle_error = lambda request, address: None
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()
