"""Which incident an alert belongs to, where it is shown, and what is written down."""

import random

import pytest

from bot.domain import redaction
from bot.domain.approval import Principal
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import incident_alerts, incidents
from bot.workflow import close

from .door import CHANNEL, Desk, alert, at, group

KEY = '{}:{alertname="KubePodCrashLooping"}'


async def test_pods_never_split_a_group_and_workloads_and_namespaces_do(desk: Desk) -> None:
    await desk.take(
        group(
            *(alert(pod=f"api-{number}", deployment="api") for number in range(5)),
            alert(pod="web-0", deployment="web"),
            alert(pod="api-9", deployment="api", namespace="payments"),
        )
    )
    found = {one.key: one.alerts_firing for one in await desk.incidents()}
    assert found == {
        f"{KEY}\x1fshop\x1fDeployment=api": 5,
        f"{KEY}\x1fshop\x1fDeployment=web": 1,
        f"{KEY}\x1fpayments\x1fDeployment=api": 1,
    }


async def test_one_alert_through_two_groups_is_one_incident(desk: Desk) -> None:
    await desk.take(group(alert(pod="a")))
    assert (await desk.take(group(alert(pod="a"), key="another route"))).incidents == (1,)


@pytest.mark.parametrize("name", ["Watchdog", "InfoInhibitor"])
async def test_alerts_that_exist_to_be_silent_are_recorded_and_never_posted(desk: Desk, name: str) -> None:
    receipt = await desk.take(group(alert(name, severity="none")))
    assert (receipt.accepted, receipt.incidents) == (1, ())
    await desk.take(group(alert(name, severity="none", end=5)), minutes=5)
    assert (await desk.incidents(), await desk.owed(), await desk.stages()) == ([], set(), set())
    assert await desk.rows("SELECT name, status, incident_id FROM alerts") == [(name, "resolved", None)]
    assert len(await desk.entries("alert:")) == 2


async def test_a_silent_alert_that_fires_again_is_still_silent(desk: Desk) -> None:
    for minutes in (0, 10):
        await desk.take(group(alert("Watchdog", end=None)), minutes=minutes)
        await desk.take(group(alert("Watchdog", end=5)), minutes=minutes + 5)
    await desk.take(group(alert("Watchdog")), minutes=30)
    assert (await desk.incidents(), list((await desk.states()).values())) == ([], [["firing"]])


async def test_alerts_of_one_delivery_are_judged_each_by_its_own_labels(desk: Desk) -> None:
    """What is made of labels is remembered for those that agree in all that decides, and for no others."""
    alerts = [
        alert("Down", pod="a", severity="warning"), alert("Down", pod="b"), alert("Down", pod="c", severity="info"),
        alert("Down", pod="d", namespace="bank"), alert("Down", pod="e", deployment="db"),
        alert("Down", pod="f", priority="P0", deployment="cache"),
    ]  # fmt: skip
    await desk.take(group(*alerts))
    rows = await desk.rows("SELECT severity, namespace, incident_id FROM alerts ORDER BY id")
    assert [row[:2] for row in rows] == [(3, "shop"), (2, "shop"), (4, "shop"), (2, "bank"), (2, "shop"), (1, "shop")]
    assert [row[2] == rows[0][2] for row in rows] == [True, True, True, False, False, False]
    assert len({row[2] for row in rows}) == 4


