"""The alerts' panel: what fires, and hands to fire, resolve, storm and flap, as Alertmanager would tell of it.

Names and labels are those of real rules. It refuses to end what it fired by itself: whoever fires resolves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from markupsafe import Markup

from bot.sandbox.alert_names import RULES
from bot.sandbox.alert_rule import HOST, NODE, NOTHING, Rule
from bot.sandbox.alertmanager import Alertmanager, Delivery
from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere

T = TypeVar("T")
Sets = Callable[[str, str], list[dict[str, str]]]
"""The label sets of an alert about a workload, by its name and ``namespace/name``."""
STORM_ALERTS, STORM_GROUPS = 120, 20
FIRST = "HighErrorRate"
"""What is chosen when nothing was."""
FLAPS, FLAP_SECONDS = 3, 1.0
PATIENCE = 10.0
"""Seconds for which a press waits for the bot; Alertmanager itself would go on trying."""
SHOWN_DELIVERIES = 6
_KINDS = {"pod": "about a pod", "deployment": "about a workload", NODE: "about a node", HOST: "about a machine"}


_THINGS = (
    "pod", "node", "deployment", "statefulset", "daemonset", "horizontalpodautoscaler", "job_name", "cronjob",
    "persistentvolumeclaim", "poddisruptionbudget", "resourcequota", "service",
)  # fmt: skip
"""Labels that name what an alert is about, the nearest first."""


@dataclass(frozen=True)
class Group:
    """Alerts of one name in one namespace that fire; ``labels`` are the first one's, ``about`` is what they name."""

    name: str
    namespace: str
    severity: str
    count: int
    silenced: int
    since: str
    labels: Mapping[str, str]
    about: str


