"""App Home over real sockets: drawn when it is opened, and the kill switch in it."""

from __future__ import annotations

from bot.domain.home import Home
from bot.slack import ids
from tests.integration.commands.conftest import Office
from tests.unit.slack import card_views as views


async def drawn(office: Office, wanted: str) -> str:
    await office.until(lambda: wanted in str(office.server.workspace.homes.get("U0ANA")))
    return str(office.server.workspace.homes["U0ANA"])


async def test_whoever_opens_it_sees_what_is_open_and_what_waits_for_them(office: Office) -> None:
    one = views.incident()
    office.verbs.at_home = Home(views.NOW, incidents=(one,), waiting=((one, views.proposal()),))
    await office.server.open_home("U0ANA")
    text = await drawn(office, "Waits for your approval")
    assert one.ref in text
    assert await office.asked("home") == ("U0ANA",)


async def test_open_incidents_say_how_many_messages_people_noted(office: Office) -> None:
    one, other = views.incident(), views.incident(id=43)
    office.verbs.at_home = Home(views.NOW, incidents=(one, other), notes={one.id: 2})
    await office.server.open_home("U0ANA")
    text = await drawn(office, "2 incidents open")
    assert text.count("📌") == 1
    assert "📌 2 notes" in text


async def test_freezing_asks_for_a_reason_and_says_what_became_of_it(office: Office) -> None:
    await office.server.open_home("U0ANA")
    await drawn(office, "frozen")
    await office.server.press("U0ANA", action_id=ids.FREEZE, view_id=office.server.workspace.homes["U0ANA"].id)
    modal = await office.modal()
    refused = await office.server.submit("U0ANA", modal.id, {})
    assert refused.errors
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "database migration"})
    assert await office.asked("freeze") == ("U0ANA", "database migration")
    await drawn(office, "freeze done.")


async def test_thawing_is_one_press(office: Office) -> None:
    office.verbs.at_home = Home(views.NOW, frozen=("@li", "migration", views.NOW))
    await office.server.open_home("U0ANA")
    await drawn(office, "Writes are frozen")
    await office.server.press("U0ANA", action_id=ids.THAW, view_id=office.server.workspace.homes["U0ANA"].id)
    assert await office.asked("thaw") == ("U0ANA",)
    await drawn(office, "thaw done.")
