"""Approvals are append-only: who said what to which proposal, and why; who that person is, or which playbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain import oncall


class Verb(StrEnum):
    """What a person said."""

    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class Principal:
    """Exactly one person, resolved from Slack at the press.

    ``id`` is our own (``person:7``), the one the audit holds; ``slack_id`` and ``name`` live in a table that can be
    purged. ``restricted`` covers guests, ``stranger`` people of other organisations, ``bot`` and ``deleted`` as in
    Slack's ``users.info``. ``groups`` are the user groups (of those configured) that the person is in,
    ``email`` is what Slack tells, as far as it does.
    """

    id: str
    slack_id: str
    name: str
    restricted: bool = False
    stranger: bool = False
    bot: bool = False
    deleted: bool = False
    groups: tuple[str, ...] = ()
    email: str = ""


@dataclass(frozen=True)
class Approval:
    """One line of the append-only table."""

    id: int
    proposal_id: int
    principal: str
    verb: Verb
    reason: str
    at: datetime


PLAYBOOK = "fettle:playbook:"
"""How the principal begins that stands in a person's place where a playbook lets Fettle act by itself."""


def by_playbook(name: str) -> str:
    """``fettle:playbook:api-crash``."""
    return f"{PLAYBOOK}{name}"


def playbook_of(principal: str) -> str:
    """The playbook that approved; empty for a person."""
    return principal.removeprefix(PLAYBOOK) if principal.startswith(PLAYBOOK) else ""


def is_group(approver: str) -> bool:
    """Slack's user-group ids begin with S, user ids with U or W; whoever is on call stands for several as well."""
    return approver.startswith("S") or is_oncall(approver)


def is_oncall(approver: str) -> bool:
    """``oncall`` or ``oncall:sre``: whom a schedule names now."""
    return approver == oncall.ID or approver.startswith(f"{oncall.ID}:")


def too_few(approvers: Sequence[str], quorum: int) -> bool:
    """Whether so many people can't come together: those named are fewer, and no group is among them."""
    return not any(map(is_group, approvers)) and len(set(approvers)) < quorum
