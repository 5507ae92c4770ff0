from __future__ import annotations

import dataclasses
from datetime import timedelta

from bot.delivery.render import Look, card_view, load, looked_at
from bot.domain.alert import AlertStatus
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.execution import ExecutionEvent, WriteRequest
from bot.domain.incident import Incident, IncidentEvent
from bot.domain.owed import OutboxRow, Priority
from bot.domain.proposal import ProposalEvent, ProposalState, canonical
from bot.domain.verification import VerdictEvent
from bot.slack.cards import card
from bot.storage import evidence, executions, incidents, outbox, people, proposals, verifications
from bot.storage.db import Store, Tx
from bot.storage.fields import to_text
from tests.integration.delivery import desk as d

REQUEST = WriteRequest("PATCH", "/apis/apps/v1/x", "application/json-patch+json", [])


def restarted(tx: Tx) -> tuple[Incident, int]:
    """An incident whose restart was approved by a person and passed."""
    incident = d.add_incident(tx)
    now = d.clock()
    ana = people.person_for(tx, "U0ANA", "ana", now)
    number = d.propose(tx, incident)
    approved = proposals.settle(tx, number, ProposalEvent.APPROVE, now, ana)
    assert approved is not None
    run = executions.add(tx, uid="x-1", proposal=approved, approved_by=ana, now=now)
    assert run is not None
    executions.claim(tx, run.id, REQUEST, {}, now)
    run = executions.settle(tx, run.id, ExecutionEvent.SUCCEED, now, "applied", 7)
    check = verifications.start(
        tx, execution=run, incident_id=incident.id, target=d.API, deadline=now + timedelta(minutes=5), soak=5,
        now=now, generation=7, execution_uid="x-1", baseline={},
    )  # fmt: skip
    verifications.settle(tx, check.id, VerdictEvent.PASS, (), {"desired": 1}, now)
    executions.release(tx, run.id)
    return incidents.get(tx, incident.id), run.id


def reopen(tx: Tx, incident_id: int) -> None:
    later = d.clock() + timedelta(seconds=1)
    incidents.move(tx, incident_id, IncidentEvent.RESOLVE, later, resolved_at=later)
    incidents.move(tx, incident_id, IncidentEvent.REOPEN, later, episode_at=later, episodes=2)


async def test_a_card_shows_who_approved_and_the_verdict(store: Store) -> None:
    incident, run = await store.transact(restarted)
    view = await store.read(card_view, incident.id, Look(), d.clock())
    assert view.execution is not None
    assert view.execution.id == run
    assert view.people[view.execution.approved_by] == "U0ANA"
    assert card(view).text.endswith("· PASS, alert still firing")


async def test_an_erased_person_is_no_mention(store: Store) -> None:
    incident, _ = await store.transact(restarted)
    await store.transact(people.erase, "U0ANA")
    view = await store.read(card_view, incident.id, Look(), d.clock())
    assert view.people == {}
    assert "someone whose name was erased" in str(card(view).blocks)


async def test_a_thread_message_says_nothing_to_slack_that_a_person_or_an_alert_wrote_as_markup(store: Store) -> None:
    """Reasons and alert names stand in it: ``<!channel>`` is text there."""

    def stands(tx: Tx) -> OutboxRow:
        incident = d.add_incident(tx)
        (head,) = outbox.claim(tx, d.clock(), timedelta(seconds=60), 5)
        outbox.sent(tx, head, d.clock(), d.CHANNEL, "1.000001")
        d.owe_thread(tx, incident, "resolved by a person: <!channel> <https://evil.example.com|look> & more")
        (row,) = outbox.claim(tx, d.clock(), timedelta(seconds=60), 5)
        return row

    row = await store.transact(stands)
    message = (await store.read(load, row, Look(), d.clock())).message
    assert message is not None
    assert message.text == ("resolved by a person: &lt;!channel&gt; &lt;https://evil.example.com|look&gt; &amp; more")


async def test_an_earlier_episodes_verdict_says_nothing_about_this_one(store: Store) -> None:
    incident, _ = await store.transact(restarted)
    await store.transact(reopen, incident.id)
    view = await store.read(card_view, incident.id, Look(), d.clock())
    assert (view.execution, view.proposals) == (None, ())
    assert "🟢" not in str(card(view).blocks)


async def test_an_earlier_episodes_evidence_says_nothing_about_this_one(store: Store) -> None:
    incident, _ = await store.transact(restarted)
    await store.transact(evidence.put, incident.id, Evidence("pods", EvidenceStatus.OK, "3/3 ready", d.clock(), {}))
    assert (await store.read(card_view, incident.id, Look(), d.clock())).evidence
    await store.transact(reopen, incident.id)
    assert (await store.read(card_view, incident.id, Look(), d.clock())).evidence == ()


