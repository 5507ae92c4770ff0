"""Hazards of sight: what the API server refuses, delays or tells late, clocks that differ, numbers that lack."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.verification_judge import gauge
from tests.verification_judge.hazard import Hazard, Plant
from tests.verification_judge.room import Room
from tests.verification_judge.stale import Stale
from tests.verification_judge.verbs import ANY, ROLLS, WORKLOADS

ALERTED = frozenset({"restart by alert"})
SHORT = 0.3
"""Seconds for a call while the server fails: what is waited for is no subject here."""


def _refuses(code: int, resource: str = "*", *, ends: float = 0.6) -> Plant:
    """For a while, or for good."""

    def plant(room: Room) -> Callable[[], bool]:
        before = room.answers(code)
        usual = room.floor.ctx.cluster.timeout
        room.floor.ctx.cluster.timeout = SHORT
        room.server.faults.set("*", resource, status=code)

        def end() -> None:
            room.server.faults.clear()
            room.floor.ctx.cluster.timeout = usual

        if room.rng.random() < ends:
            room.passes(5, 45, end)
        return lambda: room.answers(code) > before

    return plant


def _denied(room: Room) -> Callable[[], bool]:
    """The right to list pods is taken away, for a while or for good."""
    before = room.answers(403)
    room.server.deny("list", "pods")
    if room.rng.random() < 0.6:
        room.passes(5, 45, lambda: room.server.allow("list", "pods"))
    return lambda: room.answers(403) > before


def _lost(room: Room) -> Callable[[], bool]:
    """Connections end without an answer."""
    count = len(room.server.requests)
    usual = room.floor.ctx.cluster.timeout
    room.floor.ctx.cluster.timeout = SHORT
    room.server.faults.drop_before("*", "*", times=None)

    def end() -> None:
        room.server.faults.clear()
        room.floor.ctx.cluster.timeout = usual

    if room.rng.random() < 0.6:
        room.passes(5, 45, end)
    return lambda: len(room.server.requests) > count


def _silent(room: Room) -> Callable[[], bool]:
    """A few questions about pods aren't answered in time."""
    usual = room.floor.ctx.cluster.timeout
    room.floor.ctx.cluster.timeout = SHORT
    count = len(room.server.requests)
    room.server.faults.hang("list", "pods", seconds=2.0, times=room.rng.randint(1, 3))
    room.passes(40, 40, lambda: setattr(room.floor.ctx.cluster, "timeout", usual))
    return lambda: len(room.server.requests) > count


