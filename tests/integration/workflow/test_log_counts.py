"""Error lines after an action against before, counted by Loki: as many may still come, or a few."""
# ruff: noqa: D102 - the method of the stand-in is the route that it is named after

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from bot.domain.owed import Stage
from bot.domain.verification import Check, CheckState, Verdict, Verification
from bot.integrations.door import Access
from bot.integrations.loki import Loki
from bot.integrations.sources import Sources

from .floor import Floor

SOAK = 30
"""Seconds; the window."""


@dataclass
class Lines:
    """A Loki of the test's own: so many error lines a second, or nobody home."""

    rate: float | None = 0.5
    refuses: bool = False
    asked: list[str] = field(default_factory=list)

    async def query(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["query"])
        if self.refuses:
            return web.Response(status=500, text="boom")
        value = [float(request.query["time"]) / 1e9, str(self.rate)]
        rows = [] if self.rate is None else [{"metric": {}, "value": value}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": rows}})


@pytest.fixture
async def lines(floor: Floor) -> AsyncIterator[Lines]:
    made, app = Lines(), web.Application()
    app.router.add_get("/loki/api/v1/query", made.query)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Loki(Access("Loki", "LOKI", f"http://127.0.0.1:{runner.addresses[0][1]}"))
    soak = timedelta(seconds=SOAK)
    floor.configure(VERIFY_SOAK=soak, VERIFY_SOAK_CRASHLOOP=soak)
    floor.switch(sources=Sources(loki=client))
    yield made
    await client.close()
    await runner.cleanup()


async def approved(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    answer = await floor.approve(proposal)
    assert answer.ok, answer.text
    await floor.run(Stage.EXECUTE)


async def verdict(floor: Floor) -> Verification:
    for _ in range(200):
        floor.advance(15)
        await floor.run(Stage.VERIFY)
        found = await floor.verification()
        if found.verdict is not Verdict.MEASURING:
            return found
    raise AssertionError(found)


def row(found: Verification) -> Check:
    return next(check for check in found.checks if check.name == "log errors")


async def test_as_many_as_before_pass(floor: Floor, lines: Lines) -> None:
    await approved(floor)
    found = await verdict(floor)
    assert found.verdict is Verdict.PASS
    assert (row(found).state, row(found).measured) == (CheckState.GOOD, "0.5/s (was 0.5/s)")
    assert row(found).expected == "below 1/s"
    counted = 'sum(count_over_time({namespace="shop", pod=~"api-'
    assert lines.asked[-1].startswith(counted)
    assert lines.asked[-1].endswith(f"[{SOAK}s])) / {SOAK}")


async def test_more_than_twice_as_many_fail(floor: Floor, lines: Lines) -> None:
    await approved(floor)
    lines.rate = 1.2
    found = await verdict(floor)
    assert found.verdict is Verdict.FAIL
    assert (row(found).state, row(found).measured) == (CheckState.BAD, "1.2/s (was 0.5/s)")


async def test_a_few_where_there_were_none_pass_and_more_fail(floor: Floor, lines: Lines) -> None:
    lines.rate = None
    await approved(floor)
    lines.rate = 9 / SOAK
    found = await verdict(floor)
    assert found.verdict is Verdict.PASS
    lines.rate = 11 / SOAK
    floor.advance(3600)
    bo = await floor.person("bo")
    assert (await floor.verbs.measure_again(found.incident_id, bo)).ok
    assert (await verdict(floor)).verdict is Verdict.FAIL


async def test_a_loki_that_does_not_answer_is_inconclusive_and_says_so(floor: Floor, lines: Lines) -> None:
    await approved(floor)
    lines.refuses = True
    found = await verdict(floor)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "Loki" in row(found).measured


async def test_what_was_not_counted_before_can_not_be_compared(floor: Floor, lines: Lines) -> None:
    lines.refuses = True
    await approved(floor)
    lines.refuses = False
    found = await verdict(floor)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "nothing to compare with" in row(found).measured


async def test_nothing_counts_before_a_whole_window_lies_behind_the_rollout(floor: Floor, lines: Lines) -> None:
    await approved(floor)
    asked = len(lines.asked)
    for _ in range(200):
        floor.advance(1)
        await floor.run(Stage.VERIFY)
        if len(lines.asked) > asked:
            break
    found = await floor.verification()
    assert found.rolled_out_at is not None
    assert (floor.now() - found.rolled_out_at).total_seconds() >= SOAK


async def test_without_a_loki_there_is_no_such_row(floor: Floor) -> None:
    await approved(floor)
    found = await verdict(floor)
    assert found.verdict is Verdict.PASS
    assert "log errors" not in {check.name for check in found.checks}
