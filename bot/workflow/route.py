"""What the playbook in force makes of an alert at intake: its severity, and where its incident goes.

Pure: labels are compared, nothing is asked. It refuses to make anything SEV1, and to lower what the label
priority=P0 made so: that is somebody's plain word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.severity import Severity
from bot.playbooks import quiet
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Playbook


@dataclass(frozen=True)
class Route:
    """Where the incident of one alert goes.

    ``others`` are channels that get a line when the card stands, ``mentions`` Slack ids. ``pager`` is the service that
    is paged, ``late_pager`` the one that is if Slack takes no card of a grave incident. ``hushed`` means that the
    playbook has quiet hours for this severity, ``quiet_until`` when those that hold now end.
    """

    severity: Severity
    channel: str
    others: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    pager: str = ""
    late_pager: str = ""
    hushed: bool = False
    quiet_until: datetime | None = None

    @property
    def carded(self) -> bool:
        """It gets a card of its own now, unless a storm is on."""
        return self.severity.posted and self.quiet_until is None


def route_of(
    found: PlaybookSet, labels: Mapping[str, str], by_labels: Severity, channel: str, now: datetime, pager: str = ""
) -> Route:
    """The route of an alert; ``by_labels`` is the severity that its labels say, the rest is of the settings."""
    playbook = found.choose(labels, by_labels)
    severity = by_labels
    if playbook.severity is not None and by_labels is not Severity.SEV1:
        severity = Severity[playbook.severity]
    return routed(playbook, severity, channel, now, pager)


def routed(playbook: Playbook, severity: Severity, channel: str, now: datetime, pager: str = "") -> Route:
    """The route of an incident of this severity by this playbook."""
    routing = playbook.routing
    first, *others = routing.channels or (channel,)
    hushed = routing.quiet is not None and severity.name in routing.quiet.severities
    until = quiet.until(routing.quiet, now) if hushed and routing.quiet is not None else None
    late = pager if severity <= Severity.SEV2 else ""
    return Route(severity, first, tuple(others), routing.mentions, routing.pagerduty or "", late, hushed, until)