def _cut(room: Room) -> Callable[[], bool]:
    """Answers end in the middle, though the connection says they are whole."""
    gateway: Any = room.server._gateway
    respond, cut = gateway._respond, []

    def half(found: Any) -> Any:
        response = respond(found)
        body = bytes(response.body)
        if len(body) > 800 and "items" in str(body[:200]) + str(body[-200:]) + "items":
            cut.append(True)
            response.body = body[: len(body) * 2 // 3]
        return response

    gateway._respond = half
    if room.rng.random() < 0.6:
        room.passes(5, 40, lambda: setattr(gateway, "_respond", respond))
    return lambda: bool(cut)


def _old(*buckets: str) -> Plant:
    """What is read of these is from before the action, for a while or for good."""

    def plant(room: Room) -> Callable[[], bool]:
        stale = Stale(room, buckets)
        stale.begin()
        if room.rng.random() < 0.6:
            room.passes(3, 40, stale.end)
        return lambda: stale.told > 0

    return plant


def _skewed(room: Room) -> Callable[[], bool]:
    """The bot's clock is minutes ahead of the cluster's, or behind."""
    seconds = room.rng.choice([-1, 1]) * room.rng.choice([20.0, 90.0, 240.0])
    floor, true = room.floor, room.floor.time
    from datetime import timedelta  # noqa: PLC0415 - beside what it is for

    def time() -> Any:
        return true() + timedelta(seconds=seconds)

    floor.time = time
    return lambda: True


def _away(room: Room) -> Callable[[], bool]:
    """Nobody looks for a while: the process was away."""
    room.said["away"] = room.rng.choice([40.0, 90.0, 300.0, 1200.0])
    return lambda: True


def _no_events(room: Room) -> Callable[[], bool]:
    """Events can't be read."""
    room.server.deny("list", "events")
    return lambda: True


# -- numbers ---------------------------------------------------------------------------------------


def _number(of: Callable[[Room], Callable[[float], float | str | None]]) -> Plant:
    def plant(room: Room) -> Callable[[], bool]:
        began = room.now
        room.gauge.number = of(room)
        return lambda: any(at >= began for at in room.gauge.asked)

    return plant


def _none(room: Room) -> Callable[[float], str | None]:
    """No series, or one that is no number."""
    told = room.rng.choice([None, "NaN", "+Inf"])
    return lambda _at: told


def _lucky(room: Room) -> Callable[[float], float]:
    """Good for one sample, then bad again."""
    at = room.now + room.rng.uniform(20, 60)
    return lambda moment: 0.002 if at <= moment < at + 12 else 0.3


def _late(room: Room) -> Callable[[float], float | None]:
    """No series for a while."""
    at = room.now + room.rng.uniform(20, 200)
    return lambda moment: 0.002 if moment >= at else None


def _quiet(room: Room) -> Callable[[], bool]:
    """Next to no traffic, so that a share of it says nothing."""
    began = room.now
    share = room.rng.choice([0.0, 0.1, None, math.nan])
    room.gauge.traffic = lambda _at: share
    return lambda: any(at >= began for at in room.gauge.asked)


def _down(room: Room) -> Callable[[], bool]:
    """Prometheus fails, for a while or for good."""
    room.gauge.down = lambda _at: True
    if room.rng.random() < 0.5:
        room.passes(10, 60, lambda: setattr(room.gauge, "down", lambda _at: False))
    return lambda: room.gauge.failed > 0


def _fires_on(room: Room) -> Callable[[], bool]:
    """The alert goes on; half of the times somebody silences it, and it is told as if it had ended."""
    room.gauge.firing = lambda _at: True
    return lambda: True


def _silenced(room: Room) -> Callable[[], bool]:
    """A silence hides it: Alertmanager tells its end, and the rule still fires."""
    room.gauge.firing = lambda _at: True
    room.said["resolve"] = True
    return lambda: bool(room.said.get("resolved"))


def _not_evaluated(room: Room) -> Callable[[], bool]:
    """The rule stands still as it was just now: what it says is old, whatever it says."""
    at, says = room.now, room.rng.random() < 0.5
    room.gauge.evaluated = lambda _moment: at
    room.gauge.firing = lambda _moment: says
    return lambda: True


HAZARDS = (
    Hazard("the API server refuses reads", _refuses(403), ANY, says=("403",), blinds=True),
    Hazard("the API server fails", _refuses(500), ANY, says=("500",), blinds=True),
    Hazard("the API server is overrun", _refuses(429), ANY, says=("429", "too many", "busy", "Too many"), blinds=True),
    Hazard("pods can't be listed", _denied, WORKLOADS, says=("pods",), blinds=True),
    Hazard("connections are lost", _lost, ANY, says=("connection", "reach", "answer"), blinds=True),
    Hazard("questions about pods hang", _silent, WORKLOADS, says=("answer", "time"), blinds=True),
    Hazard("answers are cut off", _cut, ANY, says=("JSON", "answer"), blinds=True),
    Hazard("pods are read as they were", _old("pods"), WORKLOADS - {"raise_autoscaler"}, ("approved",)),
    Hazard("the workload is read as it was", _old("deployments.apps", "statefulsets.apps", "daemonsets.apps"),
           ROLLS | {"scale", "pause"}, ("approved",)),
    Hazard("everything is read as it was", _old("*"), ANY - {"raise_autoscaler"}, ("approved",)),
    Hazard("clocks differ", _skewed, ANY, ("before",)),
    Hazard("nobody looks for a while", _away, ANY, ("write", "soak")),
    Hazard("events can't be read", _no_events, ROLLS, ("before",)),
    Hazard("the number stays bad", _number(lambda _room: lambda _at: 0.3), ALERTED, ("write", "soak")),
    Hazard("the number isn't there", _number(_none), ALERTED, ("write", "soak"), says=("no data",), blinds=True),
    Hazard("the number is good for a moment", _number(_lucky), ALERTED, ("write",)),
    Hazard("the number comes late", _number(_late), ALERTED, ("write",), says=("no data",)),
    Hazard("there is next to no traffic", _quiet, ALERTED, ("write", "soak"), says=("traffic",), blinds=True),
    Hazard("Prometheus fails", _down, ALERTED, ("write", "soak"), says=("Prometheus", "boom", "500"), blinds=True),
    Hazard("the alert still fires", _fires_on, ALERTED, ("write",), says=("firing",)),
    Hazard("the alert is silenced", _silenced, ALERTED, ("write",), says=("firing",)),
    Hazard("the rule isn't evaluated", _not_evaluated, ALERTED, ("write",), says=("evaluated",)),
)  # fmt: skip
WORST = gauge.BEFORE
