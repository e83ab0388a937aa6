"""A network of its own for playground containers, on which they reach neither each other nor this host.

The engine keeps containers of the network apart. That they do not reach the programs of this host by the bridge's
address takes a rule of the host's firewall, which only root may set; where it cannot be set, that is said with the
command that sets it. Answers to connections that the host opens are not new connections, so they pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any

from docker import errors

NETWORK, BRIDGE = "synapse-playground", "synapse-pg0"
_RULE = ("INPUT", "-i", BRIDGE, "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
_SECONDS = 10
_LOOK_SECONDS = 0.1
COMMAND = "iptables -I " + " ".join(_RULE)
UNGUARDED = f"Playground containers can reach programs of this host; root can end that: {COMMAND}"


def ensure_network(api: Any) -> None:
    """Make the network unless it is there."""
    if _is_there(api):
        return
    options = {
        "com.docker.network.bridge.name": BRIDGE,
        "com.docker.network.bridge.enable_icc": "false",
    }
    try:
        api.create_network(NETWORK, driver="bridge", options=options, check_duplicate=True, labels={NETWORK: "1"})
    except errors.APIError:
        # Another build or agent is making it: its bridge is taken a moment before its name is listed.
        deadline = time.monotonic() + _SECONDS
        while not _is_there(api):
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _is_there(api: Any) -> bool:
    # Asked for a name, the engine answers longer ones, too.
    return any(row["Name"] == NETWORK for row in api.networks(names=[NETWORK]))


def guard_host() -> str:
    """Set the firewall's rule unless it is set; answers a warning where that cannot be done."""
    if shutil.which("iptables") is None or os.geteuid() != 0:
        return UNGUARDED
    if _iptables("-C") or _iptables("-I"):
        return ""
    return UNGUARDED


def _iptables(action: str) -> bool:
    call = ["iptables", "-w", "5", action, *_RULE]
    done = subprocess.run(call, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 - constants.
    return done.returncode == 0
