"""A line that is cut is cut for everybody."""

import socket
import threading
from urllib.parse import urlsplit

from tests.engines import faulty


def test_who_is_let_in_while_the_line_goes_down_is_cut_too(monkeypatch):
    reached, may_go_on, connect = threading.Event(), threading.Event(), socket.create_connection

    def connect_late(address):
        reached.set()
        may_go_on.wait(60)
        return connect(address)

    with socket.create_server(("127.0.0.1", 0)) as server:
        line = faulty.FaultyLine(f"http://127.0.0.1:{server.getsockname()[1]}")
        # Before anybody calls: the line may answer a call before this thread has its next turn.
        monkeypatch.setattr(faulty.socket, "create_connection", connect_late)
        with connect(("127.0.0.1", urlsplit(line.url).port)) as client:
            client.settimeout(60)
            assert reached.wait(60)
            line.go_down()
            may_go_on.set()
            assert client.recv(1) == b""
        line.close()
