"""A recorded week, delivered at its own times: at most one new message in the channel for each incident episode."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts import payload
from bot.delivery.dispatcher import Dispatcher, Options
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack_room import message_key
from bot.sandbox.world import World
from bot.slack.client import SlackClient
from bot.storage.db import Store, Tx
from bot.workflow.intake import IntakeRules, receive
from tests.patience import PATIENT

from .books import Books

CHANNEL = "C0ONCALL"
WEEK = Path(__file__).resolve().parents[1] / "captures" / "week.jsonl"
AT_ONCE = Options(post_interval=0.0, updates_a_minute=1_000_000, edit_interval=0.0, first_card_wait=0.0, tick=0.05)
"""Slack's rates are another test's subject: here a message may go the moment it is owed."""
TOGETHER = timedelta(seconds=10)
"""Deliveries this close come while messages are still being sent; before a longer pause all of them went out."""

WAITING = """
SELECT count(*) FROM outbox WHERE version > sent_version AND NOT dropped
  AND (thread_key = '' OR thread_key IN (SELECT key FROM outbox WHERE posted_ts <> ''))
"""
EPISODES = "SELECT id, episodes, digest_id IS NOT NULL FROM incidents"

pytestmark = pytest.mark.timeout(540)


def recorded() -> tuple[list[tuple[datetime, bytes]], int]:
    """(arrival, body) of each delivery, and how many incident episodes the week truly had."""
    *lines, last = (json.loads(line) for line in WEEK.read_text(encoding="utf-8").splitlines())
    arrivals = [(datetime.fromisoformat(line["at"]), json.dumps(line["body"]).encode()) for line in lines]
    return arrivals, int(last["episodes"])


class Watch:
    """A clock that a test sets forward; it runs on meanwhile, so that what is due a moment later comes due."""

    def __init__(self, now: datetime) -> None:
        self._set = (now, time.monotonic())

    def __call__(self) -> datetime:
        """What it shows."""
        shown, since = self._set
        return shown + timedelta(seconds=time.monotonic() - since)

    def forward(self, to: datetime) -> None:
        """Never back."""
        self._set = (max(self(), to), time.monotonic())


@pytest.fixture
async def slack_server() -> AsyncIterator[SlackServer]:
    """A Slack without rates."""
    server = SlackServer()
    server.enforce_rates = False
    await server.start()
    yield server
    await server.stop()


async def sent(store: Store) -> None:
    """Wait until nothing is owed to Slack."""

    def waiting(tx: Tx) -> int:
        return int(tx.execute(WAITING).fetchone()[0])

    async with asyncio.timeout(PATIENT):
        while await store.read(waiting):  # noqa: ASYNC110 - the outbox is a table
            await asyncio.sleep(0.01)


async def test_a_week_makes_at_most_one_new_message_for_each_episode(
    sqlite_store: Store, slack_server: SlackServer, tell: Callable[[object], None]
) -> None:
    """What a person hears are new messages in the channel: cards, digests, and replies shown in the channel too."""
    arrivals, truth = recorded()
    watch = Watch(arrivals[0][0])
    slack = await SlackClient.connect(slack_server.bot_token, slack_server.api_url, PATIENT)
    dispatcher = Dispatcher(sqlite_store, slack, watch, AT_ONCE)
    stop = asyncio.Event()
    delivering = asyncio.create_task(dispatcher.run(stop))
    try:
        for at, body in arrivals:
            if at - watch() > TOGETHER:
                await sent(sqlite_store)
            watch.forward(at)
            await sqlite_store.transact(receive, payload.parse(body), watch(), IntakeRules(CHANNEL))
        await sent(sqlite_store)
    finally:
        stop.set()
        await delivering
        await dispatcher.drain(2)
        await slack.close()

    def episodes(tx: Tx) -> list[tuple[int, int, bool]]:
        return [(int(number), int(times), bool(dig)) for number, times, dig in tx.execute(EPISODES).fetchall()]

    known = await sqlite_store.read(episodes)
    heard = Counter(_incident(message_key(one)) for one in slack_server.workspace.messages(CHANNEL))
    tell(f"{len(arrivals)} deliveries, {truth} episodes, {len(known)} incidents, {heard.total()} new messages")
    assert sum(times for _, times, _ in known) == truth
    assert {number: heard[number] for number, times, _ in known if heard[number] > times} == {}
    assert {number for number, _, in_digest in known if not heard[number] and not in_digest} == set()
    assert heard.total() <= truth


async def test_the_same_week_at_once_through_the_whole_program(
    tmp_path: Path, soak: bool, tell: Callable[[object], None]
) -> None:
    """As fast as it is taken the week is one long storm: nothing is lost, and each episode is still one message."""
    arrivals = recorded()[0] if soak else recorded()[0][:25]
    async with World(tmp_path) as world:
        world.slack_server.enforce_rates = False
        await world.start_bot()
        for _, body in arrivals:
            assert (await world.alertmanager.send(json.loads(body))).accepted
        books = Books(world)
        await books.quiet(within=240)
        # So many threads take minutes at one message a second, which is no fault of whoever waits that long.
        lasted = await books.attempted()
        assert await books.problems() == []
        known = dict(books.rows("SELECT id, episodes FROM incidents"))
        heard = Counter(_incident(message_key(one)) for one in world.slack_server.workspace.messages(CHANNEL))
        tell(
            f"{len(arrivals)} deliveries, {sum(known.values())} episodes, {heard.total()} new messages, "
            f"the last ones {lasted:.0f} s after the rest"
        )
        assert {number for number, times in known.items() if heard[number] > times} == set()


def _incident(key: str) -> int:
    """The incident whose message it is; 0 for a digest."""
    kind, number, *_ = key.split(":")
    return int(number) if kind in {"card", "thread"} else 0
