"""A silence that is there: checked over several looks, watched to its end, told to people.

Several Alertmanagers may stand behind one address and differ for a while: only looks in a row that agree say that it
holds, or that it is gone; the others make it inconclusive. What can't be read is said to be unknown, until its time is
over by the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.errors import FettleError
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM
from bot.domain.silence import Silence, SilenceState, until
from bot.domain.verification import Check, CheckState, Verdict
from bot.integrations.alertmanager import Alertmanager
from bot.storage import due, incident_alerts, incidents, silences
from bot.storage.db import Lane, Tx
from bot.verification import silenced
from bot.workflow import owing, quiet
from bot.workflow.context import Context

WITHIN = 10.0
LOOKS = 3
"""Looks in a row that have to agree."""
BETWEEN = timedelta(seconds=1)
CHECK_FOR = timedelta(seconds=60)
"""How long it may take until there is a verdict."""
WATCHED_EVERY = timedelta(seconds=60)
PAST = timedelta(minutes=1)
"""After its end a silence is over whatever can be read: clocks may differ by so much."""
TIME_IS_OVER = "its time is over"
NOT_LISTED = "Alertmanager doesn't list it: another one may answer at its address, or it lost what it knew."
DIFFER = "several Alertmanagers answer at its address and differ"
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0


def pause(attempts: int) -> timedelta:
    """Ever longer, a minute at most."""
    return timedelta(seconds=min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 10)))


async def unreadable(ctx: Context, owed: DueWork, silence: Silence, why: str) -> None:
    """It can't be told how it stands; asked again until its time is over."""
    await ctx.store.transact(_unreadable, owed, silence.id, why, ctx.clock())


def _unreadable(tx: Tx, owed: DueWork, silence_id: int, why: str, now: datetime) -> None:
    silence = silences.get(tx, silence_id)
    if not silence.in_force:
        due.done(tx, owed)
        return
    if silence.state is SilenceState.PENDING:
        quiet.failed(tx, silence, why, now)
        return
    if now >= silence.ends_at + PAST:
        over(tx, silence_id, f"its time is over; how it stood was never known: {why}", now)
        return
    if silence.verdict is Verdict.MEASURING and silence.check_by is not None and now >= silence.check_by:
        unseen = Check("silence", CheckState.UNMEASURED, "active", why, now)
        silence = silences.measured(tx, silence_id, Verdict.INCONCLUSIVE, (unseen,), silence.ids)
        _told(tx, silence, why, now)
    if silence.trouble != why:
        silences.note(tx, silence_id, why)
        owing.card(tx, incidents.get(tx, silence.incident_id), Priority.EXECUTION, now)
    due.later(tx, owed, now + pause(owed.attempts), error=why, params={**owed.params, "gone": 0, "good": 0})


async def seen_enough(ctx: Context, owed: DueWork) -> bool:
    """Counts one more look that didn't find it; whether that are enough in a row. If not, the next is owed."""
    gone = int(owed.params.get("gone", 0)) + 1
    if gone >= LOOKS:
        return True
    await ctx.store.transact(
        due.later, owed, ctx.clock() + BETWEEN, error="looked for it in vain", params={**owed.params, "gone": gone}
    )
    return False


def there(tx: Tx, silence_id: int, ids: Iterable[str], outcome: str, now: datetime) -> None:
    """Alertmanager has it: it is checked from now on, or ended at once where its end is wanted already."""
    silence = silences.get(tx, silence_id)
    if silence.state is not SilenceState.RUNNING:
        return
    wanted_by, why = silence.end_by, silence.end_reason
    active = silences.confirm(tx, silence_id, ids, now + CHECK_FOR, outcome)
    quiet.entry(tx, "silence:state:active", active, SYSTEM, "active", now, ids=list(active.ids), reason=outcome)
    due.owe(tx, Stage.SILENCE, silence_id, now, {"gone": 0, "good": 0})
    if wanted_by:
        silences.end(tx, silence_id, wanted_by, why)
    owing.card(tx, incidents.get(tx, silence.incident_id), Priority.EXECUTION, now)


def over(tx: Tx, silence_id: int, outcome: str, now: datetime) -> None:
    """It doesn't hold any more, and people are told."""
    silence = silences.get(tx, silence_id)
    if not silence.in_force:
        return
    ended = silences.over(tx, silence_id, now, outcome)
    due.forget(tx, Stage.SILENCE, silence_id)
    quiet.entry(tx, "silence:state:ended", ended, silence.end_by or SYSTEM, "ended", now, reason=outcome)
    incident = incidents.get(tx, silence.incident_id)
    owing.thread(tx, incident, f"silence:{silence_id}:over", f"No longer silenced: {outcome}.", now)
    owing.card(tx, incident, Priority.EXECUTION, now)


def measure_again(tx: Tx, silence: Silence, by: str, now: datetime) -> None:
    """Looks afresh at one whose verdict wasn't PASS; that verdict stays in the audit and in the thread."""
    before = str(silence.verdict)
    silences.measure_again(tx, silence.id, now + CHECK_FOR)
    quiet.entry(tx, "silence:verdict:requested", silence, by, "requested", now, before=before)
    due.owe(tx, Stage.SILENCE, silence.id, now, {"gone": 0, "good": 0})


