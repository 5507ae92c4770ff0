"""One verification a seed: a situation, an action, hazards, looks until there is a verdict; and the truth beside it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from bot.domain.execution import EXECUTION_ID, ExecutionState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Check, CheckState, Verdict, Verification
from tests.verification_judge import by_others, by_pods, by_sight, by_things, shape, truth
from tests.verification_judge.hazard import Hazard, always, never
from tests.verification_judge.history import ready
from tests.verification_judge.room import NAME, SPACE, Act, Json, Room, opened
from tests.verification_judge.shape import Shape
from tests.verification_judge.verbs import BY_NAME, VERBS, Verb

HAZARDS: tuple[Hazard, ...] = (*by_pods.HAZARDS, *by_others.HAZARDS, *by_sight.HAZARDS, *by_things.HAZARDS)
CLEAN = 10
"""One in so many is a case without any hazard."""
PAIRED = 0.8
LOOKS = 260
QUICK = frozenset({"rerun_job", "delete_failed_job", "expand_volume", "uncordon"})
"""Verbs that are verified without a soak."""


@dataclass(frozen=True)
class Plan:
    """What a seed draws: ``moments`` are of the hazards, in their order."""

    seed: str
    verb: Verb
    shape: Shape
    hazards: tuple[Hazard, ...]
    moments: tuple[str, ...]

    def words(self) -> str:
        """For whoever reads a report."""
        told = [f"{one.name} ({at})" for one, at in zip(self.hazards, self.moments, strict=True)]
        return f"{self.seed} {self.verb.name} on {self.shape.words()}: {'; '.join(told) or 'no hazard'}"


@dataclass
class Played:
    """``why`` says what isn't well by the truth, empty where all is; ``refused`` why nothing was done at all.

    ``steady`` is whether none of its pods restarted since the act, and none came to a node that was cordoned. ``alone``
    is whether the target stands as our write left it, and did all along, though the verdict says that somebody took
    over.
    """

    plan: Plan
    verdict: Verdict | None = None
    why: str = ""
    refused: str = ""
    checks: tuple[Check, ...] = ()
    note: str = ""
    took: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    alone: bool = False
    steady: bool = True
    looks: int = 0
    seconds: float = 0.0
    trouble: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What the checks say that they couldn't measure, or still wait for."""
        lacking = (CheckState.UNMEASURED, CheckState.WAITING)
        return [f"{one.name}: {one.measured}" for one in self.checks if one.state in lacking and one.measured]

    @property
    def unsaid(self) -> list[str]:
        """The hazards that hid the truth to the end, of which the verdict doesn't say a word."""
        told = " ".join(self.missing)
        hid = [one for one in self.plan.hazards if one.blinds and one.name in self.took & self.lasting]
        alone = len(self.took) == 1
        return [one.name for one in hid if not any(word in told for word in one.says)] if alone else []

    def words(self) -> str:
        """A line of a report."""
        rows = "; ".join(f"{one.name} {one.state}: {one.measured}" for one in self.checks)
        return f"{self.plan.words()} -> {self.verdict} ({self.note or rows}); truth: {self.why or 'well'}"


def draw(seed: str, number: int) -> Plan:
    """The plan of a number of a seed; the same seed, the same plans."""
    return deal(seed, number + 1)[number]


@cache
def deal(seed: str, count: int) -> tuple[Plan, ...]:
    """So many plans, in which each kind of hazard comes about as often as any other; of more, these come first."""
    dealt: Counter[str] = Counter()
    plans = []
    for number in range(count):
        plan = _drawn(random.Random(f"plan {seed} {number}"), f"{seed}{number}", number, dealt)  # noqa: S311 - the same
        dealt.update(one.name for one in plan.hazards)
        plans.append(plan)
    return tuple(plans)


