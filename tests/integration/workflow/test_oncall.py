"""Whoever is on call at the press may approve, to the second of the handover, by a reading of three minutes at most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.errors import FettleError, UnavailableError
from bot.domain.execution import ExecutionState
from bot.domain.oncall import Schedule, Shift
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.jobs import Jobs
from bot.settings_policy import policy
from bot.slack.cards.proposal import needs
from bot.storage import oncall, people

from .floor import Floor

RULE = "rules: [{name: prod, approvers: ['oncall:sre']}]"
HANDOVER = timedelta(seconds=60)


class Desk:
    """A schedule that a test writes; the clock stands still unless it is moved."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.at = floor.now().replace(microsecond=0)
        floor.time = lambda: self.at
        self.handover = self.at + HANDOVER
        self.shifts: Sequence[Shift] = (
            Shift("U0ANA", self.at - timedelta(hours=1), self.handover),
            Shift("U0LI", self.handover, self.handover + timedelta(hours=8)),
        )
        self.problem: FettleError | None = None
        self.asked: list[datetime] = []
        floor.configure(ONCALL={"oncall:sre": Schedule("sre", None, ("PABC123",))}, POLICY=policy(RULE))
        self.jobs = Jobs(floor.ctx, on_call=self._on_call)

    async def _on_call(self, source: str, at: datetime) -> tuple[Shift, ...]:
        assert source == "oncall:sre"
        self.asked.append(at)
        if self.problem is not None:
            raise self.problem
        return tuple(self.shifts)

    async def read(self) -> None:
        """The job's minute."""
        await self.jobs.refresh_groups()

    def move(self, to: datetime) -> None:
        """It is then."""
        self.at = to

    async def proposed(self, by: str = "bo") -> Proposal:
        """A restart that waits, and who is on call read for it."""
        _, proposal = await self.floor.restart_asked(by)
        await self.read()
        return proposal


@pytest.fixture
def desk(floor: Floor) -> Desk:
    return Desk(floor)


async def test_whoever_is_on_call_at_the_press_counts_to_the_second_of_the_handover(desk: Desk) -> None:
    """Nothing is read in between: the reading of before knows both."""
    proposal = await desk.proposed()
    desk.move(desk.handover - timedelta(microseconds=1))
    early = await desk.floor.approve(proposal, by="li")
    assert early.text == (
        "@li, only whoever is on call (sre) may approve a restart in shop (policy prod). Ask one of them."
    )
    desk.move(desk.handover)
    late = await desk.floor.approve(proposal, by="ana")
    assert late.text.startswith(
        "@ana, only whoever is on call (sre) may approve a restart in shop (policy prod). Ask @li."
    )
    assert len(desk.asked) == 1
    assert (await desk.floor.approve(proposal, by="li")).ok


async def test_the_last_moment_of_a_shift_still_counts(desk: Desk) -> None:
    proposal = await desk.proposed()
    desk.move(desk.handover - timedelta(microseconds=1))
    assert (await desk.floor.approve(proposal)).ok


async def test_an_approval_stands_though_the_shift_ends_before_it_is_carried_out(desk: Desk) -> None:
    proposal = await desk.proposed()
    assert (await desk.floor.approve(proposal)).ok
    desk.move(desk.handover + timedelta(seconds=5))
    changed = (Shift("U0BO", desk.at, desk.at + timedelta(hours=8)),)
    await desk.floor.store.transact(oncall.keep, "oncall:sre", changed, desk.at)  # another proposal waits
    await desk.floor.run(Stage.EXECUTE)
    assert (await desk.floor.execution()).state is ExecutionState.SUCCEEDED


async def test_who_was_never_on_call_at_the_press_does_not_carry_it_out_later(desk: Desk) -> None:
    """A rule that came after the press: on call now isn't on call then."""
    desk.floor.configure(POLICY=policy("rules: []"))
    proposal = await desk.proposed()
    assert (await desk.floor.approve(proposal, by="li")).ok
    desk.floor.configure(POLICY=policy(RULE))
    desk.jobs = Jobs(desk.floor.ctx, on_call=desk._on_call)
    desk.move(desk.handover + timedelta(seconds=5))
    await desk.floor.run(Stage.EXECUTE)
    assert await desk.floor.last_rules("execution:claim:refused") == ["approver"]
    assert desk.floor.patches() == []


async def test_the_audit_has_the_schedule_the_end_and_how_old_the_reading_was(desk: Desk) -> None:
    proposal = await desk.proposed()
    desk.move(desk.at + timedelta(seconds=30))
    assert (await desk.floor.approve(proposal)).ok
    (entry,) = await desk.floor.entries("proposal:approval:granted")
    assert entry.detail is not None
    (way,) = [one for one in entry.detail["entitled"] if one["list"] == "policy prod"]
    assert (way["by"], way["schedule"], way["read_seconds_ago"]) == ("oncall:sre", "PagerDuty PABC123", 30)
    assert way["until"] == desk.handover.isoformat()


async def test_a_reading_older_than_three_minutes_denies_and_says_why(desk: Desk) -> None:
    desk.shifts = (Shift("U0ANA", desk.at, desk.at + timedelta(hours=1)),)
    proposal = await desk.proposed()
    desk.problem = UnavailableError("PagerDuty answers 503 for now.")
    desk.move(desk.at + timedelta(seconds=179))
    await desk.read()
    assert (await desk.floor.approve(proposal, by="bo")).text.startswith("@bo, only whoever is on call")
    desk.move(desk.at + timedelta(seconds=1))
    answer = await desk.floor.approve(proposal)
    assert answer.text == (
        "@ana, I can't tell whether you may approve. Whoever is on call (sre) wasn't read within 3 minutes. "
        "PagerDuty answers 503 for now. Try again shortly."
    )
    desk.problem = None
    desk.move(desk.at + timedelta(seconds=60))
    await desk.read()
    assert (await desk.floor.approve(proposal)).ok