async def test_a_card_that_no_proposal_can_come_to_waits_for_none(store: Store) -> None:
    incident = await store.transact(d.add_incident)
    await store.transact(incidents.update, incident.id, d.clock(), target=None, investigated_at=d.clock())
    assert await store.read(looked_at, [incident.id]) == {incident.id}


def with_alerts(tx: Tx) -> Incident:
    incident = d.add_incident(tx)
    stamp = to_text(d.clock())
    rows = [
        ("f1", AlertStatus.RESOLVED, 1, "Old", {"summary": "over"}, ""),
        ("f2", AlertStatus.FIRING, 3, "Minor", {"summary": "minor"}, ""),
        (
            "f3",
            AlertStatus.FIRING,
            2,
            "Worst",
            {"summary": "worst", "runbook_url": "https://r.example.com/"},
            "http://g",
        ),
        ("f4", AlertStatus.FIRING, 4, "Erased", None, ""),
    ]
    for fingerprint, status, severity, name, notes, generator in rows:
        tx.execute(
            "INSERT INTO alerts (fingerprint, starts_at, status, incident_id, severity, name, namespace, labels, "
            "annotations, generator_url, external_url, first_seen_at, last_seen_at, deliveries) "
            "VALUES (?, ?, ?, ?, ?, ?, 'shop', ?, ?, ?, 'https://am.example.com', ?, ?, 1)",
            (
                fingerprint, stamp, str(status), incident.id, severity, name, None if notes is None else "{}",
                None if notes is None else canonical(notes), generator, stamp, stamp,
            ),
        )  # fmt: skip
    return incident


async def test_the_worst_firing_alert_speaks(store: Store) -> None:
    incident = await store.transact(with_alerts)
    facts = (await store.read(card_view, incident.id, Look(), d.clock())).alerts
    assert facts.names == ("Worst", "Minor", "Erased", "Old")
    assert (facts.summary, facts.runbook_url, facts.graph_url) == ("worst", "https://r.example.com/", "http://g")
    assert facts.alert_url == "https://am.example.com"


async def test_a_draft_knows_the_version_it_shows(store: Store) -> None:
    """An edit owed between claim and drawing is in the drawing, and isn't sent a second time."""
    incident = await store.transact(d.add_incident)
    [row] = await store.transact(outbox.claim, d.clock(), timedelta(seconds=30), 1)
    await store.transact(d.owe_card, incident, Priority.PRESS)
    draft = await store.read(load, row, Look(), d.clock())
    assert draft.row.version == row.version + 1
    assert not draft.lost
    await store.transact(outbox.sent, draft.row, d.clock(), d.CHANNEL, "1.2")
    assert await store.transact(outbox.claim, d.clock(), timedelta(seconds=30), 1) == []


async def test_a_row_that_another_process_has_claimed_is_not_sent(store: Store) -> None:
    await store.transact(d.add_incident)
    [row] = await store.transact(outbox.claim, d.clock(), timedelta(seconds=30), 1)
    stale = dataclasses.replace(row, epoch=row.epoch - 1)
    assert (await store.read(load, stale, Look(), d.clock())).lost


async def test_links_to_related_cards(store: Store) -> None:
    def two(tx: Tx) -> tuple[Incident, Incident]:
        first, second = d.add_incident(tx, 1), d.add_incident(tx, 2)
        return first, second

    first, second = await store.transact(two)
    for row in await store.transact(outbox.claim, d.clock(), timedelta(seconds=30), 5):
        await store.transact(outbox.sent, row, d.clock(), d.CHANNEL, f"{row.subject}.5")
    look = Look(permalink=lambda channel, ts: f"https://x.example.com/{channel}/{ts}")
    view = await store.read(card_view, first.id, look, d.clock())
    assert [one.id for one in view.related] == [second.id]
    assert view.links == {second.id: f"https://x.example.com/{d.CHANNEL}/{second.id}.5"}


async def test_the_first_card_may_go_once_there_is_an_answer(store: Store) -> None:
    def three(tx: Tx) -> list[int]:
        looked, proposed, declared = (
            d.add_incident(tx, 1),
            d.add_incident(tx, 2),
            d.add_incident(tx, 3, declared_by="person:1", target=None, investigated_at=None),
        )
        d.propose(tx, proposed, ProposalState.RECORDED)
        return [looked.id, proposed.id, declared.id]

    looked, proposed, declared = await store.transact(three)
    assert await store.read(looked_at, [looked, proposed, declared]) == {proposed, declared}