async def test_sev4_goes_to_the_digest_uninvestigated_and_a_worse_alert_takes_it_out(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", severity="info")))
    incident = await desk.incident()
    assert (incident.severity, incident.digest_id) == (Severity.SEV4, 1)
    assert (await desk.owed(), await desk.stages()) == ({"digest:1"}, set())
    await desk.sent()
    await desk.take(group(alert(pod="b", severity="critical")), minutes=1)
    incident = await desk.incident()
    assert (incident.severity, incident.digest_id) == (Severity.SEV2, None)
    assert await desk.owed() == {"digest:1", "card:1"}
    assert await desk.stages() == {("investigate", 1)}


async def test_a_reopening_by_a_worse_alert_takes_it_out_of_the_digest_too(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", severity="info")))
    await desk.take(group(alert(pod="a", severity="info", end=5)), minutes=5)
    await desk.sent()
    await desk.take(group(alert(pod="b", start=9, severity="critical")), minutes=9)
    incident = await desk.incident()
    assert (incident.open, incident.severity, incident.digest_id) == (True, Severity.SEV2, None)
    assert {"card:1", "digest:1"} <= await desk.owed()
    assert await desk.stages() == {("investigate", 1)}


async def test_one_digest_serves_four_hours(desk: Desk) -> None:
    for number, minutes in enumerate((0, 200, 300)):
        await desk.take(group(alert(severity="info", pod=str(number)), key=f"group-{number}"), minutes=minutes)
    assert [one.digest_id for one in await desk.incidents()] == [1, 1, 2]


@pytest.mark.parametrize("at_once", [True, False])
async def test_in_a_storm_eleven_cards_wait_and_the_rest_goes_to_the_digest(desk: Desk, *, at_once: bool) -> None:
    alerts = [alert(deployment=f"api-{number}") for number in range(30)]
    for part in [alerts] if at_once else [[one] for one in alerts]:
        await desk.take(group(*part))
    found = await desk.incidents()
    assert [one.digest_id for one in found] == [None] * 11 + [1] * 19
    assert await desk.owed() == {*(f"card:{number}" for number in range(1, 12)), "digest:1"}
    assert await desk.stages() == {("investigate", number) for number in range(1, 12)}
    await desk.sent()
    await desk.take(group(alert(deployment="later")))
    assert (await desk.incidents())[-1].digest_id is None, "Slack has caught up"


async def test_an_alert_of_another_cluster_has_an_incident_of_its_own_that_says_so(desk: Desk) -> None:
    await desk.take(group(alert(pod="a", cluster="eu-1"), alert(pod="b", cluster="us-2"), alert(pod="c")))
    ours, theirs = await desk.incidents()
    assert ((ours.foreign_cluster, ours.alerts_firing), (theirs.foreign_cluster, theirs.alerts_firing)) == (
        ("", 2),
        ("us-2", 1),
    )


async def test_a_delivery_is_one_entry_beside_those_of_the_incidents_it_changed(desk: Desk) -> None:
    await desk.take(group(alert(pod="a"), alert(pod="b"), alert(deployment="api"), truncatedAlerts=3))
    tags = sorted(entry.tag for entry in await desk.entries())
    assert tags == ["alert:delivery:received", "incident:state:triggered", "incident:state:triggered"]
    (entry,) = await desk.entries("alert:")
    assert (entry.actor, entry.outcome, entry.incident_id) == ("alertmanager", "3 accepted, 0 quarantined", 0)
    assert entry.detail is not None
    assert (entry.detail["effects"], entry.detail["truncated"], len(entry.detail["alerts"])) == ({"opened": 3}, 3, 3)
    await desk.take(group(alert(pod="a")))
    assert [entry.incident_id for entry in await desk.entries("alert:")] == [0, 1]


async def test_secrets_in_alerts_are_hidden_before_they_are_stored(desk: Desk) -> None:
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ0123"
    loud = alert(pod="a", url=f"https://ana:{secret}@example")
    loud["annotations"] = {"summary": f"login failed: token={secret}", "password": secret}
    await desk.take(group(loud, receiver=f"x-{secret}", key=f"{{}}:{{token={secret}}}"))
    await desk.take({"alerts": [{"labels": {"a": [secret]}}]})
    tables = ["alerts", "incidents", "quarantine", "audit_details", "outbox", "deliveries"]
    stored = [str(row) for table in tables for row in await desk.rows(f"SELECT * FROM {table}")]  # noqa: S608
    assert [row for row in stored if secret in row] == []
    assert (await desk.incident()).title == "login failed: token=[hidden]"


@pytest.mark.parametrize("given", [{}, {"fingerprint": "f1"}], ids=["odd", "as-alertmanager-sends-it"])
async def test_what_is_learnt_to_be_secret_is_hidden_although_the_same_alert_came_before(
    desk: Desk, given: dict[str, str]
) -> None:
    """Stored forms are remembered from one delivery to the next, but not beyond what is known to be secret."""
    word = "plainsounding"
    try:
        await desk.take(group({**alert("Down", namespace=word, team=word), **given}), 0)
        redaction.learn([word])
        await desk.take(group({**alert("Down", namespace=word, team=word, start=5), **given}), 6)
    finally:
        redaction.know([])
    rows = await desk.rows("SELECT namespace, labels FROM alerts ORDER BY starts_at")
    assert [word in text for row in rows for text in row] == [True, True, False, False]


async def test_group_keys_of_any_length_tell_groups_apart_on_both_databases(desk: Desk) -> None:
    noise = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12000))  # noqa: S311 - text that no index compresses
    for key in (noise[:4000] + "1", noise[:4000] + "2", noise[:4000] + "1"):
        await desk.take(group(alert(deployment=noise[:4000], at=key), alert(namespace=noise[:4000], at=key), key=key))
    assert [one.alerts_firing for one in await desk.incidents()] == [1, 1, 1, 1]


