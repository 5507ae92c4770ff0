"""Modals as views: reasons, a new incident, pickers of workloads, and what stands behind *More*.

``private_metadata`` carries where to answer and an opaque id, nothing else. It refuses to ask the cluster: pickers are
external selects, their options come while the person types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.domain.answer import TimelineRow
from bot.domain.incident import Incident
from bot.domain.mitigation import traits_of
from bot.domain.proposal import Proposal
from bot.domain.severity import Severity
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.cards.header import title
from bot.slack.cards.steps import planned
from bot.slack.message import Block
from bot.slack.mrkdwn import code, date, link, mention, safe
from bot.slack.said import CUT

View = dict[str, Any]

TITLE = 24
MOST = 2900
"""Characters of ``private_metadata``; Slack takes 3,000."""
SHOWN_LINES = 30


@dataclass(frozen=True)
class Place:
    """Where a modal's answer goes: ``value`` is the opaque id it is about, ``verb`` what to do with a picked one.

    ``shown`` is the digest of what the person saw, where that is what they submit. ``asked_on`` is the message or the
    command that the modal was opened from. ``ts``, ``thread_ts``, ``author`` and ``text`` are of the message that a
    shortcut brought along, which isn't asked for again.
    """

    channel: str = ""
    response_url: str = ""
    value: str = ""
    namespace: str = ""
    verb: str = ""
    reason: str = ""
    shown: str = ""
    asked_on: str = ""
    ts: str = ""
    thread_ts: str = ""
    author: str = ""
    text: str = ""

    def packed(self) -> str:
        """As ``private_metadata``; under Slack's 3,000 characters, the reason and the text are cut for that."""
        kept = {**asdict(self), "reason": self.reason[:1000], "text": self.text[:MOST]}
        over = len(_json(kept)) - MOST
        if over > 0 and self.text:
            left = len(kept["text"]) - over - len(CUT)
            kept["text"] = self.text[:left] + CUT if left > 0 else ""
        return _json(kept)

    @classmethod
    def unpacked(cls, text: str) -> Place:
        """The reverse of ``packed``; anything unreadable is an empty place."""
        try:
            given = json.loads(text or "{}")
        except ValueError:
            return cls()
        known = {key: str(value) for key, value in given.items() if key in cls.__dataclass_fields__}
        return cls(**known)


def _json(kept: Mapping[str, str]) -> str:
    return json.dumps({key: value for key, value in kept.items() if value}, ensure_ascii=False)


def modal(callback_id: str, heading: str, body: Sequence[Block], place: Place, *, submit: str = "") -> View:
    """A modal; without ``submit`` it only shows."""
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": blocks.plain(heading, TITLE),
        "close": blocks.plain("Close" if not submit else "Cancel", TITLE),
        "blocks": list(body)[:100],
        "private_metadata": place.packed(),
    }
    if submit:
        view["submit"] = blocks.plain(submit, TITLE)
    return view


