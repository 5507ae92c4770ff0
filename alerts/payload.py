"""From the bytes of a webhook to an ``AlertGroup``: alert by alert, so that one bad alert never costs the others.

Shapes: Alertmanager's envelope (version 4), Grafana's, ``{"alerts": [...]}``, a bare list, one bare alert. Only a body
that is no JSON, or can't hold alerts at all, is an error (400); everything else is kept or quarantined with a reason.
It refuses to fetch anything that a body names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from alerts import notification
from alerts.notification import MAX_COUNT, MAX_FINGERPRINT, MAX_LABELS, MAX_NAME, MAX_VALUE
from bot.domain.alert import WORKLOAD_LABELS, Alert, AlertGroup, AlertStatus, Poison, fingerprint_of
from bot.domain.errors import RequestError

DECIDING = frozenset(
    {"alertname", "namespace", "severity", "priority", "cluster", "pod", "service", "container", "job", "app"}
    | {"summary", "description", "message", "runbook_url"}
    | {label for label, _ in WORKLOAD_LABELS}
)
"""Labels and annotations that intake, resolving and the card read."""
MAX_WORD = 300
MAX_RAW = 8192
MAX_KEY = 4096
MAX_ALERTS = 100_000
"""Entries of one body that are looked at: ten times more than any Alertmanager groups, and what memory can hold."""
MAX_DIGITS = 4000
"""Python refuses to read or write longer whole numbers; they become floats instead of costing the whole body."""
OLDEST = datetime(1980, 1, 1, tzinfo=UTC)
NO_TIME = "0001-01-01"

Table = Mapping[str, Any]


class _Poisoned(Exception):  # noqa: N818 - it never leaves this module
    """Why one alert can't be used."""


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


_JSON = json.JSONDecoder(parse_int=_int)


def parse(body: bytes) -> AlertGroup:
    """The group in a body; raises ``RequestError`` when there is no JSON or nothing that could hold alerts."""
    return _usual(body) or _any(body)


