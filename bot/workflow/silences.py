"""What people ask of silences: what one would match, to set it, to take it back.

What is submitted is bound to what was shown: other alerts by then mean another look. Setting takes an approver, taking
back any full member, since it only lets notices through again. Nothing here writes to Alertmanager: what is asked
becomes work that is owed, as for any action.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.domain import matchers as matching
from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.decision import ALLOWED, Decision, Rule, deny
from bot.domain.errors import FettleError, RequestError
from bot.domain.incident import Incident
from bot.domain.matchers import Cover, Matcher
from bot.domain.narrowing import Narrowing
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import canonical, sha256
from bot.domain.silence import Silence, SilencePreview, SilenceState, until
from bot.integrations.alertmanager import Held
from bot.policy import approvers as approver_policy
from bot.policy import silences as policy
from bot.storage import due, incident_alerts, incidents, silences
from bot.storage.db import Lane, Tx
from bot.workflow import facts, owing, quiet, requests
from bot.workflow import silence_guards as guards
from bot.workflow.context import Context

WITHIN = 8.0
"""Seconds for Alertmanager's answer while somebody waits for the form."""
LONGEST_COMMENT = 200
STALE = (
    "Other alerts fire than when the form was opened. Nothing was silenced. Open it again to see what it matches now."
)


@dataclass(frozen=True)
class Made:
    """A silence that could be set now: its matchers, what they cover, and how many of the incident's alerts fire."""

    incident: Incident
    matchers: tuple[Matcher, ...]
    cover: Cover
    firing: int
    silenced: int

    @property
    def digest(self) -> str:
        """What a person was shown, as one hash."""
        shown = {"incident": self.incident.id, "episode": self.incident.episodes, "matchers": self.bodies}
        return sha256(canonical(shown))

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The matchers as they are sent."""
        return [one.body() for one in self.matchers]


async def preview(ctx: Context, incident_id: int, principal: Principal) -> SilencePreview:
    """What would be matched now; with a refusal, which is audited, where it can't be set."""
    incident = await ctx.store.read(incidents.get, incident_id)
    narrowing, file = await guards.narrowing_now(ctx, incident), await ctx.freeze_file()
    incident, decision = await ctx.store.transact(_early, ctx, incident_id, principal, narrowing, file, lane=Lane.PRESS)
    nothing = SilencePreview(incident.id, incident.ref)
    if not decision.allowed:
        said = await requests.refused(ctx, principal, "silence", decision.sentence, incident.id)
        return replace(nothing, refusal=said.text)
    try:
        made = await look(ctx, incident_id)
    except FettleError as error:
        said = await requests.refused(ctx, principal, "silence", str(error), incident.id)
        return replace(nothing, refusal=said.text)
    return replace(
        nothing,
        matchers=tuple(str(one) for one in made.matchers),
        own=len(made.cover.own),
        firing=made.firing,
        beside=len(made.cover.beside),
        warnings=_warnings(made),
        longest=ctx.settings.SILENCE_MAX,
        digest=made.digest,
    )


def _early(
    tx: Tx, ctx: Context, incident_id: int, principal: Principal, narrowing: Narrowing | None, file: bool | None
) -> tuple[Incident, Decision]:
    """What can be said before Alertmanager is asked; from now on the approver groups are kept fresh for a while."""
    incident = incidents.get(tx, incident_id)
    decision = approver_policy.identity(principal)
    if decision.allowed:
        silences.asked(tx, ctx.clock())
        decision = policy.check(guards.case(tx, ctx, incident, file, narrowing=narrowing))
        decision += guards.may(tx, ctx, incident, principal, narrowing, aged=True)
        decision += guards.ruled(ctx, incident, narrowing, None, ctx.clock())
    return incident, decision


async def look(ctx: Context, incident_id: int) -> Made:
    """Asks Alertmanager what fires, and makes matchers of it; ``RequestError`` where a silence would be too wide."""
    alertmanager = ctx.sources.alertmanager
    if alertmanager is None:
        raise RequestError("No Alertmanager is configured: set ALERTMANAGER_URL.")
    held = await alertmanager.alerts(within=WITHIN)
    return await ctx.store.read(_made, incident_id, held)


def _made(tx: Tx, incident_id: int, held: Sequence[Held]) -> Made:
    incident = incidents.get(tx, incident_id)
    own = incident_alerts.firing(tx, incident_id)
    ours = [one for one in held if one.fingerprint in own]
    made = matching.build([one.labels for one in ours])
    cover = matching.cover(made, {one.fingerprint: one.labels for one in held}, own)
    others = incident_alerts.of_others(tx, cover.beside, incident_id)
    strangers = (*cover.strangers, *(f"alerts of INC-{one}" for one in others))
    if strangers:
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        told = f"{'; '.join(strangers[:3])}{more}"
        raise RequestError(f"A silence would also cover what {incident.ref} isn't about ({told}). {matching.BY_HAND}")
    if len(cover.own) < len(ours):  # a bug, and nothing is sent for it
        raise RequestError(f"The matchers don't hold for all alerts of {incident.ref}. {matching.BY_HAND}")
    return Made(incident, made, cover, len(own), sum(bool(one.silenced_by) for one in ours))


