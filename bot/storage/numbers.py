"""Numbers that were given out are never given out again, not even when the rows that had them are gone.

Old messages in Slack carry the numbers of incidents and proposals on their buttons. A restored store doesn't know
those that came after the copy was made, and must not give their numbers to something else: a press on an old card
would approve what nobody was shown. This module refuses to be used for anything but that.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from bot.domain.incident import IncidentEvent, Resolution
from bot.domain.proposal import SYSTEM, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import incidents
from bot.storage.rows import target_to
from bot.storage.tables import ProposalRow
from bot.storage.tx import Tx

GAP = 1000
"""How many numbers are left out when nobody knows how many were given out."""


def highest(tx: Tx) -> tuple[int, int]:
    """The highest numbers (of incidents, of proposals) in this store."""
    row = tx.execute(
        "SELECT (SELECT coalesce(max(id), 0) FROM incidents), (SELECT coalesce(max(id), 0) FROM proposals)"
    ).fetchone()
    return int(row[0]), int(row[1])


def skip(tx: Tx, last_incident: int, last_proposal: int, why: str, now: datetime) -> None:
    """The next incident and the next proposal get higher numbers than these.

    One resolved incident and one superseded proposal take the places and say ``why``: SQLite counts on from the
    highest row there is, so the rows have to stay.
    """
    incident, proposal = highest(tx)
    number = max(incident, last_incident) + 1
    incidents.add(
        tx, key=f"store:{number}", title=why, alertname="", namespace="", severity=Severity.SEV4, now=now, channel="",
        id=number,
    )  # fmt: skip
    incidents.move(tx, number, IncidentEvent.RESOLVE, now, resolution=str(Resolution.PERSON), reason="")
    taken = max(proposal, last_proposal) + 1
    tx.all(
        ProposalRow.insert(
            id=taken, incident_id=number, action="none", target=target_to(Target("", "", "")), target_key="",
            digest="", state=ProposalState.SUPERSEDED.value, text=asdict(ProposalText(why, why)), requested_by=SYSTEM,
            created_at=now, decided_by=SYSTEM, decided_at=now, reason=why,
        ).returning(ProposalRow)
    )  # fmt: skip
    if tx.dialect == "postgresql":
        for table, last in (("incidents", number), ("proposals", taken)):
            tx.execute("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", (table, last)).fetchone()
