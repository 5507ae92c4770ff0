"""One verb, one guard, one of the three points: the world is set so that the guard refuses, and what comes of it."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.domain.decision import Rule
from bot.domain.execution import ExecutionEvent, ExecutionState, WriteRequest
from bot.domain.mitigation import traits_of
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target, parse_key
from bot.domain.verification import VerdictEvent
from bot.policy.guardrails import Point
from bot.settings_policy import policy
from bot.storage import executions, incidents, people, proposals, verifications
from bot.storage.db import Tx
from tests.integration.workflow.floor import Floor
from tests.ways import Way, World

EVERYWHERE = tuple(Point)
LATER = (Point.APPROVE, Point.EXECUTE)


@dataclass
class Room:
    """A floor with the world of one verb on it."""

    floor: Floor
    way: Way
    world: World

    @property
    def key(self) -> str:
        """The target's, as the store has it."""
        return "/".join(self.way.key)

    async def ask(self) -> None:
        """Bo types it."""
        bo = await self.floor.person("bo")
        answer = await self.floor.verbs.act(bo, self.way.action, self.way.typed, self.way.wanted(self.world))
        assert answer.ok, answer.text

    async def newest(self) -> Proposal:
        """The newest proposal of the verb; others may stand beside it."""

        def last(tx: Tx) -> Proposal:
            found = tx.execute("SELECT max(id) FROM proposals WHERE action = ?", (str(self.way.action),)).fetchone()
            return proposals.get(tx, found[0])

        return await self.floor.store.read(last)

    def policy(self, text: str) -> None:
        """Rules and windows from now on."""
        self.floor.configure(POLICY=policy(text))

    async def point_at(self, target: Target) -> None:
        """The incident is about another object from now on."""
        incident = await self.floor.newest("incidents")
        await self.floor.store.transact(incidents.update, incident.id, self.floor.now(), target=target)

    async def sql(self, statement: str) -> None:
        """What no person can make happen at this point, and the guard is there for all the same."""
        await self.floor.store.transact(lambda tx: tx.execute(statement) and None)

    async def acted(self, key: str, *, params: Any = None, busy: bool = False, failed: bool = False) -> None:
        """Another incident's action was carried out on ``key`` just now; ``busy`` has no verdict yet."""
        await self.floor.store.transact(self._acted, key, params or {}, busy, failed, self.floor.now())

    def _acted(self, tx: Tx, key: str, params: Any, busy: bool, failed: bool, now: datetime) -> None:
        incident = incidents.add(
            tx, key=uuid.uuid4().hex, title="Another", alertname="Another", namespace="shop",
            severity=Severity.SEV3, now=now, channel="C0ONCALL",
        )  # fmt: skip
        target = parse_key(key).with_uid("u-1")
        proposal = proposals.add(
            tx, incident.id, action=str(self.way.action), target=target, params=params, digest="d",
            state=ProposalState.APPROVED, text=ProposalText("Another", "Another"), requested_by="fettle", now=now,
            expires_at=now + timedelta(minutes=15), quorum=1, approvers=(), baseline={},
        )  # fmt: skip
        made = executions.add(tx, uid=uuid.uuid4().hex, proposal=proposal, approved_by="person:1", now=now)
        assert made is not None
        executions.claim(tx, made.id, WriteRequest("PATCH", "/", "application/json-patch+json", []), {}, now)
        executions.settle(tx, made.id, ExecutionEvent.SUCCEED, now, "applied", 2)
        if not busy:
            executions.release(tx, made.id)
        if failed:
            found = verifications.start(
                tx, execution=made, incident_id=incident.id, target=target, deadline=now, soak=1, now=now,
                generation=2, execution_uid=made.uid, baseline={},
            )  # fmt: skip
            verifications.settle(tx, found.id, VerdictEvent.FAIL, (), {}, now)

    def effects(self) -> list[Any]:
        """Whatever reached the API server and would change something, and what was asked of pods."""
        looks = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"}
        return [
            one for one in self.floor.server.requests
            if one.user == self.floor.server.access.bot_user and one.resource not in looks
            and (one.verb in {"create", "update", "patch", "delete"} or one.resource in {"pods/exec", "pods/proxy"})
            and "dryRun" not in one.query
        ]  # fmt: skip


Stand = Callable[[Room], Awaitable[None] | None]


def nothing(_room: Room) -> None:
    """Needs no more than the verb's own world."""


