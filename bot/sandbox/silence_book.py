"""Silences as Alertmanager 0.33 keeps them: matchers, times, and what is said of a wrong one, as recorded.

It refuses to know HTTP and to forget: an expired silence stays in the list, as it does for days in a real one.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


class RefusedError(Exception):
    """What Alertmanager answers instead: a status and its body, which is None for an empty one."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body}")


def now() -> datetime:
    """The present moment of this machine."""
    return datetime.now(UTC)


@dataclass
class Kept:
    """One silence; ``expired`` is when somebody ended it."""

    id: str
    matchers: list[Json]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    updated_at: datetime

    def state(self, now: datetime) -> str:
        """``pending``, ``active`` or ``expired``."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether all its matchers hold for these labels; a label that isn't there has the empty value."""
        return all(_holds(one, labels) for one in self.matchers)

    def told(self, now: datetime) -> Json:
        """As the API tells it."""
        return {
            "id": self.id,
            "status": {"state": self.state(now)},
            "updatedAt": _stamp(self.updated_at),
            "comment": self.comment,
            "createdBy": self.created_by,
            "endsAt": _stamp(self.ends_at),
            "matchers": self.matchers,
            "startsAt": _stamp(self.starts_at),
        }


@dataclass
class SilenceBook:
    """All silences of one Alertmanager, the newest last."""

    clock: Callable[[], datetime] = now
    kept: dict[str, Kept] = field(default_factory=dict)

    def active(self, labels: Mapping[str, str]) -> list[str]:
        """The ids of the silences that hold now for an alert with these labels."""
        now = self.clock()
        return [one.id for one in self.kept.values() if one.state(now) == "active" and one.holds(labels)]

    def post(self, body: Any) -> str:
        """A new one, or a change of the one that is named, which becomes a new one; its id. ``RefusedError``."""
        _required(body)
        now, old = self.clock(), self.kept.get(str(body.get("id") or ""))
        if body.get("id") and old is None:
            raise RefusedError(404, "silence not found")
        starts_at, ends_at = max(_time(body["startsAt"]), now), _time(body["endsAt"])
        if ends_at < now:
            raise RefusedError(400, "Failed to create silence: end time can't be in the past")
        matchers = [_matcher(one) for one in body["matchers"]]
        if all(_holds(one, {}) for one in matchers):
            raise RefusedError(400, "silence invalid: at least one matcher must not match the empty string")
        if old is not None:
            self.expire(old.id)
        made = Kept(str(uuid.uuid4()), matchers, starts_at, ends_at, str(body["createdBy"]), str(body["comment"]), now)
        self.kept[made.id] = made
        return made.id

    def expire(self, silence_id: str) -> None:
        """Ends one; one that is expired already stays as it is. ``RefusedError``."""
        if silence_id not in self.kept:
            raise RefusedError(404, None)
        now, one = self.clock(), self.kept[silence_id]
        if one.state(now) != "expired":
            one.ends_at = one.updated_at = now


def _required(body: Any) -> None:
    if not isinstance(body, dict):
        raise RefusedError(400, {"code": 400, "message": 'parsing silence body from "" failed'})
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if body.get(name) is None:
            raise RefusedError(422, {"code": 602, "message": f"{name} in body is required"})
    if not body["matchers"]:
        raise RefusedError(422, {"code": 612, "message": "matchers in body should have at least 1 items"})


def _matcher(one: Mapping[str, Any]) -> Json:
    is_equal = one.get("isEqual", True) is not False
    made: Json = {
        "isEqual": is_equal,
        "isRegex": bool(one["isRegex"]),
        "name": str(one["name"]),
        "value": str(one["value"]),
    }
    if made["isRegex"]:
        try:
            re.compile(made["value"])
        except re.error as error:
            raise RefusedError(400, f"silence invalid: invalid label matcher: {error}") from error
    return made


def _holds(matcher: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher["name"], "")
    found = bool(re.fullmatch(matcher["value"], value)) if matcher["isRegex"] else value == matcher["value"]
    return found if matcher["isEqual"] else not found


def _time(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise RefusedError(400, {"code": 400, "message": f'parsing time "{text}" failed'})
    return at


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
