"""Alertmanager as far as its webhook goes: groups, bodies of version 4, bearer, silences, and its way of trying again.

Bodies, fingerprints and the notification reasons are those of Alertmanager 0.33 as recorded; it retries 5xx and lost
connections and never a 4xx, as the real one does. It refuses to evaluate rules: what fires is told to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bot.sandbox.alert_names import RULES
from bot.sandbox.alert_rule import HOST, Rule
from bot.sandbox.patience import stretched
from bot.sandbox.silence_book import SilenceBook, now

STILL_FIRING = "0001-01-01T00:00:00Z"
USER_AGENT = "Alertmanager/0.33.1"
EXTERNAL_URL = "http://alertmanager.example:9093"
_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF

Labels = Mapping[str, str]


def fingerprint(labels: Labels) -> str:
    """Prometheus' own: FNV-1a over the sorted labels, a 0xFF byte after each name and each value."""
    value = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return f"{value:016x}"


def alert_labels(name: str, extra: Labels) -> dict[str, str]:
    """The labels of one alert: the rule's, then ``extra``; an unknown name is an alert with ``extra`` alone."""
    rule = RULES.get(name)
    base = {**rule.labels, "severity": rule.severity} if rule else {"severity": "warning"}
    return {"alertname": name, **base, **extra}


@dataclass
class _Alert:
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None = None


@dataclass
class _Group:
    labels: dict[str, str]
    alerts: dict[str, _Alert] = field(default_factory=dict)
    notified: bool = False


@dataclass(frozen=True)
class Delivery:
    """One notification and how it ended: the last status, the answer's JSON, how often it was tried."""

    body: dict[str, Any]
    status: int
    answer: dict[str, Any]
    tries: int
    muted: bool = False
    """Every alert of it is silenced: nothing was sent, the end of an alert no more than its start."""

    @property
    def accepted(self) -> bool:
        """Any 2xx is success; what isn't sent can't be refused."""
        return self.muted or 200 <= self.status < 300


