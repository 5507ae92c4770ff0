"""Ephemeral answers to a person: a sentence, a list, a table of checks; help is in ``commands.help``.

They are seen by one person and may never arrive: nothing that has to be decided stands in one alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.domain.answer import Answer, TimelineRow
from bot.domain.incident import Incident
from bot.domain.proposal import Proposal
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.cards.header import line, title
from bot.slack.cards.verdict import MARKS, WORDS
from bot.slack.message import Block, Message
from bot.slack.modals import timeline_lines
from bot.slack.mrkdwn import date, link, moment, plural, safe, sentence

LISTED = 25
OFFERED = 100
"""Options of a select; Slack takes no more."""


def said(text: str) -> Message:
    """A plain sentence from our own rooms or from outside; escaped."""
    shown = safe(text, 2500, lines=True) or "Done."
    return Message(shown, [blocks.section(shown)])


def answer(given: Answer, address: str = "") -> Message:
    """What a verb answered, with its checks, a way to ask again, and the card's address if it is known."""
    text = sentence(safe(given.text, 1500, lines=True)) or "Done."
    drawn: list[Block] = [blocks.section(text)]
    if given.checks:
        drawn.append(blocks.section(_checks(given)))
    if given.proposal_id:
        again = blocks.button(ids.REQUEST_AGAIN, "Request again", ids.proposal_value(given.proposal_id))
        drawn.append(blocks.actions(ids.BLOCK_PROPOSAL, [again]))
    if given.held:
        glass = blocks.button(ids.BREAK_GLASS, "Break glass…", ids.proposal_value(given.held), style="danger")
        drawn.append(blocks.actions(ids.BLOCK_PROPOSAL, [glass]))
    if given.link:  # in a block alone: the text of an answer that doesn't arrive goes to the log
        drawn.append(blocks.section(link(given.link, "Download", blocks.SECTION)))
    if address:
        drawn.append(blocks.context(link(address, "The card")))
    return Message(text, drawn)


def _checks(given: Answer) -> str:
    lines = [f"*{WORDS[given.verdict]}*"] if given.verdict else []
    for check in given.checks[:20]:
        wanted = f" · expected {safe(check.expected, 60)}" if check.expected not in {"", check.measured} else ""
        told = safe(check.measured, 110) or "no data"
        lines.append(f"{MARKS[check.state]} *{safe(check.name, 40)}* {told}{wanted} · {date(check.at)}")
    return "\n".join(lines)


def late(message: Message, what: str, at: datetime | None) -> Message:
    """An answer that Slack takes only now: ``what`` of that time it answers, since more may have happened since."""
    to = f"Late, to your {safe(what, 60)}"
    of, seen = (f" of {at.astimezone(UTC):%H:%M:%S} UTC", f" of {date(at, '{time_secs}')}") if at else ("", "")
    return Message(f"{to}{of}: {message.text}", [blocks.section(f"{to}{seen}:"), *message.blocks])


def incident_list(found: Sequence[Incident], links: Mapping[int, str]) -> Message:
    """Open incidents, a line each."""
    if not found:
        return said("No incident is open.")
    head = f"{plural(len(found), 'incident')} open"
    lines = [
        f"{line(one, links.get(one.id, ''))} · {one.state} · since {date(one.episode_at, '{date_short_pretty} {time}')}"
        for one in found[:LISTED]
    ]
    if len(found) > LISTED:
        lines.append(f"and {len(found) - LISTED} more")
    drawn = [blocks.section(f"*{head}*")]
    drawn += [blocks.section("\n".join(lines[at : at + 8]), 2900) for at in range(0, len(lines), 8)]
    return Message(head, drawn)


def incident_shown(
    incident: Incident, proposals: Sequence[Proposal], timeline: Sequence[TimelineRow], now: datetime, address: str
) -> Message:
    """One incident: where it stands, what was proposed, and its story; the card's address if it has one."""
    head = f"{line(incident, address)} · {incident.state}"
    drawn = [blocks.section(f"{head}\nsince {moment(incident.episode_at, now)}")]
    offered = [f"{safe(p.text.headline, 200)} · {p.state}" for p in proposals[-5:]]
    if offered:
        drawn.append(blocks.section("\n".join(offered)))
    lines = timeline_lines(timeline)[-24:]
    drawn += blocks.sections(lines, 6)
    return Message(head, drawn)


def which_incident(asking: Answer, found: Sequence[Incident]) -> Message:
    """Asks which open incident a pinned message is for, where there is no modal to ask in."""
    options = [
        blocks.option(f"{one.ref} {title(one)}", ids.pin_value(one.id, asking.asks_incident)) for one in found[:OFFERED]
    ]
    more = f" Only the first {OFFERED} open ones are listed." if len(found) > OFFERED else ""
    text = f"{safe(asking.text)}{more}"
    select = blocks.static_select(ids.PIN_INCIDENT, "Choose an incident", options)
    return Message(text, [blocks.section(text), blocks.actions(ids.BLOCK_PIN, [select])])


def out_of_date(address: str, incident: Incident | None = None, command: str = "/incident") -> Message:
    """For a control that this version of Fettle doesn't know any more."""
    text = "This control is out of date; nothing was done."
    if address:
        text += f" {link(address, 'Here is the current card')}."
    elif incident is not None:
        text += f" `{command} show {incident.ref}` tells where it stands."
    return Message("This control is out of date; nothing was done.", [blocks.section(text)])