def _warnings(made: Made) -> tuple[str, ...]:
    names = {one.name for one in made.matchers}
    away = made.firing - len(made.cover.own)
    rows = (
        (away > 0, f"{away} of its {made.firing} alerts aren't held by Alertmanager and can't be silenced there."),
        (bool(made.silenced), f"{made.silenced} of them are silenced already, by somebody else."),
        (bool(made.cover.beside), f"{len(made.cover.beside)} more like them fire that aren't in the incident yet."),
        ("pod" in names, "Alerts of pods that come later are not covered."),
        (
            not names & (matching.ABOUT | matching.BESIDE),
            "No label names a workload: every such alert of the namespace is covered, those to come as well.",
        ),
    )
    return tuple(sentence for applies, sentence in rows if applies)


async def ask(
    ctx: Context, incident_id: int, principal: Principal, lasting: timedelta, comment: str, digest: str
) -> Answer:
    """Sets it, if the person may and it still matches what was shown; the silence is owed when this returns."""
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return await requests.refused(ctx, principal, "silence", outsider.sentence, incident_id)
    try:
        made = await look(ctx, incident_id)
    except FettleError as error:
        return await requests.refused(ctx, principal, "silence", str(error), incident_id)
    narrowing, file = await guards.narrowing_now(ctx, made.incident), await ctx.freeze_file()
    said = " ".join("".join(char if char.isprintable() else " " for char in comment).split())[:LONGEST_COMMENT]
    wish = _Wish(principal, lasting, said, digest)
    return await ctx.store.transact(_ask, ctx, wish, made, narrowing, file, lane=Lane.PRESS)


@dataclass(frozen=True)
class _Wish:
    """What was submitted, and by whom."""

    principal: Principal
    lasting: timedelta
    comment: str
    digest: str


def _ask(tx: Tx, ctx: Context, wish: _Wish, made: Made, narrowing: Narrowing | None, file: bool | None) -> Answer:
    now, principal = ctx.clock(), wish.principal
    incident = incidents.get(tx, made.incident.id)
    decision = policy.check(guards.case(tx, ctx, incident, file, narrowing=narrowing, lasting=wish.lasting))
    decision += guards.may(tx, ctx, incident, principal, narrowing)
    decision += guards.ruled(ctx, incident, narrowing, wish.comment, now)
    if wish.digest != made.digest or incident.episodes != made.incident.episodes:
        decision += deny(Rule.STALE, STALE)
    if not decision.allowed:
        return _refuse(tx, ctx, incident, principal, "silence", decision)
    silence = silences.add(
        tx, uid=uuid.uuid4().hex, incident_id=incident.id, requested_by=principal.id, matchers=made.bodies,
        comment=wish.comment, alerts=len(made.cover.own), ends_at=now + wish.lasting, now=now,
    )  # fmt: skip
    if silence is None:  # the guard above saw none in this very transaction: the index disagrees
        raise RuntimeError(f"incident {incident.id}: another silence is in force")
    detail: Mapping[str, object] = {
        "matchers": [str(one) for one in made.matchers],
        "alerts": silence.alerts,
        "until": silence.ends_at.isoformat(),
        "reason": wish.comment,
        "digest": wish.digest,
    }
    quiet.entry(tx, "silence:state:requested", silence, principal.id, "requested", now, **detail)
    due.owe(tx, Stage.SILENCE, silence.id, now)
    owing.card(tx, incident, Priority.PRESS, now)
    text = f"{incident.ref} is being silenced until {until(silence.ends_at, now)}. What comes of it is on the card."
    return Answer(text, incident_id=incident.id)


async def unsilence(ctx: Context, incident_id: int, principal: Principal) -> Answer:
    """Ends the silence that was set through Fettle."""
    return await ctx.store.transact(_unsilence, ctx, incident_id, principal, await ctx.freeze_file(), lane=Lane.PRESS)


def _unsilence(tx: Tx, ctx: Context, incident_id: int, principal: Principal, file: bool | None) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    silence = silences.in_force(tx, incident_id)
    decision = approver_policy.identity(principal)
    if decision.allowed:
        freeze = facts.freeze_in(tx, ctx, file)
        decision = policy.may_write(ctx.settings.MODE, freeze.on, freeze.sentence) + _endable(incident, silence)
    if not decision.allowed or silence is None:
        return _refuse(tx, ctx, incident, principal, "unsilence", decision)
    quiet.want_end(tx, silence, principal.id, "somebody took it back", now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"The silence of {incident.ref} is being ended.", incident_id=incident.id)


def _endable(incident: Incident, silence: Silence | None) -> Decision:
    if silence is None:
        said = f"No silence of {incident.ref} was set through me. One that was set elsewhere is ended in Alertmanager."
        return deny(Rule.SETTLED, said)
    if silence.end_by or silence.state is SilenceState.ENDING:
        return deny(Rule.SETTLED, f"The silence of {incident.ref} is being ended already.")
    return ALLOWED


def _refuse(tx: Tx, ctx: Context, incident: Incident, principal: Principal, asked: str, decision: Decision) -> Answer:
    rules = [str(reason.rule) for reason in decision.reasons]
    detail = {"asked": asked, "reason": decision.sentence, "rules": rules}
    note = AuditNote("command:request:refused", principal.id, f"incident:{incident.id}", "refused", incident.id, detail)
    tx.audit(note, ctx.clock())
    return Answer(decision.sentence, ok=False, incident_id=incident.id)
