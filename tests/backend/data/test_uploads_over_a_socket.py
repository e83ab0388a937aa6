"""An upload over a real connection: cut off in the middle, it leaves nothing that anyone could take for a file."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import uvicorn

from tests.backend.data.uploads import announce, stored_files

CONTENT = b"z" * 5_000_000


@pytest.fixture
def address(app, client) -> Iterator[tuple[str, int]]:
    """The same app behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(20)
    listener.close()


def wait_until(condition) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def begin_put(address, url: str, length: int) -> socket.socket:
    connection = socket.create_connection(address)
    path = urlsplit(url).path
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_interrupted_upload_leaves_nothing(client, settings, address):
    ticket = announce(client, CONTENT)
    connection = begin_put(address, ticket["upload_url"], len(CONTENT))
    connection.sendall(CONTENT[: len(CONTENT) // 2])
    wait_until(lambda: stored_files(settings))
    assert all(path.suffix == ".part" for path in stored_files(settings))

    connection.close()

    wait_until(lambda: not stored_files(settings))
    arrival = client.post("/v2/data-files/confirm-upload/", json={"ids": [ticket["data_file_id"]]}).json()["data"]
    assert arrival[0]["status"] == "missing"
    assert announce(client, CONTENT)["status"] == "upload"


def test_upload_of_another_length_is_refused_before_its_bytes_are_sent(client, address, settings):
    ticket = announce(client, CONTENT)

    connection = begin_put(address, ticket["upload_url"], len(CONTENT) + 1)

    assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    connection.close()
    assert stored_files(settings) == []


def test_interrupted_and_whole_upload_of_one_content_do_not_disturb_each_other(client, settings, address):
    ticket = announce(client, CONTENT)
    broken = begin_put(address, ticket["upload_url"], len(CONTENT))
    broken.sendall(CONTENT[:2_000_000])

    assert client.put(ticket["upload_url"], content=CONTENT).status_code == 204
    broken.close()

    wait_until(lambda: len(stored_files(settings)) == 1)
    assert hashlib.sha256(stored_files(settings)[0].read_bytes()).hexdigest() == hashlib.sha256(CONTENT).hexdigest()
