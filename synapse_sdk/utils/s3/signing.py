"""AWS Signature Version 4, as S3 wants it: every request says who sends it, and what its body's SHA-256 is.

The store refuses a body of another SHA-256, so the signature guards the bytes on their way as well.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
# Signed when they are sent, beside all that begin with `x-amz-`.
_SIGNED_HEADERS = frozenset({"content-md5", "host"})


@dataclass(frozen=True)
class Signer:
    """Who signs, and for which region."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def sign(
        self, method: str, path: str, query: str, *, headers: Mapping[str, str], body: bytes | bytearray, now: datetime
    ) -> dict[str, str]:
        """The headers to send.

        Args:
            method: The HTTP method.
            path: The path, quoted.
            query: The query, as `quote_query` makes it.
            headers: The other headers, `host` among them, in lower case.
            body: What is sent.
            now: The time, in UTC; a store takes no request that is 15 minutes off.
        """
        moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        payload = hashlib.sha256(body).hexdigest()
        sent = {**headers, "x-amz-content-sha256": payload, "x-amz-date": moment}
        signed = sorted(name for name in sent if name.startswith("x-amz-") or name in _SIGNED_HEADERS)
        lines = "".join(f"{name}:{' '.join(sent[name].split())}\n" for name in signed)
        request = "\n".join([method, path, query, lines, ";".join(signed), payload])
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = hmac.new(self._key_of(day), text.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.access_key}/{scope}"
        sent["authorization"] = f"{_ALGORITHM} {credential}, SignedHeaders={';'.join(signed)}, Signature={signature}"
        return sent

    def _key_of(self, day: str) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for word in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return key


def quote_path(path: str) -> str:
    """A path as it is signed and sent: all but letters, digits and `-._~/` in percents."""
    return quote(path, safe="/~")


def quote_query(query: Sequence[tuple[str, str]]) -> str:
    """A query as it is signed and sent: sorted, every value with its `=`."""
    return "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query))