def input_block(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """A labelled input."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": blocks.plain(label, 200),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = blocks.plain(hint, 300)
    return block


def text_input(action_id: str, *, long: bool = False, limit: int = 500, initial: str = "") -> Block:
    """A field for text."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "multiline": long, "max_length": limit}
    if initial:
        element["initial_value"] = initial[:limit]
    return element


def _external(action_id: str, placeholder: str) -> Block:
    return {
        "type": "external_select",
        "action_id": action_id,
        "placeholder": blocks.plain(placeholder, 150),
        "min_query_length": 0,
    }


def approve(place: Place, proposal: Proposal) -> View:
    """Asks why, where the policy wants a reason; what would be done stands above it, as in the confirm."""
    text = proposal.text
    what = f"*{safe(text.headline, 300)}*\n{safe(text.consequence, 600)}".rstrip()
    reason = input_block(
        ids.BLOCK_REASON, "Reason", text_input(ids.ENTER_REASON, long=True), hint="It goes to the audit."
    )
    return modal(ids.VIEW_APPROVE, "Approve?", [blocks.section(what), reason], place, submit="Approve")


def change(place: Place, proposal: Proposal) -> View:
    """Asks for another value of the one parameter that may be changed; the new proposal comes on the card."""
    name = traits_of(proposal.action).changes
    now = text_input(ids.ENTER_VALUE, limit=200, initial=str(proposal.params.get(name, "")))
    hint = "A new proposal comes on the card, requested by you; somebody else has to approve it."
    asked = input_block(ids.BLOCK_VALUE, name.capitalize() or "Value", now, hint=hint)
    shown = blocks.section(f"*{safe(proposal.text.headline, 300)}*")
    return modal(ids.VIEW_CHANGE, "Change the proposal", [shown, asked], place, submit="Propose")


def _reason() -> Block:
    field = text_input(ids.ENTER_REASON, long=True)
    return input_block(ids.BLOCK_REASON, "Reason", field, hint="It goes on the card.")


def reject(place: Place) -> View:
    """Asks why a proposal is rejected."""
    return modal(ids.VIEW_REJECT, "Reject the proposal?", [_reason()], place, submit="Reject")


def freeze() -> View:
    """Asks why all writes are to stop."""
    hint = "The channel and every open card show it. Nothing is changed in the cluster until an approver thaws."
    reason = input_block(ids.BLOCK_REASON, "Reason", text_input(ids.ENTER_REASON, long=True), hint=hint)
    return modal(ids.VIEW_FREEZE, "Freeze all writes?", [reason], Place(), submit="Freeze")


def break_glass(place: Place, proposal: Proposal) -> View:
    """Asks why, under what would be done and what holds it up."""
    text = proposal.text
    what = f"*{safe(text.headline, 300)}*\n{safe(text.refusal, 900)}".rstrip()
    note = "The channel is told who, what and why. It is good for one proposal, which needs its approval."
    reason = input_block(ids.BLOCK_REASON, "Reason", text_input(ids.ENTER_REASON, long=True), hint=note)
    return modal(ids.VIEW_BREAK_GLASS, "Break the glass?", [blocks.section(what), reason], place, submit="Break glass")


def resolve(place: Place) -> View:
    """Asks for the reason when alerts still fire or nothing was verified."""
    return modal(ids.VIEW_RESOLVE, "Resolve the incident?", [_reason()], place, submit="Resolve")


def declare(place: Place, wanted: str = "") -> View:
    """``/incident new``: title, severity, and where."""
    severities = [blocks.option(f"{s.name} {_MEANING[s]}", s.name) for s in Severity]
    select = blocks.static_select(ids.PICK_SEVERITY, "Severity", severities)
    select["initial_option"] = severities[2]
    return modal(
        ids.VIEW_DECLARE,
        "New incident",
        [
            input_block(ids.BLOCK_TITLE, "What is wrong?", text_input(ids.ENTER_TITLE, limit=150, initial=wanted)),
            input_block(ids.BLOCK_SEVERITY, "Severity", select),
            input_block(
                ids.BLOCK_NAMESPACE, "Namespace", _external(ids.PICK_NAMESPACE, "Choose a namespace"), optional=True
            ),
            input_block(
                ids.BLOCK_SERVICE,
                "Workload",
                text_input(ids.ENTER_SERVICE, limit=250),
                optional=True,
                hint="Its name in the cluster, for example api.",
            ),
        ],
        place,
        submit="Declare",
    )


_MEANING = {
    Severity.SEV1: "everything is down",
    Severity.SEV2: "customers notice",
    Severity.SEV3: "degraded",
    Severity.SEV4: "to be looked at",
}


def pick_workload(callback_id: str, heading: str, submit: str, place: Place) -> View:
    """Namespace, then workload; the workload's block is renamed with the namespace, so that a stale choice is gone."""
    namespace = input_block(ids.BLOCK_NAMESPACE, "Namespace", _external(ids.PICK_NAMESPACE, "Choose a namespace"))
    namespace["dispatch_action"] = True
    if place.namespace:
        namespace["element"]["initial_option"] = blocks.option(place.namespace, place.namespace)
    block_id = f"{ids.BLOCK_WORKLOAD}:{place.namespace}"[:255]
    workload = input_block(block_id, "Workload", _external(ids.PICK_WORKLOAD, "Choose a workload"))
    return modal(callback_id, heading, [namespace, workload], place, submit=submit)


def restart(place: Place) -> View:
    """``/restart`` without a name."""
    return pick_workload(ids.VIEW_RESTART, "Restart a workload", "Propose", place)


def find_target(place: Place) -> View:
    """*Choose target…* on a card without candidates."""
    return pick_workload(ids.VIEW_FIND_TARGET, "Choose the target", "Choose", place)


def pick_incident(place: Place, found: Iterable[Incident]) -> View:
    """Which of several open incidents a command means."""
    options = [
        blocks.option(f"{incident.ref} {title(incident)}", ids.incident_value(incident.id)) for incident in found
    ]
    select = blocks.static_select(ids.PICK_INCIDENT, "Choose an incident", options)
    body = [input_block(ids.BLOCK_INCIDENT_PICK, f"Which incident to {place.verb or 'show'}?", select)]
    return modal(ids.VIEW_PICK_INCIDENT, "Which incident?", body, place, submit="Go on")


def message(heading: str, text: str) -> View:
    """A modal that only says something."""
    return modal(ids.VIEW_MESSAGE, heading, [blocks.section(safe(text, 2500, lines=True))], Place())


def more(incident: Incident, proposals: Sequence[Proposal], timeline: Sequence[TimelineRow]) -> View:
    """Behind *More*: each proposal's policy, warnings and diff, and the incident's story."""
    body: list[Block] = [blocks.section(f"*{safe(title(incident), 400)}*\n{incident.ref} · {incident.state}")]
    for proposal in sorted(proposals, key=lambda each: each.id, reverse=True)[:5]:
        body += _proposal(proposal)
    lines = timeline_lines(timeline)
    if lines:
        body += [blocks.section("*What happened*"), *_chunks(lines)]
    return modal(ids.VIEW_MORE, "More", body, Place(value=ids.incident_value(incident.id)))


def _proposal(proposal: Proposal) -> list[Block]:
    text = proposal.text
    lines = [f"*{safe(text.headline, 300)}* · {proposal.state}"]
    named = (
        ("Why", text.rationale),
        ("Facts", text.facts),
        ("Policy", text.policy),
        ("Refused", text.refusal),
        ("Afterwards", text.undo),
    )
    lines += planned(proposal)
    lines += [f"*{name}*  {safe(words, 500)}" for name, words in named if words]
    lines += [f"⚠ {safe(warning, 300)}" for warning in text.warnings[:10]]
    if proposal.digest:
        lines.append(f"Approval covers exactly this state: {code(proposal.digest[:12])}")
    drawn = [blocks.section("\n".join(lines))]
    if text.diff:
        drawn.append(blocks.preformatted(text.diff[:2500].splitlines()[:60]))
    return drawn


def timeline_lines(timeline: Iterable[TimelineRow]) -> list[str]:
    """One line a row: time, who, what, detail. Slack knows the name of an author whom Fettle hasn't met."""
    return [
        " · ".join(
            part
            for part in (
                date(row.at),
                safe(row.who, 60),
                safe(row.what, 80),
                f"{mention(row.author)}: {safe(row.detail, 160)}" if row.author else safe(row.detail, 160),
                link(row.link, "message") if row.link else "",
            )
            if part
        )
        for row in timeline
    ]


def _chunks(lines: Sequence[str]) -> list[Block]:
    shown = list(lines)[-SHOWN_LINES:]
    rest = len(lines) - len(shown)
    if rest:
        shown.insert(0, f"{rest} earlier entries: `fettle audit list`")
    return blocks.sections(shown, 8)


def values_of(view: Mapping[str, Any]) -> dict[str, str]:
    """What was entered, by action id: texts stripped, the value of a picked option, empty for nothing."""
    found: dict[str, str] = {}
    for block in ((view.get("state") or {}).get("values") or {}).values():
        for action_id, state in block.items():
            option = state.get("selected_option") or {}
            found[action_id] = str(state.get("value") or option.get("value") or "").strip()
    return found


def block_of(view: Mapping[str, Any], action_id: str) -> str:
    """The block that holds an input, for an error in its place; the first block if there is none."""
    for block in view.get("blocks") or ():
        if (block.get("element") or {}).get("action_id") == action_id:
            return str(block["block_id"])
    return str((view.get("blocks") or [{}])[0].get("block_id", ""))
