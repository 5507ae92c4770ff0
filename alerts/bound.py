"""What a token tells of beyond that for which it speaks is kept apart: it joins and ends nothing of others.

Such an alert gets a fingerprint and an incident of its own. It is shown, since it may be true; nothing is proposed.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.alert import AlertGroup, unbound
from bot.settings_webhook import Binding


def kept_apart(group: AlertGroup, binding: Binding | None) -> AlertGroup:
    """The delivery with those alerts marked that its token doesn't speak for."""
    if binding is None or all(binding.covers(alert.labels) for alert in group.alerts):
        return group
    alerts = tuple(
        alert if binding.covers(alert.labels) else replace(alert, fingerprint=unbound(binding.name, alert.fingerprint))
        for alert in group.alerts
    )
    return replace(group, alerts=alerts)
