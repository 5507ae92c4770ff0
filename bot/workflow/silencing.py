"""The stage that sets a silence, looks that it holds, and ends it: one step for each state, whoever died in between.

Alertmanager has no idempotency key. The intent is committed with the exact request, which is sent once; whatever isn't
clearly answered is looked for by its mark, never sent again. To end one by its id is the same however often it is done,
so that is repeated until several looks agree that it doesn't hold. What can't be read is never called ended or set.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.approval import Principal
from bot.domain.decision import Decision, Rule, deny
from bot.domain.errors import FettleError, OutcomeUnknownError, UnavailableError
from bot.domain.narrowing import Narrowing
from bot.domain.owed import DueWork, Priority
from bot.domain.proposal import SYSTEM, canonical, sha256
from bot.domain.silence import Silence, SilenceState, until
from bot.integrations.alertmanager import Alertmanager
from bot.policy import silences as policy
from bot.storage import due, incidents, people, silences
from bot.storage.db import Lane, Tx
from bot.verification import silenced
from bot.workflow import facts, owing, quiet
from bot.workflow import silence_guards as guards
from bot.workflow import silence_watch as watch
from bot.workflow.context import Context

WITHIN = 10.0
"""Seconds for one question."""
ARRIVAL_MARGIN = timedelta(seconds=5)
"""Read back after intent + request timeout + 5 s, as for what changes the cluster."""
SEND_WITHIN = ARRIVAL_MARGIN
"""What is sent later than this after its intent might arrive after it was read back as not set."""
STARTS_BEFORE = timedelta(minutes=5)
"""A start that has passed is taken as now; ours may be ahead of Alertmanager's clock, which would make it wait."""
FROZEN_AGAIN = timedelta(seconds=15)
LONGEST_NAME = 60


async def work(ctx: Context, owed: DueWork) -> None:
    """Does the next step of the silence ``owed.subject``."""
    silence = await ctx.store.read(silences.get, owed.subject)
    step, alertmanager = STEPS.get(silence.state), ctx.sources.alertmanager
    if step is None:
        await ctx.store.transact(due.done, owed)
    elif alertmanager is None:  # the setting was taken away
        await watch.unreadable(ctx, owed, silence, "No Alertmanager is configured: set ALERTMANAGER_URL.")
    else:
        await step(ctx, alertmanager, owed, silence)


# -- setting it -----------------------------------------------------------------------------------


async def _set(ctx: Context, alertmanager: Alertmanager, owed: DueWork, silence: Silence) -> None:
    incident = await ctx.store.read(incidents.get, silence.incident_id)
    narrowing, file = await guards.narrowing_now(ctx, incident), await ctx.freeze_file()
    claimed = await ctx.store.transact(_claim, ctx, owed, narrowing, file, lane=Lane.PRESS)
    if claimed is None or claimed.body is None:
        return
    # I8: nothing is sent whose last check follows the freeze's commit.
    against = await ctx.store.read(_before_sending, ctx, claimed, await ctx.freeze_file())
    if against:
        await ctx.store.transact(_not_set, silence.id, against, ctx.clock(), lane=Lane.PRESS)
        return
    try:
        made = await alertmanager.set_silence(claimed.body, within=WITHIN)
    except OutcomeUnknownError as error:
        await ctx.store.transact(silences.note, silence.id, str(error))
        return  # the row is owed already: it is looked for when the request can't arrive any more
    except FettleError as error:
        await ctx.store.transact(_not_set, silence.id, str(error), ctx.clock(), lane=Lane.PRESS)
        return
    await ctx.store.transact(watch.there, silence.id, (made,), "set", ctx.clock(), lane=Lane.PRESS)


