"""Probes, status and metrics, with Slack and the cluster away."""

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.storage.db import Store

from .door import Door, alert, group

OpenDoor = Callable[..., Awaitable[Door]]
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-secret-1", "SLACK_APP_TOKEN": "xapp-secret-2", "WEBHOOK_TOKENS": "secret-token-3",
    "WEBHOOK_BASIC": "ana:secret-pass-4", "LISTEN_HOST": "127.0.0.1",
}  # fmt: skip


async def metrics(door: Door) -> dict[str, float]:
    status, text = await door.get("/metrics", inner=True)
    assert status == 200
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_process_is_ready_while_slack_and_the_cluster_are_away(door: Door) -> None:
    assert await door.get("/healthz") == (200, '{"status":"ok"}')
    assert await door.get("/readyz") == (200, '{"status":"ok"}')
    status = json.loads((await door.get("/status", inner=True))[1])
    assert (status["slack"]["connected"], status["cluster"]["up"]) == (0, False)
    assert "problem" in status["cluster"]
    assert (status["playbooks"]["own"], status["playbooks"]["problems"]) == (0, [])
    assert len(status["playbooks"]["hash"]) == 64
    assert (await metrics(door))["fettle_playbooks_wrong"] == 0


async def test_status_counts_what_there_is_and_holds_no_secret_and_no_name(
    sqlite_store: Store, open_door: OpenDoor
) -> None:
    door = await open_door(sqlite_store, **SECRETS)
    body = group(alert(pod="a"), alert(pod="b"), alert(pod="c") | {"startsAt": None})
    assert (await door.post(body, authorization="Bearer secret-token-3"))[0] == 200
    text = (await door.get("/status", inner=True))[1]
    status = json.loads(text)
    assert status["mode"] == "act"
    assert status["store"]["incidents"] == {
        "triggered": 1, "acknowledged": 0, "mitigating": 0, "mitigated": 0, "resolved": 0,
    }  # fmt: skip
    assert status["store"]["due"] == {"investigate": 1}
    assert status["store"]["outbox"]["waiting"] == 1
    assert (status["store"]["frozen"], status["store"]["audit_entries"]) == (False, 2)
    everything = text + (await door.get("/metrics", inner=True))[1]
    assert [word for word in ("secret", "xoxb", "KubePodCrashLooping", "shop") if word in everything] == []


async def test_metrics_are_prometheus_text_that_follows_the_store(lite: Door) -> None:
    await lite.post(group(alert(pod="a"), alert(pod="b") | {"startsAt": None}))
    await lite.post(group(alert(pod="a")))
    await lite.post(b"{")
    found = await metrics(lite)
    expected = {
        "fettle_alerts_total[accepted]": 1, "fettle_alerts_total[duplicate]": 1, "fettle_alerts_total[quarantined]": 1,
        "fettle_deliveries_refused_total[no_alerts]": 1, "fettle_incidents[triggered]": 1, "fettle_due[investigate]": 1,
        "fettle_outbox_waiting": 1, "fettle_slack_connections": 0, "fettle_slack_connections_rebuilt": 2,
        "fettle_slack_other_connections": 0,
        "fettle_slack_ping_age_seconds": -1, "fettle_cluster_up": 0, "fettle_audit_entries": 3, "fettle_frozen": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    await lite.store.transact(lambda tx: tx.execute("DELETE FROM due"))
    assert "fettle_due[investigate]" not in await metrics(lite), "work that is done is no longer shown as owed"


@pytest.mark.parametrize("by", ["file", "environment", "unknown"])
async def test_frozen_is_what_the_guards_see(sqlite_store: Store, open_door: OpenDoor, tmp_path: Path, by: str) -> None:
    """The file and the environment freeze as the row does; what can't be told is no number."""
    folder = tmp_path / ("gone" if by == "unknown" else "")
    door = await open_door(sqlite_store, **({} if by == "environment" else {"FREEZE_FILE": str(folder / "freeze")}))
    if by == "file":
        (tmp_path / "freeze").touch()
    if by == "environment":
        door.health._ctx = replace(door.health._ctx, frozen_by_environment=True)
    status = json.loads((await door.get("/status", inner=True))[1])
    assert status["store"]["frozen"] is (None if by == "unknown" else True)
    found = (await metrics(door))["fettle_frozen"]
    assert math.isnan(found) if by == "unknown" else found == 1


async def test_what_cannot_be_read_is_no_number(sqlite_url: str, open_door: OpenDoor) -> None:
    store = Store.open(sqlite_url)
    door = await open_door(store)
    await store.close()
    status = json.loads((await door.get("/status", inner=True))[1])
    assert set(status["store"]) == {"problem", "write_errors"}
    found = await metrics(door)
    for name in ("outbox_waiting", "outbox_lag_seconds", "audit_entries", "frozen"):
        assert found[f"fettle_{name}"] != found[f"fettle_{name}"], "NaN"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/alert", "/", "/docs"])
async def test_the_inner_listener_serves_status_and_metrics_alone(lite: Door, path: str) -> None:
    assert (await lite.get(path, inner=True))[0] == 404


async def test_probes_answer_head_too(lite: Door) -> None:
    for path in ("/healthz", "/readyz"):
        async with lite.http.head(lite.servers.intake_url + path) as answer:
            assert answer.status == 200
