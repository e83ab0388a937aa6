"""A line to a server that can be bad: it is cut, answers 500, or ends in the middle of a body."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class FaultyLine:
    """Passes bytes on to a server, unless told otherwise.

    Attributes:
        is_down: Connections are closed at once.
        errors_left: So many connections are answered 500.
        cut_after: An answer ends after so many bytes, for `cuts_left` connections.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.is_down, self.errors_left, self.cuts_left, self.cut_after = False, 0, 0, 0
        self._open: list[socket.socket] = []
        # Who is let in is cut later, or comes too late to be let in: none in between goes on.
        self._door = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_down(self) -> None:
        """Cut every connection, and let nobody in again."""
        with self._door:
            self.is_down = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.go_down()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.is_down:
                return
            if self.errors_left > 0:
                self.errors_left -= 1
                client.recv(65536)
                client.sendall(ERROR)
                return
            with socket.create_connection(self._target) as server:
                with self._door:
                    if self.is_down:
                        return
                    self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                self._pass_back(server, client)

    @staticmethod
    def _pass_on(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        sent = 0
        while data := server.recv(65536):
            if self.cuts_left > 0 and sent + len(data) > self.cut_after:
                self.cuts_left -= 1
                client.sendall(data[: max(0, self.cut_after - sent)])
                client.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(data)
            sent += len(data)
