"""Alertmanager's API v2: which alerts it holds, what is silenced; and to set a silence, once, or end one by its id.

Setting one has no idempotency key: whatever isn't clearly answered may have happened, and is told so. It refuses to
repeat a request, to change a silence, and to set one without matchers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from bot.domain.errors import OutcomeUnknownError, RejectedError, RequestError, UnavailableError
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
    """One silence. ``matchers`` are as Alertmanager writes them (``alertname="Foo"``), ``raw`` as its API has them.

    ``state`` is ``active``, ``pending`` or ``expired``.
    """

    id: str
    created_by: str
    comment: str
    ends_at: datetime | None
    matchers: tuple[str, ...]
    state: str = "active"
    raw: tuple[Mapping[str, Any], ...] = ()


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
        self.crash_point: Callable[[str], None] | None = None
        """Tests end the process here: before and after a request that changes something."""

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def alerts(self, *, within: float) -> tuple[Held, ...]:
        """All alerts that fire by its account, silenced and inhibited ones too."""
        return await self._alerts(within, anew=False)

    async def _alerts(self, within: float, *, anew: bool) -> tuple[Held, ...]:
        asked = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
        rows = await self._list("/api/v2/alerts", asked, within, anew=anew)
        return tuple(held for row in rows if (held := _held(row)) is not None)

    async def silences(self, *, within: float) -> tuple[Silence, ...]:
        """Silences that hold now."""
        return tuple(one for one in await self.all_silences(within=within) if one.state == "active")

    async def all_silences(self, *, within: float, anew: bool = False) -> tuple[Silence, ...]:
        """Every silence that it remembers, expired ones too, by whichever peer answers."""
        rows = await self._list("/api/v2/silences", {}, within, anew=anew)
        return tuple(_silence(row) for row in rows)

    async def look(self, *, within: float, turned: bool = False) -> tuple[tuple[Silence, ...], tuple[Held, ...]]:
        """Every silence and the alerts, one after the other over new connections; ``turned`` asks for the alerts first.

        So looks in turn meet more than one of several peers, even where those answer in turn.
        """
        if turned:
            held = await self._alerts(within, anew=True)
            return await self.all_silences(within=within, anew=True), held
        return await self.all_silences(within=within, anew=True), await self._alerts(within, anew=True)

    async def set_silence(self, body: Mapping[str, Any], *, within: float) -> str:
        """Sends exactly ``body``, once; the id of the silence.

        Raises ``OutcomeUnknownError`` when it left and wasn't clearly refused: then read back, never send it again.
        """
        if not body.get("matchers"):
            raise RequestError("A silence without matchers would cover everything; it isn't sent.")
        self._point("before:silence")
        try:
            reply = await self._door.post_json("/api/v2/silences", body, within=within)
        except UnavailableError as error:
            raise _unknown(str(error)) from error
        except RejectedError as error:
            if error.code == "redirect":
                raise
            raise _unknown(str(error)) from error
        self._point("after:silence")
        if 400 <= reply.status < 500:
            await self._json(reply)  # refuses it in its own words
        silence_id = await self._named(reply) if 200 <= reply.status < 300 else ""
        if not silence_id:
            raise _unknown(f"{self.name} answers {reply.status} and names no silence.")
        return silence_id

    async def takes_silences(self, now: datetime, *, within: float) -> None:
        """Raises where it wouldn't let us set one; asked with one that ends before it begins, which no server sets."""
        body = {
            "matchers": [{"name": "alertname", "value": "FettleDoctor", "isRegex": False, "isEqual": True}],
            "startsAt": (now - timedelta(hours=1)).isoformat(),
            "endsAt": (now - timedelta(hours=2)).isoformat(),
            "createdBy": "Fettle",
            "comment": "fettle doctor asks whether silences are taken; this one ends before it begins",
        }
        reply = await self._door.post_json("/api/v2/silences", body, within=within)
        if reply.status in {400, 422} and reply.json:
            return  # refused for what is wrong in it, by whom takes one that is right
        if reply.status >= 500:
            raise UnavailableError(f"{self.name} answers {reply.status} for now.", reply.retry_after)
        raise RejectedError(f"{self.name} answers {reply.status} where a silence is set.", "no_silences")

    async def _named(self, reply: Reply) -> str:
        try:
            return str(_mapping(await reply.data()).get("silenceID") or "")
        except ValueError:
            return ""

    async def end_silence(self, silence_id: str, *, within: float) -> None:
        """Expires one silence; one that is expired or gone already is no error. To do it twice is to do it once."""
        self._point("before:end")
        reply = await self._door.delete(f"/api/v2/silence/{quote(silence_id, safe='')}", within=within)
        self._point("after:end")
        if reply.status >= 400 and reply.status != 404:
            try:
                told = _told(await reply.data() if reply.json else None)
            except ValueError:
                told = "no reason given"
            if "not found" not in told:
                raise UnavailableError(f"{self.name} answers {reply.status}: {told}.", reply.retry_after)

    def _point(self, name: str) -> None:
        if self.crash_point is not None:
            self.crash_point(name)

    async def status(self, *, within: float) -> Status:
        """Its version and since when it runs."""
        body = _mapping(await self._json(await self._door.get("/api/v2/status", within=within)))
        version = _mapping(body.get("versionInfo")).get("version")
        if version is None:
            raise self._stranger(200)
        return Status(str(version), _time(body.get("uptime")))

    async def _list(self, path: str, asked: Params, within: float, *, anew: bool = False) -> list[Mapping[str, Any]]:
        body = await self._json(await self._door.get(path, asked, within=within, largest=LARGEST, anew=anew))
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


def _unknown(why: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(f"Whether the silence was set isn't known. {why}")


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
    raw = tuple(one for one in row.get("matchers") or () if isinstance(one, Mapping))
    return Silence(
        str(row.get("id", "")), str(row.get("createdBy", "")), str(row.get("comment", "")), _time(row.get("endsAt")),
        tuple(map(_matcher, raw)), str(_mapping(row.get("status")).get("state", "")), raw,
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
