"""One connection for a small question that is asked again and again.

The general client takes twice the CPU for it: it can stream, follow, repeat, and go through proxies. Nothing of that is
done here, and whatever is out of the ordinary is left to the general client.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import select
from socket import socket
from threading import Lock
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

from synapse_sdk.utils.network import is_loopback


class KeptConnection:
    """A connection to one server, opened when it is first asked.

    Args:
        base_url: Address of the server, without a trailing slash.
        headers: What every request carries.
        timeout: How long to wait for a connection, and for each part of an answer.
        tls: What certificates are checked with.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: httpx2.Timeout, tls: ssl.SSLContext) -> None:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        self._prefix, self._headers, self._patience = parts.path, headers, timeout.read
        self._connection = (
            HTTPSConnection(host, parts.port, timeout=timeout.connect, context=tls)
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=timeout.connect)
        )
        self._is_direct = is_loopback(base_url) or not getproxies()
        self._lock = Lock()

    def get(self, path: str) -> tuple[bytes, str] | None:
        """Body and media type of what is answered with 200; None when the general client is to ask."""
        if not self._is_direct or not self._lock.acquire(blocking=False):
            return None
        try:
            return self._ask(f"{self._prefix}/{path}")
        except (OSError, HTTPException):
            self._connection.close()
            return None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, target: str) -> tuple[bytes, str] | None:
        known: socket | None = self._connection.sock
        if known is None or _is_over(known):
            self._connection.close()
            self._connection.connect()
            self._connection.sock.settimeout(self._patience)
        self._connection.request("GET", target, headers=self._headers)
        response = self._connection.getresponse()
        # Whatever the status: the next answer comes after it.
        body = response.read()
        return (body, response.getheader("Content-Type", "")) if response.status == 200 else None


def _is_over(connection: socket) -> bool:
    """Whether something has come that nobody asked for: the end of the connection, as servers end idle ones."""
    return bool(select((connection,), (), (), 0)[0])
