"""Silence… and /incident silence: the form opens at once, says what is matched, and sends what was shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.answer import Answer
from bot.domain.errors import NotFoundError, RequestError
from bot.slack import ids, modals
from bot.slack.modals import Place
from commands import silence_words
from tests.integration.commands.conftest import CHANNEL, Office
from tests.unit.slack import card_views as views


async def opened(office: Office, user: str = "U0ANA") -> str:
    """The form that the person has open once it is filled in; what it says."""
    await office.until(lambda: "being asked" not in str(office.server.workspace.open_views(user)[-1:]))
    return str((await office.modal(user)).body)


async def test_the_button_opens_the_form_and_the_form_sends_what_was_shown(office: Office) -> None:
    ts = await office.post(views.STATES["may be silenced"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.SILENCE)
    said = await opened(office)
    assert "Matches 3 of 3 firing alerts of INC-42" in said
    assert 'pod=~\\"api-0|api-1\\"' in said or 'pod=~"api-0|api-1"' in said
    view = await office.modal()
    assert Place.unpacked(str(view.body["private_metadata"])).shown == views.PREVIEW.digest
    filled = {
        ids.BLOCK_DURATION: {ids.PICK_DURATION: "7200"},
        ids.BLOCK_COMMENT: {ids.ENTER_COMMENT: " deploying "},
    }
    assert (await office.server.submit("U0ANA", view.id, filled)).acked
    assert await office.asked("silence") == (42, "U0ANA", timedelta(hours=2), "deploying", views.PREVIEW.digest)


async def test_what_was_typed_stands_in_the_form(office: Office) -> None:
    office.verbs.incidents = [views.incident()]
    await office.server.slash("U0ANA", CHANNEL, "/incident", "silence 90m deploying <the> ledger")
    said = await opened(office)
    assert "'value': '5400'" in said
    assert "deploying <the> ledger" in said
    view = await office.modal()
    await office.server.submit("U0ANA", view.id, {})
    assert (await office.asked("silence"))[2:4] == (timedelta(minutes=90), "deploying <the> ledger")


async def test_without_a_time_an_hour_is_chosen_and_no_longer_one_than_may_be_is_offered(office: Office) -> None:
    office.verbs.incidents = [views.incident()]
    office.verbs.preview = replace(views.PREVIEW, longest=timedelta(minutes=100))
    await office.server.slash("U0ANA", CHANNEL, "/incident", "silence INC-42")
    await opened(office)
    (select,) = [
        block["element"]
        for block in (await office.modal()).body["blocks"]
        if block.get("block_id") == ids.BLOCK_DURATION
    ]
    assert select["initial_option"]["value"] == "3600"
    assert [one["value"] for one in select["options"]] == ["900", "1800", "3600", "6000"]


async def test_a_time_longer_than_may_be_is_said_in_the_form_and_audited(office: Office) -> None:
    office.verbs.incidents = [views.incident()]
    office.verbs.answers["refused"] = Answer("5 h is longer than may be.", ok=False)
    await office.server.slash("U0ANA", CHANNEL, "/incident", "silence 5h")
    assert "longer than may be" in await opened(office)
    assert "SILENCE_MAX" in (await office.asked("refused"))[2]


async def test_a_refusal_stands_in_the_forms_place_and_nothing_can_be_sent(office: Office) -> None:
    office.verbs.preview = replace(views.PREVIEW, refusal="<!channel> Writes are frozen.")
    ts = await office.post(views.STATES["may be silenced"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.SILENCE)
    said = await opened(office)
    assert "&lt;!channel&gt; Writes are frozen." in said
    assert "submit" not in (await office.modal()).body


async def test_what_fails_meanwhile_stands_in_the_forms_place(office: Office) -> None:
    office.verbs.broken["silence_preview"] = NotFoundError("There is no incident INC-99.")
    await office.server.slash("U0ANA", CHANNEL, "/incident", "silence INC-99")
    assert "There is no incident INC-99" in await opened(office)


async def test_a_refused_submission_is_told_to_the_person_alone(office: Office) -> None:
    office.verbs.answers["silence"] = Answer("Other alerts fire than when the form was opened", ok=False)
    ts = await office.post(views.STATES["may be silenced"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.SILENCE)
    await opened(office)
    await office.server.submit("U0ANA", (await office.modal()).id, {})
    assert "Other alerts fire" in await office.answered()


async def test_several_open_incidents_are_asked_for_first(office: Office) -> None:
    office.verbs.incidents = [views.incident(), views.incident(id=43)]
    await office.server.slash("U0ANA", CHANNEL, "/incident", "silence 30m")
    view = await office.modal()
    assert view.callback_id == ids.VIEW_PICK_INCIDENT
    filled = {ids.BLOCK_INCIDENT_PICK: {ids.PICK_INCIDENT: ids.incident_value(42)}}
    await office.server.submit("U0ANA", view.id, filled)
    await office.until(lambda: office.server.workspace.open_views("U0ANA")[-1:] != [view])
    assert "'value': '1800'" in await opened(office)


@pytest.mark.parametrize("line", ["unsilence", "unsilence INC-42", "unmute 42"])
async def test_unsilence_ends_it_and_says_so(office: Office, line: str) -> None:
    office.verbs.incidents = [views.incident()]
    await office.server.slash("U0ANA", CHANNEL, "/incident", line)
    assert await office.asked("unsilence") == (42, "U0ANA")
    assert "unsilence done" in await office.answered()


async def test_the_cards_unsilence_is_one_verb(office: Office) -> None:
    ts = await office.post(views.STATES["silenced"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.UNSILENCE)
    assert await office.asked("unsilence") == (42, "U0ANA")


@pytest.mark.parametrize(
    ("text", "seconds", "comment"),
    [
        ("2h deploying", 7200, "deploying"), ("30m", 1800, ""), ("45min a b", 2700, "a b"), ("1d", 86400, ""),
        ("3hours x", 10800, "x"), ("", None, ""), ("deploying now", None, "deploying now"),
    ],
)  # fmt: skip
def test_a_time_is_read_as_people_write_it(text: str, seconds: int | None, comment: str) -> None:
    wanted, why = silence_words.split(text)
    assert (wanted.total_seconds() if wanted else None, why) == (seconds, comment)


@pytest.mark.parametrize("text", ["2", "2x why", "99999h", "1.5h", "0x2h"])
def test_what_is_no_time_is_said_with_an_example(text: str) -> None:
    with pytest.raises(RequestError, match="silence 2h deploying"):
        silence_words.split(text)


def test_the_form_of_an_old_version_is_a_place_without_a_digest() -> None:
    assert modals.Place.unpacked('{"value": "i:42"}').shown == ""
