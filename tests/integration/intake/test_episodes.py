"""One alert through its life: repeats, resolves, late and stale firings, and what happens to its incident."""

from datetime import timedelta

from bot.domain.incident import IncidentEvent, IncidentState
from bot.domain.proposal import ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import executions, incidents, proposals
from bot.storage.db import Tx

from .door import START, Desk, alert, at, group

FIRING = group(alert(pod="a"))
RESOLVED = group(alert(pod="a", end=5))


async def test_a_first_firing_opens_an_incident_owes_a_card_and_is_investigated(desk: Desk) -> None:
    receipt = await desk.take(FIRING)
    assert (receipt.incidents, receipt.accepted, receipt.duplicates, receipt.quarantined) == ((1,), 1, 0, 0)
    incident = await desk.incident()
    assert (incident.state, incident.severity, incident.alerts_firing) == (IncidentState.TRIGGERED, Severity.SEV2, 1)
    assert await desk.owed() == {"card:1"}
    assert await desk.stages() == {("investigate", 1)}


async def test_a_repeat_is_a_duplicate_that_owes_no_edit_and_is_counted(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.sent()
    assert (await desk.take(FIRING, minutes=5)).duplicates == 1
    assert await desk.owed() == set()
    assert await desk.rows("SELECT deliveries, last_seen_at FROM alerts") == [(2, at(5))]
    assert await desk.rows("SELECT count(*) FROM deliveries") == [(1,)]


async def test_a_resolve_with_another_end_is_a_record_of_its_own(desk: Desk) -> None:
    await desk.take(FIRING)
    assert (await desk.take(RESOLVED, minutes=5)).duplicates == 0
    assert (await desk.take(RESOLVED, minutes=6)).duplicates == 1
    assert (await desk.take(group(alert(pod="a", end=6)), minutes=7)).duplicates == 0
    assert await desk.rows("SELECT status, ends_at FROM deliveries ORDER BY id") == [
        ("firing", ""), ("resolved", at(5)), ("resolved", at(6)),
    ]  # fmt: skip


async def test_the_same_identity_twice_in_one_delivery_is_one_record(desk: Desk) -> None:
    receipt = await desk.take(group(alert(pod="a"), alert(pod="a")))
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    assert (await desk.incident()).alerts_firing == 1


async def test_the_last_resolve_closes_the_incident_and_an_earlier_one_does_not(desk: Desk) -> None:
    await desk.take(group(alert(pod="a"), alert(pod="b")))
    await desk.take(RESOLVED, minutes=5)
    assert ((await desk.incident()).open, (await desk.incident()).alerts_firing) == (True, 1)
    await desk.take(group(alert(pod="b", end=7)), minutes=7)
    incident = await desk.incident()
    assert (incident.state, incident.resolution) == (IncidentState.RESOLVED, "alerts_cleared")
    assert incident.resolved_at == START + timedelta(minutes=7)
    assert "thread:1:resolved:1" in await desk.owed()
    (entry,) = await desk.entries("incident:state:resolved")
    assert entry.actor == "alertmanager"


async def test_a_resolve_whose_firing_never_came_opens_nothing(desk: Desk) -> None:
    assert (await desk.take(RESOLVED)).incidents == ()
    assert await desk.incidents() == []
    assert await desk.states() == {(await desk.rows("SELECT fingerprint FROM alerts"))[0][0]: ["resolved"]}
    await desk.take(FIRING, minutes=1)
    assert await desk.incidents() == [], "the firing that belongs to it is late"


async def test_a_firing_right_after_its_own_resolve_is_late_and_a_later_one_reopens(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(RESOLVED, minutes=5)
    await desk.sent()
    await desk.take(FIRING, minutes=7)
    assert not (await desk.incident()).open
    assert await desk.owed() == set()
    assert await desk.rows("SELECT status, late_at FROM alerts") == [("resolved", at(7))]
    await desk.worked()
    await desk.take(FIRING, minutes=7.1)
    incident = await desk.incident()
    assert (incident.state, incident.episodes, incident.flaps) == (IncidentState.TRIGGERED, 2, 1)
    assert await desk.rows("SELECT status, late_at, ends_at FROM alerts") == [("firing", None, None)]


async def test_a_firing_older_than_the_resolved_one_is_stale(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", start=10)), minutes=10)
    await desk.take(group(alert(pod="a", start=10, end=12)), minutes=12)
    await desk.take(group(alert(pod="a", start=3)), minutes=20)
    assert not (await desk.incident()).open
    assert [row[0] for row in await desk.rows("SELECT effect FROM deliveries ORDER BY id")] == [
        "opened", "resolved", "stale",
    ]  # fmt: skip


async def test_a_stale_resolve_ends_nothing(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", start=10)), minutes=10)
    await desk.take(group(alert(pod="a", start=3, end=8)), minutes=11)
    assert (await desk.incident()).alerts_firing == 1


async def test_a_newer_start_opens_a_new_episode_whether_or_not_the_resolve_was_seen(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(group(alert(pod="a", start=9)), minutes=9)
    incident = await desk.incident()
    assert (incident.alerts_firing, incident.alerts_total, incident.flaps) == (1, 1, 1)
    assert list((await desk.states()).values()) == [["resolved", "firing"]]


async def test_a_newer_resolve_ends_the_alert_whose_newer_firing_was_lost(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(group(alert(pod="a", start=9, end=10)), minutes=10)
    assert not (await desk.incident()).open
    assert list((await desk.states()).values()) == [["resolved", "resolved"]]


async def test_within_the_window_the_incident_reopens_on_its_card_and_pages(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(RESOLVED, minutes=5)
    await desk.sent()
    await desk.worked()
    await desk.take(group(alert(pod="a", start=34)), minutes=35)
    incident = await desk.incident()
    assert (incident.state, incident.episodes, incident.resolved_at) == (IncidentState.TRIGGERED, 2, None)
    assert incident.episode_at == START + timedelta(minutes=35)
    assert await desk.owed() == {"card:1", "thread:1:reopened:2"}
    ((params, thread),) = await desk.rows("SELECT params, thread_key FROM outbox WHERE key = 'thread:1:reopened:2'")
    assert ('"broadcast":true' in params, thread) == (True, "card:1")
    assert await desk.stages() == {("investigate", 1)}
    assert [entry.outcome for entry in await desk.entries("incident:state:reopened")] == ["triggered"]


async def test_after_the_window_it_is_a_new_incident(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(RESOLVED, minutes=5)
    await desk.take(group(alert(pod="a", start=36)), minutes=35.1)
    assert [one.open for one in await desk.incidents()] == [False, True]
    await desk.take(group(alert(pod="a", start=36, end=40)), minutes=40)
    assert [one.open for one in await desk.incidents()] == [False, False]


async def test_another_alert_of_the_group_reopens_with_its_own_severity(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", severity="warning")))
    await desk.take(group(alert(pod="a", severity="warning", end=5)), minutes=5)
    await desk.take(group(alert(pod="b", start=9, severity="critical")), minutes=9)
    incident = await desk.incident()
    assert (incident.open, incident.severity) == (True, Severity.SEV2)


async def test_severity_is_raised_by_a_worse_alert_and_never_lowered(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", severity="warning")))
    await desk.take(group(alert(pod="b", priority="P0")))
    await desk.take(group(alert(pod="c", severity="warning")))
    assert (await desk.incident()).severity is Severity.SEV1
    await desk.take(group(alert(pod="b", priority="P0", end=5)), minutes=5)
    assert (await desk.incident()).severity is Severity.SEV1


async def test_an_alert_without_a_start_has_that_of_its_open_episode_else_the_time_of_receipt(desk: Desk) -> None:
    bare = group(alert(pod="a", start=None))
    await desk.take(bare, minutes=1)
    assert (await desk.take(bare, minutes=2)).duplicates == 1
    await desk.take(group(alert(pod="a", start=None, end=3)), minutes=3)
    assert not (await desk.incident()).open
    await desk.take(bare, minutes=4)
    assert [row[0] for row in await desk.rows("SELECT starts_at FROM alerts ORDER BY id")] == [at(1), at(4)]
    assert (await desk.incident()).open


async def test_contradictions_of_one_delivery_are_settled_by_their_start_never_by_their_place(desk: Desk) -> None:
    first, second = alert(pod="a", start=0), alert(pod="a", start=3)
    ended = alert(pod="a", start=3, end=4)
    await desk.take(group(ended, second, first), minutes=5)
    assert list((await desk.states()).values()) == [["resolved", "resolved"]]
    assert [one.open for one in await desk.incidents()] == [False]
    assert await desk.rows("SELECT ends_at FROM alerts ORDER BY starts_at DESC LIMIT 1") == [(at(4),)]


async def test_two_starts_of_one_alert_in_a_delivery_leave_one_firing_episode(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", start=0), alert(pod="a", start=3)), minutes=4)
    assert list((await desk.states()).values()) == [["resolved", "firing"]]
    assert (await desk.incident()).alerts_firing == 1
    await desk.take(group(alert(pod="a", start=3, end=6)), minutes=6)
    assert not (await desk.incident()).open


async def test_an_episode_that_reopens_and_ends_in_one_delivery_leaves_nothing_open(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(RESOLVED, minutes=5)
    await desk.take(group(alert(pod="a"), alert(pod="a", end=99)), minutes=100)
    assert [(one.open, one.alerts_firing) for one in await desk.incidents()] == [(False, 0), (False, 0)]


async def test_an_alert_that_moves_to_another_group_leaves_its_old_incident(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.take(group(alert(pod="a", start=9), key="another"), minutes=9)
    old, new = await desk.incidents()
    assert ((old.open, old.alerts_firing), (new.open, new.alerts_firing)) == ((False, 0), (True, 1))


async def test_an_execution_that_is_unsettled_keeps_the_incident_open_until_its_verdict(desk: Desk) -> None:
    await desk.take(FIRING)

    def act(tx: Tx) -> None:
        proposal, other = (
            proposals.add(
                tx, 1, action="restart", target=Target("Deployment", "shop", name, "u-1"), params={}, digest="d",
                state=ProposalState.PENDING, text=ProposalText("Restart", "Restarted"),
                requested_by="fettle", now=START, expires_at=START + timedelta(hours=1), quorum=1,
                approvers=(), baseline={},
            )
            for name in ("api", "web")
        )  # fmt: skip
        proposals.settle(tx, proposal.id, ProposalEvent.APPROVE, START, by="U0ANA", reason="")
        incidents.move(tx, 1, IncidentEvent.EXECUTE, START)
        assert executions.add(tx, uid="e-1", proposal=proposal, approved_by="U0ANA", now=START)
        assert other.id == 2

    await desk.store.transact(act)
    await desk.take(RESOLVED, minutes=5)
    incident = await desk.incident()
    assert (incident.state, incident.alerts_firing) == (IncidentState.MITIGATING, 0)
    assert [row[0] for row in await desk.rows("SELECT state FROM proposals ORDER BY id")] == ["approved", "superseded"]


async def test_a_person_may_have_closed_it_before_its_alerts_clear(desk: Desk) -> None:
    await desk.take(FIRING)
    await desk.store.transact(
        lambda tx: incidents.move(tx, 1, IncidentEvent.RESOLVE, START, resolution="person", reason="known")
    )
    await desk.take(FIRING, minutes=1)
    assert not (await desk.incident()).open, "a repeat reopens nothing that a person closed"
    await desk.take(RESOLVED, minutes=5)
    incident = await desk.incident()
    assert (incident.open, incident.resolution, incident.alerts_firing) == (False, "person", 0)
