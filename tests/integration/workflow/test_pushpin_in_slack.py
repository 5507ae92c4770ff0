"""📌 in a real Slack: the event is kept before it is acknowledged, the message is read, and whoever pinned is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bot.app_manifest import manifest
from bot.domain.incident import Incident
from bot.domain.owed import Stage
from bot.domain.severity import Severity
from bot.sandbox.slack.models import Json, Message
from bot.sandbox.slack.server import SlackServer
from bot.slack import ids
from bot.slack.client import SlackClient
from bot.slack.said import CUT, LONGEST, plain, root_of, words
from bot.storage import incidents, outbox, people
from bot.storage.db import Tx
from bot.workflow import owing
from commands import pushpin
from commands.front import Front
from commands.listen import bolt_app
from tests.patience import PATIENT

from .floor import LEASE, Floor

ROOM, WORDS = "C0ONCALL", "The database is failing over"


class Desk:
    """Slack, the bot's listeners over real sockets, and the workflow with its store; stages run on demand."""

    def __init__(self, floor: Floor, server: SlackServer, slack: SlackClient) -> None:
        self.floor, self.server, self.slack = floor, server, slack
        self.front = Front(slack, floor.verbs, floor.now)
        self.handler = AsyncSocketModeHandler(bolt_app(self.front), server.app_token, proxy=None)

    async def connect(self) -> None:
        """Listen."""
        await self.handler.connect_async()
        await self.server.wait_connected()

    async def close(self) -> None:
        """The process ends."""
        await self.handler.close_async()
        await self.front.insisting.close()

    @property
    def events(self) -> list[Json]:
        """The reactions that Slack sent."""
        sent = [one["payload"] for one in self.server.sockets.sent if one["type"] == "events_api"]
        return [one for one in sent if one["event"]["type"] in pushpin.EVENTS]

    async def acked(self) -> None:
        """Whatever was sent is acknowledged, so that it is in the store or was no news."""
        while self.server.sockets._tasks:
            await asyncio.wait(set(self.server.sockets._tasks))
            await asyncio.sleep(0)

    async def look(self) -> int:
        """What is due is looked at; how much that was."""
        await self.acked()
        found = await self.floor.due(Stage.PIN)
        for work in found:
            await pushpin.settle(self.front, work)
        return len(found)

    async def pins(self, user: str, said: Message, *, on: bool = True) -> str:
        """Somebody puts 📌 on a message, or takes it off; what they are told."""
        before = len(self.told(user))
        await (self.server.react if on else self.server.unreact)(user, said.channel, said.ts, "pushpin")
        await self.look()
        return "\n".join(one.text for one in self.told(user)[before:])

    def told(self, user: str, room: str = ROOM) -> list[Message]:
        """What one person alone was told."""
        return self.server.workspace.ephemerals(user, room)

    async def notes(self) -> list[tuple[int, str, bool]]:
        """(incident, text, whether it stands) of each note."""

        def rows(tx: Tx) -> list[Any]:
            return tx.execute("SELECT incident_id, text, retracted_at IS NULL FROM notes ORDER BY id").fetchall()

        return [(row[0], row[1], bool(row[2])) for row in await self.floor.store.read(rows)]

    async def incident(self, number: int = 1, card: bool = False) -> Incident:
        """An open incident of this channel, with its card's ts in ``thread`` where it is posted."""

        def add(tx: Tx) -> Incident:
            one = incidents.add(
                tx, key=f"k{number}", title=f"Trouble {number}", alertname="", namespace="shop",
                severity=Severity.SEV2, now=self.floor.now(), channel=ROOM,
            )  # fmt: skip
            if card:
                owing.card(tx, one, owing.Priority.NEW_CARD, self.floor.now())
            return one

        return await self.floor.store.transact(add)

    async def card(self, one: Incident) -> str:
        """Its card is posted by the bot; its ts."""
        ts = str((await self.slack.web.chat_postMessage(channel=ROOM, text="the card"))["ts"])

        def sent(tx: Tx) -> None:
            (row,) = outbox.claim(tx, self.floor.now(), LEASE, 1)
            assert row.subject == one.id
            outbox.sent(tx, row, self.floor.now(), ROOM, ts)

        await self.floor.store.transact(sent)
        return ts


