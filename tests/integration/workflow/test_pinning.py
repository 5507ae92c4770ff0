"""📌 on a message is one note in one incident's timeline, whatever events come, how often, and in which order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.answer import Answer, TimelineRow
from bot.domain.incident import Incident
from bot.domain.note import Pin, PinNews, Seen
from bot.domain.owed import DueWork, Stage
from bot.domain.severity import Severity
from bot.slack.modals import timeline_lines
from bot.storage import audit, due, incidents, notes, outbox, people, purge
from bot.storage.db import Tx
from bot.workflow import owing

from .floor import Floor

ROOM, ELSEWHERE, MESSAGE = "C0ONCALL", "C0SHOP", "1764126000.000100"
SAID = Seen(on=True, text="failing over to the replica", author="U0LI", link="https://x.slack.com/archives/C0ONCALL/p1")


class Wall:
    """What Slack shows: the people whose 📌 is on the message; each event comes with an id of its own."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.number = 0
        self.on: set[str] = set()

    async def hears(self, who: str, *, on: bool, event: str = "", channel: str = ROOM, ts: str = MESSAGE) -> None:
        """An event of Slack's is kept."""
        self.number += 1
        news = PinNews(event or f"Ev{self.number}", channel, ts, f"U0{who.upper()}", on)
        await self.floor.verbs.heard(news)

    async def pins(self, who: str, **where: str) -> Answer | None:
        """Somebody puts it on, and it is looked at."""
        self.on.add(who)
        await self.hears(who, on=True, **where)
        return await self.look(who)

    async def takes_off(self, who: str, **where: str) -> Answer | None:
        """They take it off, and it is looked at."""
        self.on.discard(who)
        await self.hears(who, on=False, **where)
        return await self.look(who)

    async def look(self, who: str, seen: Seen = SAID, **facts: bool) -> Answer | None:
        """What is owed is looked at; the newest answer."""
        told = None
        for work in await self.floor.due(Stage.PIN):
            told = await self.settle(work, who, seen, **facts)
        return told

    async def settle(self, work: DueWork, who: str, seen: Seen = SAID, **facts: bool) -> Answer | None:
        """One look, as Slack shows the message then."""
        person = await self.floor.person(who, **facts)
        there = Seen(who in self.on, seen.text, seen.thread_ts, seen.author, seen.link, seen.own, seen.problem)
        return await self.floor.verbs.settle_pin(work, person, there)

    async def notes(self) -> list[tuple[int, str, bool]]:
        """(incident, text, whether it stands) of each note."""

        def rows(tx: Tx) -> list[Any]:
            return tx.execute("SELECT incident_id, text, retracted_at IS NULL FROM notes ORDER BY id").fetchall()

        return [(row[0], row[1], bool(row[2])) for row in await self.floor.store.read(rows)]

    async def told(self, incident: int) -> list[TimelineRow]:
        """The timeline's lines about notes."""
        _, _, rows = await self.floor.verbs.show(incident)
        return [row for row in rows if row.what.startswith("note")]


@pytest.fixture
def wall(floor: Floor) -> Wall:
    return Wall(floor)


async def incident(floor: Floor, number: int = 1, channel: str = ROOM) -> Incident:
    def add(tx: Tx) -> Incident:
        return incidents.add(
            tx, key=f"k{number}", title=f"Trouble {number}", alertname="A", namespace="shop", severity=Severity.SEV2,
            now=floor.now(), channel=channel,
        )  # fmt: skip

    return await floor.store.transact(add)


async def posted(floor: Floor, one: Incident, ts: str) -> None:
    """Its card stands in the channel."""

    def post(tx: Tx) -> None:
        owing.card(tx, one, owing.Priority.NEW_CARD, floor.now())
        (row,) = outbox.claim(tx, floor.now(), timedelta(seconds=60), 5)
        outbox.sent(tx, row, floor.now(), one.channel, ts)

    await floor.store.transact(post)


