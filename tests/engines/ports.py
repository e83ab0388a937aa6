"""Ports for programs that must be told theirs before they start."""

import random
import socket

# Below those that Linux gives to whoever asks for any (from 32768 on), and above those of Ray's workers.
RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has, and that nobody gets who does not ask for them."""
    found: list[int] = []
    chance = random.SystemRandom()
    while len(found) < count:
        port = chance.choice(RANGE)
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
