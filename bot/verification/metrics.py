"""Numbers after an action: so many good samples in a row, none taken before the rate's window has passed.

Compared to the playbook's threshold, and to what it was before the action. What is missing, not a number, or measured
with too little traffic is never good: it makes the verdict inconclusive. It refuses to ask anyone; samples come in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from bot.domain.measured import MetricCheck, Sample, ThanBefore
from bot.domain.units import told
from bot.domain.verification import Check, CheckState
from bot.kube.objects import instant
from bot.verification.restarts import words

SPACING = timedelta(seconds=15)
"""Between two samples: nobody scrapes much more often, and one value asked twice isn't two."""
CHECKS, SAMPLES = "checks", "samples"
"""Keys of a baseline and of a verification's progress."""


def planned(baseline: Mapping[str, Any]) -> tuple[MetricCheck, ...]:
    """The checks that a baseline holds; unknown keys of a newer version are left out."""
    known = {one.name for one in fields(MetricCheck)}
    rows = baseline.get(CHECKS) or ()
    return tuple(MetricCheck(**{key: value for key, value in row.items() if key in known}) for row in rows)


def stored(checks: Sequence[MetricCheck]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [asdict(one) for one in checks]


def longest(checks: Sequence[MetricCheck]) -> timedelta:
    """How long after the rollout's end the slowest of them needs, a late sample included."""
    each = (timedelta(seconds=one.settle) + SPACING * (one.samples + 1) for one in checks)
    return max(each, default=timedelta(0))


def due(spec: MetricCheck, kept: Mapping[str, Any], since: datetime | None, at: datetime) -> bool:
    """Whether a sample counts now: the rollout ended, the window has passed, the last sample isn't the same one."""
    if since is None or at < since + timedelta(seconds=spec.settle):
        return False
    last = instant(kept.get("at"))
    return last is None or at - last >= SPACING


def check(
    spec: MetricCheck, sample: Sample | None, kept: Mapping[str, Any], since: datetime | None, at: datetime
) -> tuple[Check, dict[str, Any]]:
    """The row for the card, and what the next look needs of it (JSON)."""
    name, expected = spec.title or spec.name, wanted(spec)
    if since is None:
        row = Check(name, CheckState.WAITING, expected, "measured after the rollout", at, required=False)
        return row, {}
    if sample is not None:
        kept = _taken(spec, sample, kept, at)
    if not kept:
        first = since + timedelta(seconds=spec.settle)
        waiting = f"first sample in {words(first - at)}" if at < first else "no sample yet"
        return Check(name, CheckState.WAITING, expected, waiting, at, required=False), {}
    state, measured = _judged(spec, kept)
    return Check(name, state, expected, measured, at, required=False), dict(kept)


def wanted(spec: MetricCheck) -> str:
    """``below 1 %``, ``better than 34 % before``."""
    parts = []
    if spec.below is not None:
        parts.append(f"below {told(spec.below, spec.unit)}")
    if spec.above is not None:
        parts.append(f"above {told(spec.above, spec.unit)}")
    if spec.than_before:
        word = "better than" if spec.than_before == ThanBefore.BETTER else "no worse than"
        before = told(spec.before, spec.unit) if spec.before is not None else "it was"
        parts.append(f"{word} {before} before")
    return ", ".join(parts)


def _taken(spec: MetricCheck, sample: Sample, kept: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What is remembered after one more sample; any that isn't good begins the count anew."""
    problem = _problem(spec, sample)
    good = not problem and sample.value is not None and _fits(spec, sample.value)
    return {
        "at": at.isoformat(),
        "value": None if problem else sample.value,
        "problem": problem,
        "good": int(kept.get("good", 0)) + 1 if good else 0,
        "tries": int(kept.get("tries", 0)) + 1,
    }


def _problem(spec: MetricCheck, sample: Sample) -> str:
    if sample.problem:
        return sample.problem
    if sample.value is None or not math.isfinite(sample.value):
        return "no data"
    if spec.min_traffic is not None:
        if sample.traffic is None or not math.isfinite(sample.traffic):
            return "how much traffic there is isn't known"
        if sample.traffic < spec.min_traffic:
            least = told(spec.min_traffic, "per_second")
            return f"too little traffic ({told(sample.traffic, 'per_second')}, {least} needed)"
    if spec.than_before and spec.before is None:
        return "it wasn't measured before the action, so there is nothing to compare with"
    return ""


def _fits(spec: MetricCheck, value: float) -> bool:
    within = (spec.below is None or value < spec.below) and (spec.above is None or value > spec.above)
    if not spec.than_before or spec.before is None:
        return within
    gain = value - spec.before if spec.above is not None else spec.before - value
    return within and (gain > 0 if spec.than_before == ThanBefore.BETTER else gain >= 0)


def _judged(spec: MetricCheck, kept: Mapping[str, Any]) -> tuple[CheckState, str]:
    if kept.get("problem"):
        tries = int(kept.get("tries", 0))
        return CheckState.UNMEASURED, f"{kept['problem']} ({tries} {'try' if tries == 1 else 'tries'})"
    value, good = float(kept.get("value") or 0.0), int(kept.get("good", 0))
    was = f" (was {told(spec.before, spec.unit)})" if spec.before is not None else ""
    measured = f"{told(value, spec.unit)}{was}"
    if good >= spec.samples:
        return CheckState.GOOD, measured
    if good:
        return CheckState.WAITING, f"{measured}, {good} of {spec.samples} good samples"
    return CheckState.BAD, measured
