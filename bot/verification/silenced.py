"""Whether a silence holds, read back from Alertmanager: it is there as it was asked for, and the alerts are quiet.

A silence is known by its mark and its matchers together: somebody who edits it in Alertmanager makes another one of it.
Pure; it refuses to call anything good that wasn't seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.silence import QUIET_CHECK, Silence
from bot.domain.verification import Check, CheckState
from bot.integrations import alertmanager

SAME = timedelta(seconds=1)
"""Alertmanager cuts times to milliseconds."""


def ours(silence: Silence, found: Iterable[alertmanager.Silence]) -> tuple[alertmanager.Silence, ...]:
    """Those that carry its mark and match what it matches, expired ones too."""
    wanted = _set(silence.matchers)
    return tuple(one for one in found if silence.mark in one.comment and _set(one.raw) == wanted)


def holding(found: Iterable[alertmanager.Silence]) -> tuple[str, ...]:
    """The ids of those that aren't expired."""
    return tuple(one.id for one in found if one.state != "expired")


def checks(
    silence: Silence,
    found: Sequence[alertmanager.Silence],
    held: Iterable[alertmanager.Held],
    firing: Collection[str],
    now: datetime,
) -> tuple[Check, ...]:
    """What one look says; ``firing`` are the fingerprints of the incident's alerts that fire by our account."""
    return _there(silence, found, now), _quiet(silence, found, held, firing, now)


def _there(silence: Silence, found: Sequence[alertmanager.Silence], now: datetime) -> Check:
    expected = f"active until {silence.ends_at:%H:%M:%S} UTC"
    active = [one for one in found if one.state == "active"]
    fits = [one for one in active if one.ends_at is not None and abs(one.ends_at - silence.ends_at) <= SAME]
    if fits:
        return Check("silence", CheckState.GOOD, expected, expected, now)
    if active and active[0].ends_at is not None:
        return Check("silence", CheckState.BAD, expected, f"active until {active[0].ends_at:%H:%M:%S} UTC", now)
    if not found:  # it remembers what has expired for days: a peer that doesn't list it doesn't know of it
        return Check("silence", CheckState.UNMEASURED, expected, "not listed", now)
    states = ", ".join(sorted({one.state for one in found}))
    return Check("silence", CheckState.BAD, expected, states, now)


def _quiet(
    silence: Silence,
    found: Sequence[alertmanager.Silence],
    held: Iterable[alertmanager.Held],
    firing: Collection[str],
    now: datetime,
) -> Check:
    ids = {one.id for one in found}
    meant = [one for one in held if one.fingerprint in firing and _matched(silence, one.labels)]
    quiet = [one for one in meant if ids & set(one.silenced_by)]
    if not meant:
        return Check(QUIET_CHECK, CheckState.ABSENT, "", "none of them fires now", now, required=False)
    expected = f"{len(meant)} of {len(meant)} quiet"
    state = CheckState.GOOD if len(quiet) == len(meant) else CheckState.BAD
    return Check(QUIET_CHECK, state, expected, f"{len(quiet)} of {len(meant)} quiet", now)


def _matched(silence: Silence, labels: Mapping[str, str]) -> bool:
    """Our own expressions are alternatives, quoted: Python reads them as Alertmanager does."""
    return all(
        re.fullmatch(one["value"], labels.get(one["name"], ""))
        if one["isRegex"]
        else labels.get(one["name"]) == one["value"]
        for one in silence.matchers
    )


def _set(matchers: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str, bool, bool]]:
    return frozenset(
        (str(one.get("name")), str(one.get("value")), bool(one.get("isRegex")), one.get("isEqual") is not False)
        for one in matchers
    )
