"""One proposal of any verb, a crowd that presses it, and one thing that makes the press or the approval worth nothing.

Each night draws who presses, how often, and at which moment the thing happens: before the press, between the press and
the execution, or between the claim and the write.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.answer import Answer
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.storage import people
from tests.invariants import LAWS, Left
from tests.ways import API, Way, World, furnished

from .night import Night, left

APPROVERS, OTHERS = ("ana", "li", "sam"), ("kim", "bo")
"""Sam is one by the group; Bo asked for it."""
LATE = 15 * 60
HELD = ("I3", "I4", "I6", "I8", "I9")
"""No effect twice, none without a valid approval or while frozen, none unaudited, none told as what it isn't."""


@dataclass
class Played:
    """One night: what came of it, and what it met."""

    night: Night
    way: Way
    world: World
    rng: random.Random
    moment: str = ""
    presses: int = 0
    refused: int = 0
    answers: list[Answer] = field(default_factory=list)

    def at(self, *moments: str) -> str:
        """The moment at which it happens."""
        self.moment = self.rng.choice(moments)
        return self.moment

    async def press(self, proposal: Proposal, *who: str) -> list[Answer]:
        """All at the same time."""
        found = [await self.night.floor.person(one) for one in who]
        verbs = self.night.floor.verbs
        answers = await asyncio.gather(*(verbs.approve(proposal.id, one) for one in found))
        self.presses += len(answers)
        self.refused += sum(not one.ok for one in answers)
        return list(answers)

    def crowd(self) -> list[str]:
        """Approvers and others in any order, one of them perhaps twice; as many approvers as it takes at least."""
        number = self.rng.randint(len(self.way.people), len(APPROVERS))
        chosen = self.rng.sample(APPROVERS, number) + self.rng.sample(OTHERS, self.rng.randint(0, len(OTHERS)))
        chosen += self.rng.sample(chosen, self.rng.randint(0, 1))
        self.rng.shuffle(chosen)
        return chosen

    def enough(self) -> list[str]:
        """Just those that it takes."""
        return self.rng.sample(APPROVERS, len(self.way.people))

    async def execute(self) -> None:
        """Two loops take what is owed at the same time."""
        floor = self.night.floor
        await asyncio.gather(*(floor.run(Stage.EXECUTE) for _ in range(self.rng.randint(1, 3))))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Of the night's database."""
        return left(self.night).rows(sql)


async def _race(one: Played, proposal: Proposal) -> None:
    """Everybody presses at once; whoever wins, it is done once."""
    answers = await one.press(proposal, *one.crowd())
    assert sum(answer.ok for answer in answers) == len(one.way.people)
    await one.execute()


async def _replay(one: Played, proposal: Proposal) -> None:
    """The very same presses come again: at once, after the execution, or much later."""
    who = one.enough()
    for name in who:
        assert all(answer.ok for answer in await one.press(proposal, name))
    for moment in ("at once", "after it was done", "much later"):
        if moment == "after it was done":
            await one.execute()
        if moment == "much later":
            one.night.advance(one.rng.choice([30, 600, 2 * LATE]))
        if one.rng.random() < 0.7 or moment == "after it was done":
            one.moment = moment
            again = await one.press(proposal, *one.rng.choices(who, k=one.rng.randint(1, 3)))
            assert not any(answer.ok for answer in again)
    await one.execute()


async def _worthless(
    one: Played, proposal: Proposal, happens: Callable[[], object], moment: str, who: list[str] | None = None
) -> None:
    """It happens before the press, or after it; in neither case anything is done, however often it is pressed."""
    people_of = who or one.enough()
    if moment == "after the press":
        for name in people_of:
            answers = await one.press(proposal, name)
            assert all(answer.ok for answer in answers), answers
    elif moment == "after the first of two":
        assert all(answer.ok for answer in await one.press(proposal, people_of[0]))
    found = happens()
    if isinstance(found, Awaitable):
        await found
    pressed = await one.press(proposal, *(who or one.crowd()))
    assert not any(answer.ok for answer in pressed)
    await one.execute()


def _moments(one: Played) -> str:
    halves = ("after the first of two",) if len(one.way.people) > 1 else ()
    return one.at("before the press", "after the press", *halves)


async def _stale(one: Played, proposal: Proposal) -> None:
    """Somebody changes the target, or makes another of its name."""
    key = one.way.key

    def anew() -> None:
        made = one.world.object(key)
        one.world.cluster.delete(*key)
        one.night.advance(1)  # what belongs to it goes, too
        kept = {name: made["metadata"][name] for name in ("name", "namespace", "labels", "annotations",
                "ownerReferences") if name in made["metadata"]}  # fmt: skip
        one.world.cluster.apply({**made, "metadata": kept})

    def image() -> None:
        one.world.image(API, f"registry.example/shop/api:1.{one.rng.randint(6, 99)}")

    await _worthless(one, proposal, one.rng.choice([anew, image]) if key == API else anew, _moments(one))


async def _expired(one: Played, proposal: Proposal) -> None:
    """Its time is over, by a second or by hours."""
    seconds = LATE + one.rng.choice([0, 1, 60, 7200])
    await _worthless(one, proposal, lambda: one.night.advance(seconds), _moments(one))