@pytest.fixture
async def desk(floor: Floor) -> AsyncIterator[Desk]:
    server = SlackServer(yaml.safe_load(manifest()))
    await server.start()
    slack = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    await slack.whoami()
    one = Desk(floor, server, slack)
    await one.connect()
    yield one
    await one.close()
    await slack.close()
    assert server.invalid == []
    await server.stop()


async def test_a_pin_notes_the_message_and_taking_it_off_retracts(desk: Desk) -> None:
    one = await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, f"{WORDS} <to> the replica & back")
    assert await desk.pins("U0ANA", said) == f"Noted in the timeline of {one.ref}. Taking 📌 off retracts it."
    _, _, rows = await desk.floor.verbs.show(one.id)
    assert (rows[-1].detail, rows[-1].link) == (
        f"{WORDS} <to> the replica & back", desk.slack.permalink(ROOM, said.ts),
    )  # fmt: skip
    assert "Retracted from the timeline" in await desk.pins("U0ANA", said, on=False)
    assert [stands for _, _, stands in await desk.notes()] == [False]


async def test_a_reply_below_a_card_belongs_to_its_incident_and_is_answered_there(desk: Desk) -> None:
    one = await desk.incident(1, card=True)
    root = await desk.card(one)
    other = await desk.incident(2)
    said = await desk.server.post_as("U0LI", ROOM, WORDS, root)
    assert await desk.pins("U0ANA", said) == f"Noted in the timeline of {one.ref}. Taking 📌 off retracts it."
    assert desk.told("U0ANA")[-1].thread_ts == root
    _, _, rows = await desk.floor.verbs.show(one.id)
    assert rows[-1].link.endswith(f"?thread_ts={root}&cid={ROOM}")
    assert other.id != one.id


@pytest.mark.parametrize(
    ("user", "told"), [("U0GUS", "guests may not do this"), ("U0MALLORY", "you are in another organisation")]
)
async def test_whoever_is_no_member_is_told_and_written_down(desk: Desk, user: str, told: str) -> None:
    await desk.incident()
    desk.server.workspace.add_member(ROOM, user)
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    assert told in await desk.pins(user, said)
    assert await desk.notes() == []
    assert "command:request:refused" in await desk.floor.tags()
    assert await desk.pins(user, said, on=False) == ""


