"""PagerDuty's REST API, as far as who is on call: reading alone, by a key that need do no more.

It refuses to change anything there, to follow what an answer points to, and to show its key or anybody's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.domain.errors import ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.domain.redaction import redact
from bot.integrations.door import Access, Door, Params, Reply
from bot.secret_file import Secret

SETTING = "PAGERDUTY_API"
ACCEPT = "application/vnd.pagerduty+json;version=2"
PAGE, PAGES = 100, 10
LARGEST = 4 * 1024 * 1024
FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a shift that has none: somebody who is always on call."""


@dataclass(frozen=True)
class Duty:
    """Somebody on call by a schedule: PagerDuty's id and address of that person, and the time as it says it."""

    user: str
    email: str
    since: datetime
    until: datetime


class OnCalls:
    """The schedules of one account. Raises only errors of ``bot.domain.errors``."""

    name = "PagerDuty"

    def __init__(self, url: str, token: Secret) -> None:
        self._door = Door(Access(self.name, SETTING, url, token, scheme="Token token=", accept=ACCEPT))

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def on_call(self, schedule: str, since: datetime, until: datetime, *, within: float) -> tuple[Duty, ...]:
        """Everybody whom this schedule has on call at some time between these; empty where it names nobody."""
        asked = {
            "schedule_ids[]": schedule, "include[]": "users", "time_zone": "UTC", "limit": str(PAGE),
            "since": since.astimezone(UTC).isoformat(), "until": until.astimezone(UTC).isoformat(),
        }  # fmt: skip
        found: list[Duty] = []
        offset = 0
        for _ in range(PAGES):
            body = await self._get("/oncalls", {**asked, "offset": str(offset)}, schedule, within)
            rows = body.get("oncalls")
            if not isinstance(rows, list):
                raise self._stranger(200)
            found += [duty for row in rows if isinstance(row, Mapping) and (duty := _duty(row, schedule)) is not None]
            if not body.get("more") or not rows:
                return tuple(dict.fromkeys(found))
            offset += len(rows)  # a page may be smaller than was asked for
        raise RejectedError(f"PagerDuty names more people on call by {schedule} than are read.", "too_many")

    async def schedule(self, schedule: str, *, within: float) -> str:
        """What a schedule is called; for the doctor."""
        body = await self._get(f"/schedules/{schedule}", {}, schedule, within)
        found = body.get("schedule")
        if not isinstance(found, Mapping):
            raise self._stranger(200)
        return str(found.get("name") or schedule)[:80]

    async def _get(self, path: str, asked: Params, schedule: str, within: float) -> Mapping[str, Any]:
        try:
            reply = await self._door.get(path, asked, within=within, largest=LARGEST)
        except ForbiddenError as error:
            why = "Its key is wrong or was taken back" if "401" in str(error) else "Its key may not read schedules"
            raise ForbiddenError(f"PagerDuty refuses us. {why}: look at PAGERDUTY_API_TOKEN.") from error
        if reply.status >= 500:
            raise UnavailableError(f"PagerDuty answers {reply.status} for now.", reply.retry_after)
        body = await self._body(reply)
        if reply.status == 404:
            told = f"PagerDuty knows no schedule {schedule} (404): look at ONCALL, and at PAGERDUTY_API_URL."
            raise NotFoundError(told)
        if reply.status >= 400:
            told = f"PagerDuty refuses to tell who is on call by {schedule} ({reply.status}: {_told(body)})."
            raise RejectedError(f"{told} Look at ONCALL.", "refused")
        if body is None:
            raise self._stranger(reply.status)
        return body

    async def _body(self, reply: Reply) -> Mapping[str, Any] | None:
        try:
            found = await reply.data() if reply.json else None
        except ValueError:
            found = None
        return found if isinstance(found, Mapping) else None

    def _stranger(self, status: int) -> RejectedError:
        return RejectedError(
            f"PagerDuty answers {status}, but not as its REST API does: is {SETTING}_URL its address?", "no_pagerduty"
        )


def _duty(row: Mapping[str, Any], schedule: str) -> Duty | None:
    """One entry; None for another schedule's, and for times that can't be read: nobody is on call by such a one."""
    user, where = row.get("user"), row.get("schedule")
    if not isinstance(user, Mapping) or (isinstance(where, Mapping) and where.get("id") not in {schedule, None}):
        return None
    try:
        since = _time(row["start"]) if row.get("start") else datetime(1970, 1, 1, tzinfo=UTC)
        until = _time(row["end"]) if row.get("end") else FAR
    except ValueError:
        return None
    return Duty(str(user.get("id", "")), str(user.get("email") or ""), since, until)


def _time(value: Any) -> datetime:
    at = datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC)


def _told(body: Mapping[str, Any] | None) -> str:
    error = (body or {}).get("error")
    if not isinstance(error, Mapping):
        return "no reason given"
    errors = error.get("errors")
    parts = [error.get("message"), *(errors if isinstance(errors, list) else [])]
    return redact("; ".join(str(part) for part in parts if part))[:200] or "no reason given"