async def test_a_pin_is_a_note_with_who_when_text_and_link(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await floor.person("li")
    answer = await wall.pins("ana")
    assert answer is not None
    assert (answer.ok, answer.incident_id) == (True, one.id)
    assert answer.text == f"Noted in the timeline of {one.ref}. Taking 📌 off retracts it."
    (row,) = await wall.told(one.id)
    assert (row.who, row.what, row.link) == ("ana", "note added", SAID.link)
    assert row.detail == "@li: failing over to the replica"
    assert await floor.store.read(audit.verify_chain) == []


async def test_a_note_tells_who_wrote_it_even_if_fettle_never_met_them(floor: Floor, wall: Wall) -> None:
    """Else whoever pinned it seems to have said it; Slack knows the name, until the person is erased."""
    one = await incident(floor)
    await wall.pins("ana")
    (row,) = await wall.told(one.id)
    assert (row.who, row.author, row.detail) == ("ana", "U0LI", SAID.text)
    (line,) = timeline_lines([row])
    assert f"note added · <@U0LI>: {SAID.text} · " in line
    await floor.store.transact(people.erase, "U0LI")
    assert [(row.author, row.detail) for row in await wall.told(one.id)] == [("", "")]


async def test_secrets_in_a_message_are_hidden_before_they_are_stored(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.hears("ana", on=True)
    wall.on.add("ana")
    await wall.look("ana", Seen(on=True, text="the password=hunter2-hunter2 is out", author="U0LI"))
    assert await wall.notes() == [(one.id, "the password=[hidden] is out", True)]
    assert "hunter2" not in str([entry.detail for entry in await floor.entries()])


async def test_taking_it_off_retracts_and_the_timeline_says_so(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.pins("ana")
    answer = await wall.takes_off("ana")
    assert answer is not None
    assert answer.text == f"Retracted from the timeline of {one.ref}; the audit keeps that it stood there."
    assert [row.what for row in await wall.told(one.id)] == ["note added, retracted since", "note retracted"]
    assert await wall.notes() == [(one.id, SAID.text, False)]
    assert (await floor.tags())[-2:] == ["incident:note:added", "incident:note:retracted"]
    assert (await floor.verbs.home(await floor.person("ana"))).notes == {}


async def test_on_again_is_a_note_of_its_own(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.pins("ana")
    await wall.takes_off("ana")
    await wall.pins("ana")
    assert await wall.notes() == [(one.id, SAID.text, False), (one.id, SAID.text, True)]
    assert (await floor.verbs.home(await floor.person("ana"))).notes == {one.id: 1}


async def test_two_people_hold_up_one_note_until_the_last_takes_it_off(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.pins("ana")
    joined = await wall.pins("bo")
    assert joined is not None
    assert joined.text.endswith("it stays there until nobody holds it there.")
    assert len(await wall.notes()) == 1
    stays = await wall.takes_off("ana")  # she wrote it down, and he still keeps it there
    assert stays is not None
    assert stays.text.endswith("somebody else holds it there.")
    assert await wall.notes() == [(one.id, SAID.text, True)]
    await wall.takes_off("bo")
    assert await wall.notes() == [(one.id, SAID.text, False)]


async def test_the_same_event_twice_is_one_note_and_one_answer(floor: Floor, wall: Wall) -> None:
    await incident(floor)
    wall.on.add("ana")
    await wall.hears("ana", on=True, event="Ev7")
    assert await wall.look("ana") is not None
    await wall.hears("ana", on=True, event="Ev7")
    assert await floor.due(Stage.PIN) == []
    assert len(await wall.notes()) == 1


async def test_a_refusal_is_told_once_though_its_event_comes_again(floor: Floor, wall: Wall) -> None:
    wall.on.add("guest")
    for _ in range(2):
        await wall.hears("guest", on=True, event="Ev7")
        await wall.look("guest", restricted=True)
    assert len(await floor.entries("command:request:refused")) == 1


async def test_events_out_of_order_leave_what_slack_shows(floor: Floor, wall: Wall) -> None:
    """On, off, on again: the newest event that arrives says off, and 📌 is there."""
    one = await incident(floor)
    wall.on.add("ana")
    await wall.hears("ana", on=True, event="third")
    await wall.hears("ana", on=True, event="first")
    await wall.hears("ana", on=False, event="second")
    await wall.look("ana")
    assert await wall.notes() == [(one.id, SAID.text, True)]


async def test_off_before_on_notes_nothing(floor: Floor, wall: Wall) -> None:
    await incident(floor)
    await wall.hears("ana", on=False, event="second")
    await wall.hears("ana", on=True, event="first")
    assert await wall.look("ana") is None
    assert await wall.notes() == []
    assert "command:request:refused" not in await floor.tags()


async def test_heard_of_again_while_it_is_looked_at_the_later_look_counts(floor: Floor, wall: Wall) -> None:
    await incident(floor)
    wall.on.add("ana")
    await wall.hears("ana", on=True)
    (work,) = await floor.due(Stage.PIN)
    wall.on.discard("ana")
    await wall.hears("ana", on=False)
    wall.on.add("ana")  # the look that began before still saw it
    assert await wall.settle(work, "ana") is None
    wall.on.discard("ana")
    assert await wall.look("ana") is None
    assert await wall.notes() == []
    assert await floor.owed() == {}


async def test_two_processes_that_look_at_once_make_one_note(floor: Floor, wall: Wall) -> None:
    """The first one's lease ran out; its answer comes after the second's."""
    await incident(floor)
    wall.on.add("ana")
    await wall.hears("ana", on=True)
    (first,) = await floor.due(Stage.PIN)
    floor.advance(3600)
    (second,) = await floor.due(Stage.PIN)
    assert await wall.settle(second, "ana") is not None
    assert await wall.settle(first, "ana") is None
    assert len(await wall.notes()) == 1


async def test_in_an_incidents_thread_it_is_that_one_resolved_or_not(floor: Floor, wall: Wall) -> None:
    old, new = await incident(floor, 1), await incident(floor, 2)
    await posted(floor, old, "1764000000.000001")
    await floor.verbs.resolve(old.id, await floor.person("ana"), "over")
    await wall.hears("ana", on=True)
    wall.on.add("ana")
    await wall.look("ana", Seen(on=True, text="what we learned", thread_ts="1764000000.000001"))
    assert await wall.notes() == [(old.id, "what we learned", True)]
    assert new.id != old.id


@pytest.mark.parametrize("here", [0, 2], ids=["none of this channel", "two of this channel"])
async def test_where_it_can_not_be_inferred_it_is_asked(floor: Floor, wall: Wall, here: int) -> None:
    found = [await incident(floor, number, ROOM if number <= here else ELSEWHERE) for number in (1, 2, 3)]
    asked = await wall.pins("ana")
    assert asked is not None
    assert asked.asks_incident
    assert await wall.notes() == []
    chosen = await floor.verbs.choose_incident(asked.asks_incident, found[1].id, await floor.person("ana"), SAID)
    assert (chosen.ok, chosen.incident_id) == (True, found[1].id)
    assert await wall.notes() == [(found[1].id, SAID.text, True)]
    again = await floor.verbs.choose_incident(asked.asks_incident, found[2].id, await floor.person("ana"), SAID)
    assert (again.ok, again.text) == (
        False, f"The message is in the timeline of {found[1].ref}. Take 📌 off it first, to note it elsewhere."
    )  # fmt: skip
    assert len(await wall.notes()) == 1
    await wall.takes_off("ana")
    assert await wall.notes() == [(found[1].id, SAID.text, False)]


async def test_taken_off_while_the_choice_is_on_its_way_retracts(floor: Floor, wall: Wall) -> None:
    """The choice was made of a message that had its 📌; when it arrives that has gone, and was looked at already."""
    found = [await incident(floor, number) for number in (1, 2)]
    asked = await wall.pins("ana")
    assert asked is not None
    assert await wall.takes_off("ana") is None  # there is no note that it could retract
    await floor.verbs.choose_incident(asked.asks_incident, found[0].id, await floor.person("ana"), SAID)
    assert await wall.look("ana") is not None
    assert await wall.notes() == [(found[0].id, SAID.text, False)]


@pytest.mark.parametrize(
    ("who", "facts", "seen", "words"),
    [
        ("bo", {}, SAID, "Only whoever put 📌 on the message chooses its incident."),
        ("ana", {"restricted": True}, SAID, "@ana, guests may not do this."),
        ("ana", {}, Seen(on=False), "You took 📌 off that message meanwhile, so nothing was noted."),
        ("ana", {}, Seen(on=True, problem="The message was deleted."), "The message was deleted."),
    ],
    ids=["somebody else", "a guest by now", "taken off", "deleted"],
)
async def test_a_choice_that_is_out_of_date_is_refused(
    floor: Floor, wall: Wall, who: str, facts: dict[str, bool], seen: Seen, words: str
) -> None:
    one, _ = [await incident(floor, number) for number in (1, 2)]
    asked = await wall.pins("ana")
    assert asked is not None
    person = await floor.person(who, **facts)
    answer = await floor.verbs.choose_incident(asked.asks_incident, one.id, person, seen)
    assert not answer.ok
    assert answer.text.startswith(words)
    assert await wall.notes() == []
    assert (await floor.tags())[-1] == "command:request:refused"


async def test_a_channel_without_incidents_gets_a_sentence(floor: Floor, wall: Wall) -> None:
    answer = await wall.pins("ana")
    assert answer is not None
    assert (answer.ok, answer.text.split(". ")[-1]) == (False, "Nothing was noted.")
    entry = (await floor.entries("command:request:refused"))[-1]
    assert (entry.actor_name, (entry.detail or {})["asked"]) == ("ana", "note a message by 📌")


async def test_fettles_own_messages_are_not_noted(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await posted(floor, one, MESSAGE)
    card = await wall.pins("ana")
    assert card is not None
    assert (card.ok, card.incident_id) == (False, one.id)
    await wall.hears("bo", on=True, ts="1764126000.000200")
    wall.on.add("bo")
    other = await wall.look("bo", Seen(on=True, text="a digest", own=True))
    assert other is not None
    assert other.text == "This message is Fettle's own: what it tells is in the timeline already. Nothing was noted."
    assert await wall.notes() == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"restricted": True}, "@eve, guests may not do this."),
        ({"stranger": True}, "@eve, you are in another organisation;"),
        ({"bot": True}, "@eve is an app; only a person may do this."),
        ({"deleted": True}, "@eve, this account is deactivated;"),
    ],
    ids=["guest", "stranger", "app", "deactivated"],
)
async def test_outsiders_note_and_retract_nothing(floor: Floor, wall: Wall, facts: dict[str, bool], words: str) -> None:
    await incident(floor)
    await wall.hears("eve", on=True)
    wall.on.add("eve")
    answer = await wall.look("eve", **facts)
    assert answer is not None
    assert answer.text.startswith(words)
    assert await wall.notes() == []
    await wall.pins("eve")  # a member by now, who puts it on again
    assert len(await wall.notes()) == 1
    wall.on.discard("eve")
    await wall.hears("eve", on=False)
    refused = await wall.look("eve", **facts)
    assert refused is not None
    assert refused.text.startswith(words)
    assert [stands for _, _, stands in await wall.notes()] == [True]
    assert [(entry.detail or {})["asked"] for entry in await floor.entries("command:request:refused")] == [
        "note a message by 📌", "take 📌 off a message",
    ]  # fmt: skip


async def test_a_message_that_can_not_be_read_is_told_and_its_retraction_still_counts(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    deleted = Seen(on=True, problem="The message was deleted.")
    await wall.hears("ana", on=True)
    wall.on.add("ana")
    answer = await wall.look("ana", deleted)
    assert answer is not None
    assert (answer.ok, answer.text) == (False, "The message was deleted.")
    await wall.pins("bo", ts="1764126000.000200")
    wall.on.discard("bo")
    await wall.hears("bo", on=False, ts="1764126000.000200")
    await wall.look("bo", deleted)
    assert await wall.notes() == [(one.id, SAID.text, False)]


async def test_somebody_whom_slack_does_not_tell_joins_nothing(floor: Floor, wall: Wall) -> None:
    await incident(floor)
    await wall.pins("ana")
    await wall.hears("eve", on=True)
    (work,) = await floor.due(Stage.PIN)
    pin: Pin = await floor.verbs.pin(work.subject)
    nobody = (await floor.person("eve")).__class__(pin.person, "", "")
    answer = await floor.verbs.settle_pin(work, nobody, Seen(on=True, problem="Slack didn't answer."))
    assert answer is not None
    assert (answer.ok, answer.text) == (False, "Slack didn't answer.")
    await wall.takes_off("ana")
    assert [stands for _, _, stands in await wall.notes()] == [False]


async def test_a_long_story_shows_its_newest_notes(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)

    def talk(tx: Tx) -> None:
        for number in range(300):
            note = audit.AuditNote(
                "incident:evidence:collected", "fettle", "incident", "collected", one.id, {"n": number}
            )
            tx.audit(note, floor.now())

    await floor.store.transact(talk)
    await wall.pins("ana")
    assert len(await wall.told(one.id)) == 1


async def test_retention_and_erasure_take_the_words_and_leave_the_chain(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.pins("ana")
    await wall.pins("ana", ts="1764126000.000200")
    await floor.store.transact(people.erase, "U0LI")  # she wrote what ana pinned
    assert [text for _, text, _ in await wall.notes()] == ["", ""]
    assert [row.detail for row in await wall.told(one.id)] == ["", ""]
    await wall.pins("bo", ts="1764126000.000300")
    await floor.verbs.resolve(one.id, await floor.person("ana"), "over")
    later = floor.now() + timedelta(days=1)
    counts = await purge.purge(floor.store, later, "fettle", later)
    assert (counts["notes"], counts["pins"]) == (1, 3)
    assert await floor.count("notes") == 3
    assert await floor.store.read(audit.verify_chain) == []


async def test_who_is_named_in_a_note_stands_there_by_name_until_erased(floor: Floor, wall: Wall) -> None:
    """Slack tells of people by their ids; those stand in the store no longer than the person does."""
    one = await incident(floor)
    await floor.person("li")
    await floor.store.transact(people.name_groups, {"S0SRE": "sre"})
    wall.on.add("ana")
    for number, text in enumerate(("@U0LI and @S0SRE look at it, not @U0NOBODY", "others do")):
        await wall.hears("ana", on=True, ts=f"1764126000.00{number}")
        await wall.look("ana", Seen(on=True, text=text))
    assert [row.detail for row in await wall.told(one.id)] == [
        "@li and @sre look at it, not @U0NOBODY", "others do"
    ]  # fmt: skip
    await floor.store.transact(people.erase, "U0LI")
    assert [text for _, text, _ in await wall.notes()] == ["", "others do"]
    assert "U0LI" not in str([entry.detail for entry in await floor.entries()])
    assert await floor.store.read(audit.verify_chain) == []


async def test_an_open_incidents_notes_outlast_retention(floor: Floor, wall: Wall) -> None:
    one = await incident(floor)
    await wall.pins("ana")
    later = floor.now() + timedelta(days=400)
    counts = await purge.purge(floor.store, later, "fettle", later)
    assert (counts["notes"], counts["pins"]) == (0, 0)
    await wall.takes_off("ana")
    assert await wall.notes() == [(one.id, SAID.text, False)]


async def test_what_can_not_be_asked_now_is_owed_again(floor: Floor, wall: Wall) -> None:
    await incident(floor)
    await wall.hears("ana", on=True)
    (work,) = await floor.due(Stage.PIN)
    await floor.verbs.put_off_pin(work, 30, "Slack limits the rate.")
    assert await floor.due(Stage.PIN) == []
    terms = await floor.store.read(due.terms, Stage.PIN, work.subject)
    assert terms is not None
    floor.advance(31)
    wall.on.add("ana")
    assert await wall.look("ana") is not None
    assert await floor.store.read(notes.counts, {1}) == {1: 1}