class Alertmanager:
    """Sends to one webhook. ``group_by`` are label names; ``give_up`` is in seconds."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        group_by: tuple[str, ...] = ("alertname", "namespace"),
        retry_every: float = 0.25,
        give_up: float = 30.0,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.url, self.token, self.group_by = url, token, group_by
        self.retry_every, self.give_up = retry_every, give_up
        self.deliveries: list[Delivery] = []
        self.clock = clock
        self.silences = SilenceBook(clock=clock)
        self._groups: dict[str, _Group] = {}
        self._session: aiohttp.ClientSession | None = None

    async def fire(self, name: str, *sets: Labels, starts_at: datetime | None = None) -> Delivery:
        """Fire one alert for each set of labels (one without any); all of one call go out as one notification.

        Every set must belong to the same group; others of the group that still fire are sent along, as is done really.
        """
        now = starts_at or self.clock()
        group = None
        for extra in sets or ({},):
            labels = alert_labels(name, extra)
            group = self._group_of(labels)
            known = group.alerts.get(fingerprint(labels))
            if known is None or known.ends_at is not None:
                group.alerts[fingerprint(labels)] = _Alert(labels, now)
        if group is None:
            raise ValueError("nothing to fire")
        reason = "first notification" if not group.notified else "new alerts in group"
        return await self._notify(group, reason)

    def put(self, labels: Labels, starts_at: datetime) -> None:
        """An alert with exactly these labels fires, and nobody is notified of it yet: within the group's wait."""
        self._group_of(labels).alerts[fingerprint(labels)] = _Alert(dict(labels), starts_at)

    def lose(self) -> None:
        """Every alert ends, and nobody is notified of it."""
        self._groups.clear()

    async def repeat(self, name: str) -> list[Delivery]:
        """Send every group of this alert again unchanged, as after the repeat interval."""
        return [await self._notify(group, "repeat interval elapsed") for group in self._named(name)]

    async def resolve(self, name: str, *sets: Labels) -> list[Delivery]:
        """Resolve the alerts of this name, those with the given labels only where there are any."""
        now, sent = self.clock(), []
        for group in self._named(name):
            ending = [alert for alert in group.alerts.values() if alert.ends_at is None and _matches(alert, sets)]
            for alert in ending:
                alert.ends_at = now
            left = [alert for alert in group.alerts.values() if alert.ends_at is None]
            if ending:
                sent.append(await self._notify(group, "some alerts resolved" if left else "all alerts resolved"))
            group.alerts = {mark: alert for mark, alert in group.alerts.items() if alert.ends_at is None}
            group.notified = bool(group.alerts)
        return sent

    async def storm(self, alerts: int, groups: int, namespace: str = "shop", at_once: int = 8) -> list[Delivery]:
        """Fire ``alerts`` alerts over ``groups`` workloads that don't exist, ``at_once`` notifications in parallel."""
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> Delivery:
            count = alerts // groups + (1 if number < alerts % groups else 0)
            name = ("HighErrorRate", "HighLatency", "KubeDeploymentReplicasMismatch")[number % 3]
            workload = {"namespace": namespace, "deployment": f"storm-{number:03d}"}
            labels = [{**workload, "pod": f"storm-{number:03d}-{pod}"} for pod in range(count)]
            group = _Group({"alertname": name, **workload})
            for extra in labels:
                whole = alert_labels(name, extra)
                group.alerts[fingerprint(whole)] = _Alert(whole, self.clock())
            self._groups[f"storm-{name}-{number}"] = group
            async with gate:
                return await self._notify(group, "first notification")

        return list(await asyncio.gather(*(one(number) for number in range(groups))))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _group_of(self, labels: Labels) -> _Group:
        chosen = {name: labels[name] for name in self.group_by if name in labels}
        return self._groups.setdefault(_group_key(chosen), _Group(chosen))

    def _named(self, name: str) -> list[_Group]:
        return [
            group
            for group in self._groups.values()
            if any(alert.labels["alertname"] == name for alert in group.alerts.values())
        ]

    async def _notify(self, group: _Group, reason: str) -> Delivery:
        heard = {mark: one for mark, one in group.alerts.items() if not self.silences.active(one.labels)}
        if not heard:
            return Delivery({"alerts": []}, 0, {}, 0, muted=True)
        group.notified = True
        return await self.send(_body(_Group(group.labels, heard), reason))

    def firing(self) -> list[dict[str, Any]]:
        """Every alert that fires, silenced ones too, as the webhook would tell it."""
        alerts = [one for group in self._groups.values() for one in group.alerts.values()]
        return [_alert(one) for one in alerts if one.ends_at is None]

    async def send(self, body: dict[str, Any]) -> Delivery:
        """Post a body until it is taken or refused for good; raises ``TimeoutError`` after ``give_up`` seconds."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=stretched(10)), trust_env=False)
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": USER_AGENT}
        tries = 0
        async with asyncio.timeout(self.give_up):
            while True:
                tries += 1
                try:
                    async with self._session.post(self.url, json=body, headers=headers, allow_redirects=False) as got:
                        if got.status < 500:
                            answer = await got.json(content_type=None) if got.content_type.endswith("json") else {}
                            delivery = Delivery(body, got.status, answer, tries)
                            self.deliveries.append(delivery)
                            return delivery
                except (aiohttp.ClientError, TimeoutError):
                    pass  # a lost answer is tried again, like a 5xx
                await asyncio.sleep(self.retry_every)


def _matches(alert: _Alert, sets: Iterable[Labels]) -> bool:
    wanted = list(sets)
    return not wanted or any(all(alert.labels.get(k) == v for k, v in one.items()) for one in wanted)


def _group_key(labels: Labels) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return "{}:{" + inside + "}"


def _common(maps: list[dict[str, str]]) -> dict[str, str]:
    first, *others = maps
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def _body(group: _Group, reason: str) -> dict[str, Any]:
    alerts = [_alert(alert) for alert in group.alerts.values()]
    return {
        "receiver": "fettle",
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "alerts": alerts,
        "notification_reason": reason,
        "groupLabels": group.labels,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": EXTERNAL_URL,
        "version": "4",
        "groupKey": _group_key(group.labels),
        "truncatedAlerts": 0,
    }


def _alert(alert: _Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.ends_at is None else "resolved",
        "labels": alert.labels,
        "annotations": _annotations(RULES.get(alert.labels["alertname"]), alert.labels),
        "startsAt": _stamp(alert.starts_at),
        "endsAt": _stamp(alert.ends_at) if alert.ends_at else STILL_FIRING,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up&g0.tab=1",
        "fingerprint": fingerprint(alert.labels),
    }


def _annotations(rule: Rule | None, labels: Labels) -> dict[str, str]:
    if rule is None:
        return {}
    words = {
        "namespace": labels.get("namespace", ""),
        "pod": labels.get("pod", ""),
        "workload": labels.get("instance" if rule.by == HOST else rule.by, labels.get("deployment", "")),
    }
    return {
        "description": rule.description.format(**words),
        "runbook_url": rule.runbook,
        "summary": rule.summary.format(**words),
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
