"""What got lost on the way from Alertmanager is made good by asking it: resolves that never came, late firings.

An alert that fired and resolved while delivery failed never sends its resolve, and a pair of Alertmanagers may send a
firing after its own resolve. So each minute what is open here is compared with what Alertmanager holds. It believes an
absence only after several looks, of an alert that it has seen there, and of an Alertmanager that has been up for a
while: one that was restarted holds nothing until Prometheus tells it again, and other senders' alerts it never holds.
It refuses to open incidents: what fires there and was never delivered is Alertmanager's to deliver.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.domain.alert import LATE_WINDOW, Alert, AlertGroup, AlertStatus, origin_of
from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError
from bot.domain.proposal import SYSTEM
from bot.integrations.alertmanager import Held
from bot.storage import facts, incidents, sweeps
from bot.storage.db import Tx
from bot.storage.sweeps import Loose
from bot.workflow import intake, owing
from bot.workflow.context import Context

log = structlog.get_logger(__name__)

WITHIN = 10.0
"""Seconds for each of the two questions."""
GONE_AFTER = timedelta(minutes=2)
"""An alert must be missing for this long, over several looks, before its end is believed."""
SETTLED = timedelta(minutes=2)
"""What was delivered more recently isn't judged: it may be newer than the answer."""
GROWN_UP = timedelta(minutes=5)
"""Age from which an Alertmanager has been told again what fires."""
SAME = timedelta(seconds=1)
"""Its API rounds times that its webhook tells in full."""
SEEN = "alertmanager:seen"
"""The fact that holds which open alerts were seen in Alertmanager, so that a restart of ours forgets none."""
RECEIVER = "a look at Alertmanager"


@dataclass(frozen=True)
class Look:
    """What one look found: alerts by fingerprint; ``young`` means that absence says nothing yet."""

    held: Mapping[str, Held]
    at: datetime
    young: bool


@dataclass
class Judged:
    """``gone`` have ended, ``back`` fire after all, ``over`` stay resolved; the rest is for the next look to know."""

    gone: list[Loose] = field(default_factory=list)
    back: list[Loose] = field(default_factory=list)
    over: list[Loose] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    missing: dict[int, datetime] = field(default_factory=dict)


def judge(
    firing: Iterable[Loose], late: Iterable[Loose], look: Look, seen: Iterable[str], missing: Mapping[int, datetime]
) -> Judged:
    """What follows from one look; ``missing`` is since when an episode (by id) was missing at each look. Pure."""
    judged = Judged()
    known = set(seen)
    for one in firing:
        if origin_of(one.fingerprint) in look.held:
            judged.seen.add(one.fingerprint)
        elif one.fingerprint in known:
            judged.seen.add(one.fingerprint)
            if look.young or look.at - one.told_at < SETTLED:
                continue
            since = missing.get(one.id, look.at)
            judged.missing[one.id] = since
            if look.at - since >= GONE_AFTER:
                judged.gone.append(one)
    for one in late:
        if look.at - one.told_at <= LATE_WINDOW:
            continue
        held = look.held.get(origin_of(one.fingerprint))
        if held is not None and abs(held.starts_at - one.starts_at) <= SAME:
            judged.back.append(one)
        elif held is None and not look.young:
            judged.over.append(one)
    return judged


class Sweep:
    """One per process; it remembers what was missing at the last looks."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._missing: Mapping[int, datetime] = {}
        self._problem = ""

    async def look(self) -> None:
        """Asks and settles; a failure is logged once, and the next look comes anyway."""
        alertmanager = self._ctx.sources.alertmanager
        if alertmanager is None:
            return
        at = self._ctx.clock()
        try:
            status, alerts = await asyncio.gather(
                alertmanager.status(within=WITHIN), alertmanager.alerts(within=WITHIN)
            )
            # Its clock and ours may differ; an age that is off by minutes only makes a look believe less or later.
            young = status.started_at is None or at - status.started_at < GROWN_UP
            look = Look({held.fingerprint: held for held in alerts}, at, young)
            rules = intake.IntakeRules.of(self._ctx.settings, self._ctx.channel, self._ctx.playbooks)
            self._missing = await self._ctx.store.transact(settle, look, self._missing, rules)
        except FettleError as error:
            self._missing = {}
            if str(error) != self._problem:
                log.warning("Alertmanager could not be compared with what is open", error=str(error))
            self._problem = str(error)
        else:
            self._problem = ""


def settle(tx: Tx, look: Look, missing: Mapping[int, datetime], rules: intake.IntakeRules) -> Mapping[int, datetime]:
    """Judges what is open now, and lets intake take what follows as if it had been delivered; what is missing still."""
    known = json.loads(facts.get(tx, SEEN) or "[]")
    judged = judge(sweeps.firing(tx), sweeps.late(tx, look.at), look, known, missing)
    if judged.gone:
        ended = tuple(Alert(one.fingerprint, AlertStatus.RESOLVED, {}, starts_at=one.starts_at) for one in judged.gone)
        _say(tx, judged.gone, "Alertmanager doesn't hold it any more; its resolve never arrived.", look.at)
        intake.receive(tx, AlertGroup("", ended, receiver=RECEIVER), look.at, rules)
    if judged.back:
        firing = tuple(_firing(one, look.held[origin_of(one.fingerprint)]) for one in judged.back)
        keys = {one.fingerprint: one.key for one in judged.back}
        intake.receive(tx, AlertGroup("", firing, receiver=RECEIVER), look.at, rules, keys)
    sweeps.over(tx, [one.id for one in judged.over])
    seen = sorted(judged.seen - {one.fingerprint for one in judged.gone})
    if seen != known:
        facts.put(tx, SEEN, json.dumps(seen))
    if judged.gone or judged.back:
        detail = {
            "gone": [one.fingerprint for one in judged.gone[:50]],
            "back": [one.fingerprint for one in judged.back[:50]],
        }
        outcome = f"{len(judged.gone)} gone, {len(judged.back)} back"
        tx.audit(AuditNote("alert:sweep:settled", SYSTEM, "alertmanager", outcome, 0, detail), look.at)
    settled = {one.id for one in judged.gone}
    return {number: since for number, since in judged.missing.items() if number not in settled}


def _firing(one: Loose, held: Held) -> Alert:
    """As it was delivered before: the start is the episode's, in full."""
    return Alert(
        one.fingerprint, AlertStatus.FIRING, held.labels, held.annotations, one.starts_at,
        generator_url=held.generator_url,
    )  # fmt: skip


def _say(tx: Tx, gone: Iterable[Loose], text: str, now: datetime) -> None:
    """One line a thread, before the card says that it is resolved: why it ends without a notice."""
    for number in sorted({one.incident_id for one in gone}):
        incident = incidents.get(tx, number)
        names = f"swept:{now:%Y%m%d%H%M%S}"
        owing.thread(tx, incident, names, f"{incident.alertname or 'The alert'}: {text}", now)
