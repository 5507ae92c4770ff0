"""What is kept quiet at Alertmanager: silences, time intervals, inhibitions, as one line under the state.

Whoever reads the card must see that somebody works there already, and how sure it is that a silence holds. It refuses
to show what has ended by now, and to call a silence one that wasn't read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.evidence import EvidenceStatus
from bot.domain.silence import QUIET_CHECK, Silence, SilenceState
from bot.domain.verification import Verdict
from bot.slack.cards.view import CardView, evidence_of, who
from bot.slack.mrkdwn import moment, plural, safe


def quiet_line(view: CardView) -> str:
    """``🔕 Silenced until 04:00 by ana: deploying``; what has ended by now, or never held, leaves it empty."""
    lines = [_own(view, view.silence)] if view.silence is not None else []
    seen = _seen(view)
    return "\n".join([*lines, *([seen] if seen else [])])


_OWN = {
    SilenceState.PENDING: "being silenced",
    SilenceState.RUNNING: "asked to be silenced",
    SilenceState.ACTIVE: "silenced",
    SilenceState.ENDING: "the silence is being ended; it was set",
}
_VERDICTS = {
    Verdict.PASS: "read back",
    Verdict.FAIL: "*FAIL*: it doesn't hold as it was asked for",
    Verdict.INCONCLUSIVE: "*INCONCLUSIVE*: whether it holds could not be measured",
}


def _own(view: CardView, silence: Silence) -> str:
    """The silence that was set through Fettle, and what is known of it."""
    by, comment = who(view, silence.requested_by), safe(silence.comment, 160)
    text = f"{_OWN.get(silence.state, 'silenced')} until {moment(silence.ends_at, view.now)} by {by}"
    parts = [f"{text[:1].upper()}{text[1:]}{f': {comment}' if comment else ''}"]
    if silence.state is SilenceState.ACTIVE:
        measured = next((check.measured for check in silence.checks if check.name == QUIET_CHECK), "")
        told = _VERDICTS.get(silence.verdict, "being checked")
        parts.append(f"{told}, {safe(measured, 60)}" if measured and silence.verdict is Verdict.PASS else told)
    if silence.trouble:
        parts.append(safe(silence.trouble, 200))
    return f"🔕 {' · '.join(parts)}"


def _seen(view: CardView) -> str:
    found = evidence_of(view, "silences")
    if found is None or found.status is not EvidenceStatus.OK or not view.incident.open:
        return ""
    firing = found.data.get("firing")
    total = firing if isinstance(firing, int) else 0
    own = view.silences_set  # an earlier look may have seen one that was ended since
    rows = [one for one in found.data.get("silences") or () if isinstance(one, Mapping) and one.get("id") not in own]
    told = [line for line in (_silence(one, total, view.now) for one in rows) if line]
    parts = told[:2] + ([f"and {plural(len(told) - 2, 'silence')} more"] if len(told) > 2 else [])
    inhibited = found.data.get("inhibited")
    if isinstance(inhibited, int) and inhibited > 0:
        parts.append(f"{_of(inhibited, total)}inhibited by another alert")
    muted = ", ".join(safe(str(one), 40) for one in found.data.get("muted") or ())
    if muted:
        parts.append(f"muted by {muted}")
    text = " · ".join(parts)
    return f"🔕 {text[:1].upper()}{text[1:]}" if text else ""


def _silence(row: Mapping[str, Any], total: int, now: datetime) -> str:
    until = _time(row.get("until"))
    if until is not None and until <= now:
        return ""
    count = row.get("alerts")
    which = _of(count if isinstance(count, int) else total, total)
    by, comment = safe(str(row.get("by") or ""), 60), safe(str(row.get("comment") or ""), 160)
    ends = f" until {moment(until, now)}" if until is not None else ""
    return f"{which}silenced{ends}{f' by {by}' if by else ''}{f': {comment}' if comment else ''}"


def _of(some: int, total: int) -> str:
    return f"{some} of {plural(total, 'alert')} " if some < total else ""


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
