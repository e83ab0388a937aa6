"""What is asked all the time goes over one connection; whatever is out of the ordinary, the general client does."""

import socket
import threading
from contextlib import suppress

import httpx2
import pytest

from synapse_sdk.clients.base import tls
from synapse_sdk.clients.components import ComponentClient, StoreNews
from synapse_sdk.clients.kept_connection import KeptConnection
from synapse_sdk.exceptions import AuthenticationError, ClientError
from synapse_sdk.utils.retry import RetryPolicy

STATE = b'{"data":{"state":"1-now","changed":[]},"meta":{}}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(STATE), STATE)
REVOKED = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
HALF = GOOD[:-20]
NOISE = b"220 this is no HTTP\r\n"


class Server:
    """Answers each request on each connection as it is told, then closes it.

    Args:
        answers: By connection, what each of its requests is answered with.
    """

    def __init__(self, *answers: list[bytes]) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[int, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        # Whoever clears it holds the answers back.
        self.may_answer = threading.Event()
        self.may_answer.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            for number in range(len(self._answers)):
                connection = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(number, connection), daemon=True).start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            for answer in self._answers[number]:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    received = connection.recv(65536)
                    if not received:
                        return
                    request += received
                self.requests.append((number, request))
                self.asked.release()
                assert self.may_answer.wait(60)
                connection.sendall(answer)
        self.ended.release()

    @property
    def connections(self) -> list[int]:
        return [number for number, _ in self.requests]

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def serve():
    servers = []

    def serve(*answers):
        servers.append(Server(*answers))
        return servers[-1]

    yield serve
    for each in servers:
        each.close()


def open_client(server, **options):
    return ComponentClient(server.url, "syn_key", retry=RetryPolicy(retries=0), **options)


def test_one_connection_carries_all_of_them(serve):
    server = serve([GOOD] * 3)
    with open_client(server) as client:
        assert [client.get_news("0 now+") for _ in range(3)] == [StoreNews("1-now", [])] * 3
    assert server.connections == [0, 0, 0]
    request = server.requests[0][1]
    assert request.startswith(b"GET /api/components/state?since=0%20now%2B HTTP/1.1\r\n")
    assert b"Authorization: Bearer syn_key\r\n" in request


def test_a_connection_that_was_closed_while_nobody_asked_is_opened_again(serve):
    server = serve([GOOD], [GOOD])
    with open_client(server) as client:
        client.get_news("0")
        assert server.ended.acquire(timeout=60)
        assert client.get_news("0") == StoreNews("1-now", [])
    assert server.connections == [0, 1]


@pytest.mark.parametrize("broken", [HALF, NOISE, b""])
def test_an_answer_that_breaks_off_or_is_none_is_asked_for_by_the_general_client(serve, broken):
    server = serve([broken], [GOOD])
    with open_client(server) as client:
        assert client.get_news("0") == StoreNews("1-now", [])
    assert server.connections == [0, 1]


def test_a_refusal_is_told_as_ever_and_the_next_question_is_asked(serve):
    server = serve([REVOKED, GOOD], [REVOKED])
    with open_client(server) as client:
        with pytest.raises(AuthenticationError):
            client.get_news("0")
        assert client.get_news("0") == StoreNews("1-now", [])
    assert server.connections == [0, 1, 0]


def test_a_server_that_is_not_there_is_told_as_ever(serve):
    server = serve()
    server.close()
    with open_client(server) as client, pytest.raises(ClientError, match="could not be reached"):
        client.get_news("0")


def test_behind_a_proxy_the_general_client_asks(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    kept = KeptConnection("http://synapse.invalid", {}, httpx2.Timeout(60), tls())
    assert kept.get("api/components/state") is None
    kept.close()


def test_who_asks_while_another_waits_gets_an_answer_too(serve):
    server, told = serve([GOOD], [GOOD]), []
    with open_client(server) as client:
        server.may_answer.clear()
        threads = [threading.Thread(target=lambda: told.append(client.get_news("0"))) for _ in range(2)]
        for thread in threads:
            thread.start()
            assert server.asked.acquire(timeout=60)
        server.may_answer.set()
        for thread in threads:
            thread.join()
    assert told == [StoreNews("1-now", [])] * 2
    assert server.connections == [0, 1]
