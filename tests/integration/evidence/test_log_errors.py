"""Error lines by Loki: counted and named in each window, redacted, asked for inside their quotes, told when missing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.query import LogQuery
from bot.domain.snapshot import Snapshot
from bot.evidence import collect, log_errors
from bot.evidence.ask import Ask
from bot.integrations.door import Access
from bot.integrations.loki import Loki
from bot.kube import reads
from tests.integration.clusters import API, PATIENT, World, now
from tests.integration.replayed import Replay, answer, captured, replaying

from .asking import ask_of, container, write

QUERY, RANGE = "/loki/api/v1/query", "/loki/api/v1/query_range"


@asynccontextmanager
async def asking(kube: World, **more: Any) -> AsyncIterator[tuple[Ask, Replay]]:
    """A question whose Loki counts six error lines and gives them, in every window."""
    async with replaying() as replay:
        replay.answers = {QUERY: captured("loki/query-vector"), RANGE: captured("loki/query_range-all")}
        loki = Loki(Access("Loki", "LOKI", replay.url))
        asked_at = now()
        ask = ask_of(kube, since=asked_at - timedelta(minutes=10), alertname="HighErrorRate", namespace="shop")
        try:
            yield replace(ask, clock=lambda: asked_at, loki=loki, **more), replay
        finally:
            await loki.close()


async def told(ask: Ask, deadline: float = PATIENT) -> Evidence:
    """The evidence, as every collector's is gathered."""
    [found] = await collect.gather(ask, deadline=deadline, collectors=collect.chosen(["log_errors"]))
    return found


def release(obj: dict[str, Any]) -> None:
    container(obj).update(image="registry.example/api:1.4.2")


async def rolled_out(kube: World, minutes: int) -> None:
    """shop/api got another template; since then so many minutes went by on the cluster's clock."""
    await kube.api()
    write(kube, "Deployment", "shop", "api", release, "helm")
    await kube.sandbox.settle(10)
    kube.sandbox.advance(minutes * 60)


async def test_errors_are_counted_and_named_before_and_after_the_start_and_nothing_secret_is_kept(kube: World) -> None:
    await kube.api()
    async with asking(kube) as (ask, replay):
        found = await told(ask)
    assert (found.status, found.problem) == (EvidenceStatus.OK, "")
    snapshot = Snapshot(now(), ask.alerts, API, {found.source: found})
    before, after = snapshot.log_errors("before"), snapshot.log_errors("after")
    assert before is not None
    assert after is not None
    assert snapshot.log_errors("since_rollout") is None
    assert (before.count, before.seconds, before.rate) == (6, 1800, 6 / 1800)
    assert (after.count, after.seconds) == (6, 600)
    assert after.signatures[0].count == 4
    assert after.signatures[0].text == 'level=error msg="db timeout" n=# dur=#ms'
    assert after.signatures[0].last_at.startswith("2026-11-21T00:09:27")
    assert not [one for one in after.signatures if "GET /health" in one.sample], "no error"
    assert "hunter2" not in str(found)
    assert found.summary.startswith(
        "6 error lines in the last 10 min (0.01/s), 6 in the 30 min before the alert; most:"
    )
    assert len(replay.asked) == 4
    json.dumps(found.data)


async def test_it_asks_for_the_pods_that_are_there_and_those_that_were(kube: World) -> None:
    await kube.api()
    pods = [pod.row.name for pod in (await reads.snapshot(kube.cluster, API, now=now())).pods]
    async with asking(kube) as (ask, replay):
        await told(ask)
    counts = [one.query["query"][0] for one in replay.asked if one.path == QUERY]
    lines = [one.query["query"][0] for one in replay.asked if one.path == RANGE]
    for expr in (*counts, *lines):
        assert 'namespace="shop"' in expr
        assert all(pod in expr for pod in pods)
        assert "|api-[bcdfghjklmnpqrstvwxz2456789]{6,10}-" in expr
        assert '|~ "(?i)(error|exception|fatal|panic|traceback)"' in expr
    assert sorted(expr[expr.rindex("[") :] for expr in counts) == ["[1800s]))", counts[1][counts[1].rindex("[") :]]
    assert {one.query["limit"][0] for one in replay.asked if one.path == RANGE} == {"500"}


async def test_the_time_since_the_last_rollout_is_a_window_of_its_own(kube: World) -> None:
    await rolled_out(kube, 5)
    async with asking(kube) as (ask, _):
        later = now() + timedelta(minutes=5)
        found = await told(replace(ask, clock=lambda: later))
    row = Snapshot(later, (), API, {found.source: found}).log_errors("since_rollout")
    assert row is not None
    assert 200 < row.seconds < 700
    assert "6 since the rollout" in found.summary


async def test_no_error_lines_are_told_as_none_and_no_lines_are_asked_for(kube: World) -> None:
    await kube.api()
    empty = {"status": "success", "data": {"resultType": "vector", "result": []}}
    async with asking(kube) as (ask, replay):
        replay.answers[QUERY] = answer("200 OK", json.dumps(empty).encode(), Content_Type="application/json")
        found = await told(ask)
    assert found.status is EvidenceStatus.EMPTY
    assert found.data["after"]["count"] == 0
    assert {one.path for one in replay.asked} == {QUERY}
    assert found.summary == "0 error lines in the last 10 min (0/s), 0 in the 30 min before the alert"


async def test_a_playbooks_own_selector_and_words_are_asked_and_each_of_their_lines_counts(kube: World) -> None:
    await kube.api()
    own = LogQuery('{app="$workload", team="$label_alertname"} # "mine"', 'GET "/health" \\d+$')
    async with asking(kube, log_query=own) as (ask, replay):
        found = await told(ask)
    assert replay.asked[-1].query["query"][0] == (
        '{app="api", team="HighErrorRate"} # "mine"\n|~ "GET \\u0022/health\\u0022 \\\\d+$"'
    )
    assert any("GET /health" in one["sample"] for one in found.data["after"]["signatures"])


async def test_its_questions_to_the_cluster_fit_the_incidents_allowance(kube: World) -> None:
    await rolled_out(kube, 5)
    async with asking(kube) as (ask, _):
        found = await collect.gather(ask, deadline=PATIENT)
    assert "log_errors" in {one.source for one in found}
    assert not [one for one in found if one.status is EvidenceStatus.FAILED]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("query_range-parse-error-400", "Loki can't read the query: parse error at line 1"),
        ("status-404", "is LOKI_URL its base address?"),
    ],
)
async def test_lokis_errors_are_told_as_they_are(kube: World, name: str, problem: str) -> None:
    await kube.api()
    async with asking(kube) as (ask, replay):
        replay.answers[QUERY] = captured(f"loki/{name}")
        found = await told(ask)
    assert found.status is EvidenceStatus.FAILED
    assert problem in found.problem
    assert found.data == {}


async def test_a_slow_loki_costs_its_deadline_and_no_more(kube: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_errors, "SLOWEST", 600.0)
    await kube.api()
    async with asking(kube) as (ask, replay):
        replay.delay = 3600.0
        found = await told(ask, deadline=0.8)
    assert (found.status, found.problem) == (EvidenceStatus.FAILED, "Loki didn't answer in time.")


async def test_what_is_missing_for_the_query_is_named_and_without_loki_there_is_nothing(kube: World) -> None:
    async with asking(kube, target=None) as (ask, replay):
        found = await told(ask)
        assert found.problem == "The query needs $pods, which isn't known here."
        assert not replay.asked
    assert await log_errors.collect(replace(ask, loki=None)) is None
