"""A real Alertmanager sends to a running Fettle: what its webhook really does, not what we think that it does."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.world import World
from tests.load.books import Books
from tests.patience import PATIENT

from .real import PROGRAM, RealAlertmanager, running

pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.timeout(540),
    pytest.mark.skipif(
        PROGRAM is None,
        reason="NO ALERTMANAGER: prometheus-alertmanager is missing, no real one was heard (apt-get install it)",
    ),
]

MISMATCH = {
    "alertname": "KubeDeploymentReplicasMismatch",
    "namespace": "shop",
    "deployment": "api",
    "severity": "warning",
}
WITHIN = PATIENT
"""Alertmanager tries again with growing pauses, and the machine may be busy."""


async def until(look: Callable[[], bool], failure: Callable[[], object]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + WITHIN
    while not look():
        assert time.monotonic() < end, failure()
        await asyncio.sleep(0.1)


def heard(books: Books) -> list[tuple[str, str, int]]:
    """(name, status, deliveries) of every alert in the store."""
    return books.rows("SELECT name, status, deliveries FROM alerts ORDER BY id")


async def test_fires_groups_repeats_and_resolves_on_one_card(tmp_path: Path) -> None:
    """One group is one card: alerts that join it, its repeats and its end are edits."""
    async with World(tmp_path) as world:
        await world.start_bot()
        books = Books(world)
        async with running(tmp_path, world.alertmanager.url, world.webhook_token) as alertmanager:
            began = datetime.now(UTC)
            three = [{**MISMATCH, "cause": str(number)} for number in range(3)]
            await alertmanager.fire(three[0], starts_at=began)
            card = await world.slack.expect_card("shop/api", "KubeDeploymentReplicasMismatch", within=WITHIN)
            await alertmanager.fire(*three[1:], starts_at=began)
            await card.expect("+2 alerts", within=WITHIN)
            await until(lambda: min(times for *_, times in heard(books)) >= 2, lambda: heard(books))
            assert {status for _, status, _ in heard(books)} == {"firing"}
            await alertmanager.resolve(*three[:2], starts_at=began)
            await until(lambda: [status for _, status, _ in heard(books)].count("resolved") == 2, lambda: heard(books))
            assert books.rows("SELECT state FROM incidents") == [("triggered",)]
            await alertmanager.resolve(three[2], starts_at=began)
            await card.expect("Resolved", within=WITHIN)
        assert len(world.slack.cards()) == 1
        assert books.count("SELECT count(*) FROM incidents") == 1
        assert await books.problems() == []


async def test_what_happened_while_fettle_was_dead_arrives_once_it_is_back(tmp_path: Path) -> None:
    """Killed in between: Alertmanager keeps what was not answered 2xx, and the end of what was told before."""
    async with World(tmp_path) as world:
        await world.start_bot()
        books = Books(world)
        async with running(tmp_path, world.alertmanager.url, world.webhook_token) as alertmanager:
            began = datetime.now(UTC)
            before, meanwhile = MISMATCH, {**MISMATCH, "alertname": "HighErrorRate", "deployment": "web"}
            await alertmanager.fire(before, starts_at=began)
            card = await world.slack.expect_card("shop/api", within=WITHIN)
            assert await world.bot.kill() == -9
            await alertmanager.resolve(before, starts_at=began)
            await alertmanager.fire(meanwhile, starts_at=datetime.now(UTC))
            await _until_refused(alertmanager)
            await world.start_bot()
            await world.slack.expect_card("shop/web", "HighErrorRate", within=WITHIN)
            await card.expect("Resolved", within=WITHIN)
        told = {(name, status) for name, status, _ in heard(books)}
        assert told == {("KubeDeploymentReplicasMismatch", "resolved"), ("HighErrorRate", "firing")}
        assert len(world.slack.cards()) == 2
        assert await books.problems() == []


async def _until_refused(alertmanager: RealAlertmanager) -> None:
    """Alertmanager has found nobody at the webhook."""
    async with asyncio.timeout(WITHIN):
        while await alertmanager.failed() == 0:  # noqa: ASYNC110 - another process' counter
            await asyncio.sleep(0.1)