class AlertsPanel:
    """``targets`` are the workloads and ``nodes`` the nodes that an alert can be about."""

    name, title = "alerts", "Alerts"

    def __init__(
        self, manager: Alertmanager, sets: Sets, targets: Callable[[], list[str]], nodes: Callable[[], list[str]]
    ) -> None:
        self._manager, self._sets, self._targets, self._nodes = manager, sets, targets, nodes
        self.acts: Mapping[str, Act] = {
            "fire": self._fire, "resolve": self._resolve, "all": self._all, "storm": self._storm, "flap": self._flap,
        }  # fmt: skip

    def mark(self) -> Hashable:
        """What fires, what is silenced, what was sent."""
        firing = tuple(one["fingerprint"] for one in self._manager.firing())
        silenced = tuple(one["fingerprint"] for one in self._manager.firing() if self._is_silenced(one))
        return firing, silenced, len(self._manager.deliveries), len(self._targets())

    def html(self) -> Markup:
        """What fires, and what may be fired."""
        return render(
            "panels/alerts.html",
            groups=self._groups(),
            rules=list(_listed()),
            places=self._targets(),
            nodes=self._nodes(),
            deliveries=self._sent(),
            storm=(STORM_ALERTS, STORM_GROUPS),
            first=FIRST,
        )

    def _is_silenced(self, alert: Mapping[str, Any]) -> bool:
        return bool(self._manager.silences.active(alert["labels"]))

    def _groups(self) -> list[Group]:
        found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for one in self._manager.firing():
            found.setdefault((one["labels"]["alertname"], one["labels"].get("namespace", "")), []).append(one)
        return [
            Group(
                name,
                namespace,
                alerts[0]["labels"].get("severity", ""),
                len(alerts),
                sum(map(self._is_silenced, alerts)),
                min(one["startsAt"] for one in alerts),
                alerts[0]["labels"],
                _about([one["labels"] for one in alerts]),
            )
            for (name, namespace), alerts in found.items()
        ]

    def _sent(self) -> list[tuple[int, Delivery]]:
        numbered = list(enumerate(self._manager.deliveries))
        return numbered[: -SHOWN_DELIVERIES - 1 : -1]

    def _labels(self, body: Json) -> tuple[str, list[dict[str, str]]]:
        name, about = field(body, "name"), field(body, "about")
        rule = RULES.get(name)
        if rule is None:
            raise NotThere("Choose an alert from the list.")
        if rule.by == NOTHING:
            return name, [{}]
        if rule.by in (NODE, HOST):
            node = about if about in self._nodes() else next(iter(self._nodes()), "node-1")
            return name, [{NODE if rule.by == NODE else "instance": node}]
        if about not in self._targets():
            raise NotThere(f"{name} is about a workload: choose one.")
        return name, self._sets(name, about)

    async def _fire(self, body: Json) -> str:
        name, sets = self._labels(body)
        delivery = await self._sending(self._manager.fire(name, *sets))
        return f"{name} fires ({_alerts(len(sets))}): {_told(delivery)}"

    async def _resolve(self, body: Json) -> str:
        name, namespace = field(body, "name"), field(body, "namespace")
        chosen = [{"namespace": namespace}] if namespace else []
        sent = await self._sending(self._manager.resolve(name, *chosen))
        if not sent:
            raise NotThere(f"{name or 'That'} doesn't fire.")
        return f"{name} is resolved: {_told(sent[-1])}"

    async def _all(self, _body: Json) -> str:
        names = sorted({one["labels"]["alertname"] for one in self._manager.firing()})
        for name in names:
            await self._sending(self._manager.resolve(name))
        return f"Resolved: {', '.join(names)}." if names else "Nothing fires."

    async def _storm(self, _body: Json) -> str:
        sent = await self._sending(self._manager.storm(STORM_ALERTS, STORM_GROUPS))
        taken = sum(one.accepted for one in sent)
        return f"{STORM_ALERTS} alerts about {STORM_GROUPS} workloads: {taken} of {len(sent)} notifications were taken."

    async def _flap(self, body: Json) -> str:
        name, sets = self._labels(body)
        for _ in range(FLAPS):
            await self._sending(self._manager.fire(name, *sets))
            await asyncio.sleep(FLAP_SECONDS)
            await self._sending(self._manager.resolve(name, *sets))
            await asyncio.sleep(FLAP_SECONDS)
        await self._sending(self._manager.fire(name, *sets))
        return f"{name} came and went {FLAPS} times, and fires."

    async def _sending(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(PATIENCE):
                return await work
        except TimeoutError:
            sentence = f"Nobody takes alerts at {self._manager.url}. Is the bot running? It fires all the same."
            raise NotThere(sentence) from None


def _about(alerts: Sequence[Mapping[str, str]]) -> str:
    """``shop/api-5f6-x2 and 2 more``; a node is in no namespace, whatever told of it is."""
    named = [next((one[label] for label in _THINGS if one.get(label)), "") for one in alerts]
    things = list(dict.fromkeys(name for name in named if name))
    namespace = alerts[0].get("namespace", "")
    if not things:
        return namespace
    first = things[0] if alerts[0].get("node") == things[0] or not namespace else f"{namespace}/{things[0]}"
    return first if len(things) == 1 else f"{first} and {len(things) - 1} more"


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"


def _told(delivery: Delivery) -> str:
    if delivery.muted:
        return "all of it is silenced, so nothing was sent."
    tries = f" after {delivery.tries} tries" if delivery.tries > 1 else ""
    return f"the bot took it{tries}." if delivery.accepted else f"the bot answered {delivery.status}."


def _listed() -> Iterator[tuple[str, Sequence[Rule]]]:
    """The rules by what they are about, each list in order of names."""
    found: dict[str, list[Rule]] = {}
    for rule in RULES.values():
        found.setdefault(_KINDS.get(rule.by, "about something else"), []).append(rule)
    heads = [*_KINDS.values(), "about something else"]
    return ((head, sorted(found.get(head, ()), key=lambda rule: rule.name)) for head in heads)
