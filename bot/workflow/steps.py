"""Every step of a proposal asked together: what is shown and approved is all of them, so all have to be allowed.

A proposal of one action has one step. It refuses to say which step is next, or to do one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.decision import Decision
from bot.domain.incident import Incident
from bot.domain.proposal import Proposal
from bot.policy import guardrails
from bot.storage.db import Tx
from bot.workflow import facts
from bot.workflow.context import Context
from bot.workflow.facts import Asked, Reading


async def gather(ctx: Context, proposal: Proposal) -> tuple[Reading, ...]:
    """A reading for each step, side by side."""
    return tuple(await asyncio.gather(*(facts.gather(ctx, proposal.target, one) for one in proposal.actions)))


def check(
    tx: Tx, ctx: Context, readings: Sequence[Reading], incident: Incident, point: guardrails.Point, proposal: Proposal
) -> Decision:
    """Policy's word on every step; any reason against any of them denies."""
    found = Decision()
    for one, reading in zip(proposal.every, readings, strict=True):
        found += facts.check(tx, ctx, reading, incident, one.action, point, one)
    return once(found)


def anew(
    tx: Tx, ctx: Context, readings: Sequence[Reading], incident: Incident, proposal: Proposal, asked: Asked
) -> Decision:
    """The same as if it were proposed now."""
    found, at = Decision(), guardrails.Point.PROPOSE
    for one, reading in zip(proposal.every, readings, strict=True):
        found += facts.check(tx, ctx, reading, incident, one.action, at, asked=asked, params=one.params)
    return once(found)


def once(decision: Decision) -> Decision:
    """Without what several steps say alike."""
    return Decision(tuple(dict.fromkeys(decision.reasons)), tuple(dict.fromkeys(decision.warnings)), decision.policy)
