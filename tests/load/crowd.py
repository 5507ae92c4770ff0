"""Who makes the load: Alertmanagers that post without pause, and a person who approves what is offered."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.alertmanager import STILL_FIRING, Delivery, fingerprint
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack_room import CardHandle, UnmetError
from bot.sandbox.world import World

AFTER_A_PRESS = 1.0
"""Seconds after which somebody presses again if the card still offers it: the bot may have died with the press."""


def firing(labels: Mapping[str, str], starts_at: datetime | None = None) -> dict[str, Any]:
    """One firing alert as Alertmanager sends it."""
    stamp = (starts_at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    annotations = {"summary": f"{labels['alertname']} on {labels.get('deployment', 'nothing')}"}
    return {
        "status": "firing", "labels": dict(labels), "annotations": annotations, "startsAt": stamp,
        "endsAt": STILL_FIRING, "generatorURL": "http://prometheus.example/graph", "fingerprint": fingerprint(labels),
    }  # fmt: skip


def over(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The same alert once it has ended."""
    return {**alert, "status": "resolved", "endsAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def post(alerts: Sequence[Mapping[str, Any]], group: Mapping[str, str]) -> dict[str, Any]:
    """One delivery of version 4."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(group.items()))
    return {
        "receiver": "fettle", "status": "firing", "alerts": list(alerts), "groupLabels": dict(group),
        "commonLabels": dict(group), "commonAnnotations": {}, "externalURL": "http://alertmanager.example:9093",
        "version": "4", "groupKey": "{}:{" + inside + "}", "truncatedAlerts": 0,
    }  # fmt: skip


def labels(number: int, workload: str, severity: str = "warning") -> dict[str, str]:
    """The labels of one alert: a pod of a workload that the cluster doesn't have."""
    return {
        "alertname": "HighLatency", "namespace": "shop", "deployment": workload, "pod": f"{workload}-{number}",
        "severity": severity,
    }  # fmt: skip


def big_posts(posts: int, each: int, workloads: int) -> list[dict[str, Any]]:
    """Deliveries of one group each, their alerts spread over so many workloads a group."""
    made = []
    for number in range(posts):
        group = {"alertname": "HighLatency", "cluster": f"burst-{number}"}
        alerts = [firing(labels(one, f"burst-{number}-{one % workloads}")) for one in range(each)]
        made.append(post(alerts, group))
    return made


class Crowd:
    """The senders and approvers of one world; ``accepted`` and ``ended`` are fingerprints answered 2xx."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.accepted: set[str] = set()
        self.ended: set[str] = set()
        self.posts = 0
        self.again = 0
        self.presses = 0
        self.approved: set[str] = set()
        world.alertmanager.give_up = 240.0

    async def send(self, body: dict[str, Any]) -> Delivery:
        """Post until it is taken; what was taken is remembered."""
        delivery = await self.world.alertmanager.send(body)
        if delivery.accepted:
            self.accepted |= {one["fingerprint"] for one in body["alerts"]}
            self.ended |= {one["fingerprint"] for one in body["alerts"] if one["status"] == "resolved"}
            self.posts += 1
            self.again += delivery.tries - 1
        return delivery

    async def send_all(self, bodies: Iterable[dict[str, Any]]) -> None:
        """Post them at once; all must be taken."""
        sent = await asyncio.gather(*(self.send(body) for body in bodies))
        assert all(one.accepted for one in sent), [one.status for one in sent]

    async def keep_sending(self, name: str, workloads: Sequence[str], pause: float) -> None:
        """Post alerts nobody has seen before, three at a time, until cancelled; now and then twice, or an end.

        Every fourth workload's alerts are of the lowest severity, so that cards and the digest grow side by side.
        """
        number = 0
        while True:
            at = self.rng.randrange(len(workloads))
            severity = "info" if at % 4 == 3 else "critical"
            # Every few posts a new workload fails, so that there are always first cards on their way.
            workload = f"{workloads[at]}-{name}-{number // 30}"
            alerts = [firing(labels(number + one, workload, severity)) for one in range(3)]
            body = post(alerts, {"alertname": "HighLatency", "deployment": workload})
            number += 3
            await self.send(body)
            if self.rng.random() < 0.15:
                await self.send(body)
            if self.rng.random() < 0.3:  # one of the three ends, so that its incident stays open
                await self.send({**body, "alerts": [over(alerts[0]), *alerts[1:]]})
            await asyncio.sleep(pause * self.rng.random())

    async def breaks(self, place: str) -> None:
        """Make a workload crash and fire its alert."""
        namespace, _, name = place.partition("/")
        self.world.cluster.crash_loop(namespace, name)
        sets = self.world.alert_sets("KubePodCrashLooping", place)
        await self.send(
            post(
                [firing({"alertname": "KubePodCrashLooping", "severity": "critical", **one}) for one in sets],
                {"alertname": "KubePodCrashLooping", "namespace": namespace, "workload": name},
            )
        )

    async def approve(self, place: str) -> None:
        """Press Approve on the workload's card for as long as that is offered, until cancelled."""
        while True:
            card = self._offer(place)
            if card is not None:
                # The card may change or the bot may die under the finger: then it is pressed again, as people do.
                with contextlib.suppress(NotThere, UnmetError):
                    reply = await card.click("Approve", by="ana")
                    self.presses += 1
                    self.approved |= {place} if reply.acked else set()
            await asyncio.sleep(AFTER_A_PRESS)

    def told(self) -> Counter[str]:
        """What the bot answered to the presses, counted by its first words."""
        answers = self.world.slack_server.workspace.ephemerals("U0ANA", self.world.slack.channel)
        return Counter(" ".join(self.world.slack.read(one))[:100] for one in answers)

    def _offer(self, place: str) -> CardHandle | None:
        cards = (card for card in self.world.slack.cards() if card.fits([place], buttons=["Approve"]))
        return next(cards, None)
