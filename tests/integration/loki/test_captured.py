"""Each form in which a real Loki was recorded to answer, and what it is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import FettleError, ForbiddenError, RejectedError, UnavailableError
from bot.integrations import loki as loki_api
from bot.integrations.loki import Lines, Loki
from bot.integrations.sources import Sources, access
from bot.settings import load
from tests.integration.replayed import Replay, answer, replaying
from tests.patience import PATIENT

NOW = datetime(2026, 11, 21, 0, 9, 30, tzinfo=UTC)
AGO = NOW - timedelta(minutes=5)
SELECTOR = '{namespace="shop"}'
WITHIN = PATIENT
BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}


@asynccontextmanager
async def loki(name: str | bytes, tmp_path: Path, **more: str) -> AsyncIterator[tuple[Loki, Replay]]:
    """A client by the settings, as Fettle itself makes it."""
    async with replaying(f"loki/{name}" if isinstance(name, str) else name) as replay:
        settings = load({**BASE, "LOKI_URL": replay.url, **more}, tmp_path / "no.env", tmp_path / "no.yaml")
        sources = Sources.of(settings)
        assert sources.loki is not None
        try:
            yield sources.loki, replay
        finally:
            await sources.close()


async def lines(name: str | bytes, tmp_path: Path, most: int = 100) -> Lines:
    async with loki(name, tmp_path) as (client, _):
        return await client.lines(SELECTOR, AGO, NOW, within=WITHIN, most=most)


async def test_lines_come_oldest_first_with_their_labels_those_that_loki_adds_among_them(tmp_path: Path) -> None:
    found = await lines("query_range-all", tmp_path)
    assert [line.at for line in found.lines] == sorted(line.at for line in found.lines)
    assert len(found.lines) == 6
    assert not found.cut
    assert found.lines[0].text == 'level=error msg="db timeout" n=0 dur=0.5ms'
    assert found.lines[0].at == 1795219764215018828
    assert found.lines[0].labels["detected_level"] == "error"
    assert found.lines[0].labels["service_name"] == "api"
    assert json.loads(found.lines[-1].text)["msg"] == 'json "quoted" <b>'


@pytest.mark.parametrize(("name", "count"), [("query_range-streams", 3), ("query_range-empty", 0)])
async def test_streams_may_be_none_or_several(name: str, count: int, tmp_path: Path) -> None:
    assert len((await lines(name, tmp_path)).lines) == count


async def test_lines_that_loki_could_not_parse_are_lines_all_the_same(tmp_path: Path) -> None:
    found = await lines("query_range-json-parse", tmp_path)
    assert found.lines
    assert any("__error__" in line.labels for line in found.lines)


async def test_the_newest_are_kept_and_more_is_told(tmp_path: Path) -> None:
    found = await lines("query_range-streams", tmp_path, most=2)
    assert [line.text.split()[3] for line in found.lines] == ["n=2", "n=3"]
    assert found.cut


async def test_numbers_of_lines_come_at_one_time_and_over_a_range(tmp_path: Path) -> None:
    expr = f"sum by (level) (count_over_time({SELECTOR}[5m]))"
    async with loki("query-vector", tmp_path) as (client, _):
        now = await client.instant(expr, NOW, within=WITHIN)
    async with loki("query_range-matrix", tmp_path) as (client, _):
        over = await client.range(expr, AGO, NOW, 30, within=WITHIN)
    assert {one.labels["level"]: one.points[0][1] for one in now} == {"error": 5.0, "info": 1.0}
    assert {one.labels["level"]: one.points for one in over} == {
        "error": ((1795219770.0, 5.0),),
        "info": ((1795219770.0, 1.0),),
    }


async def test_it_is_asked_with_bounds_its_tenant_and_its_token(tmp_path: Path) -> None:
    async with loki("query_range-streams", tmp_path, LOKI_TENANT="shop|pay", LOKI_TOKEN="t0ken") as (client, replay):
        await client.lines(SELECTOR, AGO, NOW, within=WITHIN, most=3)
    [asked] = replay.asked
    assert asked.path == "/loki/api/v1/query_range"
    assert asked.query == {
        "query": [SELECTOR],
        "start": ["1795219470000000000"],
        "end": ["1795219770000000000"],
        "limit": ["3"],
        "direction": ["backward"],
    }
    assert asked.headers["x-scope-orgid"] == "shop|pay"
    assert asked.headers["authorization"] == "Bearer t0ken"


async def test_a_long_query_goes_as_a_form_and_steps_grow_with_the_range(tmp_path: Path) -> None:
    async with loki("query_range-matrix", tmp_path) as (client, replay):
        await client.range(f'count_over_time({{pod=~"{"a|" * 1500}"}}[1m])', AGO, NOW, 1, within=WITHIN)
        await client.range("x", NOW - timedelta(days=1), NOW, 1, within=WITHIN)
    form, address = replay.asked
    assert (form.method, form.query, form.headers["content-type"]) == ("POST", {}, "application/x-www-form-urlencoded")
    assert float(address.query["step"][0]) == 86400 / 600


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("query_range-parse-error-400", "Loki can't read the query: parse error at line 1, col 18: syntax error"),
        ("query_range-empty-matcher-400", "Loki can't read the query: parse error : queries require at least one"),
        ("query_range-limit-400", "Loki can't carry out the query: max entries limit per query exceeded"),
        ("query_range-toolong-400", "Loki can't carry out the query: the query time range exceeds the limit"),
        ("query-instant-log-400", "Loki can't carry out the query: log queries are not supported as an instant query"),
        ("status-404", "Loki answers 404, but not as Loki does: is LOKI_URL its base address?"),
        ("ready", "Loki answers 200, but not as Loki does: is LOKI_URL its base address?"),
        ("labels", "Loki gives nothing known where streams was asked"),
        ("query-vector", "Loki gives vector where streams was asked: is it another kind of query?"),
    ],
)
async def test_each_error_is_a_sentence(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(RejectedError) as raised:
        await lines(name, tmp_path)
    assert str(raised.value).startswith(told)
    assert str(raised.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        ("401 Unauthorized", b"no org id", ForbiddenError, "LOKI_TENANT"),
        ("429 Too Many Requests", b"too many outstanding requests", UnavailableError, "answers 429 for now"),
        ("400 Bad Request", b"context deadline exceeded", UnavailableError, "took too long over the query"),
        ("502 Bad Gateway", b"<html>", UnavailableError, "answers 502 for now"),
        ("400 Bad Request", b"", RejectedError, "it doesn't say why."),
    ],
)
async def test_what_passes_is_told_from_what_is_wrong(
    status: str, body: bytes, kind: type[FettleError], told: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=told):
        await lines(answer(status, body, Content_Type="text/plain"), tmp_path)


async def test_lines_are_cut_and_an_answer_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = {"stream": {}, "values": [["1", "x" * 100_000], ["no time", "y"], [1, 2], "z", ["2", "w", {}]]}
    body = {"status": "success", "data": {"resultType": "streams", "result": [stream, None]}}
    made = answer("200 OK", json.dumps(body).encode(), Content_Type="application/json")
    found = await lines(made, tmp_path)
    assert [len(line.text) for line in found.lines] == [loki_api.LONGEST_LINE, 1]
    monkeypatch.setattr(loki_api, "LARGEST", 50_000)
    with pytest.raises(RejectedError, match="ask for less"):
        await lines(made, tmp_path)


async def test_the_names_of_labels_are_told(tmp_path: Path) -> None:
    async with loki("labels", tmp_path) as (client, _):
        assert await client.labels(within=WITHIN) == ("app", "level", "namespace", "pod", "service_name")


def test_without_an_address_there_is_none(tmp_path: Path) -> None:
    settings = load(BASE, tmp_path / "no.env", tmp_path / "no.yaml")
    assert access(settings, "LOKI") is None
    assert Sources.of(settings).loki is None