@dataclass(frozen=True)
class Guard:
    """One guard and the world in which it refuses.

    ``at`` is the function of ``bot/policy`` or ``bot/workflow`` that speaks; ``says`` is a part of its sentence, with
    the verb's words filled in. ``first`` happens before anybody asks, ``stand`` right before the point.
    ``press`` is what the press is refused for where that differs: what the digest holds is told as a change.
    ``waits``: at the execution the approval stands, and it is asked again until its end. ``also`` may speak as well.
    ``by`` presses, as Slack tells of them in ``who``.
    """

    name: str
    rule: Rule
    at: str
    says: str
    stand: Stand
    fits: Callable[[Way], bool] = lambda _: True
    points: tuple[Point, ...] = EVERYWHERE
    press: tuple[Rule, str] | None = None
    waits: bool = False
    also: frozenset[Rule] = frozenset()
    by: str = ""
    who: Mapping[str, bool] = field(default_factory=dict)
    first: Stand = nothing

    def words(self, way: Way, says: str) -> str:
        """The sentence's part for one verb."""
        of, (kind, namespace, name) = traits_of(way.action), way.key
        ref = f"{namespace}/{name}".lstrip("/")
        return says.format(
            action=way.action, noun=of.noun, role=of.role, right=of.right, does=of.does, ref=ref, label=f"{kind} {ref}"
        )


async def come(what: Stand, room: Room) -> None:
    """It happens, at once or after a while."""
    found = what(room)
    if inspect.isawaitable(found):
        await found


async def play(room: Room, guard: Guard, point: Point) -> None:
    """The guard refuses at this point: nothing is done, the reason is said, and it stands in the audit."""
    await come(guard.first, room)
    await room.floor.store.transact(people.set_group, "S0SRE", ("U0SAM",), room.floor.now())
    await room.ask()
    before = len(room.effects())
    if point is Point.PROPOSE:
        await come(guard.stand, room)
        await room.floor.prepare()
        await _recorded(room, guard)
    elif point is Point.APPROVE:
        await _pressed(room, guard)
    else:
        await _claimed(room, guard)
    assert room.effects()[before:] == []
    assert "execution:intent:committed" not in await room.floor.tags()


async def _recorded(room: Room, guard: Guard) -> None:
    proposal = await room.newest()
    assert proposal.state is ProposalState.RECORDED, proposal
    (entry,) = [
        one for one in await room.floor.entries("proposal:state:recorded") if one.subject == f"proposal:{proposal.id}"
    ]
    assert entry.detail is not None
    _spoke(guard, guard.rule, entry.detail["rules"])
    if guard.rule is not Rule.MODE:  # observing is no refusal on the card, which says what it would propose
        assert guard.words(room.way, guard.says) in proposal.text.refusal, proposal.text.refusal


async def _offered(room: Room) -> Any:
    await room.floor.prepare()
    proposal = await room.newest()
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    return proposal


async def _pressed(room: Room, guard: Guard) -> None:
    floor = room.floor
    proposal = await _offered(room)
    for who in room.way.people[:-1]:
        assert (await floor.approve(proposal, who)).ok
    await come(guard.stand, room)
    rule, says = guard.press or (guard.rule, guard.says)
    presses = await floor.person(guard.by or room.way.people[-1], **guard.who)
    answer = await floor.verbs.approve(proposal.id, presses)
    assert not answer.ok
    assert guard.words(room.way, says) in answer.text, answer.text
    _spoke(guard, rule, await floor.last_rules("proposal:approval:refused"))
    entry = (await floor.entries("proposal:approval:refused"))[-1]
    assert entry.detail is not None
    assert (entry.subject, entry.detail["reason"]) == (f"proposal:{proposal.id}", answer.text)


async def _claimed(room: Room, guard: Guard) -> None:
    floor = room.floor
    proposal = await _offered(room)
    for who in (*room.way.people[:-1], guard.by or room.way.people[-1]):
        answer = await floor.approve(proposal, who)
        assert answer.ok, answer.text
    execution = await floor.execution()
    await come(guard.stand, room)
    await floor.run(Stage.EXECUTE)
    ended = await floor.store.read(executions.get, execution.id)
    if guard.waits:
        assert ended.state is ExecutionState.PENDING, ended.outcome
        (entry,) = await floor.entries("execution:claim:delayed")
        assert entry.detail is not None
        assert guard.words(room.way, guard.says) in entry.detail["reason"], entry.detail
        floor.advance(16 * 60)
        await floor.run(Stage.EXECUTE)
        ended = await floor.store.read(executions.get, execution.id)
        assert ended.state is ExecutionState.FAILED, "it waits until the approval's end and no longer"
        return
    assert ended.state is ExecutionState.FAILED, ended
    assert guard.words(room.way, guard.says) in ended.outcome, ended.outcome
    _spoke(guard, guard.rule, await floor.last_rules("execution:claim:refused"))


def _spoke(guard: Guard, rule: Rule, rules: list[str]) -> None:
    assert str(rule) in rules
    assert set(rules) <= {str(rule), *map(str, guard.also)}, "nothing else stands against it"


def ahead(room: Room) -> None:
    """The clock jumps by six seconds each time that it is asked: what was read is older than it may be."""
    steps = iter(range(10**6))
    base = room.floor.time
    room.floor.time = lambda: base() + timedelta(seconds=6 * next(steps))
