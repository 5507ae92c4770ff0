"""What a pager is to the workflow: another one than PagerDuty is one more file in ``integrations``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bot.domain.page import Page


class Pager(Protocol):
    """Takes pages. ``services`` are the names that a playbook may use, the first is asked when Slack is late."""

    @property
    def name(self) -> str:
        """What it is called, for sentences."""

    @property
    def services(self) -> Collection[str]:
        """Names of its services."""

    async def send(self, service: str, page: Page, *, within: float) -> None:
        """Hands one page over, in ``within`` seconds; raises ``UnavailableError`` to be asked again.

        Any other error of the domain means that asking again is of no use. The same page twice is one.
        """