def _claim(tx: Tx, ctx: Context, owed: DueWork, narrowing: Narrowing | None, file: bool | None) -> Silence | None:
    now = ctx.clock()
    silence = silences.get(tx, owed.subject)
    if silence.state is not SilenceState.PENDING:
        due.later(tx, owed, now + watch.BETWEEN)  # somebody moved it meanwhile
        return None
    incident = incidents.get(tx, silence.incident_id)
    slack_id, name = people.names(tx, [silence.requested_by]).get(silence.requested_by, ("", ""))
    principal = Principal(silence.requested_by, slack_id, "")  # a refusal is kept where no name can be erased
    decision = policy.check(guards.case(tx, ctx, incident, file, narrowing=narrowing, own=silence.id))
    decision += guards.may(tx, ctx, incident, principal, narrowing, aged=True)
    decision += guards.ruled(ctx, incident, narrowing, silence.comment, now)
    if now - silence.created_at > ctx.settings.APPROVAL_TTL or now >= silence.ends_at:
        decision += deny(Rule.EXPIRED, "It could not be set in time. Nothing was done.")
    if not decision.allowed:
        _refused(tx, silence, decision, now)
        return None
    body = _body(silence, incident.ref, name, now)
    claimed = silences.claim(tx, silence.id, body, now)
    due.later(tx, owed, now + timedelta(seconds=WITHIN) + ARRIVAL_MARGIN, params={"gone": 0})
    request = {"method": "POST", "path": "/api/v2/silences", "body": body}
    quiet.entry(
        tx, "silence:intent:committed", claimed, silence.requested_by, "running", now,
        request=request, request_digest=sha256(canonical(body)), mark=silence.uid,
    )  # fmt: skip
    owing.card(tx, incident, Priority.EXECUTION, now)
    return claimed


