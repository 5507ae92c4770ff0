"""Switches for everything that goes wrong with Slack: slow, broken, dropped, rate limited, unheard.

Faults of the Web API are by method name, "*" for all, or "response_url" and "upload". They stay
until they are used up (`times`) or cleared. It decides; the HTTP and socket layers carry it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace


@dataclass
class Fault:
    """One switch; `times` left, None for ever."""

    kind: str
    times: int | None = None
    seconds: float = 0.0
    retry_after: int = 0
    error: str | int = ""

    def is_like(self, other: Fault) -> bool:
        """Whether it does the same, however often it still does."""
        return replace(self, times=None) == replace(other, times=None)


@dataclass
class SocketOrders:
    """What the socket layer is told; the server fills it in."""

    disconnect: Callable[[str], Awaitable[int]]
    abort_all: Callable[[], int]
    expire_tickets: Callable[[], None]


@dataclass
class SocketFaults:
    """Standing orders for Socket Mode, read by the socket layer."""

    refuse: int = 0
    stale: int = 0
    answer_pings: bool = True
    duplicates: int = 0
    ghosts: int = 0


@dataclass
class Faults:
    """The switchboard `server.faults`."""

    sockets: SocketFaults = field(default_factory=SocketFaults)
    orders: SocketOrders | None = None
    clock_off: float = 0.0  # seconds that the Date of answers is ahead of this machine's clock
    _by_method: dict[str, list[Fault]] = field(default_factory=dict)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def _add(self, method: str, fault: Fault) -> None:
        self._by_method.setdefault(method, []).append(fault)

    # -- Web API ------------------------------------------------------------------------------

    def rate_limit(self, method: str, retry_after: int, times: int | None = None) -> None:
        """Answer 429 with `Retry-After: retry_after` (seconds)."""
        self._add(method, Fault("rate_limit", times, retry_after=retry_after))

    def slow(self, method: str, seconds: float, times: int | None = None) -> None:
        """Wait before processing."""
        self._add(method, Fault("slow", times, seconds=seconds))

    def drop_after(self, method: str, times: int | None = 1) -> None:
        """Process the call, then reset the connection instead of answering."""
        self._add(method, Fault("drop_after", times))

    def drop_before(self, method: str, times: int | None = 1) -> None:
        """Reset the connection without having processed the call."""
        self._add(method, Fault("drop_before", times))

    def error(self, method: str, error: str | int, times: int | None = None) -> None:
        """Answer `{"ok": false, "error": error}`, or for a number that status with HTML."""
        self._add(method, Fault("error", times, error=error))

    def hang(self, method: str, times: int | None = None) -> None:
        """Never answer (until `clear`), the call not processed."""
        self._add(method, Fault("hang", times))

    def hang_after(self, method: str, times: int | None = 1) -> None:
        """Process the call and never answer (until `clear`)."""
        self._add(method, Fault("hang_after", times))

    def is_on(self, method: str, like: Fault) -> bool:
        """Whether a fault like this one stands for this method."""
        return any(fault.is_like(like) for fault in self._by_method.get(method, ()))

    def lift(self, method: str, like: Fault) -> None:
        """Take such faults back for one method, and release the calls that hang for them."""
        left = [fault for fault in self._by_method.get(method, ()) if not fault.is_like(like)]
        self._by_method[method] = left
        if like.kind.startswith("hang"):
            self._release()

    def _release(self) -> None:
        self._released.set()
        self._released = asyncio.Event()

    def take(self, method: str) -> list[Fault]:
        """The faults that hit this call, each counted as used once."""
        hit = []
        for name in (method, "*"):
            for fault in list(self._by_method.get(name, [])):
                hit.append(fault)
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._by_method[name].remove(fault)
        return hit

    async def hold(self) -> None:
        """Wait until `clear` or the end of the server."""
        await self._released.wait()

    # -- Socket Mode --------------------------------------------------------------------------

    def _socket_orders(self) -> SocketOrders:
        if self.orders is None:
            raise RuntimeError("The switchboard belongs to no server.")
        return self.orders

    async def disconnect(self, reason: str = "warning") -> int:
        """Send `{"type": "disconnect", "reason"}` on every connection; how many there were.

        Reasons are "warning", "refresh_requested" and "link_disabled"; after the last two the
        server closes the connection, as Slack does.
        """
        return await self._socket_orders().disconnect(reason)

    def close_sockets(self) -> int:
        """Reset the TCP connection of every socket; how many there were."""
        return self._socket_orders().abort_all()

    def refuse_sockets(self, n: int = 1) -> None:
        """Refuse the next `n` WebSocket handshakes."""
        self.sockets.refuse = n

    def expire_tickets(self) -> None:
        """Every ticket handed out so far and not yet used is refused."""
        self._socket_orders().expire_tickets()

    def stale_tickets(self, n: int = 1) -> None:
        """The next `n` tickets are over when they are handed out: whoever wants to connect has to ask for another."""
        self.sockets.stale = n

    def no_pong(self, *, on: bool = True) -> None:
        """Stop answering the client's pings."""
        self.sockets.answer_pings = not on

    def ghosts(self, n: int = 1) -> None:
        """Count `n` half-open connections: each takes its share of the payloads and loses them.

        Slack keeps connections whose client is gone behind a broken network for a while.
        """
        self.sockets.ghosts = n

    def duplicate_next_envelope(self, times: int = 1) -> None:
        """Deliver the next payload twice, under two envelope ids (the `event_id` is the same)."""
        self.sockets.duplicates += times

    def set_clock(self, seconds: float) -> None:
        """The Date of answers is so far ahead of this machine's clock."""
        self.clock_off = seconds

    def clear(self) -> None:
        """Switch everything off and release the calls that hang."""
        self._by_method.clear()
        self.clock_off = 0.0
        self.sockets.refuse = 0
        self.sockets.stale = 0
        self.sockets.answer_pings = True
        self.sockets.duplicates = 0
        self.sockets.ghosts = 0
        self._release()
