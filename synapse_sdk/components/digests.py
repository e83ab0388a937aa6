"""What names a component's bytes: SHA-256 wherever something is trusted, xxh3_64 as the short name that people see.

Two files with equal xxh3 can be made by hand, so it decides nothing but what to show.
"""

from __future__ import annotations

import hashlib
import re

from synapse_sdk.exceptions import ComponentError

# A component is source code; what is larger belongs into a data set or a model's weights.
MAX_COMPONENT_BYTES = 4 * 2**20
_HASH = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{48})?")


def sha256_of(content: bytes | memoryview) -> str:
    """The identity of a component's bytes."""
    return hashlib.sha256(content).hexdigest()


def short_hash(content: bytes | memoryview) -> str:
    """xxh3_64 of the bytes, unseeded, 16 hexadecimal digits. Needs the library of the extras `server` and `worker`."""
    import xxhash

    return xxhash.xxh3_64_hexdigest(content)


def is_hash(text: str) -> bool:
    """Whether this names bytes: a short hash, or a SHA-256."""
    return _HASH.fullmatch(text) is not None


def decode_component(content: bytes) -> str:
    """A component's text, its line ends and byte order mark as they are.

    Raises:
        ComponentError: Python could not read it, or it is too large to be source code; the message is the reason.
    """
    if len(content) > MAX_COMPONENT_BYTES:
        raise ComponentError(f"{len(content)} bytes; {MAX_COMPONENT_BYTES} is the limit")
    if (nul := content.find(b"\0")) >= 0:
        raise ComponentError(f"byte {nul + 1} is NUL, which Python does not read")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise ComponentError(f"byte {exc.start + 1} is not UTF-8; save the file as UTF-8") from exc
