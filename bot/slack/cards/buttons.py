"""Buttons, only where they do something; each carries an opaque id, the server decides at the press."""

from __future__ import annotations

from bot.domain.incident import Incident, IncidentState
from bot.domain.mitigation import traits_of
from bot.domain.proposal import Proposal
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.cards.steps import unbegun
from bot.slack.cards.view import CardView, Phase, offered_again, pending_proposals, phase_of
from bot.slack.message import Block
from bot.slack.mrkdwn import clean, link

_LOOK_AGAIN = {Phase.FAILED, Phase.INCONCLUSIVE, Phase.SUPERSEDED}
_CHOOSABLE = {Phase.OPEN, Phase.PROPOSED, Phase.RECORDED, Phase.EXPIRED, Phase.DENIED}
_BUSY = {Phase.RUNNING, Phase.RESOLVED}
_REFUSED = {Phase.DENIED, Phase.RECORDED}
_MEASURED = "Then it is measured; the verdict comes on this card."


def button_blocks(view: CardView) -> list[Block]:
    """The proposal's row, the candidates' picker, the incident's row, and the links under them."""
    made: list[Block] = []
    pending = pending_proposals(view)
    # Who may not approve may not reject either: without approvers there is nothing to press.
    decidable = pending and pending[0].approvers and not view.approvers_missing
    if decidable and phase_of(view) not in _BUSY:
        row = _proposal_row(pending[0])
        if view.alone is not None:
            row.append(blocks.button(ids.STOP, "Stop", ids.proposal_value(pending[0].id)))
        made.append(blocks.actions(ids.BLOCK_PROPOSAL, row))
    if unbegun(view) and view.execution is not None:
        value = ids.proposal_value(view.execution.proposal_id)
        made.append(blocks.actions(ids.BLOCK_PROPOSAL, [blocks.button(ids.STOP, "Stop what is left", value)]))
    row = _incident_row(view)
    if row:
        made.append(blocks.actions(ids.BLOCK_INCIDENT, row))
    links = links_text(view)
    if links:
        made.append(blocks.context(links))
    return made


def kept_blocks(text: str, artifact_id: int) -> list[Block]:
    """A thread's line on a kept file, with the button that asks for a link to it; none without an id."""
    if not artifact_id:
        return []
    get = blocks.button(ids.ARTIFACT_LINK, "Get a link", ids.artifact_value(artifact_id))
    return [blocks.section(text), blocks.actions(ids.BLOCK_ARTIFACT, [get])]


def _proposal_row(proposal: Proposal) -> list[Block]:
    value = ids.proposal_value(proposal.id)
    verb = clean(proposal.text.verb) or "this"
    press = clean(proposal.text.press) or verb.capitalize()
    asked = blocks.confirm_dialog(f"{press} {proposal.target.ref}?", _consequence(proposal), press)
    return [
        # Where a reason is needed the form that asks for it stands in the confirm's place.
        blocks.button(
            ids.APPROVE, f"Approve {verb}{'…' * proposal.text.asks_reason}", value, style="primary",
            confirm=None if proposal.text.asks_reason else asked,
        ),
        blocks.button(ids.REJECT, "Reject", value),
        *([blocks.button(ids.CHANGE, "Change…", value)] if traits_of(proposal.action).changes else []),
    ]  # fmt: skip


def _consequence(proposal: Proposal) -> str:
    """What the press does, whole, and what comes after it as far as Slack's question has room."""
    text = proposal.text
    said = text.consequence or f"{text.headline}."
    after = [one for one in (_MEASURED, text.undo) if one]
    while after and len(" ".join([said, *after])) > blocks.CONFIRM_TEXT:
        after.pop()
    return " ".join([said, *reversed(after)])


def _incident_row(view: CardView) -> list[Block]:
    incident, phase = view.incident, phase_of(view)
    value = ids.incident_value(incident.id)
    more = blocks.button(ids.MORE, "More", value)
    quiet = _quiet(view)
    if phase in _BUSY:
        return [*([quiet] if view.silence and quiet else []), more]
    row: list[Block] = []
    ended = offered_again(view)
    if ended is not None:
        # What a person or the policy said no to isn't what the card wants pressed.
        style = "" if phase in _REFUSED else "primary"
        row.append(blocks.button(ids.REQUEST_AGAIN, "Request again", ids.proposal_value(ended.id), style=style))
    if phase is Phase.RECORDED and ended is not None and ended.text.breakable:
        row.append(blocks.button(ids.BREAK_GLASS, "Break glass…", ids.proposal_value(ended.id), style="danger"))
    if phase is Phase.PASSED:
        row += [blocks.button(ids.RESOLVE, "Resolve", value, style="primary")]
        row += [blocks.button(ids.KEEP_OPEN, "Keep open", value)]
        row += [blocks.button(ids.MEASURE_AGAIN, "Measure again", value)] if _unsure(view) else []
        return [*row, *([quiet] if view.silence and quiet else []), more]
    if phase in _LOOK_AGAIN or _unsure(view):
        row.append(blocks.button(ids.MEASURE_AGAIN, "Measure again", value))
    if incident.state is IncidentState.TRIGGERED:
        row.append(blocks.button(ids.ACKNOWLEDGE, "Acknowledge", value))
    row += [quiet] if quiet else []
    if (
        phase in _LOOK_AGAIN
        or phase in {Phase.NOT_APPLIED, Phase.UNKNOWN}
        or incident.state is not IncidentState.TRIGGERED
    ):
        row.append(blocks.button(ids.RESOLVE_WITH_REASON, "Resolve with reason…", value))
    return [*row, *_target_choice(view), more]


def _unsure(view: CardView) -> bool:
    return view.silence is not None and view.silence.unsure


def _quiet(view: CardView) -> Block | None:
    """To silence the alerts, or to end a silence that was set here."""
    incident, value = view.incident, ids.incident_value(view.incident.id)
    if view.silence is not None:
        return None if view.silence.end_by else blocks.button(ids.UNSILENCE, "Unsilence", value)
    fits = view.silencing and incident.open and incident.alerts_firing and not incident.foreign_cluster
    return blocks.button(ids.SILENCE, "Silence…", value) if fits else None


def _target_choice(view: CardView) -> list[Block]:
    incident, phase = view.incident, phase_of(view)
    if incident.foreign_cluster or phase not in _CHOOSABLE or view.execution is not None:
        return []
    choices = _choices(incident)
    if choices:
        wanted = "Choose another target" if incident.target else "Choose target"
        return [blocks.static_select(ids.CHOOSE_TARGET, wanted, choices)]
    if incident.target is None:
        return [blocks.button(ids.FIND_TARGET, "Choose target…", ids.incident_value(incident.id))]
    return []


def _choices(incident: Incident) -> list[Block]:
    current = incident.target.key if incident.target else ""
    keys = dict.fromkeys(target.key for target in incident.candidates if target.key != current)
    labels = {target.key: target.label for target in incident.candidates}
    return [blocks.option(labels[key], ids.incident_target_value(incident.id, key)) for key in list(keys)[:100]]


def links_text(view: CardView) -> str:
    """``Runbook · Graph · Alert``; an address that isn't http(s) is left out, nothing is ever fetched."""
    named = (("Runbook", view.alerts.runbook_url), ("Graph", view.alerts.graph_url), ("Alert", view.alerts.alert_url))
    drawn = [(label, link(address, label, 600)) for label, address in (*named, *view.incident.links[:5]) if address]
    return " · ".join(made for label, made in drawn if made != label)
