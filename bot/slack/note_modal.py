"""The form behind *Add to incident timeline*: which incident, or whether to retract; the message stands above it."""

from __future__ import annotations

from bot.domain.note import Noting
from bot.slack import ids, modals
from bot.slack.answers import OFFERED
from bot.slack.cards import blocks
from bot.slack.cards.header import title
from bot.slack.message import Block
from bot.slack.mrkdwn import safe

HEADING = "Add to timeline"
QUOTED = 600
"""Characters of the message that are shown."""


def waiting(place: modals.Place) -> modals.View:
    """While Slack is asked who this is: a form must be open within three seconds of the choice."""
    return modals.modal(ids.VIEW_MESSAGE, HEADING, [blocks.section("Looking for the incident.")], place)


def refused(sentence: str) -> modals.View:
    """In the form's place: why nothing can be noted."""
    return modals.message("Not noted", sentence)


def form(place: modals.Place, found: Noting) -> modals.View:
    """What fits: a select of incidents, or *Retract* for whoever holds the message up already."""
    quoted = blocks.section(safe(place.text, QUOTED, lines=True))
    ref = f"INC-{found.standing}"
    if found.mine:
        text = f"It stands in the timeline of {ref}, and you hold it there. Retracted, it stays in the audit."
        return modals.modal(
            ids.VIEW_RETRACT, "Retract the message?", [quoted, blocks.section(text)], place, submit="Retract"
        )
    offered = found.offered[:OFFERED]
    options = [blocks.option(f"{one.ref} {title(one)}", ids.incident_value(one.id)) for one in offered]
    select = blocks.static_select(ids.PICK_INCIDENT, "Choose an incident", options)
    if found.likely:
        select["initial_option"] = options[0]
    hint = f"Only the first {OFFERED} open ones are listed." if len(found.offered) > OFFERED else ""
    body: list[Block] = [quoted]
    if found.standing:
        text = (
            f"It stands in the timeline of {ref} already. Added by you as well, it stays until both of you retract it."
        )
        body.append(blocks.section(text))
    body.append(modals.input_block(ids.BLOCK_INCIDENT_PICK, "In which incident's timeline?", select, hint=hint))
    return modals.modal(ids.VIEW_NOTE, HEADING, body, place, submit="Add")
