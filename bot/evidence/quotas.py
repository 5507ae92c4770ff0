"""Quotas of the target's namespace, the fullest first. It refuses to know which of them stopped a pod."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import QuotaSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.evidence.scope import namespace_of
from bot.kube.limits import quota_rows
from bot.kube.objects import path

SOURCE = "quotas"
MAX_ROWS = 30


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"quotas": [QuotaSeen]}``; without a target the alert's own namespace is asked."""
    rows = quota_rows(await ask.cluster.items(path("ResourceQuota", namespace_of(ask))))
    return answered(SOURCE, ask.clock(), summary(rows), {"quotas": rows[:MAX_ROWS]}, empty=not rows)


def summary(rows: Sequence[QuotaSeen]) -> str:
    """``compute: requests.cpu 100 % used``, the fullest ones."""
    if not rows:
        return "the namespace has no quota"
    return ", ".join(f"{row.name}: {row.resource} {_share(row)} used" for row in rows[:3])


def _share(row: QuotaSeen) -> str:
    return f"{100 * row.used / row.hard:.0f} %" if row.hard else f"{row.used:g} of 0"