def _drawn(rng: random.Random, seed: str, number: int, dealt: Counter[str]) -> Plan:
    if number % CLEAN == 0:
        verb = rng.choice(VERBS)
        return Plan(seed, verb, _shape(rng, verb, ()), (), ())
    first = _rarest(rng, HAZARDS, dealt)
    for _ in range(1000):
        verb = BY_NAME[rng.choice(sorted(first.verbs))]
        moment = rng.choice([one for one in first.when if one != "soak" or verb.name not in QUICK])
        # Two come together: a first that ends the verification would leave none of it to the second.
        meets = {"soak", "before"} if moment == "soak" else {"before", "approved", "write"}
        more = [one for one in HAZARDS if one is not first and verb.name in one.verbs and meets & set(one.when)]
        hazards, moments = (first,), (moment,)
        if more and rng.random() < PAIRED:
            second = _rarest(rng, more, dealt)
            hazards = (first, second)
            moments = (moment, rng.choice([one for one in second.when if one in meets]))
        made = _shape(rng, verb, hazards)
        if all(one.fits(verb, made) for one in hazards) and (not verb.kinds or made.kind in verb.kinds):
            return Plan(seed, verb, made, hazards, moments)
    raise AssertionError(f"{first.name} fits nothing")


def _rarest(rng: random.Random, among: Sequence[Hazard], dealt: Counter[str]) -> Hazard:
    least = min(dealt[one.name] for one in among)
    return rng.choice([one for one in among if dealt[one.name] == least])


def _shape(rng: random.Random, verb: Verb, hazards: tuple[Hazard, ...]) -> Shape:
    made = verb.suits(shape.drawn(rng, verb.kinds or ("Deployment",)))
    for one in hazards:
        made = one.shaped(made)
    return made


async def play(plan: Plan) -> Played:
    """Plays it; everything that goes wrong in playing raises."""
    rng = random.Random(f"play {plan.seed}")  # noqa: S311 - the same
    played = Played(plan)
    async with opened(rng) as room:
        await _furnished(room, plan)
        proposal = await plan.verb.ask(room)
        if proposal.state is not ProposalState.PENDING:
            played.refused = proposal.text.refusal
            return played
        for who in ("ana", "li")[: proposal.quorum]:
            answer = await room.floor.approve(proposal, who)
            assert answer.ok, answer.text
        _plant(room, plan, "approved")
        await _acted(room, plan, proposal.params, played)
        if not played.refused:
            await _judged(room, plan, played)
    return played


async def _furnished(room: Room, plan: Plan) -> None:
    early = [one for one, at in zip(plan.hazards, plan.moments, strict=True) if at == "before"]
    first = {"the volume doesn't grow"}
    for one in early:
        if one.name in first:
            _now(room, one)
    room.on_workload = bool(plan.verb.kinds)
    room.said["node"] = plan.verb.name in ("cordon", "uncordon")
    await plan.verb.furnish(room, plan.shape)
    for one in early:
        if one.name not in first:
            _now(room, one)


def _plant(room: Room, plan: Plan, moment: str) -> None:
    for one, at in zip(plan.hazards, plan.moments, strict=True):
        if at == moment:
            _now(room, one)


async def _acted(room: Room, plan: Plan, params: Json, played: Played) -> None:
    """Carries it out, and takes down what the write left."""
    target = room.workload() if plan.verb.kinds else None
    room.said["before"] = target
    pods = room.pods() if target is not None else {}
    uid = _uid(room, plan, params)
    execution = await room.floor.execution()
    for _ in range(80):
        began = room.now
        await room.floor.run(Stage.EXECUTE)
        execution = await room.floor.execution()
        if execution.state is not ExecutionState.PENDING:
            break
        room.said["waited"] = room.said.get("waited", 0) + 1
        room.advance(2)
    if execution.state is ExecutionState.RUNNING:
        room.advance(12)
        await room.floor.run(Stage.RECOVER)
        execution = await room.floor.execution()
    if execution.state is not ExecutionState.SUCCEEDED:
        played.refused = f"not done: {execution.state} {execution.outcome}"
        return
    named = dict(params)
    if plan.verb.name == "rerun_job":
        job = next(
            one for one in room.cluster.list("Job", SPACE)
            if (one["metadata"].get("annotations") or {}).get(EXECUTION_ID) == execution.uid
        )  # fmt: skip
        named["run"], uid = job["metadata"]["name"], job["metadata"]["uid"]
    after = room.workload() if plan.verb.kinds else {}
    ready_ = sum(ready(one) for one in pods.values())
    room.act = Act(after or {}, began, frozenset(pods), ready_, named, uid)


