"""What real senders sent is answered 2xx and ends on the right card."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.alert import fingerprint_of
from bot.domain.incident import IncidentState
from bot.domain.severity import Severity

from .door import Door, alert, group, lines, sent_all

CAPTURES = Path(__file__).parents[2] / "captures"
CASES = sorted(CAPTURES.glob("alertmanager/v*/*.jsonl"))


@pytest.mark.parametrize("version", sorted({case.parent.name for case in CASES}))
async def test_every_recorded_delivery_is_taken_and_ends_on_its_groups_incident(door: Door, version: str) -> None:
    cases = [case for case in CASES if case.parent.name == version]
    assert len(cases) >= 36
    ends: dict[int, dict[str, Any]] = {}
    for case in cases:
        for body in lines(case):
            sent = json.loads(body)
            status, answer = await door.post(body)
            assert (status, answer["status"], answer["quarantined"]) == (200, "success", 0), case
            assert answer["accepted"] == len(sent["alerts"])
            (number,) = answer["incidents"]
            ends[number] = sent
        await sent_all(door.store)  # Slack keeps up: this is no storm
    found = await door.incidents()
    assert {one.id for one in found} == set(ends)
    assert len({one.key for one in found}) == len(found), "one incident for each group and workload"
    for one in found:
        last = ends[one.id]
        assert (one.key.partition("\x1f")[0], one.namespace) == (last["groupKey"], "shop")
        assert one.open is (last["status"] == "firing")
        assert one.alerts_firing == sum(alert["status"] == "firing" for alert in last["alerts"])
    assert {f"card:{one.id}" for one in found} <= {row[0] for row in await door.rows("SELECT key FROM outbox")}


@pytest.mark.parametrize("version", ["v0.25.0", "v0.33.1"])
async def test_recorded_repeats_are_duplicates_and_a_recorded_resolve_closes(lite: Door, version: str) -> None:
    folder = CAPTURES / "alertmanager" / version
    answers = [(await lite.post(body))[1] for body in lines(folder / "s503.jsonl")]
    assert [one["duplicates"] for one in answers] == [0] + [1] * (len(answers) - 1)
    assert len({tuple(one["incidents"]) for one in answers}) == 1
    states = []
    for body in lines(folder / "resolved.jsonl"):
        _, answer = await lite.post(body)
        found = (await lite.incidents())[answer["incidents"][0] - 1]
        states.append((found.state, found.alerts_firing))
    triggered, resolved = IncidentState.TRIGGERED, IncidentState.RESOLVED
    assert states == [(triggered, 2), (triggered, 1), (resolved, 0)]


SENDERS: dict[str, dict[str, Any]] = {
    "bare-alert": {"severity": Severity.SEV1, "title": "Pod is crash looping.", "namespace": "checkout"},
    "grafana": {"severity": Severity.SEV3, "title": "p99 above 2 s", "namespace": "shop"},
    "list-without-envelope": {
        "severity": Severity.SEV1, "title": "Pod CPU usage above 90%", "namespace": "payments",
    },
    "minimal-envelope": {"severity": Severity.SEV2, "title": "High5xxErrorRate", "namespace": "default"},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SENDERS))
async def test_other_senders_bodies_each_give_a_card(door: Door, name: str) -> None:
    body = (CAPTURES / "senders" / f"{name}.json").read_bytes()
    assert (await door.post(body))[0] == 200
    incident = await door.incident()
    assert {key: getattr(incident, key) for key in SENDERS[name]} == SENDERS[name]
    assert (incident.open, incident.alerts_firing) == (True, 1)
    assert "card:1" in await door.owed()
    assert ("investigate", 1) in await door.stages()
    status, again = await door.post(body)
    assert (status, again["incidents"], again["duplicates"]) == (200, [1], 1)
    sent = json.loads(body)
    labels = (sent["alerts"][0] if "alerts" in sent else sent)["labels"]
    (fingerprint,) = await door.states()
    assert fingerprint == ("c6eadffa33fcdf37" if name == "grafana" else fingerprint_of(labels))


async def test_of_three_alerts_one_with_a_null_start_is_quarantined_and_two_are_kept(door: Door) -> None:
    bad = alert(pod="b") | {"startsAt": None}
    status, answer = await door.post(group(alert(pod="a"), bad, alert(pod="c")))
    assert (status, answer["accepted"], answer["quarantined"]) == (200, 2, 1)
    assert (await door.incident()).alerts_firing == 2
    ((reason, body, receiver),) = await door.rows("SELECT reason, body, receiver FROM quarantine")
    assert (reason, receiver) == ("startsAt is null, not a time", "fettle")
    assert json.loads(body) == bad
    (entry,) = await door.entries("alert:")
    assert entry.detail is not None
    assert entry.detail["quarantined"] == ["startsAt is null, not a time"]


async def test_an_alert_without_a_name_is_kept(door: Door) -> None:
    nameless = alert()
    del nameless["labels"]["alertname"], nameless["annotations"]
    status, answer = await door.post({"alerts": [nameless]})
    assert (status, answer["accepted"], answer["quarantined"]) == (200, 1, 0)
    assert (await door.incident()).title == "(alert without a name)"


async def test_the_alias_and_the_path_are_one_route(lite: Door) -> None:
    assert (await lite.post(group(alert()), "/alert"))[1]["incidents"] == [1]
    assert (await lite.post(group(alert())))[1]["duplicates"] == 1
