"""Short-lived secrets an interaction hands to the app: trigger ids and response URLs.

A trigger id opens one view within three seconds; a response URL takes five answers in thirty
minutes. It refuses to be lenient: an app that dawdles must find out here.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.patience import stretched
from bot.sandbox.slack.errors import ApiError

TRIGGER_SECONDS = 3.0
RESPONSE_USES = 5
RESPONSE_SECONDS = 30 * 60.0
KEPT = 2_000


@dataclass
class Trigger:
    """Where a trigger id came from; `view_id` when it was pressed inside a modal."""

    user: str
    born: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseTarget:
    """What a response URL may answer; `ts` is the message the interaction came from, if any."""

    channel: str
    user: str
    born: float
    ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class Triggers:
    """All trigger ids and response URLs handed out, the oldest forgotten."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._triggers: dict[str, Trigger] = {}
        self._targets: dict[str, ResponseTarget] = {}

    def new(self, user: str, view_id: str | None = None) -> str:
        """A fresh trigger id for this user."""
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, self._now(), view_id)
        if len(self._triggers) > KEPT:
            del self._triggers[next(iter(self._triggers))]
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger id up; ApiError when it is unknown, used or older than three seconds."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if trigger.used:
            raise ApiError("exchanged_trigger_id")
        if self._now() - trigger.born > stretched(TRIGGER_SECONDS):
            raise ApiError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response(self, channel: str, user: str, ts: str | None = None, thread_ts: str | None = None) -> str:
        """The secret part of a new response URL."""
        secret = f"{secrets.randbelow(10**12)}/{secrets.token_urlsafe(18)}"
        self._targets[secret] = ResponseTarget(channel, user, self._now(), ts, thread_ts)
        if len(self._targets) > KEPT:
            del self._targets[next(iter(self._targets))]
        return secret

    def use_response(self, secret: str) -> ResponseTarget:
        """Take one use of a response URL; ApiError `expired_url` or `used_url` when it is over."""
        target = self._targets.get(secret)
        if target is None or self._now() - target.born > RESPONSE_SECONDS:
            raise ApiError("expired_url")
        if target.uses >= RESPONSE_USES:
            raise ApiError("used_url")
        target.uses += 1
        return target
