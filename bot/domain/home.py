"""What one person sees on App Home: what is open, what waits for their word, how the last actions ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.incident import Incident
from bot.domain.proposal import Proposal
from bot.domain.verification import Verdict


@dataclass(frozen=True)
class Home:
    """``frozen`` is (who, reason, since) of the kill switch while it is on.

    ``otherwise_frozen`` is the sentence where file or environment freeze.
    ``waiting`` are proposals that this person may approve, each with its incident; ``verdicts`` the newest first.
    ``more`` counts the open incidents that aren't in ``incidents``.
    """

    now: datetime
    incidents: tuple[Incident, ...] = ()
    more: int = 0
    waiting: tuple[tuple[Incident, Proposal], ...] = ()
    verdicts: tuple[tuple[Incident, Verdict, datetime], ...] = ()
    links: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    frozen: tuple[str, str, datetime | None] | None = None
    otherwise_frozen: str = ""
    notes: Mapping[int, int] = field(default_factory=dict)
    """Incident to the messages in its timeline that people noted, where there are any."""
    note: str = ""
    """Against somebody who may look at nothing here."""
