"""Who waits for an app that is paused: what was sent to it and lies unread, as the kernel counts it.

The bytes that its network carried do not tell: a host announces itself on each network, at first by hundreds of bytes,
and a small request is less than that. The kernel takes connections and requests for a process that is frozen, too.
"""

from __future__ import annotations

import re
from pathlib import Path

PROCESSES = Path("/proc")
# Local port, state 01 (a caller who has left is in another), and the bytes that were not read; all hexadecimal.
_CONNECTED = re.compile(
    r"^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 01 [0-9A-F]+:([0-9A-F]+) ", re.MULTILINE
)


def unread_bytes(container_id: str, pid: int, port: int) -> int | None:
    """What callers have sent to a port of a container; None where its processes cannot be seen from here."""
    process = PROCESSES / str(pid)
    try:
        # An engine in a virtual machine has other numbers: this one may be anybody's here.
        if not pid or container_id not in (process / "cgroup").read_text():
            return None
        text = "".join(
            (process / "net" / name).read_text() for name in ("tcp", "tcp6") if (process / "net" / name).exists()
        )
    except OSError:
        return None
    return sum(int(unread, 16) for local, unread in _CONNECTED.findall(text) if int(local, 16) == port)
