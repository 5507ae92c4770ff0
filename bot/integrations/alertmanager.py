"""Alertmanager's API v2, read: which alerts it holds, and what is silenced. It refuses to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.errors import RejectedError, UnavailableError
from bot.domain.redaction import redact
from bot.integrations.door import Access, Door, Params, Reply

LARGEST = 32 * 1024 * 1024
"""Bytes of one answer: some ten thousand alerts with their annotations."""


@dataclass(frozen=True)
class Held:
    """One alert that Alertmanager holds: it fires, whether anybody is told of it or not."""

    fingerprint: str
    starts_at: datetime
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str = ""
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    """Names of the time intervals that mute it; Alertmanager tells them since 0.28."""


@dataclass(frozen=True)
class Silence:
    """One silence that holds now. ``matchers`` are as Alertmanager writes them (``alertname="Foo"``)."""

    id: str
    created_by: str
    comment: str
    ends_at: datetime | None
    matchers: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """``started_at`` is when this Alertmanager came up: until it was told again, it holds nothing."""

    version: str
    started_at: datetime | None


class Alertmanager:
    """One Alertmanager (or a pair behind one address). Raises only errors of ``bot.domain.errors``."""

    def __init__(self, access: Access) -> None:
        self._door = Door(access)
        self.name = access.name

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def alerts(self, *, within: float) -> tuple[Held, ...]:
        """All alerts that fire by its account, silenced and inhibited ones too."""
        asked = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
        rows = await self._list("/api/v2/alerts", asked, within)
        return tuple(held for row in rows if (held := _held(row)) is not None)

    async def silences(self, *, within: float) -> tuple[Silence, ...]:
        """Silences that hold now."""
        rows = await self._list("/api/v2/silences", {}, within)
        return tuple(_silence(row) for row in rows if _mapping(row.get("status")).get("state") == "active")

    async def status(self, *, within: float) -> Status:
        """Its version and since when it runs."""
        body = _mapping(await self._json(await self._door.get("/api/v2/status", within=within)))
        version = _mapping(body.get("versionInfo")).get("version")
        if version is None:
            raise self._stranger(200)
        return Status(str(version), _time(body.get("uptime")))

    async def _list(self, path: str, asked: Params, within: float) -> list[Mapping[str, Any]]:
        body = await self._json(await self._door.get(path, asked, within=within, largest=LARGEST))
        if not isinstance(body, list):
            raise self._stranger(200)
        return [row for row in body if isinstance(row, Mapping)]

    async def _json(self, reply: Reply) -> Any:
        try:
            body = await reply.data() if reply.body and reply.json else None
        except ValueError:
            body = None
        if reply.status >= 500:
            raise UnavailableError(f"{self.name} answers {reply.status}: {_told(body)}.", reply.retry_after)
        if body is None or reply.status == 404:
            raise self._stranger(reply.status)
        if reply.status >= 400:
            raise RejectedError(f"{self.name} refuses the question ({reply.status}): {_told(body)}.", "refused")
        return body

    def _stranger(self, status: int) -> RejectedError:
        setting = self._door.access.setting
        return RejectedError(
            f"{self.name} answers {status}, but not as Alertmanager does: is {setting}_URL its base address?",
            "no_alertmanager",
        )


def _told(body: Any) -> str:
    """Its errors are a bare JSON string, or a table with a message."""
    told = body.get("message", "") if isinstance(body, Mapping) else body or "no reason given"
    return redact(str(told).strip())[:300]


def _held(row: Mapping[str, Any]) -> Held | None:
    starts_at = _time(row.get("startsAt"))
    if starts_at is None or not row.get("fingerprint"):
        return None
    status = _mapping(row.get("status"))
    return Held(
        str(row["fingerprint"]),
        starts_at,
        _texts(row.get("labels")),
        _texts(row.get("annotations")),
        str(row.get("generatorURL") or ""),
        tuple(str(one) for one in status.get("silencedBy") or ()),
        tuple(str(one) for one in status.get("inhibitedBy") or ()),
        tuple(str(one) for one in status.get("mutedBy") or ()),
    )


def _silence(row: Mapping[str, Any]) -> Silence:
    matchers = tuple(_matcher(one) for one in row.get("matchers") or () if isinstance(one, Mapping))
    return Silence(
        str(row.get("id", "")), str(row.get("createdBy", "")), str(row.get("comment", "")), _time(row.get("endsAt")),
        matchers,
    )  # fmt: skip


def _matcher(one: Mapping[str, Any]) -> str:
    sign = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    operator = sign[one.get("isEqual") is not False, bool(one.get("isRegex"))]
    return f'{one.get("name", "")}{operator}"{one.get("value", "")}"'


def _time(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in _mapping(value).items()}
