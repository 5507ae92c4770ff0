"""The first alert of a sandbox, further ones from the page, and their end once the pods are well again.

It plays the part of Prometheus in a small way: an alert about pods ends when all of them have been Ready for a while.
It refuses to touch the bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.alertmanager import Delivery
from bot.sandbox.breakages.timeline import Broken
from bot.sandbox.harms import Harm
from bot.sandbox.world import World, is_ready

CLEAR_AFTER = 8.0
"""Seconds of health before an alert ends; longer than the sandbox's soak, so that the verdict is seen first."""
CRASH, ERRORS = "KubePodCrashLooping", "HighErrorRate"
SEEN_WITHIN = 90.0
"""Seconds after which an alert is fired although what it tells of doesn't show."""
BUTTONS = ((CRASH, "Fire a crash loop"), (ERRORS, "Fire an error rate"))


@dataclass
class _Firing:
    name: str
    workload: str
    sets: list[dict[str, str]] = field(default_factory=list)
    well_since: float | None = None


@dataclass
class _Owed:
    """An alert that its rule fires as soon as it sees what was broken, or when nobody waits any longer."""

    firing: _Firing
    shows: Callable[[], bool]
    until: float


class Demo:
    """Fires alerts on the world's workloads in turn; ``attend`` ends them when they are over."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._firing: list[_Firing] = []
        self._owed: list[_Owed] = []
        self._untold: list[Broken] = []
        self._turns = list(world.options.workloads)

    async def fire(self, name: str) -> str:
        """Make the next well workload ill and fire; a sentence about what happens."""
        workload = self._next()
        if workload is None:
            return "Every workload has an alert already; approve a restart, or wait until one is well again."
        namespace, _, called = workload.partition("/")
        if name == CRASH:
            self.world.cluster.crash_loop(namespace, called)
            await self._ill(workload)
        delivery = await self._tell(_Firing(name, workload))
        if not delivery.accepted:
            return f"{name} was fired for {workload}, and the bot answered {delivery.status}."
        return f"{name} fires for {workload}; its card comes at once."

    def owe(self, harm: Harm, workload: str, shows: Callable[[], bool], node: str = "") -> None:
        """The alert that tells of a harm follows once it shows, within ``SEEN_WITHIN`` in any case."""
        if not harm.alert or any(one.name == harm.alert and one.workload == workload for one in self._firing):
            return
        until = time.monotonic() + SEEN_WITHIN
        firing = _Firing(harm.alert, workload, [{"node": node}] if node else [])
        self._owed.append(_Owed(firing, shows, until))

    async def tell(self, broken: Broken) -> str:
        """The first alert that tells of a breakage, as soon as a bot hears it; a sentence about that."""
        alert = broken.breakage.alerts[0]
        if self.world.attended:
            with contextlib.suppress(TimeoutError):  # it takes no alerts yet
                await self.world.tell(broken)
                return f"{alert} tells of it."
        self._untold.append(broken)
        return f"{alert} tells of it as soon as a bot is connected."

    async def _tell(self, firing: _Firing) -> Delivery:
        """Fire, and remember with which labels, so that these alerts and no others end."""
        firing.sets = firing.sets or self.world.alert_sets(firing.name, firing.workload)
        self._firing.append(firing)
        return await self.world.alertmanager.fire(firing.name, *firing.sets)

    def _next(self) -> str | None:
        """The workload whose turn is longest ago, so that the next card is a new one."""
        busy = {one.workload for one in self._firing}
        found = next((place for place in self._turns if place not in busy and self._well(place)), None)
        if found is not None:
            self._turns.remove(found)
            self._turns.append(found)
        return found

    def _well(self, workload: str) -> bool:
        namespace, _, called = workload.partition("/")
        pods = self.world.cluster.pods(namespace, called)
        return bool(pods) and all(is_ready(pod) for pod in pods)

    async def _ill(self, workload: str) -> None:
        """Until a pod was started again in vain, as it would be long before the alert; for 15 s at most."""
        namespace, _, called = workload.partition("/")
        for _ in range(300):
            if any(_restarts(pod) > 1 and not is_ready(pod) for pod in self.world.cluster.pods(namespace, called)):
                return
            await asyncio.sleep(0.05)

    async def attend(self) -> None:
        """Until cancelled: an alert whose workload has been well long enough is resolved."""
        while True:
            await asyncio.sleep(0.5)
            now = time.monotonic()
            if not self.world.attended:
                continue  # nobody would hear of it
            with contextlib.suppress(TimeoutError):  # the bot hears nothing; what is owed stays so
                await self._attend(now)

    async def _attend(self, now: float) -> None:
        while self._untold:
            await self.world.tell(self._untold[0])
            self._untold.pop(0)
        for owed in [one for one in self._owed if one.shows() or now > one.until]:
            self._owed.remove(owed)
            await self._tell(owed.firing)
        for one in list(self._firing):
            one.well_since = (one.well_since or now) if self._well(one.workload) else None
            if one.well_since is not None and now - one.well_since > self._patience(one):
                self._firing.remove(one)
                await self.world.alertmanager.resolve(one.name, *one.sets)

    @staticmethod
    def _patience(one: _Firing) -> float:
        return CLEAR_AFTER * 8 if one.name == ERRORS else CLEAR_AFTER  # its pods are well all the time

    def hints(self) -> list[str]:
        """What to do next, as mrkdwn."""
        kubeconfig = f"`export KUBECONFIG={self.world.kubeconfig('admin')}`"
        return [
            "Press *Approve restart* on the card as *ana*; the cluster restarts the pods, the card ends with *PASS*.",
            "Act as *bo*, who is no approver, and press it: the bot says why not.",
            "Type `/restart shop/web`, `/verify shop/api` or `/incident`.",
            "Write into the card's thread and put 📌 on it under ⋯: `/incident show 1` has it in the timeline.",
            "Break something in the *Cluster* panel: its pods change colour, and the alert that tells of it follows.",
            f"Look with kubectl: {kubeconfig}, then `kubectl get pods -n shop -w`.",
        ]


def _restarts(pod: Mapping[str, Any]) -> int:
    return sum(one.get("restartCount", 0) for one in pod["status"].get("containerStatuses", []))
