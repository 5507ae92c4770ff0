"""The first two lines: what, where, how bad, since when; told in words, the colour only repeats them."""

from __future__ import annotations

from datetime import datetime

from bot.domain.incident import Incident, IncidentState
from bot.domain.proposal import ProposalState
from bot.slack.cards import blocks
from bot.slack.cards.quiet import quiet_line
from bot.slack.cards.running import step
from bot.slack.cards.view import (
    CardView,
    Phase,
    fires_after_pass,
    fires_anew,
    newest_proposal,
    nothing_comes,
    nothing_fits,
    phase_of,
    place,
    ready_count,
    who,
)
from bot.slack.message import Block
from bot.slack.mrkdwn import clean, cut, duration, link, moment, plural, safe

RED, ORANGE, YELLOW, GREEN, BLUE = "🔴", "🟠", "🟡", "🟢", "🔵"

_COLOURS = {
    Phase.RESOLVED: GREEN,
    Phase.PASSED: GREEN,
    Phase.RUNNING: ORANGE,
    Phase.INCONCLUSIVE: YELLOW,
    Phase.SUPERSEDED: YELLOW,
    Phase.UNKNOWN: YELLOW,
}

_PAGES = {
    Phase.COLLECTING: "evidence is being collected",
    Phase.OPEN: "evidence is in",
    Phase.RECORDED: "no action possible, see the card",
    Phase.DENIED: "proposal rejected",
    Phase.EXPIRED: "proposal expired",
    Phase.PASSED: "PASS",
    Phase.FAILED: "FAIL, look now",
    Phase.INCONCLUSIVE: "INCONCLUSIVE, look before resolving",
    Phase.SUPERSEDED: "superseded, look before resolving",
    Phase.NOT_APPLIED: "failed, nothing was changed",
    Phase.UNKNOWN: "outcome unknown, look now",
}


def colour(view: CardView) -> str:
    """The emoji that repeats the state; whatever needs a person and isn't measured good is never green."""
    phase = phase_of(view)
    if fires_after_pass(view):
        return RED if fires_anew(view) else YELLOW
    if phase in _COLOURS:
        return _COLOURS[phase]
    return RED if view.incident.alerts_firing or not view.incident.declared_by else BLUE


def name(incident: Incident) -> str:
    """``KubePodCrashLooping``, or the title of an incident that a person declared."""
    return clean(incident.alertname or incident.title) or "incident"


def title(incident: Incident) -> str:
    """``SEV2 · shop/api · KubePodCrashLooping``, plain; the name is cut first, then the place."""
    where = cut(clean(place(incident)), 70)
    return " · ".join(part for part in (incident.severity.name, where, cut(name(incident), 55)) if part)


def title_block(view: CardView) -> Block:
    """The header with its colour and the incident's number."""
    return blocks.header(f"{colour(view)} {title(view.incident)} · {view.incident.ref}")


def page(view: CardView) -> str:
    """The one line that a phone shows at 3 a.m.: title and what is wanted of the reader."""
    return f"{safe(title(view.incident), 300)} · {_wanted(view)}"


def _wanted(view: CardView) -> str:
    phase = phase_of(view)
    incident = view.incident
    pending = next((p for p in view.proposals if p.state is ProposalState.PENDING), None)
    if pending is not None and phase not in {Phase.RESOLVED, Phase.RUNNING}:
        asked = f"approve {safe(pending.text.verb, 40)}?"
        return asked if phase is Phase.PROPOSED else f"{_PAGES[phase]} · {asked}"
    if phase is Phase.RUNNING:
        return step(view)
    if phase is Phase.RESOLVED:
        return f"resolved after {duration(_lasted(incident))}"
    newest = newest_proposal(view)
    if phase is Phase.EXPIRED and newest is not None and newest.state is ProposalState.SUPERSEDED:
        return "proposal withdrawn"
    if phase is Phase.OPEN and incident.declared_by:
        return f"opened by a person, {incident.state}"
    if fires_after_pass(view):
        return "PASS, but it fires again, look now" if fires_anew(view) else "PASS, alert still firing"
    if nothing_comes(view) or (newest is not None and phase is Phase.RECORDED and nothing_fits(newest)):
        choose = incident.target is None and incident.candidates
        return "which workload?" if choose else "no action proposed"
    return _PAGES[phase]


def _lasted(incident: Incident) -> float:
    end = incident.resolved_at or incident.updated_at
    return (end - incident.episode_at).total_seconds()


def state_block(view: CardView) -> Block:
    """State in a word, since when, how much: ``Firing since 03:07 · 3 of 6 pods · +2 alerts``."""
    incident = view.incident
    parts = [_state(view)]
    ready = ready_count(view)
    # Evidence is from before an execution; beside its verdict it would contradict what was measured since.
    if ready and ready[0] < ready[1] and incident.open and view.execution is None:
        parts.append(f"{ready[1] - ready[0]} of {ready[1]} pods not ready")
    if incident.alerts_total > 1:
        parts.append(f"+{plural(incident.alerts_total - 1, 'alert')}")
    if incident.flaps:
        parts.append(plural(incident.flaps, "flap"))
    if incident.acknowledged_by and incident.open:
        parts.append(f"acknowledged by {who(view, incident.acknowledged_by)}")
    quiet = quiet_line(view)
    return blocks.section("\n".join([" · ".join(parts), *([quiet] if quiet else [])]), 900)


def _state(view: CardView) -> str:
    """Never how long an open one lasts: the card isn't drawn anew each minute, and the words would grow old."""
    incident, now = view.incident, view.now
    began = _began(view)
    since = moment(began, now)
    if incident.state is IncidentState.RESOLVED:
        end = moment(incident.resolved_at or incident.updated_at, now)
        return f"*Resolved* {end} after {duration(_lasted(incident))}"
    if incident.declared_by and not incident.alerts_total:
        return f"*{incident.state.capitalize()}* · opened {since} by {who(view, incident.declared_by)}"
    again = f" *for the {_ordinal(incident.episodes)} time*" if incident.episodes > 1 else ""
    if incident.alerts_firing:
        word = "Reopened, firing" if incident.episodes > 1 else "Firing"
        told = incident.state is IncidentState.TRIGGERED or incident.acknowledged_by
        state = "" if told else f" · {incident.state}"
        return f"*{word}* since {since}{again}{state}"
    return f"*{incident.state.capitalize()}* · alerts are clear · since {since}{again}"


def _began(view: CardView) -> datetime:
    """When it began: by the alerts where they say an earlier time than our receipt, for the first episode alone."""
    incident, since = view.incident, view.alerts.since
    if since is not None and incident.episodes == 1 and since < incident.episode_at:
        return since
    return incident.episode_at


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def line(incident: Incident, address: str = "") -> str:
    """One incident in a list or a digest: ``SEV3 · shop/api · KubePodNotReady · INC-43``, linked if it has a card."""
    ref = link(address, incident.ref) if address else f"*{incident.ref}*"
    return f"{ref} · {safe(title(incident), 400)}"
