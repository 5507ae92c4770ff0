"""Keeps in the store who may approve by a list that lies elsewhere: user groups of Slack, and who is on call.

Read each minute while proposals wait, so that neither workflow nor policy asks anybody; how old a reading may be is
policy's business. A list that can't be read keeps what was known, with its time and the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from bot.domain.approval import is_oncall
from bot.domain.errors import FettleError, UnavailableError
from bot.domain.oncall import Shift
from bot.domain.owed import Priority
from bot.storage import artifacts, freeze, incidents, oncall, people, proposals, silences
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.context import Context

log = structlog.get_logger(__name__)

GROUPS_EVERY = timedelta(seconds=60)
FORM_OPEN = timedelta(minutes=15)
"""How long groups are read for the sake of a silence's form that somebody opened."""
NAMES_EVERY = timedelta(hours=1)
GROUPS_PAUSE = 15.0
"""Least seconds between a group that couldn't be read and the next try; longer if Slack names a time."""

Members = Callable[[str], Awaitable[tuple[str, ...]]]
"""Asks Slack for the members of a user group; raises errors of the domain."""
Names = Callable[[], Awaitable[Mapping[str, str]]]
"""Asks Slack what its user groups are called, by id; raises errors of the domain."""
OnCall = Callable[[str, datetime], Awaitable[tuple[Shift, ...]]]
"""Asks a schedule who is on call from a time on, by its id; raises errors of the domain."""


class Groups:
    """The lists of one process."""

    def __init__(
        self, ctx: Context, members: Members | None = None, names: Names | None = None, on_call: OnCall | None = None
    ) -> None:
        self._ctx = ctx
        self._members = members
        self._names = names
        self._on_call = on_call
        self._names_after: datetime | None = None
        self._after: dict[str, datetime] = {}
        self._reading = False

    async def refresh(self) -> None:
        """Reads what is older than a minute into the store, while somebody may need it; a failure denies."""
        wanted = tuple(
            one
            for one in self._ctx.settings.approver_groups
            if (self._on_call if is_oncall(one) else self._members) is not None
        )
        if not wanted or self._reading:
            return
        self._reading = True
        try:
            await self._read(wanted)
        except FettleError as error:
            log.warning("the approver groups could not be kept", error=str(error))
        finally:
            self._reading = False

    async def _read(self, groups: tuple[str, ...]) -> None:
        now = self._ctx.clock()
        for group in await self._ctx.store.read(stale, groups, now):
            if now < self._after.get(group, now):
                continue
            try:
                await self._one(group)
            except FettleError as error:
                named = error.retry_after if isinstance(error, UnavailableError) else None
                pause = timedelta(seconds=max(named or 0.0, GROUPS_PAUSE))
                self._after[group] = self._ctx.clock() + pause
                await self._ctx.store.transact(people.group_failed, group, str(error), self._ctx.clock())
                log.warning("an approver group could not be read", group=group, error=str(error))

    async def _one(self, group: str) -> None:
        if is_oncall(group):
            if self._on_call is not None:
                at = self._ctx.clock()
                shifts = await self._on_call(group, at)
                await self._ctx.store.transact(_keep, group, shifts, at)
            return
        if self._members is not None:
            found = await self._members(group)
            await self._ctx.store.transact(people.set_group, group, found, self._ctx.clock())
            await self._name(self._ctx.settings.approver_groups)

    async def _name(self, groups: tuple[str, ...]) -> None:
        """Keeps what people call the groups: a refusal says whom to ask. Without it they are told by their ids."""
        now = self._ctx.clock()
        if self._names is None or (self._names_after is not None and now < self._names_after):
            return
        self._names_after = now + NAMES_EVERY
        try:
            names = await self._names()
        except FettleError as error:
            log.info("the user groups' names could not be read", error=str(error))
        else:
            ours = {group: names[group] for group in groups if names.get(group)}
            await self._ctx.store.transact(people.name_groups, ours)


def _keep(tx: Tx, source: str, shifts: tuple[Shift, ...], now: datetime) -> None:
    """What was read; cards that name the schedule are drawn anew where somebody else is on call now."""
    if not oncall.keep(tx, source, shifts, now):
        return
    for proposal in proposals.pending(tx):
        if source in proposal.approvers:
            owing.card(tx, incidents.get(tx, proposal.incident_id), Priority.EXECUTION, now)


def stale(tx: Tx, groups: tuple[str, ...], now: datetime) -> list[str]:
    """Those that have to be read: never read, or more than a minute ago while somebody may need them."""
    known = people.groups(tx)
    never = [group for group in groups if group not in known]
    # While writes are frozen somebody may want to thaw, and what is held up somebody may break the glass for.
    held = freeze.state(tx)[0] or artifacts.lendable(tx) or proposals.breakable(tx)
    wanted = proposals.pending(tx) or held or silences.asked_since(tx, now - FORM_OPEN)
    if never or not wanted:
        return never
    read_at = {group: known[group][1] for group in groups}
    return [group for group, at in read_at.items() if at is None or now - at > GROUPS_EVERY]
