"""Each form in which a real Prometheus and a real Alertmanager were recorded to answer."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import FettleError, RejectedError, UnavailableError
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.prometheus import Answer, Prometheus
from tests.integration.replayed import Replay, replaying
from tests.patience import PATIENT

NOW = datetime(2026, 11, 20, 23, 43, 26, tzinfo=UTC)
WITHIN = PATIENT


@asynccontextmanager
async def prometheus(name: str) -> AsyncIterator[tuple[Prometheus, Replay]]:
    async with replaying(f"prometheus/{name}") as replay:
        client = Prometheus(Access("Prometheus", "PROMETHEUS", replay.url))
        try:
            yield client, replay
        finally:
            await client.close()


@asynccontextmanager
async def alertmanager(name: str) -> AsyncIterator[tuple[Alertmanager, Replay]]:
    async with replaying(f"alertmanager/api/{name}") as replay:
        client = Alertmanager(Access("Alertmanager", "ALERTMANAGER", replay.url))
        try:
            yield client, replay
        finally:
            await client.close()


async def instant(name: str) -> Answer:
    async with prometheus(name) as (client, _):
        return await client.instant("up", NOW, within=WITHIN)


@pytest.mark.parametrize("name", ["query-vector", "query-post"])
async def test_a_vector_has_one_point_a_series(name: str) -> None:
    answer = await instant(name)
    by_job = {one.labels["job"]: one.points for one in answer.series}
    assert {job: [value for _, value in points] for job, points in by_job.items()} == {
        "prometheus": [1.0],
        "deadjob": [0.0],
    }


async def test_values_that_are_no_numbers_are_given_as_they_are() -> None:
    values = [one.points[0][1] for one in (await instant("query-nan-inf")).series]
    assert values[0] == math.inf
    assert math.isnan(values[1])


async def test_a_range_has_its_points_in_order() -> None:
    async with prometheus("query_range") as (client, replay):
        answer = await client.range("up", NOW - timedelta(seconds=20), NOW, 5, within=WITHIN)
    assert [at for at, _ in answer.series[0].points] == [1795218186, 1795218191, 1795218196, 1795218201, 1795218206]
    assert {value for _, value in answer.series[1].points} == {1.0}
    [asked] = replay.asked
    assert asked.path == "/api/v1/query_range"
    assert asked.query["step"] == ["5.000"]


@pytest.mark.parametrize(
    ("name", "series", "points"),
    [("query-matrix", 2, 3), ("query-scalar", 1, 1), ("query-string", 0, 0), ("query-empty", 0, 0)],
)
async def test_the_other_kinds_of_results(name: str, series: int, points: int) -> None:
    answer = await instant(name)
    assert len(answer.series) == series
    assert all(len(one.points) == points for one in answer.series)


async def test_warnings_and_infos_are_kept_beside_the_values() -> None:
    answer = await instant("query-warning")
    assert len(answer.series) == 1
    assert answer.notes[0].startswith("PromQL info: metric might not be a counter")


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("query-parse-error-400", RejectedError, 'can\'t read the query: invalid parameter "query": 1:9: parse error'),
        ("query_range-badstep-400", RejectedError, "zero or negative query resolution step"),
        ("query_range-toomany-400", RejectedError, "exceeded maximum resolution of 11,000 points"),
        ("query-exec-error-422", RejectedError, "can't carry out the query: found duplicate series"),
        ("query-timeout", UnavailableError, "took too long over the query"),
        ("labels-404", RejectedError, "is PROMETHEUS_URL its base address?"),
    ],
)
async def test_each_error_is_a_sentence_of_its_kind(name: str, kind: type[FettleError], told: str) -> None:
    with pytest.raises(kind) as raised:
        await instant(name)
    assert told in str(raised.value)
    assert str(raised.value).endswith((".", "?"))


async def test_the_expression_of_a_rule_is_found_by_its_name_alone() -> None:
    async with prometheus("rules") as (client, _):
        assert await client.rule("TargetDown", within=WITHIN) == "up == 0"
        assert await client.rule("Other", within=WITHIN) == ""


async def test_a_rule_tells_which_alerts_fire_by_it_and_when_it_was_evaluated() -> None:
    async with prometheus("rules") as (client, _):
        [rule] = await client.rules("TargetDown", within=WITHIN)
        assert await client.rules("Other", within=WITHIN) == ()
    assert [labels["deployment"] for labels in rule.firing] == ["api"]
    assert rule.evaluated_at == datetime(2026, 11, 20, 23, 43, 22, 427848, tzinfo=UTC)
    assert not rule.problem


async def test_the_version_is_told_or_a_query_shows_that_it_is_one() -> None:
    async with prometheus("buildinfo") as (client, _):
        assert await client.version(within=WITHIN) == "3.5.3+ds1"
    async with prometheus("query-scalar") as (client, _):
        assert await client.version(within=WITHIN) == ""
    async with prometheus("labels-404") as (client, _):
        with pytest.raises(RejectedError, match="not as Prometheus does"):
            await client.version(within=WITHIN)


async def test_a_long_query_goes_as_a_form_a_short_one_in_the_address() -> None:
    async with prometheus("query-vector") as (client, replay):
        await client.instant("up", NOW, within=WITHIN)
        await client.instant("up + " * 500 + "up", NOW, within=WITHIN)
    short, long = replay.asked
    assert (short.method, short.query["query"], short.query["timeout"]) == ("GET", ["up"], [f"{WITHIN * 1000:.0f}ms"])
    assert (long.method, long.query) == ("POST", {})
    assert long.body.startswith("query=up")


async def test_steps_grow_where_a_range_would_have_too_many_points() -> None:
    async with prometheus("query_range") as (client, replay):
        await client.range("up", NOW - timedelta(days=30), NOW, 15, within=WITHIN)
    assert float(replay.asked[0].query["step"][0]) == 30 * 86400 / 600


async def test_alerts_are_held_with_what_silences_them() -> None:
    async with alertmanager("alerts-silenced") as (client, replay):
        [held] = await client.alerts(within=WITHIN)
    assert held.fingerprint == "181cb84b1741d780"
    assert held.starts_at == datetime(2026, 11, 20, 23, 33, 40, 615000, tzinfo=UTC)
    assert held.labels["pod"] == "api-0"
    assert held.silenced_by == ("3f193035-d026-49d9-9610-fcb135364c91",)
    assert replay.asked[0].query["silenced"] == ["true"]


async def test_silences_that_hold_are_listed_in_alertmanagers_own_words() -> None:
    async with alertmanager("silences-list") as (client, _):
        [silence] = await client.silences(within=WITHIN)
    assert silence.created_by == "alice"
    assert silence.matchers == ('alertname="HighErrorRate"', 'case="plain"')


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("silence-get-404", "is ALERTMANAGER_URL its base address?"),
        ("silence-post-400-past", "refuses the question (400)"),
        ("silence-post-422-missing", "refuses the question (422)"),
    ],
)
async def test_alertmanagers_errors_are_sentences(name: str, told: str) -> None:
    async with alertmanager(name) as (client, _):
        with pytest.raises(RejectedError) as raised:
            await client.alerts(within=WITHIN)
    assert told in str(raised.value)


async def ask_alerts(client: Alertmanager) -> object:
    return await client.alerts(within=WITHIN)


async def ask_status(client: Alertmanager) -> object:
    return await client.status(within=WITHIN)


@pytest.mark.parametrize("ask", [ask_alerts, ask_status])
async def test_an_answer_of_another_shape_is_no_alertmanager(ask: Callable[[Alertmanager], Awaitable[object]]) -> None:
    async with alertmanager("silence-update") as (client, _):
        with pytest.raises(RejectedError, match="not as Alertmanager does"):
            await ask(client)
