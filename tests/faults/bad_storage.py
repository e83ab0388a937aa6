"""A storage on a bad day, in front of the real one: signed links lead here, and here they are answered late, wrong or halfway."""

import hashlib
import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_SECONDS = 0.2
NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "accept-encoding", "date", "server"}


class Mood(StrEnum):
    """How a bad answer is bad."""

    FINE = "fine"
    SLOW = "slow"
    ERROR = "error"
    HALF = "half"
    DEAD = "dead"


class BadStorage:
    """Passes requests on to `target`, and spoils the first answer for some objects.

    Attributes:
        mood: How; FINE passes everything on, DEAD refuses every object every time.
        one_in: About one of so many objects is spoilt. Which ones, their names decide.
    """

    def __init__(self) -> None:
        self.target = ""
        self.mood = Mood.FINE
        self.one_in = 4
        self.spoilt: Counter[Mood] = Counter()
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def be(self, mood: Mood) -> None:
        with self._lock:
            self.mood, self.spoilt = mood, Counter()
            self._seen.clear()

    def mood_for(self, path: str) -> Mood:
        """What becomes of this request."""
        with self._lock:
            is_first = path not in self._seen
            self._seen.add(path)
            is_chosen = int(hashlib.sha256(path.encode()).hexdigest(), 16) % self.one_in == 0
            chosen = self.mood is Mood.DEAD or (is_first and is_chosen)
            mood = self.mood if chosen and "/objects/" in path else Mood.FINE
            self.spoilt[mood] += 1
            return mood

    def handler(self) -> type[BaseHTTPRequestHandler]:
        storage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                storage.answer(self)

            def log_message(self, *_args: object) -> None: ...

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        mood = self.mood_for(urlsplit(request.path).path)
        if mood in {Mood.ERROR, Mood.DEAD}:
            request.send_response(500)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        status, headers, body = self._fetch(request)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        half = len(body) // 2
        with suppress(BrokenPipeError, ConnectionResetError):
            request.wfile.write(body[:half])
            request.wfile.flush()
            if mood is Mood.HALF:
                request.close_connection = True
                return
            if mood is Mood.SLOW:
                time.sleep(SLOW_SECONDS)
            request.wfile.write(body[half:])

    def _fetch(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        try:
            wanted = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
            connection.request("GET", request.path, headers=wanted)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON}
            return answer.status, headers, answer.read()
        finally:
            connection.close()


@contextmanager
def run_bad_storage() -> Iterator[tuple[BadStorage, str]]:
    """The storage and its URL; `target` is set as soon as it is known."""
    storage = BadStorage()
    server = ThreadingHTTPServer(("127.0.0.1", 0), storage.handler())
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield storage, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
