"""Which of the incident's alerts are kept quiet: silenced, muted by a time interval, inhibited by another alert.

Asked of Alertmanager, whose silences somebody may have set for work that explains everything. It refuses to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.domain.alert import origin_of
from bot.domain.evidence import Evidence
from bot.domain.observed import SilenceSeen
from bot.domain.redaction import redact
from bot.domain.snapshot import AlertSeen
from bot.evidence.answer import answered, plural
from bot.evidence.ask import Ask
from bot.integrations.alertmanager import Held, Silence

SOURCE = "silences"
MOST = 5
SHARE = 0.9
"""Of a collector's time: the rest is for saying what is missing."""
WORDS = 200


async def collect(ask: Ask) -> Evidence | None:
    """``data``: ``{"silences": [SilenceSeen], "inhibited": n, "muted": [names], "firing": n}``; None without one."""
    alertmanager = ask.alertmanager
    if alertmanager is None:
        return None
    within = ask.within * SHARE
    held, silences = await asyncio.gather(alertmanager.alerts(within=within), alertmanager.silences(within=within))
    ours = mine(ask.alerts, held)
    rows = rows_of(ours, {one.id: one for one in silences})
    inhibited = sum(bool(one.inhibited_by) for one in ours)
    muted = sorted({name for one in ours for name in one.muted_by})[:MOST]
    data = {"silences": rows, "inhibited": inhibited, "muted": muted, "firing": len(ours)}
    told = summary(rows, inhibited, muted, len(ours))
    return answered(SOURCE, ask.clock(), told, data, empty=not (rows or inhibited or muted))


def mine(alerts: Sequence[AlertSeen], held: Iterable[Held]) -> list[Held]:
    """What Alertmanager holds of these alerts, by fingerprint."""
    prints = {origin_of(one.fingerprint) for one in alerts if one.firing and one.fingerprint}
    return [one for one in held if one.fingerprint in prints]


def rows_of(ours: Sequence[Held], silences: Mapping[str, Silence]) -> list[SilenceSeen]:
    """The silences that hold for any of these alerts, those of most alerts first."""
    counts: dict[str, int] = {}
    for one in ours:
        for silence in one.silenced_by:
            counts[silence] = counts.get(silence, 0) + 1
    found = sorted(counts, key=lambda each: -counts[each])[:MOST]
    return [_row(silences[one], counts[one]) for one in found if one in silences]


def _row(silence: Silence, alerts: int) -> SilenceSeen:
    return SilenceSeen(
        id=silence.id,
        by=redact(silence.created_by)[:WORDS],
        comment=redact(silence.comment)[:WORDS],
        until=_stamp(silence.ends_at),
        matchers=tuple(redact(one)[:WORDS] for one in silence.matchers[:MOST]),
        alerts=alerts,
    )


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""


def summary(rows: Sequence[SilenceSeen], inhibited: int, muted: Sequence[str], firing: int) -> str:
    """``silenced by ana: "deploying"; 1 of 3 alerts inhibited by another; muted by weekends``."""
    told = [f"silenced{f' by {one.by}' if one.by else ''}{f': {one.comment}' if one.comment else ''}" for one in rows]
    if inhibited:
        told.append(f"{inhibited} of {plural(firing, 'alert')} inhibited by another")
    if muted:
        told.append(f"muted by {', '.join(muted)}")
    return "; ".join(told) or "nothing is silenced"
