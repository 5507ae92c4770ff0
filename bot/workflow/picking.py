"""Lets a team's handler pick among the mitigations that the playbook lets be proposed, or want none of them.

Its pick takes the place of the playbook's first and of nothing else: policy, approvers and every guard come afterwards
as for any other. It refuses to propose what the playbook wouldn't, for another target, or with other values.
"""

from __future__ import annotations

from bot.domain.evidence import Evidence
from bot.domain.snapshot import Snapshot
from bot.evidence.handler_words import Option
from bot.evidence.handlers import Handlers
from bot.playbooks import chosen
from bot.playbooks.chosen import Planned
from bot.playbooks.words import PARAMS

WITHIN = 3.0
"""Seconds that a handler gets."""


async def picked(handlers: Handlers, snapshot: Snapshot, plan: Planned) -> tuple[Planned, Evidence | None]:
    """The plan as a handler wants it, and its line; the plan as it was when none is asked or it fails."""
    options = tuple(
        Option(one.suggestion.action, one.suggestion.params, _open(one), one.suggestion.reason)
        for one in plan.weighed
        if one.possible
    )
    if not options or not handlers.proposes(snapshot.alerts):
        return plan, None
    findings = () if plan.finding is None else (plan.finding,)
    pick, line = await handlers.pick(snapshot, findings, options, within=WITHIN)
    return (plan if pick is None else chosen.picked(plan, pick.action, pick.params, pick.why)), line


def _open(one: chosen.Weighed) -> dict[str, type]:
    """The parameters that neither the finding nor the playbook settles."""
    taken = PARAMS.get(one.suggestion.action, {})
    return {name: kind for name, kind in taken.items() if name not in one.suggestion.params}