async def watch(ctx: Context, alertmanager: Alertmanager, owed: DueWork, silence: Silence) -> None:
    """One look at a silence that holds, as far as is known."""
    try:
        every, held = await alertmanager.look(within=WITHIN, turned=bool(owed.params.get("turned")))
    except FettleError as error:
        await unreadable(ctx, owed, silence, str(error))
        return
    found = silenced.ours(silence, every)
    firing = await ctx.store.read(incident_alerts.firing, silence.incident_id)
    checks = silenced.checks(silence, found, held, firing, ctx.clock())
    seen = _Seen(silenced.holding(found), bool(found), checks)
    await ctx.store.transact(_looked, owed, silence.id, seen, ctx.clock(), lane=Lane.PRESS)


@dataclass(frozen=True)
class _Seen:
    """One look: the ids that hold, whether the silence is listed at all, and the checks."""

    holding: tuple[str, ...]
    listed: bool
    checks: tuple[Check, ...]

    @property
    def signature(self) -> str:
        """What it says, for whether the next look says the same."""
        return ",".join(check.state for check in self.checks)


def _looked(tx: Tx, owed: DueWork, silence_id: int, seen: _Seen, now: datetime) -> None:
    silence = silences.get(tx, silence_id)
    if silence.state is not SilenceState.ACTIVE:
        due.later(tx, owed, now)  # its end was wanted meanwhile
        return
    if now >= silence.ends_at:
        _time_is_over(tx, owed, silence, seen, now)
        return
    # Expired is an answer; not listed is a peer that doesn't know of it, and says nothing about the others.
    gone = int(owed.params.get("gone", 0)) + 1 if seen.listed and not seen.holding else 0
    good = int(owed.params.get("good", 0)) + 1 if _good(seen.checks) else 0
    alike = int(owed.params.get("alike", 0)) + 1 if owed.params.get("saw") == seen.signature else 1
    verdict = Verdict.FAIL if gone >= LOOKS else _verdict(silence, seen, good, alike, now)
    if silence.verdict is Verdict.MEASURING:
        silence = silences.measured(tx, silence_id, verdict, seen.checks, seen.holding or silence.ids)
        if verdict is not Verdict.MEASURING:
            _told(tx, silence, DIFFER if verdict is Verdict.INCONCLUSIVE and alike < LOOKS else "", now)
    if gone >= LOOKS:
        over(tx, silence_id, "somebody ended or changed it at Alertmanager", now)
        return
    _noted(tx, silence, "" if seen.listed else NOT_LISTED, now)
    soon = silence.verdict is Verdict.MEASURING or gone
    at = now + BETWEEN if soon else min(silence.ends_at, now + WATCHED_EVERY)
    kept = {"gone": gone, "good": good, "alike": alike, "saw": seen.signature, "turned": not owed.params.get("turned")}
    due.later(tx, owed, at, params=kept)


def _time_is_over(tx: Tx, owed: DueWork, silence: Silence, seen: _Seen, now: datetime) -> None:
    """Its end was sent by a clock that may have been set since: what still holds by then is ended."""
    if silence.verdict is Verdict.MEASURING:
        _told(tx, silences.measured(tx, silence.id, Verdict.INCONCLUSIVE, seen.checks, silence.ids), "", now)
    if not seen.holding:
        over(tx, silence.id, TIME_IS_OVER, now)
        return
    quiet.want_end(tx, silence, SYSTEM, TIME_IS_OVER, now)
    due.done(tx, owed)  # what that owes stays


def _noted(tx: Tx, silence: Silence, trouble: str, now: datetime) -> None:
    """What couldn't be read before can be read again, or the other way round."""
    if trouble != silence.trouble:
        silences.note(tx, silence.id, trouble)
        owing.card(tx, incidents.get(tx, silence.incident_id), Priority.EXECUTION, now)


def _good(checks: Iterable[Check]) -> bool:
    judged = [check for check in checks if check.state is not CheckState.ABSENT]
    return bool(judged) and all(check.state is CheckState.GOOD for check in judged)


def _verdict(silence: Silence, seen: _Seen, good: int, alike: int, now: datetime) -> Verdict:
    if good >= LOOKS:
        return Verdict.PASS
    if silence.check_by is None or now < silence.check_by:
        return Verdict.MEASURING
    return Verdict.FAIL if seen.listed and alike >= LOOKS else Verdict.INCONCLUSIVE


def _told(tx: Tx, silence: Silence, why: str, now: datetime) -> None:
    """The verdict goes into the audit, the thread and the card."""
    measured = "; ".join(f"{check.name}: {check.measured}" for check in silence.checks)
    quiet.entry(
        tx, "silence:verdict:given", silence, SYSTEM, str(silence.verdict), now, reason=why or measured,
        checks=[f"{check.name} {check.state}: {check.measured}" for check in silence.checks],
    )  # fmt: skip
    incident = incidents.get(tx, silence.incident_id)
    texts = {
        Verdict.PASS: (
            f"Silenced until {until(silence.ends_at, now)}, read back: {measured}. Nobody is notified of these alerts, "
            "Fettle included. It ends with the incident; Unsilence, on the card, ends it now."
        ),
        Verdict.FAIL: f"FAIL: the silence doesn't hold as it was asked for: {measured}. Look at Alertmanager.",
    }
    unclear = f"INCONCLUSIVE: whether it is silenced could not be measured: {why or measured}. Look at Alertmanager."
    # Each measurement ends in a message of its own; until when it was to end tells them apart.
    until_then = f":{silence.check_by:%Y%m%dT%H%M%S}" if silence.check_by is not None else ""
    owing.thread(tx, incident, f"silence:{silence.id}:verdict{until_then}", texts.get(silence.verdict, unclear), now)
    owing.card(tx, incident, Priority.EXECUTION, now)
