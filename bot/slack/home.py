"""App Home: the kill switch first, then what waits for this person, what is open, and how the last actions ended.

It is drawn when it is opened and after a press in it, not while it is looked at; the cards are what is live.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.domain.home import Home
from bot.domain.incident import Incident
from bot.domain.verification import Verdict
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.cards.header import line
from bot.slack.cards.verdict import WORDS
from bot.slack.message import Block
from bot.slack.mrkdwn import moment, plural, safe, sentence

EMOJI = {Verdict.PASS: "🟢", Verdict.FAIL: "🔴", Verdict.INCONCLUSIVE: "🟡"}
AT_ONCE = 5
"""Lines of one block: Slack takes 3,000 characters of each."""


def view(found: Home, permalink: Callable[[str, str], str], said: str = "") -> dict[str, Any]:
    """The view for ``views.publish``; ``said`` is the answer to a press in it."""
    drawn: list[Block] = []
    if said:
        drawn.append(blocks.section(sentence(safe(said, 1500, lines=True))))
    if found.note:
        return {"type": "home", "blocks": [*drawn, blocks.section(safe(found.note, 500))]}
    drawn += _switch(found)
    drawn += _waiting(found, permalink)
    drawn += _open(found, permalink)
    drawn += _ended(found, permalink)
    drawn.append(blocks.context(f"as of {moment(found.now, found.now)}; open the tab again for a newer one"))
    return {"type": "home", "blocks": drawn}


def _switch(found: Home) -> list[Block]:
    if found.frozen is not None:
        by, reason, at = found.frozen
        since = f" since {moment(at, found.now)}" if at is not None else ""
        why = f": “{safe(reason, 300)}”" if reason else ""
        asked = blocks.confirm_dialog("Thaw?", "What is approved from then on is carried out again.", "Thaw")
        thaw = blocks.button(ids.THAW, "Thaw", ids.SWITCH, confirm=asked)
        text = f"🧊 *Writes are frozen*{since} by {safe(by, 80)}{why}. Nothing is changed in the cluster."
        return [blocks.section(text), blocks.actions(ids.BLOCK_SWITCH, [thaw])]
    freeze = blocks.button(ids.FREEZE, "Freeze…", ids.SWITCH, style="danger")
    text = f"🧊 {safe(found.otherwise_frozen, 400)}" if found.otherwise_frozen else "Writes aren't frozen."
    return [blocks.section(text), blocks.actions(ids.BLOCK_SWITCH, [freeze])]


def _named(found: Home, incident: Incident, permalink: Callable[[str, str], str]) -> str:
    place = found.links.get(incident.id)
    return line(incident, permalink(*place) if place else "")


def _listed(head: str, lines: list[str]) -> list[Block]:
    groups = ["\n".join(lines[at : at + AT_ONCE]) for at in range(0, len(lines), AT_ONCE)]
    return [blocks.header(head), *(blocks.section(group, 2900) for group in groups)]


def _waiting(found: Home, permalink: Callable[[str, str], str]) -> list[Block]:
    if not found.waiting:
        return []
    lines = []
    for incident, proposal in found.waiting:
        until = f" · until {moment(proposal.expires_at, found.now)}" if proposal.expires_at else ""
        lines.append(f"*{safe(proposal.text.headline, 200)}*{until}\n{_named(found, incident, permalink)}")
    return _listed("Waits for your approval", lines)


def _open(found: Home, permalink: Callable[[str, str], str]) -> list[Block]:
    if not found.incidents:
        return [blocks.header("Open incidents"), blocks.section("No incident is open.")]
    lines = [
        f"{_named(found, one, permalink)} · {one.state} · since {moment(one.episode_at, found.now)}{_noted(found, one)}"
        for one in found.incidents
    ]
    if found.more:
        lines.append(f"and {found.more} more")
    return _listed(f"{plural(len(found.incidents) + found.more, 'incident')} open", lines)


def _noted(found: Home, incident: Incident) -> str:
    count = found.notes.get(incident.id, 0)
    return f" · 📌 {plural(count, 'note')}" if count else ""


def _ended(found: Home, permalink: Callable[[str, str], str]) -> list[Block]:
    lines = [
        f"{EMOJI.get(verdict, '')} {WORDS[verdict]} {moment(at, found.now)} · {_named(found, incident, permalink)}"
        for incident, verdict, at in found.verdicts
    ]
    return _listed("Last verdicts", lines) if lines else []
