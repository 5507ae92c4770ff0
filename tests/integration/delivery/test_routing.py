"""Other channels get a line that leads to the card, and people are mentioned by their ids alone."""

from __future__ import annotations

from bot.delivery.render import Look
from bot.domain.incident import Incident
from bot.storage.db import Tx
from bot.workflow import owing
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, FAST, Desk


def routed(tx: Tx) -> Incident:
    incident = d.add_incident(tx)
    owing.pointer(tx, incident, "C0OTHER", d.clock())
    owing.mentions(tx, incident, ["U0ANA", "S0SHOP"], d.clock())
    return incident


async def test_another_channel_gets_one_line_once_the_card_stands(desk: Desk) -> None:
    desk.server.workspace.add_channel("C0OTHER", "other", [desk.server.workspace.bot_user_id])
    options = FAST.__class__(**{**vars(FAST), "look": Look(permalink=desk.slack.permalink)})
    async with desk.working(options):
        incident = await desk.do(routed)
        await desk.idle()
        await desk.do(d.propose, incident)
        await desk.idle()
    [line] = desk.server.workspace.messages("C0OTHER")
    [card] = desk.cards()
    assert line.text.endswith(
        f"|INC-{incident.id}> · SEV2 · shop/api · KubePodCrashLooping · its card is in <#{CHANNEL}>"
    )
    assert card.ts.replace(".", "") in line.text


async def test_people_and_groups_are_mentioned_in_the_thread_and_labels_mention_nobody(desk: Desk) -> None:
    def loud(tx: Tx) -> None:
        incident = d.add_incident(tx, alertname="<!channel> <@U0EVE>")
        owing.mentions(tx, incident, ["U0ANA", "S0SHOP"], d.clock())

    async with desk.working():
        await desk.do(loud)
        await desk.idle()
    [card] = desk.cards()
    text = desk.server.workspace.messages(CHANNEL, card.ts)[-1].text
    assert text.startswith("<@U0ANA> <!subteam^S0SHOP> INC-1: ")
    assert "<!channel>" not in text
    assert "<@U0EVE>" not in text
