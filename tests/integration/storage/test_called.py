"""What people and groups are called, and whether something is held up that breaking the glass would let go on."""

from datetime import UTC, datetime
from typing import Any

from bot.domain.proposal import ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import incidents, people, proposals
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


async def test_people_and_groups_are_called_by_what_is_known_of_them(store: Store) -> None:
    for slack_id, name in (("U1", "ana"), ("U2", "li"), ("U3", ""), ("U4", "gone")):
        await store.transact(people.person_for, slack_id, name, NOW)
    await store.transact(people.erase, "U4")
    await store.transact(people.name_groups, {"S1": "sre-oncall", "S2": ""})
    asked = ["U1", "U3", "U4", "U9", "S1", "S2", "S9"]
    assert await store.read(people.called, asked) == {"U1": "@ana", "S1": "@sre-oncall"}
    assert await store.read(people.called, []) == {}


async def test_a_name_leads_to_everybody_who_has_it(store: Store) -> None:
    for slack_id in ("U1", "U2"):
        await store.transact(people.person_for, slack_id, "ana", NOW)
    await store.transact(people.person_for, "U3", "li", NOW)
    assert sorted(await store.read(people.by_name, "ana")) == ["U1", "U2"]
    assert await store.read(people.by_name, "max") == []


def held(tx: Tx, *, breakable: bool, state: ProposalState = ProposalState.RECORDED) -> int:
    incident = incidents.add(
        tx, key=f"k{breakable}{state}", title="t", alertname="a", namespace="shop", severity=Severity.SEV2, now=NOW,
        channel="C1",
    )  # fmt: skip
    given: dict[str, Any] = {"params": {}, "digest": "", "baseline": {}, "approvers": (), "quorum": 1}
    text = ProposalText('Restart "breakable":true', "", breakable=breakable, rules=("a", "b"))
    made = proposals.add(
        tx, incident.id, action="restart", target=Target("Deployment", "shop", "api"), state=state, text=text,
        requested_by="fettle", now=NOW, expires_at=None, **given,
    )  # fmt: skip
    assert made.text == text
    return made.id


async def test_what_is_held_up_is_known_until_it_is_withdrawn(store: Store) -> None:
    """What somebody wrote in a text doesn't count, nor does what is decided."""
    await store.transact(held, breakable=False)
    await store.transact(held, breakable=True, state=ProposalState.PENDING)
    assert not await store.read(proposals.breakable)
    made = await store.transact(held, breakable=True)
    assert await store.read(proposals.breakable)
    await store.transact(proposals.settle, made, ProposalEvent.SUPERSEDE, NOW)
    assert not await store.read(proposals.breakable)
