"""When a message may go: Slack's rates as gates that open at a time, so that nobody waits inside a lock.

Posts: one a second for each channel. ``chat.update``: 50 a minute for the whole workspace, of which presses keep a
share. Edits of one message that only count further come at most every 5 s, what changes a card's state or buttons
every second, and the answer to a press at once. A 429 closes the gate of that method (and channel) for as
long as Slack says. Times are seconds of a monotonic clock, given by the caller; this module never asks the time.
"""

from __future__ import annotations

from collections import deque

from bot.domain.owed import MessageKind, OutboxRow, Priority

POST, UPDATE, EPHEMERAL = "chat.postMessage", "chat.update", "chat.postEphemeral"
SHARE = "files.completeUploadExternal"
FILES = frozenset({MessageKind.CHART, MessageKind.FILE})
"""What may take an upload: a limit on one of its calls holds for all of them, and for nothing else."""
MINUTE = 60.0
STATE = 1.0
"""Seconds between two edits that change a card's state: several stages of one act in a second are one edit."""
REMEMBERED = 2000


def method_of(row: OutboxRow) -> str:
    """Which call a row needs."""
    if row.kind is MessageKind.EPHEMERAL:
        return EPHEMERAL
    return UPDATE if row.posted_ts else POST


class Pace:
    """The gates of one process; several replicas are kept apart by Slack's 429."""

    def __init__(self, post_interval: float = 1.0, updates_a_minute: int = 50, edit_interval: float = 5.0) -> None:
        self._post_interval = post_interval
        self._updates = max(updates_a_minute - 2, 1)  # a little under the limit: Slack's window isn't ours
        self._reserved = max(updates_a_minute // 5, 1)
        self._edit_interval = edit_interval
        self._posts: dict[str, float] = {}
        self._edits: dict[str, float] = {}
        self._window: deque[float] = deque()
        self._blocked: dict[tuple[str, str], float] = {}

    def opens(self, row: OutboxRow, now: float) -> float:
        """The time from which this row may be sent; ``now`` or earlier means at once."""
        method = method_of(row)
        gate = self._blocked.get(self._door(method, row.channel), 0.0)
        if row.kind in FILES:
            gate = max(gate, self._blocked.get(self._door(SHARE, row.channel), 0.0))
        if method == POST:
            return max(gate, self._posts.get(row.channel, 0.0))
        if method == UPDATE:
            return max(gate, self._room(row, now), self._edits.get(row.key, float("-inf")) + self._interval(row))
        return gate

    def spend(self, row: OutboxRow, now: float, method: str = "") -> None:
        """Counts a call that is about to be made for this row."""
        method = method or method_of(row)
        if method == POST:
            self._posts[row.channel] = max(now, self._posts.get(row.channel, 0.0)) + self._post_interval
        elif method == UPDATE:
            self._window.append(now)
        if len(self._edits) > REMEMBERED:
            self._edits = {key: at for key, at in self._edits.items() if now - at < self._edit_interval}
        self._edits[row.key] = now

    def block(self, method: str, channel: str, until: float) -> None:
        """Closes a gate after a 429, or after an error that holds for all posts of a channel."""
        door = self._door(method, channel)
        self._blocked[door] = max(until, self._blocked.get(door, 0.0))

    @staticmethod
    def _door(method: str, channel: str) -> tuple[str, str]:
        if method.startswith("files."):
            return (SHARE, "")
        return (method, channel if method == POST else "")

    def _interval(self, row: OutboxRow) -> float:
        if row.priority is Priority.PRESS:
            return 0.0
        changed = row.priority.rank <= Priority.NEW_CARD.rank
        return min(STATE, self._edit_interval) if changed else self._edit_interval

    def _room(self, row: OutboxRow, now: float) -> float:
        while self._window and now - self._window[0] >= MINUTE:
            self._window.popleft()
        limit = self._updates if row.priority is Priority.PRESS else max(self._updates - self._reserved, 1)
        if len(self._window) < limit:
            return now
        return self._window[len(self._window) - limit] + MINUTE