async def _revoked(one: Played, proposal: Proposal) -> None:
    """Those who press, or pressed, are no approvers any more: by the settings, or because they left the group."""
    floor = one.night.floor
    if one.rng.random() < 0.5 and len(one.way.people) == 1:
        left_it = lambda: floor.store.transact(people.set_group, "S0SRE", ("U0SUE",), floor.now())  # noqa: E731
        await _worthless(one, proposal, left_it, _moments(one), ["sam"])
        return
    gone = one.enough()
    rest = [f"U0{name.upper()}" for name in APPROVERS[:2] if name not in gone]
    await _worthless(one, proposal, lambda: floor.configure(APPROVERS=(*rest, "U0SUE")), _moments(one), gone)


async def _frozen(one: Played, proposal: Proposal) -> None:
    """Writes are frozen by the row, the environment or the file; the file also between the claim and the write."""
    floor, file = one.night.floor, one.night.folder / "freeze"
    floor.configure(FREEZE_FILE=file)
    ways: Mapping[str, Callable[[], object]] = {
        "row": floor.freeze,
        "environment": lambda: floor.switch(frozen_by_environment=True),
        "file": file.touch,
    }
    moment = one.at("before the press", "after the press", "after the claim")
    if moment != "after the claim":
        await _worthless(one, proposal, ways[one.rng.choice(list(ways))], moment)
        return

    def claimed(point: str) -> None:
        if point.startswith("after:_claim"):
            file.touch()

    for name in one.enough():
        assert all(answer.ok for answer in await one.press(proposal, name))
    floor.store.crash_point = claimed
    await one.execute()
    floor.store.crash_point = None
    assert one.rows("SELECT count(*) FROM audit WHERE tag = 'execution:intent:committed'") == [(1,)]
    assert not any(answer.ok for answer in await one.press(proposal, *one.crowd()))
    await one.execute()


KINDS: Mapping[str, tuple[Callable[[Played, Proposal], Awaitable[None]], int]] = {
    "race": (_race, 1),
    "replay": (_replay, 1),
    "stale digest": (_stale, 0),
    "expired approval": (_expired, 0),
    "revoked role": (_revoked, 0),
    "frozen": (_frozen, 0),
}
"""What happens, and how many effects it leaves."""


async def played(night: Night, way: Way, kind: str, rng: random.Random) -> Played:
    """One night, with all that must hold of it."""
    happens, effects = KINDS[kind]
    floor = night.floor
    async with furnished(way, night.server.cluster, night.advance, night.folder) as (world, sources):
        floor.switch(sources=sources)
        floor.configure(ALLOWED_ACTIONS=(way.action,), **way.settings)
        await floor.store.transact(people.set_group, "S0SRE", ("U0SAM",), floor.now())
        one = Played(night, way, world, rng)
        bo = await floor.person("bo")
        answer = await floor.verbs.act(bo, way.action, way.typed, way.wanted(world))
        assert answer.ok, answer.text
        await floor.prepare()
        proposal = await floor.proposal()
        assert proposal.state is ProposalState.PENDING, proposal.text.refusal
        await happens(one, proposal)
        await floor.run(Stage.PROPOSE)  # what fits now is offered afresh, and nobody presses that
        await one.execute()
        holds(one, effects)
    return one


def holds(one: Played, effects: int) -> None:
    """So many effects, each once, with its approval; and what was refused is written down."""
    rest: Left = left(one.night)
    found = [f"{number}: {sentence}" for number in HELD for sentence in LAWS[number](rest)]
    assert not found, "\n".join(found)
    assert len(rest.effects()) == (0 if _looks(one.way) else effects), rest.effects()
    assert len(rest.commands()) == (effects if _looks(one.way) or one.way.action in BESIDE else 0)
    intents = one.rows("SELECT count(*) FROM audit WHERE tag = 'execution:intent:committed'")
    assert intents == [(effects or int(one.moment == "after the claim"),)]
    refused = one.rows("SELECT count(*) FROM audit WHERE tag = 'proposal:approval:refused'")
    assert refused == [(one.refused,)]


BESIDE = frozenset({Action.DEBUG_THREAD_DUMP, Action.DEBUG_HEAP_DUMP})
"""These write a container beside the one they look at, and then look."""


def _looks(way: Way) -> bool:
    return way.door[1] in {"pods/exec", "pods/proxy"}


def told(kind: str, nights: list[Played], seed: int) -> str:
    """What was met, for whoever reads the report."""
    each = Counter(str(one.way.action) for one in nights)
    moments = Counter(one.moment for one in nights if one.moment)
    when = ", ".join(f"{number} {moment}" for moment, number in sorted(moments.items()))
    presses, refused = sum(one.presses for one in nights), sum(one.refused for one in nights)
    return (
        f"seed {seed}: {kind}: {len(nights)} nights over {len(each)} verbs, {min(each.values())} to "
        f"{max(each.values())} of each; {presses} presses, {refused} refused{f' ({when})' if when else ''}; "
        f"{sum(KINDS[kind][1] for _ in nights)} effects"
    )