async def test_both_lists_have_to_name_the_person(desk: Desk) -> None:
    desk.floor.configure(APPROVERS=("U0LI", "U0BO"))
    proposal = await desk.proposed(by="cora")
    assert proposal.state is ProposalState.PENDING, "who is on call at the press isn't known yet"
    assert not (await desk.floor.approve(proposal)).ok, "on call, and no approver"
    assert not (await desk.floor.approve(proposal, by="bo")).ok, "an approver, and not on call"
    desk.move(desk.handover)
    assert (await desk.floor.approve(proposal, by="li")).ok


async def test_the_list_of_approvers_may_name_it_alone(desk: Desk) -> None:
    desk.floor.configure(APPROVERS=("oncall:sre",), POLICY=policy("rules: []"))
    desk.jobs = Jobs(desk.floor.ctx, on_call=desk._on_call)
    proposal = await desk.proposed()
    assert proposal.text.policy == "Needs 1 of whoever is on call (sre)"
    assert not (await desk.floor.approve(proposal, by="li")).ok
    assert (await desk.floor.approve(proposal)).ok


async def test_the_card_says_who_is_on_call_and_is_drawn_anew_after_the_handover(desk: Desk) -> None:
    proposal = await desk.proposed()

    async def shown() -> str:
        view = await desk.floor.store.read(card_view, proposal.incident_id, Look(), desk.floor.now())
        return needs(view, proposal)

    first = await shown()
    assert first.startswith("Needs 1 of whoever is on call (sre) (<@U0ANA> until <!date^")
    assert "policy prod" in first
    owed = await cards(desk)
    desk.move(desk.handover + timedelta(seconds=1))
    await desk.read()
    assert "<@U0LI> until" in await shown()
    assert await cards(desk) > owed
    again = await cards(desk)
    desk.move(desk.at + timedelta(seconds=61))
    await desk.read()
    assert await cards(desk) == again, "nobody else is on call now"


async def cards(desk: Desk) -> int:
    def version(tx: Any) -> int:
        return int(tx.execute("SELECT sum(version) FROM outbox WHERE key LIKE 'card:%'").fetchone()[0])

    return await desk.floor.store.read(version)


async def test_who_is_on_call_now_is_reminded_and_not_who_was(desk: Desk) -> None:
    desk.floor.configure(POLICY=policy("rules: [{name: prod, approvers: ['oncall:sre'], expires: 10m, nudge: 3m}]"))
    await desk.proposed()
    desk.move(desk.at + timedelta(minutes=7, seconds=1))
    await desk.floor.run(Stage.NUDGE)
    ((_, params),) = await desk.floor.messages("nudge:")
    assert '"mentions":["U0LI"]' in params


async def test_whoever_is_on_call_may_break_the_glass_and_it_counts_after_the_handover(desk: Desk) -> None:
    window = "windows: [{name: night, weekly: daily 00:00 - 00:00, zone: UTC}]\nbreak_glass: ['oncall:sre']\n"
    desk.floor.configure(POLICY=policy(window))
    desk.jobs = Jobs(desk.floor.ctx, on_call=desk._on_call)
    _, proposal = await desk.floor.alerted()
    await desk.read()
    assert "whoever is on call (sre)" in proposal.text.refusal
    assert not (await desk.floor.verbs.break_glass(proposal.id, await desk.floor.person("li"), "down")).ok
    assert (await desk.floor.verbs.break_glass(proposal.id, await desk.floor.person("ana"), "down")).ok
    await desk.floor.run(Stage.PROPOSE)
    opened = await desk.floor.proposal()
    desk.move(desk.handover + timedelta(seconds=1))
    assert (await desk.floor.approve(opened, by="li")).ok
    await desk.floor.run(Stage.EXECUTE)
    assert (await desk.floor.execution()).state is ExecutionState.SUCCEEDED


async def test_who_is_taken_off_the_schedule_is_nobody_from_the_next_reading_on(desk: Desk) -> None:
    proposal = await desk.proposed()
    desk.shifts = (Shift("U0LI", desk.at, desk.at + timedelta(hours=8)),)
    desk.move(desk.at + timedelta(seconds=61))
    await desk.read()
    assert not (await desk.floor.approve(proposal)).ok
    assert (await desk.floor.approve(proposal, by="li")).ok


async def test_a_person_who_is_forgotten_stands_in_no_shift(desk: Desk) -> None:
    await desk.proposed()
    assert (await desk.floor.store.read(oncall.on_at, desk.at))["oncall:sre"] == {"U0ANA": desk.handover}
    await desk.floor.store.transact(people.erase, "U0ANA")
    assert await desk.floor.store.read(oncall.on_at, desk.at) == {}


async def test_what_was_so_stays_as_long_as_an_approval_may_need_it_and_no_longer(desk: Desk) -> None:
    await desk.proposed()
    begun = desk.at
    desk.move(desk.handover + timedelta(hours=24))
    desk.shifts = (Shift("U0BO", desk.at, desk.at + timedelta(days=1)),)
    await desk.floor.store.transact(oncall.keep, "oncall:sre", desk.shifts, desk.at)
    assert "U0ANA" in (await desk.floor.store.read(oncall.on_at, begun))["oncall:sre"]
    desk.move(desk.at + timedelta(hours=2))
    await desk.floor.store.transact(oncall.keep, "oncall:sre", desk.shifts, desk.at)
    assert await desk.floor.store.read(oncall.on_at, begun) == {}