def _any(body: bytes) -> AlertGroup:
    try:
        # A byte that is no UTF-8 costs its own character, not the other alerts.
        found = _JSON.decode(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body is no JSON ({_short(str(error))}). Send an Alertmanager notification.") from error
    envelope, items = _shape(found)
    alerts: list[Alert] = []
    poison: list[Poison] = []
    for index, item in enumerate(items[:MAX_ALERTS]):
        try:
            alerts.append(_alert(item))
        except _Poisoned as problem:
            poison.append(Poison(index, str(problem), _raw(item)))
    beyond = max(0, len(items) - MAX_ALERTS)
    if beyond:
        poison.append(Poison(MAX_ALERTS, f"{beyond} more entries than the {MAX_ALERTS} that one body may hold", ""))
    return AlertGroup(
        group_key=_group_key(envelope),
        alerts=tuple(alerts),
        poison=tuple(poison),
        receiver=_text(envelope.get("receiver"))[:200],
        external_url=_text(envelope.get("externalURL"))[:MAX_VALUE],
        truncated=_whole(envelope.get("truncatedAlerts")) + beyond,
    )


def _usual(body: bytes) -> AlertGroup | None:
    """What ``_any`` would say of a notification in which nothing is odd, in half of the time; None of any other."""
    found = notification.read(body)
    if found is None or len(found.alerts) > MAX_ALERTS:
        return None
    alerts: list[Alert] = []
    for item in found.alerts:
        fingerprint, status = item.fingerprint, _STATUSES[item.status]
        starts_at = _usual_time(item.starts_at)
        ends_at = _usual_time(item.ends_at) if status is _RESOLVED else None
        labels = notification.labels(item.labels)
        if labels is None or starts_at is None or (ends_at is None and status is _RESOLVED) or not fingerprint.strip():
            return None
        alerts.append(
            Alert(fingerprint, status, labels, item.annotations, starts_at, ends_at, item.generator_url[:MAX_VALUE])
        )
    return AlertGroup(
        group_key=found.group_key[:MAX_KEY],
        alerts=tuple(alerts),
        receiver=found.receiver[:200],
        external_url=found.external_url[:MAX_VALUE],
        truncated=found.truncated,
    )


def _usual_time(given: str) -> datetime | None:
    """A time that can be an alert's, None of anything else."""
    try:
        at = _moment(given)
    except (ValueError, OverflowError):
        return None
    return at if at >= OLDEST else None


_RESOLVED = AlertStatus.RESOLVED
_STATUSES = {status.value: status for status in AlertStatus}


def _shape(found: Any) -> tuple[Table, list[Any]]:
    if isinstance(found, list):
        return {}, found
    if isinstance(found, dict):
        if isinstance(found.get("alerts"), list):
            return found, found["alerts"]
        if "labels" in found:
            return {}, [found]
    raise RequestError(
        "The body holds no alerts. Send an Alertmanager notification, a list of alerts, or one alert with labels."
    )


def _group_key(envelope: Table) -> str:
    key = envelope.get("groupKey")
    return _text(key)[:MAX_KEY] if isinstance(key, str) else ""


def _alert(item: Any) -> Alert:
    if not isinstance(item, dict):
        raise _Poisoned(f"it is {_kind(item)}, not an object")
    labels, cut = _table(item, "labels")
    annotations, cut_too = _table(item, "annotations")
    status = _status(item)
    starts_at = _time(item, "startsAt") if "startsAt" in item else None
    if "startsAt" in item and starts_at is None:
        raise _Poisoned("startsAt is empty")
    return Alert(
        fingerprint=_fingerprint(item),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=starts_at,
        ends_at=_end(item) if status is AlertStatus.RESOLVED else None,
        generator_url=_text(item.get("generatorURL"))[:MAX_VALUE],
        cut=(*cut, *cut_too),
    )


def _end(item: Table) -> datetime | None:
    """The end of a resolved alert; one that can't be read is unknown: the resolve itself counts."""
    try:
        return _time(item, "endsAt")
    except _Poisoned:
        return None


def _fingerprint(item: Table) -> str:
    """As given, or computed from all labels as they came, uncut; too long a one is told apart by its hash."""
    given = item.get("fingerprint")
    if not isinstance(given, str) or not given.strip():
        return fingerprint_of({_text(key): _text(value) for key, value in (item.get("labels") or {}).items()})
    text = _text(given)
    return text if len(text) <= MAX_FINGERPRINT else fingerprint_of({"fingerprint": text})


def _status(item: Table) -> AlertStatus:
    given = item.get("status")
    if given is None:
        return AlertStatus.FIRING
    try:
        return AlertStatus(given)
    except ValueError:
        raise _Poisoned(f"status is {_short(repr(given))}, neither firing nor resolved") from None


def _table(item: Table, name: str) -> tuple[dict[str, str], list[str]]:
    """Labels or annotations as text, cut to the caps; the names of what was cut."""
    found = item.get(name)
    if found is None:
        return {}, []
    if not isinstance(found, dict):
        raise _Poisoned(f"{name} is {_kind(found)}, not an object")
    cut: list[str] = []
    kept: dict[str, str] = {}
    for key, value in _by_worth(found):
        if len(kept) >= MAX_LABELS:
            cut.append(f"{name}: {len(found) - MAX_LABELS} more")
            break
        if type(value) is str and len(value) < MAX_VALUE and len(key) <= MAX_NAME and _plain(key) and _plain(value):
            kept[key] = value  # nearly all of them
            continue
        if isinstance(value, dict | list):
            raise _Poisoned(f"{name}.{_short(key)} is {_kind(value)}, not text")
        text = _text(value)
        # No character takes more than four bytes.
        if len(text) * 4 > MAX_VALUE and len(text.encode()) > MAX_VALUE:
            cut.append(f"{name}.{_short(key)}")
            text = _whole_words(text.encode()[: MAX_VALUE - 3].decode(errors="ignore")) + "…"
        kept[_text(key)[:MAX_NAME]] = text
    return kept, cut


def _by_worth(found: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Where some will be cut, those that decide come first and the others by name: never by their place."""
    if len(found) <= MAX_LABELS:
        return found.items()
    return sorted(found.items(), key=lambda pair: (pair[0] not in DECIDING, pair[0]))


def _time(item: Table, name: str) -> datetime | None:
    """An RFC 3339 time as aware UTC; Go's zero time is no time."""
    given = item.get(name)
    if not isinstance(given, str):
        raise _Poisoned(f"{name} is {_kind(given)}, not a time")
    if given.startswith(NO_TIME):
        return None
    try:
        at = _moment(given)
    except (ValueError, OverflowError):
        raise _Poisoned(f"{name} is {_short(repr(given))}, which is no time") from None
    if at < OLDEST:
        raise _Poisoned(f"{name} is {_short(repr(given))}, which is too long ago to be an alert's")
    return at


@lru_cache(maxsize=256)
def _moment(given: str) -> datetime:
    """Remembered: the alerts of a group often began together."""
    at = datetime.fromisoformat(_micro(given))
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _micro(given: str) -> str:
    """Go writes nanoseconds, Python reads microseconds."""
    head, dot, rest = given.partition(".")
    if not dot:
        return given
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[: min(digits, 6)]}{rest[digits:]}"


def _text(value: Any) -> str:
    """Text that both databases take: no NUL, no lone surrogates; scalars as JSON writes them."""
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value)
    if _plain(value):
        return str(value)
    return str(value).replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _plain(text: str) -> bool:
    return text.isascii() and "\x00" not in text


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT else 0


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _whole_words(text: str) -> str:
    """A text that was cut, without the word that was: half a token isn't known as one, and would be shown."""
    head, blank, last = text.rpartition(" ")
    return head if blank and len(last) < MAX_WORD else text


def _short(text: str) -> str:
    return _text(text)[:80]


def _raw(item: Any) -> str:
    try:
        raw = _text(json.dumps(item))
        return raw if len(raw) <= MAX_RAW else _whole_words(raw[:MAX_RAW])
    except (ValueError, RecursionError):
        return _short(repr(type(item)))
