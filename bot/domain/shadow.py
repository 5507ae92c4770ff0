"""The shadow report: first proposals against what people then did, added up for each playbook. Pure.

Agreement is a number only beside how many incidents it rests on. What resolved by itself speaks neither for a proposal
nor against it. It refuses to call few incidents evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.aftermath import Outcome

ENOUGH = 10
"""So many incidents in which people acted are the least that a team should decide by."""


@dataclass(frozen=True)
class Shadowed:
    """One incident of alerts. ``proposed`` is the action of Fettle's first proposal, empty if there was none.

    ``outcome`` is None while it is open or nobody looked back yet. ``did`` are what people did, as (action, words).
    """

    incident: int
    playbook: str
    opened_at: datetime
    open: bool
    proposed: str = ""
    outcome: Outcome | None = None
    did: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tally:
    """The counts of one playbook. ``unread``: resolved, and what was done couldn't be read, or isn't yet."""

    playbook: str
    incidents: int = 0
    proposed: int = 0
    same: int = 0
    other: int = 0
    nothing: int = 0
    approved: int = 0
    open: int = 0
    unread: int = 0

    @property
    def acted(self) -> int:
        """Incidents in which people acted without Fettle: what agreement rests on."""
        return self.same + self.other

    @property
    def agreement(self) -> float | None:
        """The part of them in which they did what was proposed; None without any."""
        return self.same / self.acted if self.acted else None

    @property
    def words(self) -> str:
        """``3 of 4 (75 %)``, never a percentage alone."""
        return f"{self.same} of {self.acted} ({self.same / self.acted:.0%})".replace("%", " %") if self.acted else "-"


def tallies(rows: Iterable[Shadowed]) -> tuple[Tally, ...]:
    """One a playbook, those with most proposals first."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        count = counts.setdefault(row.playbook, {})
        for name in ("incidents", *_counted(row)):
            count[name] = count.get(name, 0) + 1
    made = [Tally(playbook, **count) for playbook, count in counts.items()]
    return tuple(sorted(made, key=lambda one: (-one.proposed, -one.incidents, one.playbook)))


def _counted(row: Shadowed) -> Sequence[str]:
    if not row.proposed:
        return ()
    if row.open:
        return ("proposed", "open")
    names: Mapping[Outcome, str] = {
        Outcome.SAME: "same",
        Outcome.ELSE: "other",
        Outcome.NOTHING: "nothing",
        Outcome.APPROVED: "approved",
        Outcome.UNREAD: "unread",
    }
    return ("proposed", names[row.outcome] if row.outcome is not None else "unread")


def disagreements(rows: Iterable[Shadowed]) -> tuple[Shadowed, ...]:
    """Those in which people did something else, oldest first."""
    return tuple(row for row in rows if not row.open and row.outcome is Outcome.ELSE)


def remarks(found: Sequence[Tally]) -> tuple[str, ...]:
    """What the numbers can't carry, as sentences."""
    if not any(one.proposed for one in found):
        return ("Nothing was proposed in this time, so there is nothing to compare.",)
    few = [one for one in found if one.proposed and one.acted < ENOUGH]
    said = [
        f"{one.playbook}: too little to say. People acted by themselves in {one.acted} of its "
        f"{one.proposed} incident{'' if one.proposed == 1 else 's'} with a proposal; look again at {ENOUGH}."
        for one in few
    ]
    return (*said, "What resolved by itself counts neither for a proposal nor against it.")


def as_json(found: Sequence[Tally], rows: Sequence[Shadowed]) -> dict[str, Any]:
    """The report for programs; ``agreement`` is null without ``acted``."""
    return {
        "enough": ENOUGH,
        "playbooks": [
            {
                "playbook": one.playbook, "incidents": one.incidents, "proposed": one.proposed, "same": one.same,
                "else": one.other, "nothing": one.nothing, "approved": one.approved, "open": one.open,
                "unread": one.unread, "acted": one.acted, "agreement": one.agreement,
            }
            for one in found
        ],
        "disagreements": [
            {
                "incident": row.incident, "playbook": row.playbook, "opened_at": row.opened_at.isoformat(),
                "proposed": row.proposed, "did": [{"action": action, "what": what} for action, what in row.did],
            }
            for row in disagreements(rows)
        ],
    }  # fmt: skip