async def test_what_retention_erases_is_where_retention_looks(desk: Desk) -> None:
    await desk.take(group(alert(pod="a"), externalURL="http://am.example"))
    ((labels, annotations, external, seen),) = await desk.rows(
        "SELECT labels, annotations, external_url, last_seen_at FROM alerts"
    )
    assert '"alertname":"KubePodCrashLooping"' in labels
    assert '"summary"' in annotations
    assert (external, seen) == ("http://am.example", at(0))
    ((channel,),) = await desk.rows("SELECT channel FROM incidents")
    assert channel == CHANNEL


async def test_a_start_beyond_a_day_ahead_is_quarantined_and_silences_nothing(desk: Desk) -> None:
    receipt = await desk.take(group(alert(pod="a", start=3 * 24 * 60), alert(pod="a", start=60)))
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    await desk.take(group(alert(pod="a", start=60, end=65)), minutes=65)
    assert (await desk.take(group(alert(pod="a", start=70)), minutes=70)).incidents == (1,)
    assert (await desk.incident()).alerts_firing == 1


async def test_a_persons_word_on_what_still_fires_holds_for_the_window_and_not_for_ever(desk: Desk) -> None:
    await desk.take(group(alert(pod="a")))
    ana = Principal("person:1", "U0ANA", "ana")
    await desk.store.transact(close.resolve, 1, ana, "known deploy", desk.now)
    await desk.take(group(alert(pod="a")), minutes=20)
    assert not (await desk.incident()).open
    assert (await desk.take(group(alert(pod="a")), minutes=40)).incidents == (1, 2)
    first, second = await desk.incidents()
    assert (first.open, second.open, second.alerts_firing) == (False, True, 1)


async def test_a_reopened_incident_looks_for_its_workload_afresh(desk: Desk) -> None:
    """Another workload of the same group and namespace fires: the last one's restart would be offered for it."""
    await desk.take(group(alert(pod="api-1")))
    api = Target("Deployment", "shop", "api", "uid-1")
    await desk.store.transact(incidents.update, 1, desk.now, target=api)
    await desk.take(group(alert(pod="api-1", end=5)), minutes=5)
    await desk.take(group(alert(pod="web-1", start=10)), minutes=10)
    assert ((await desk.incident()).open, (await desk.incident()).target) == (True, None)
    labels = await desk.store.read(incident_alerts.labels_of, 1)
    assert [one["pod"] for one in labels] == ["web-1"]
