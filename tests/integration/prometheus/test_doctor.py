"""What the doctor says of Prometheus, Alertmanager and Loki: what each would add, whether it answers, with what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import doctor_sources
from bot.doctor_table import Level
from bot.sandbox.ports import free_port
from bot.settings import DESCRIPTIONS, Settings, load
from bot.slack.charts import press
from tests.integration.replayed import answer, captured, replaying

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
STATUS = {"uptime": "2026-11-20T23:00:00Z", "versionInfo": {"version": "0.33.1"}}


def settings(tmp_path: Path, **more: str) -> Settings:
    return load({**BASE, **more}, tmp_path / "no.env", tmp_path / "no.yaml")


async def test_what_is_not_set_says_what_it_would_add(tmp_path: Path) -> None:
    rows = await doctor_sources.rows(settings(tmp_path))
    assert [(row.check, row.level) for row in rows] == [
        ("PROMETHEUS_URL", Level.OK),
        ("ALERTMANAGER_URL", Level.OK),
        ("LOKI_URL", Level.OK),
        ("REGISTRIES", Level.OK),
        ("PAGERDUTY_SERVICES", Level.OK),
        ("ARTIFACTS", Level.OK),
    ]
    assert all(row.sentence.startswith("Not set. Base address of") for row in rows[:3])
    assert rows[-2].sentence.startswith("Not set. Services of PagerDuty")
    assert rows[-1].sentence.startswith("Not used: ALLOWED_ACTIONS names no dump")


async def test_what_answers_is_asked_for_what_the_usual_queries_need(tmp_path: Path) -> None:
    async with (
        replaying("prometheus/query-empty") as prometheus,
        replaying("alertmanager/api/alerts-silenced") as alerts,
    ):
        prometheus.answers["/api/v1/status/buildinfo"] = captured("prometheus/buildinfo")
        alerts.answers["/api/v2/status"] = answer(
            "200 OK", json.dumps(STATUS).encode(), Content_Type="application/json"
        )
        rows = await doctor_sources.rows(settings(tmp_path, PROMETHEUS_URL=prometheus.url, ALERTMANAGER_URL=alerts.url))
    assert [(row.level, row.sentence) for row in rows] == [
        (Level.OK, "Prometheus 3.5.3+ds1 answers."),
        (
            Level.WARN,
            "It has no container_memory_working_set_bytes of cAdvisor (the kubelet): memory and CPU won't be shown.",
        ),
        (
            Level.WARN,
            "It has no kube_pod_container_status_restarts_total of kube-state-metrics: restarts won't be shown.",
        ),
        (Level.OK, "Alertmanager 0.33.1 answers; it holds 1 alerts."),
        (Level.OK, f"Not set. {DESCRIPTIONS['LOKI_URL']}"),
        (Level.OK, f"Not set. {DESCRIPTIONS['REGISTRIES']}"),
        (Level.OK, f"Not set. {DESCRIPTIONS['PAGERDUTY_SERVICES']}"),
        (Level.OK, f"Not used: ALLOWED_ACTIONS names no dump. {DESCRIPTIONS['ARTIFACTS']}"),
    ]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, [(Level.OK, "Loki answers; its streams have 5 labels.")]),
        (
            ["app", "k8s_pod_name", "namespace"],
            [
                (Level.OK, "Loki answers; its streams have 3 labels."),
                (Level.WARN, "Its streams have no label pod: name one of yours in the playbooks' logs.selector."),
            ],
        ),
        (
            [],
            [
                (
                    Level.WARN,
                    "Loki answers, but has no streams of late: look at LOKI_TENANT, and at what sends it logs.",
                )
            ],
        ),
    ],
)
async def test_loki_is_asked_for_the_labels_that_streams_are_chosen_by(
    tmp_path: Path, labels: list[str] | None, told: list[tuple[Level, str]]
) -> None:
    made = json.dumps({"status": "success", "data": labels}).encode()
    async with replaying(
        "loki/labels" if labels is None else answer("200 OK", made, Content_Type="application/json")
    ) as loki:
        rows = await doctor_sources.rows(settings(tmp_path, LOKI_URL=loki.url, LOKI_TENANT="shop"))
    assert [(row.level, row.sentence) for row in rows if row.check == "loki"] == told
    assert [(one.path, one.headers["x-scope-orgid"]) for one in loki.asked] == [("/loki/api/v1/labels", "shop")]


PAST = captured("alertmanager/api/silence-post-400-past")
TAKES = {
    "refused for its times": (PAST, Level.OK, "It takes silences"),
    "no right": (answer("403 Forbidden"), Level.FAIL, "refuses us (403)"),
    "a proxy that only reads": (answer("405 Method Not Allowed"), Level.FAIL, "answers 405 where a silence is set"),
    "nothing there": (answer("404 Not Found"), Level.FAIL, "answers 404 where a silence is set"),
    "a page for everything": (answer("400 Bad Request", b"<html>"), Level.FAIL, "answers 400 where"),
    "broken": (answer("502 Bad Gateway"), Level.FAIL, "answers 502 for now"),
}


@pytest.mark.parametrize("case", TAKES)
async def test_whether_silences_are_taken_is_asked_only_where_they_are_allowed_and_sets_none(
    tmp_path: Path, case: str
) -> None:
    reply, level, told = TAKES[case]
    async with replaying("alertmanager/api/alerts-silenced") as alerts:
        alerts.answers["/api/v2/status"] = answer(
            "200 OK", json.dumps(STATUS).encode(), Content_Type="application/json"
        )
        alerts.answers["/api/v2/silences"] = reply
        without = await doctor_sources.rows(settings(tmp_path, ALERTMANAGER_URL=alerts.url))
        assert not [one for one in alerts.asked if one.method == "POST"]
        allowed = settings(tmp_path, ALERTMANAGER_URL=alerts.url, ALLOWED_ACTIONS="silence")
        rows = [row for row in await doctor_sources.rows(allowed) if row.check == "alertmanager"]
    assert [row.level for row in rows] == [Level.OK, level]
    assert told in rows[1].sentence
    assert len([row for row in without if row.check == "alertmanager"]) == 1
    (asked,) = [one for one in alerts.asked if one.method == "POST"]
    sent = json.loads(asked.body)
    assert sent["endsAt"] < sent["startsAt"]


async def test_what_is_configured_and_down_is_something_to_mend(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    rows = await doctor_sources.rows(settings(tmp_path, PROMETHEUS_URL=url, ALERTMANAGER_URL=url, LOKI_URL=url))
    mended = [row for row in rows if row.check not in {"REGISTRIES", "PAGERDUTY_SERVICES", "ARTIFACTS"}]
    assert [row.level for row in mended] == [Level.FAIL, Level.FAIL, Level.FAIL]
    assert rows[0].sentence.startswith(f"Prometheus can't be reached at {url}: connection refused.")
    assert "without metrics" in rows[0].sentence
    assert "without Loki's error lines" in rows[2].sentence


@pytest.mark.parametrize(("charts", "level"), [("picture", Level.WARN), ("auto", Level.OK), ("off", None)])
async def test_pictures_that_can_not_be_drawn_are_told(
    tmp_path: Path, charts: str, level: Level | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press, "installed", lambda: False)
    rows = [row for row in await doctor_sources.rows(settings(tmp_path, CHARTS=charts)) if row.check == "CHARTS"]
    assert [row.level for row in rows] == ([level] if level else [])


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "404 Not Found", "301 Moved Permanently"])
async def test_pagerduty_is_reached_without_a_key_and_without_an_event(tmp_path: Path, status: str) -> None:
    key = "0123456789abcdef" * 2
    async with replaying(answer(status)) as service:
        made = settings(tmp_path, PAGERDUTY_SERVICES=f"shop={key}", PAGERDUTY_URL=service.url)
        rows = [row for row in await doctor_sources.rows(made) if row.check == "pagerduty"]
    assert [(row.level, row.sentence) for row in rows] == [
        (Level.OK, "PagerDuty answers; no event was sent, so the keys of shop weren't tried.")
    ]
    (asked,) = service.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/", "")
    assert key not in str(asked)
