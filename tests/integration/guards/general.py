"""Guards that ask of no verb in particular: settings, the switch, rights, annotations, the policy, rates, the clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.domain.decision import Rule
from bot.domain.mitigation import traits_of
from bot.domain.target import Target
from bot.policy.guardrails import Point
from tests.ways import Way

from .room import LATER, Guard, Room, ahead

ALWAYS = "windows: [{name: night, weekly: daily 00:00 - 00:00, zone: UTC}]"
ELSEWHERE = "Deployment/shop/other"
TEN = timedelta(minutes=10)
CHANGED = (Rule.STALE, "changed since this was proposed")
UNREAD = frozenset({Rule.UNREADABLE, Rule.RIGHTS})


def namespaced(way: Way) -> bool:
    """Whether the target lies in a namespace."""
    return bool(way.key[1])


def acts(way: Way) -> bool:
    """Whether an effect has to show before the next."""
    return not traits_of(way.action).looks


def _freeze_file(room: Room) -> None:
    file = Path(room.floor.ctx.settings.DATA_DIR) / "freeze"
    file.touch()
    room.floor.configure(FREEZE_FILE=file)


def _freeze_file_lost(room: Room) -> None:
    room.floor.configure(FREEZE_FILE=Path(room.floor.ctx.settings.DATA_DIR) / "mount" / "freeze")


async def _frozen(room: Room) -> None:
    await room.floor.freeze(reason="payday")


def _rights_taken(room: Room) -> None:
    room.floor.server.deny(*room.way.door)


def _rights_unread(room: Room) -> None:
    room.floor.server.faults.set("create", "selfsubjectaccessreviews", status=503)


def _silent(room: Room) -> None:
    room.floor.server.faults.set("*", "*", status=503)


def _notes(room: Room, value: str) -> None:
    room.floor.cluster.annotate(*room.way.key, {"fettle/deny": value})


def _deleted(room: Room) -> None:
    room.floor.cluster.delete(*room.way.key)


def _anew(room: Room) -> None:
    """Another object of the same name."""
    made = room.world.object(room.way.key)
    room.floor.cluster.delete(*room.way.key)
    room.floor.advance(1)  # what belongs to it goes, too
    meta = {name: made["metadata"][name] for name in ("name", "namespace", "labels", "annotations", "ownerReferences")
            if name in made["metadata"]}  # fmt: skip
    room.floor.cluster.apply({**made, "metadata": meta})


async def _another_kind(room: Room) -> None:
    """The incident turns out to be about something that nothing is ever done to."""
    await room.point_at(Target("ReplicaSet", "shop", "api"))


async def _control_plane(room: Room) -> None:
    """The incident turns out to be about an object of the same kind in kube-system."""
    kind, _, name = room.way.key
    made = room.world.object(room.way.key)
    kept = {key: value for key, value in made.items() if key in {"apiVersion", "kind", "spec"}}
    kept["spec"] = {key: value for key, value in made["spec"].items() if not (kind == "Job" and key == "selector")}
    room.floor.cluster.apply({**kept, "metadata": {"name": name, "namespace": "kube-system"}})
    room.floor.advance(60)
    await room.point_at(Target(kind, "kube-system", name))


async def _cooled(room: Room) -> None:
    room.floor.configure(COOLDOWN=TEN)


async def _often(room: Room) -> None:
    await room.sql("UPDATE proposals SET requested_by = 'fettle'")
    room.floor.configure(TARGET_HOURLY=1)


async def _busy(room: Room) -> None:
    await room.acted(room.key, busy=True)


GUARDS: tuple[Guard, ...] = (
    Guard(
        "observing", Rule.MODE, "guardrails._settings", "I only observe (MODE=observe). Set MODE=act to let me act.",
        lambda room: room.floor.configure(MODE="observe"),
    ),
    Guard(
        "action not allowed", Rule.ACTION, "guardrails._settings",
        "The action {action} isn't allowed. Add {action} to ALLOWED_ACTIONS.",
        lambda room: room.floor.configure(ALLOWED_ACTIONS=()),
    ),
    Guard(
        "namespace not allowed", Rule.NAMESPACE, "guardrails._target",
        "The namespace shop isn't allowed. Add shop to ALLOWED_NAMESPACES.",
        lambda room: room.floor.configure(ALLOWED_NAMESPACES=("pay",)), namespaced,
    ),
    Guard(
        "own namespace", Rule.PROTECTED, "guardrails._target", "I run in shop myself and never act there. Use kubectl.",
        lambda room: room.floor.configure(OWN_NAMESPACE="shop"), namespaced,
    ),
    Guard(
        "the control plane's namespace", Rule.PROTECTED, "guardrails._target",
        "kube-system belongs to the control plane; I never act there.", _control_plane, namespaced,
        points=(Point.PROPOSE,), also=frozenset(Rule),
    ),
    Guard(
        "another kind", Rule.KIND, "guardrails._unfit", "I don't {does} a ReplicaSet; only ", _another_kind,
        points=(Point.PROPOSE,),
    ),
    Guard(
        "another cluster's alert", Rule.CLUSTER, "guardrails._settings",
        "The alert is from cluster eu-2, which isn't mine. Act on it there.",
        lambda room: room.sql("UPDATE incidents SET foreign_cluster = 'eu-2'"), points=LATER,
    ),
    Guard("frozen", Rule.FROZEN, "guardrails._cluster", 'by cli:root: "payday". Nothing was done.', _frozen),
    Guard(
        "frozen by the environment", Rule.FROZEN, "guardrails._cluster",
        "Writes are frozen by the environment (FETTLE_FROZEN).",
        lambda room: room.floor.switch(frozen_by_environment=True),
    ),
    Guard(
        "frozen by a file", Rule.FROZEN, "guardrails._cluster", "Writes are frozen: the FREEZE_FILE exists.",
        _freeze_file,
    ),
    Guard(
        "freeze file unreadable", Rule.FROZEN, "guardrails._cluster",
        "I can't read whether writes are frozen, so I don't write. Look at the store and FREEZE_FILE.",
        _freeze_file_lost,
    ),
    Guard("right missing", Rule.RIGHTS, "guardrails._cluster", "Apply the role {role}", _rights_taken),
    Guard(
        "rights unread", Rule.UNREADABLE, "guardrails._unread", "I can't read the target's state, so I don't act.",
        _rights_unread, waits=True, also=UNREAD,
    ),
    Guard(
        "cluster silent", Rule.UNREADABLE, "guardrails._unread", "I can't read the target's state, so I don't act.",
        _silent, waits=True, also=UNREAD,
    ),
    Guard(
        "read too long ago", Rule.UNREADABLE, "guardrails._fresh",
        "What I know of the target is older than 5 s, so I don't act on it. I read it again.",
        ahead, points=(Point.EXECUTE,), waits=True,
    ),
    Guard(
        "gone", Rule.GONE, "guardrails._unread", "The target isn't in the cluster any more.", _deleted,
        press=(Rule.STALE, "{label} isn't in the cluster any more."), also=frozenset({Rule.RIGHTS, Rule.STALE}),
    ),
    Guard(
        "made anew", Rule.STALE, "guardrails._unchanged",
        "The target changed since this was proposed. Nothing was done.",
        _anew, points=LATER, press=CHANGED,
        also=frozenset({Rule.ROLLING_OUT, Rule.STATE, Rule.BUDGET, Rule.UNREADABLE, Rule.PAUSED}),
    ),
    Guard(
        "an action in flight", Rule.IN_FLIGHT, "guardrails._cluster", "already has an action in flight on {ref}.",
        _busy, points=(Point.PROPOSE, Point.APPROVE),
    ),
    Guard(
        "annotation of the object", Rule.ANNOTATION, "guardrails._annotated",
        "The annotation fettle/deny of {label} takes {action} away from me.",
        lambda room: _notes(room, str(room.way.action)),
    ),
    Guard(
        "annotation that makes no sense", Rule.ANNOTATION, "guardrails._annotated",
        "fettle/deny of {label} says “restrat”",
        lambda room: _notes(room, "restrat"),
    ),
    Guard(
        "annotation of the namespace", Rule.ANNOTATION, "guardrails._annotated",
        "The annotation fettle/deny of namespace shop takes {action} away from me.",
        lambda room: room.floor.cluster.annotate("Namespace", "", "shop", {"fettle/deny": "all"}), namespaced,
    ),
    Guard(
        "annotations unreadable", Rule.UNREADABLE, "guardrails._annotated",
        "I can't read the annotations of the namespace shop, which may forbid this",
        lambda room: room.floor.server.faults.set("get", "namespaces", status=404), namespaced, waits=True,
    ),
    Guard(
        "a rule that denies", Rule.POLICY, "rules.check", "The policy never denies {action}",
        lambda room: room.policy("rules: [{name: never, deny: Only by hand}]"),
    ),
    Guard(
        "a freeze window", Rule.WINDOW, "windows.check", "The freeze window night (",
        lambda room: room.policy(ALWAYS),
    ),
    Guard(
        "cooldown", Rule.COOLDOWN, "rates._target", "{ref} was acted on at", _cooled, acts,
        first=lambda room: room.acted(room.key),
    ),
    Guard(
        "often on one target", Rule.RATE, "rates._target", "{ref} was acted on once within an hour.", _often, acts,
        points=LATER, first=lambda room: room.acted(room.key),
    ),
    Guard(
        "too many an hour", Rule.RATE, "rates.check", "1 action is sent within an hour, 1 are allowed.",
        lambda room: room.floor.configure(HOURLY=1), first=lambda room: room.acted(ELSEWHERE),
    ),
    Guard(
        "too many at once", Rule.RATE, "rates.check", "1 action is in flight already, 1 at once are allowed.",
        lambda room: room.floor.configure(AT_ONCE=1), first=lambda room: room.acted(ELSEWHERE, busy=True),
    ),
    Guard(
        "breaker", Rule.BREAKER, "rates._breaker", "What was done last didn't help (INC-",
        lambda room: room.floor.configure(BREAKER=1), first=lambda room: room.acted(ELSEWHERE, failed=True),
    ),
)  # fmt: skip