def _uid(room: Room, plan: Plan, params: Json) -> str:
    if "uid" in params and plan.verb.name == "evict":
        return str(params["uid"])
    found = {
        "delete_failed_job": ("Job", "nightly-1"), "expand_volume": ("PersistentVolumeClaim", "data-db-0"),
        "cordon": ("Node", "worker-1"), "uncordon": ("Node", "worker-1"),
    }.get(plan.verb.name)  # fmt: skip
    return str(room.stored(*found)["metadata"]["uid"]) if found else ""


async def _judged(room: Room, plan: Plan, played: Played) -> None:
    """Looks until there is a verdict; hazards come at their moments, whatever the looks are doing."""
    later = [(one, at) for one, at in zip(plan.hazards, plan.moments, strict=True) if at in ("write", "soak")]
    begin = 0.1 if plan.verb.name in QUICK else room.rng.choice([0.1, 1.0, 3.0, 8.0])
    for one in [pair[0] for pair in later if pair[1] == "write"]:
        room.later(begin + room.rng.random(), partial(_now, room, one))
    soaking = [one for one, at in later if at == "soak"]
    found: Verification = await room.verification()
    for look in range(LOOKS):
        room.advance(float(room.said.pop("away", 0)) or (5.0 if look < 24 else 12.0 if look < 40 else 40.0))
        await _resolved(room)
        await room.floor.run(Stage.VERIFY)
        found = await room.verification()
        played.looks += 1
        if found.verdict is not Verdict.MEASURING:
            break
        if found.rolled_out_at is not None and soaking:
            begin = found.soak * room.rng.uniform(0.03, 0.9)
            for one in soaking:
                room.later(begin + room.rng.uniform(0.0, 2.0), partial(_now, room, one))
            soaking = []
    played.verdict, played.checks, played.note = found.verdict, found.checks, found.note
    played.why = plan.verb.truth(room, float(found.soak))
    if not played.why and plan.verb.measured:
        played.why = room.gauge.ill(room.now)
    played.steady = _steady(room, plan)
    if plan.verb.kinds and found.verdict is Verdict.SUPERSEDED:
        alone = not truth.same(room, counts=False) and not truth.put_back(room)
        played.alone = plan.verb.name not in ("cordon", "uncordon") and alone
    played.took = frozenset(name for name, took in room.tricks.items() if took())
    played.lasting = frozenset(room.lasting)


def _steady(room: Room, plan: Plan) -> bool:
    """Whether nothing went wrong since the act that is over by now: who saw it may fail what is well again."""
    if plan.verb.name == "cordon":
        return not truth.cordoned(room, room.now - room.acted.at)
    return not (plan.verb.kinds and room.restarted())


def _now(room: Room, one: Hazard) -> None:
    target = ("Node", "worker-1") if room.said.get("node") else (room.kind, NAME) if room.on_workload else None
    if target is not None and room.act is not None and room.stored(*target) is None:
        room.tricks[one.name] = never  # another hazard has taken the target away
        return
    room.said.pop("passes", None)
    room.tricks[one.name] = one.plant(room) or always
    if not room.said.pop("passes", False):
        room.lasting.add(one.name)


async def _resolved(room: Room) -> None:
    if room.said.pop("resolve", False):
        incident = await room.floor.incident(1)
        if incident.open:
            await room.floor.clear(incident.id)
            room.said["resolved"] = True


__all__ = ["HAZARDS", "NAME", "Plan", "Played", "draw", "play"]