def _body(silence: Silence, ref: str, name: str, now: datetime) -> Mapping[str, Any]:
    who = "".join(char for char in name if char.isprintable()).strip()[:LONGEST_NAME]
    return {
        "matchers": [dict(one) for one in silence.matchers],
        "startsAt": _stamp(now - STARTS_BEFORE),
        "endsAt": _stamp(silence.ends_at),
        "createdBy": f"{who} (Fettle)" if who else "Fettle",
        "comment": " ".join(part for part in (silence.comment, ref, silence.mark) if part),
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refused(tx: Tx, silence: Silence, decision: Decision, now: datetime) -> None:
    rules = [str(reason.rule) for reason in decision.reasons]
    quiet.entry(tx, "silence:claim:refused", silence, SYSTEM, "refused", now, reason=decision.sentence, rules=rules)
    quiet.failed(tx, silence, decision.sentence, now)


def _before_sending(tx: Tx, ctx: Context, claimed: Silence, file: bool | None) -> str:
    """Why it may not be sent now; empty when it may."""
    if silences.get(tx, claimed.id).state is not SilenceState.RUNNING:
        return "it was settled meanwhile"
    if claimed.intent_at is None or ctx.clock() - claimed.intent_at >= SEND_WITHIN:
        return "It could not be sent within 5 s of the check. Nothing was done."
    freeze = facts.freeze_in(tx, ctx, file)
    return policy.may_write(ctx.settings.MODE, freeze.on, freeze.sentence).sentence


def _not_set(tx: Tx, silence_id: int, why: str, now: datetime) -> None:
    silence = silences.get(tx, silence_id)
    if silence.state is SilenceState.RUNNING:
        quiet.failed(tx, silence, why, now)


async def _look_for_it(ctx: Context, alertmanager: Alertmanager, owed: DueWork, silence: Silence) -> None:
    """Sent, and nothing clear was answered, or nobody lived to hear it: it is looked for, and never sent again."""
    try:
        found = silenced.ours(silence, await alertmanager.all_silences(within=WITHIN, anew=True))
    except FettleError as error:
        await watch.unreadable(ctx, owed, silence, str(error))
        return
    if found:
        ids = silenced.holding(found) or tuple(one.id for one in found)
        await ctx.store.transact(_found, owed, ids, ctx.clock(), lane=Lane.PRESS)
    elif await watch.seen_enough(ctx, owed):
        why = "not set (read back): Alertmanager has no such silence. It may be asked for again."
        await ctx.store.transact(_not_set, silence.id, why, ctx.clock(), lane=Lane.PRESS)


def _found(tx: Tx, owed: DueWork, ids: tuple[str, ...], now: datetime) -> None:
    watch.there(tx, owed.subject, ids, "set (read back)", now)
    due.done(tx, owed)  # what ``there`` owes stays


# -- ending it ------------------------------------------------------------------------------------


async def _end(ctx: Context, alertmanager: Alertmanager, owed: DueWork, silence: Silence) -> None:
    try:
        found = silenced.ours(silence, await alertmanager.all_silences(within=WITHIN, anew=True))
    except FettleError as error:
        await watch.unreadable(ctx, owed, silence, str(error))
        return
    # Whoever doesn't list it may still pass on what it is told: it is ended by its id all the same, once.
    unlisted = silence.ids if not found and not owed.params.get("sent") else ()
    holding = silenced.holding(found) or unlisted
    if not holding:
        if await watch.seen_enough(ctx, owed):
            await ctx.store.transact(watch.over, silence.id, f"ended: {silence.end_reason}", ctx.clock())
        return
    file = await ctx.freeze_file()
    if not await ctx.store.transact(_may_end, ctx, owed, holding, file, lane=Lane.PRESS):
        return
    for one in holding:
        # I8: read again right before each request.
        if await ctx.store.read(_against_ending, ctx, await ctx.freeze_file()):
            return
        try:
            await alertmanager.end_silence(one, within=WITHIN)
        except UnavailableError as error:
            await ctx.store.transact(silences.note, silence.id, str(error))
        except FettleError as error:
            await ctx.store.transact(_cant_end, silence.id, str(error), ctx.clock())
            return


def _against_ending(tx: Tx, ctx: Context, file: bool | None) -> str:
    freeze = facts.freeze_in(tx, ctx, file)
    return policy.may_write(ctx.settings.MODE, freeze.on, freeze.sentence).sentence


def _may_end(tx: Tx, ctx: Context, owed: DueWork, ids: tuple[str, ...], file: bool | None) -> bool:
    """Audits the end before it is sent, and owes the look that follows; what is frozen waits, and says so once."""
    now, silence = ctx.clock(), silences.get(tx, owed.subject)
    if silence.state is not SilenceState.ENDING:
        due.later(tx, owed, now)
        return False
    against = _against_ending(tx, ctx, file)
    if against:
        if not owed.params.get("waiting"):
            quiet.entry(tx, "silence:end:delayed", silence, SYSTEM, "delayed", now, reason=against)
            _tell_waiting(tx, silence, against, now)
        due.later(tx, owed, now + FROZEN_AGAIN, params={"gone": 0, "waiting": True})
        return False
    if owed.params.get("sent") != list(ids):
        quiet.entry(
            tx, "silence:end:committed", silence, silence.end_by or SYSTEM, "ending", now,
            request=[{"method": "DELETE", "path": f"/api/v2/silence/{one}"} for one in ids],
            reason=silence.end_reason,
        )  # fmt: skip
    wait = watch.pause(owed.attempts)
    # Its attempts go on counting while it still holds: a refusal that repeats is asked ever less often.
    due.later(tx, owed, now + wait, error="it still holds", params={"gone": 0, "sent": list(ids)})
    return True


def _cant_end(tx: Tx, silence_id: int, why: str, now: datetime) -> None:
    """Alertmanager refuses: told once for each reason, and tried again, since rights may come back."""
    silence = silences.get(tx, silence_id)
    if silence.state is SilenceState.ENDING and silence.trouble != why:
        silences.note(tx, silence_id, why)
        quiet.entry(tx, "silence:end:delayed", silence, SYSTEM, "delayed", now, reason=why)
        _tell_waiting(tx, silence, why, now)


def _tell_waiting(tx: Tx, silence: Silence, why: str, now: datetime) -> None:
    silences.note(tx, silence.id, why)
    incident = incidents.get(tx, silence.incident_id)
    text = f"The silence can't be ended yet, and ends by itself at {until(silence.ends_at, now)}: {why}"
    owing.thread(tx, incident, f"silence:{silence.id}:waiting:{sha256(why)[:8]}", text, now)
    owing.card(tx, incident, Priority.EXECUTION, now)


STEPS: Mapping[SilenceState, Callable[[Context, Alertmanager, DueWork, Silence], Awaitable[None]]] = {
    SilenceState.PENDING: _set,
    SilenceState.RUNNING: _look_for_it,
    SilenceState.ACTIVE: watch.watch,
    SilenceState.ENDING: _end,
}
"""What is over or was never set has no next step."""
