"""Loopback ports for programs that are told theirs: free now, and nobody's a moment later when they listen.

They lie below those that the kernel gives to connections and to whoever lets it choose; and of two sandboxes, or two
workers of a test run, none hands out what the other did just now. It refuses to listen itself.
"""

from __future__ import annotations

import os
import random
import socket
import sys
from collections import deque

LOWEST, HIGHEST = 15_000, 32_000
"""Linux gives 32768 and up to connections; a port that a slow program listens on later must not be one of those."""
HELD = 200
"""Ports that are this process's until so many more were handed out; by then somebody listens or nobody will."""

_held: deque[int] = deque()
_chance = random.SystemRandom()


def free_port() -> int:
    """A loopback port that is free, and that no other sandbox hands out meanwhile."""
    while True:
        port = _chance.randrange(LOWEST, HIGHEST)
        if is_free(port) and _is_mine(port):
            return port


def is_free(port: int) -> bool:
    """Whether somebody could listen there now; connections that are over hold nobody up."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _is_mine(port: int) -> bool:
    """Takes a name that the machine gives to one process alone; it ends with the process, however that ends."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0fettle-sandbox-port-{port}")
    except OSError:
        claim.close()
        return False
    _held.append(claim.detach())
    if len(_held) > HELD:
        os.close(_held.popleft())
    return True