async def test_other_reactions_files_and_its_own_are_no_news(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.server.react("U0ANA", ROOM, said.ts, "eyes")
    desk.server.scopes = None
    await desk.slack.web.reactions_add(channel=ROOM, timestamp=said.ts, name="pushpin")
    file = {"event": {"type": "reaction_added", "user": "U0ANA", "reaction": "pushpin", "item": {"type": "file"}}}
    await desk.server.sockets._deliver_event({**desk.events[0], **file, "event_id": "Ev9"})
    assert await desk.look() == 0
    assert {one["event"].get("reaction") for one in desk.events} == {"eyes", "pushpin"}
    assert await desk.floor.count("pins") == 0
    own = next(one for one in desk.events if one["event"]["user"] == "U0FETTLE")
    assert pushpin.news_of(own, "U0FETTLE") is None
    assert pushpin.news_of(own, "U0OTHER") is not None


async def test_an_event_that_comes_twice_is_one_note(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    desk.server.faults.duplicate_next_envelope()
    await desk.server.react("U0ANA", ROOM, said.ts, "pushpin")
    await desk.look()
    first, second, *_ = desk.events
    assert first["event_id"] == second["event_id"]
    await desk.server.sockets._deliver_event(first)  # once more, after it was looked at
    assert await desk.look() == 0
    assert len(await desk.notes()) == len(desk.told("U0ANA")) == 1


async def test_the_message_is_believed_and_not_the_event(desk: Desk) -> None:
    """An event of before arrives last and says that it was taken off."""
    one = await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.pins("U0ANA", said)
    late = {**desk.events[0], "event_id": "Ev0", "event": {**desk.events[0]["event"], "type": "reaction_removed"}}
    await desk.server.sockets._deliver_event(late)
    assert await desk.look() == 1
    assert await desk.notes() == [(one.id, WORDS, True)]


async def test_what_can_not_be_kept_is_not_acknowledged_and_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack sends it again where no acknowledgement came."""
    await desk.incident()
    desk.server.sockets.ack_seconds = 0.5
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    keep, failed = desk.floor.verbs.heard, []

    async def full(news: Any) -> None:
        if len(failed) < 2:
            failed.append(news)
            raise OSError("no space left") if failed[1:] else pushpin.SlackUnavailableError("the disk is full")
        await keep(news)

    monkeypatch.setattr(desk.floor.verbs, "heard", full)
    desk.server.sockets.event_retries = (0.0, 0.0, 0.0, 0.0)
    await desk.server.react("U0ANA", ROOM, said.ts, "pushpin")
    assert await desk.look() == 1
    assert len(failed) == 2
    assert len({one["event_id"] for one in desk.events}) == 1
    assert len(desk.events) >= 3
    assert len(await desk.notes()) == 1


async def test_a_process_that_dies_after_it_kept_the_event_leaves_it_to_the_next(desk: Desk) -> None:
    """The event comes again to the next process, since Slack heard nothing of the first one's acknowledgement."""
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.server.react("U0ANA", ROOM, said.ts, "pushpin")
    await desk.acked()
    await desk.close()
    following = Desk(desk.floor, desk.server, desk.slack)
    await following.connect()
    await following.server.sockets._deliver_event(desk.events[0])
    assert await following.look() == 1
    await following.server.sockets._deliver_event(desk.events[0])
    assert await following.look() == 0
    assert len(await following.notes()) == len(following.told("U0ANA")) == 1
    desk.front, desk.handler = following.front, following.handler


async def test_a_message_that_was_deleted_is_told(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.server.react("U0ANA", ROOM, said.ts, "pushpin")
    await desk.acked()
    desk.server.workspace.delete(said)
    await desk.look()
    assert "the message was deleted (message_not_found)" in desk.told("U0ANA")[-1].text
    assert await desk.notes() == []


async def test_what_was_noted_stays_when_its_message_is_deleted(desk: Desk) -> None:
    one = await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.pins("U0ANA", said)
    desk.server.workspace.delete(said)
    await desk.server.sockets._deliver_event({**desk.events[0], "event_id": "Ev9"})
    assert await desk.look() == 1
    assert await desk.notes() == [(one.id, WORDS, True)]


async def test_without_the_scope_the_person_hears_what_is_missing(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    assert desk.server.scopes is not None
    desk.server.scopes -= {"reactions:read"}
    told = await desk.pins("U0ANA", said)
    assert "reinstall it from manifest.yml (missing_scope) (needed: reactions:read)" in told
    assert await desk.notes() == []


async def test_where_the_bot_was_thrown_out_of_the_channel_it_tells_by_a_direct_message(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.server.react("U0ANA", ROOM, said.ts, "pushpin")
    await desk.acked()
    desk.server.workspace.channels[ROOM].members.remove("U0FETTLE")
    await desk.look()
    (direct,) = desk.server.workspace.messages(desk.server.workspace.direct_message("U0ANA").id)
    assert "the bot isn't in the channel; invite it with /invite (not_in_channel)" in direct.text
    assert await desk.notes() == []


@pytest.mark.parametrize("method", ["reactions.get", "users.info"])
async def test_while_slack_limits_the_rate_it_waits_and_then_notes(desk: Desk, method: str) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    desk.server.faults.rate_limit(method, 40, times=1)
    assert await desk.pins("U0ANA", said) == ""
    desk.floor.advance(35)
    assert await desk.look() == 0  # not before Slack said
    desk.floor.advance(6)
    assert await desk.look() == 1
    assert len(await desk.notes()) == len(desk.told("U0ANA")) == 1


async def test_a_message_that_can_not_be_read_for_long_is_told_as_not_noted(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    desk.server.faults.error("reactions.get", 503)
    assert await desk.pins("U0ANA", said) == ""
    for _ in range(40):
        desk.floor.advance(31)
        await desk.look()
    (told,) = desk.told("U0ANA")
    assert told.text.startswith("The message couldn't be read, so nothing was noted.")
    assert "put it on again" in told.text
    assert await desk.floor.owed() == {}
    entry = (await desk.floor.entries("command:request:refused"))[-1]
    assert (entry.detail or {})["asked"] == "note a message by 📌"


async def test_before_slack_said_who_the_bot_is_nobody_is_taken_for_a_stranger(desk: Desk) -> None:
    """The next process has work from before, and Slack doesn't answer yet."""
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    identity, desk.slack.identity = desk.slack.identity, None
    assert await desk.pins("U0ANA", said) == ""
    assert await desk.floor.entries("command:request:refused") == []
    desk.slack.identity = identity
    desk.floor.advance(5)
    assert await desk.look() == 1
    assert len(await desk.notes()) == 1


async def test_between_two_incidents_it_is_asked_and_the_choice_counts(desk: Desk) -> None:
    first, second = await desk.incident(1), await desk.incident(2)
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    assert await desk.pins("U0ANA", said) == "In which incident's timeline shall the message be noted?"
    asked = desk.told("U0ANA")[-1]
    options = asked.blocks[1]["elements"][0]["options"]
    assert [one["value"] for one in options] == [f"i:{one.id}:n:1" for one in (second, first)]
    await desk.server.choose("U0ANA", ROOM, asked.ts, ids.PIN_INCIDENT, f"i:{first.id}:n:1")
    await desk.front.drain(30)
    assert await desk.notes() == [(first.id, WORDS, True)]
    assert desk.told("U0ANA")[-1].text == f"Noted in the timeline of {first.ref}. Taking 📌 off retracts it."


async def test_who_was_not_asked_because_the_process_ended_is_asked_by_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        await desk.incident(number)
    said = await desk.server.post_as("U0LI", ROOM, WORDS)

    async def dies(*_: object) -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(desk.front, "tell", dies)
        with pytest.raises(asyncio.CancelledError):
            await desk.pins("U0ANA", said)
    assert desk.told("U0ANA") == []
    desk.floor.advance(180)
    assert await desk.look() == 1
    assert [one.text for one in desk.told("U0ANA")] == ["In which incident's timeline shall the message be noted?"]
    desk.floor.advance(180)
    assert await desk.look() == 0


async def test_every_open_incident_may_be_chosen_as_far_as_a_select_goes(desk: Desk) -> None:
    for number in range(1, 103):
        await desk.incident(number)
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    assert (await desk.pins("U0ANA", said)).endswith("Only the first 100 open ones are listed.")
    assert len(desk.told("U0ANA")[-1].blocks[1]["elements"][0]["options"]) == 100


async def test_what_ended_before_the_question_is_said(desk: Desk) -> None:
    found = [await desk.incident(number) for number in (1, 2)]
    pin = pushpin.Asked("U0ANA", ROOM, action_id=pushpin.PUSHPIN)
    for one in found:
        await desk.floor.verbs.resolve(one.id, await desk.floor.person("ana"), "over")
    await pushpin._tell(desk.front, pin, pushpin.Seen(on=True), pushpin.Answer("Which?", asks_incident=1))
    assert desk.told("U0ANA")[-1].text == "The last open incident ended meanwhile. Nothing was noted."


@pytest.mark.parametrize("value", ["", "i:1", "i:1:n:", "n:1", "i:x:n:1"])
async def test_a_choice_that_can_not_be_read_is_said(desk: Desk, value: str) -> None:
    who = pushpin.Asked("U0ANA", ROOM, value=value, action_id=ids.PIN_INCIDENT)
    await desk.front.handled(pushpin.chosen, who)
    assert "This choice can't be read; nothing was noted." in desk.told("U0ANA")[-1].text


async def test_ephemeral_messages_take_no_reaction(desk: Desk) -> None:
    await desk.slack.web.chat_postEphemeral(channel=ROOM, user="U0ANA", text="only you")
    (alone,) = desk.told("U0ANA")
    with pytest.raises(Exception, match="There is no message"):
        await desk.server.react("U0ANA", ROOM, alone.ts, "pushpin")
    event = {"type": "reaction_added", "user": "U0ANA", "reaction": "pushpin", "event_ts": "1.0"}
    item = {"type": "message", "channel": ROOM, "ts": alone.ts}
    desk.server.sockets.deliver_event({"type": "event_callback", "event_id": "Ev9", "team_id": "T0SANDBOX",
                                       "event": {**event, "item": item}})  # fmt: skip
    assert await desk.look() == 1
    assert "message_not_found" in desk.told("U0ANA")[-1].text


async def test_an_erased_person_leaves_the_note_as_it_is(desk: Desk) -> None:
    await desk.incident()
    said = await desk.server.post_as("U0LI", ROOM, WORDS)
    await desk.pins("U0ANA", said)
    await desk.server.unreact("U0ANA", ROOM, said.ts, "pushpin")
    await desk.acked()
    await desk.floor.store.transact(people.erase, "U0ANA")
    await desk.look()
    assert [stands for _, _, stands in await desk.notes()] == [True]
    assert await desk.floor.owed() == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<@U0ANA> and <@U0LI|li> in <#C1|ops> or <#C2>", "@U0ANA and @li in #ops or #C2"),
        ("<!here> <!subteam^S1|@sre> <!subteam^S2>", "@here @sre @S2"),
        ("<https://x/y|the graph> <https://x/z> <mailto:a@b.c|a@b.c>", "the graph (https://x/y) https://x/z a@b.c"),
        ("<!date^1^{time}|03:14 UTC> a &lt;b&gt; &amp;amp;", "03:14 UTC a <b> &amp;"),
    ],
)
def test_markup_is_read_as_people_read_it(text: str, read: str) -> None:
    assert plain(text) == read


def test_a_message_without_text_is_told_by_its_files_and_a_long_one_is_cut() -> None:
    assert words({"text": ""}) == "(a message without text)"
    assert words({"files": [{"name": "top.png"}]}) == "top.png"
    assert words({"text": "see", "files": [{"name": "top.png"}]}) == "see (with top.png)"
    assert words({"text": "x" * 9000}) == "x" * 2996 + " […]"


@pytest.mark.parametrize(
    "secret", ["postgres://app:hunter2-hunter2@db/shop", "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"]
)
def test_a_secret_is_hidden_wherever_a_long_message_is_cut(secret: str) -> None:
    """Half of one has no shape any more: it is hidden before the cut."""
    for kept in range(len(secret)):
        text = "a b " * LONGEST
        told = words({"text": f"{text[: LONGEST - len(CUT) - kept - 1]} {secret} and more, {text}"})
        assert "hunter2" not in told
        assert "ghp_" not in told


def test_an_apps_message_is_told_by_its_attachments() -> None:
    fallback = {"fallback": "Deployed api &amp; web", "text": "*Deployed*"}
    assert words({"text": "", "attachments": [fallback, {"title": "CI", "text": "passed"}]}) == (
        "Deployed api & web\nCI\npassed"
    )
    assert words({"text": "said", "attachments": [fallback]}) == "said"


def test_the_root_of_a_thread_stands_in_the_address_alone() -> None:
    assert root_of({"ts": "2.0", "permalink": "https://x/p2?thread_ts=1.0&cid=C1"}) == "1.0"
    assert root_of({"ts": "2.0", "thread_ts": "1.0"}) == "1.0"
    assert root_of({"ts": "1.0", "thread_ts": "1.0"}) == ""
    assert root_of({"ts": "1.0"}) == ""
