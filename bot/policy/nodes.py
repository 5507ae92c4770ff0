"""May this node be cordoned, or uncordoned? Pure.

Only nodes that CORDON_NODES selects, never the control plane, never the last one that takes pods, one node an hour.
Draining isn't offered: what it evicts is for a person to see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import selector
from bot.domain.decision import Reason, Rule
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState

HOUR = timedelta(hours=1)
ACTIONS = frozenset({Action.CORDON, Action.UNCORDON})


@dataclass(frozen=True)
class Nodes:
    """The settings, and when another node was last acted on; the defaults deny.

    ``allowed`` is the selector of CORDON_NODES, which settings have checked; ``own`` is the node that Fettle runs on.
    """

    allowed: str = ""
    own: str = ""
    other_at: datetime | None = None
    undo: bool = False


def check(action: str, state: TargetState, nodes: Nodes, now: datetime) -> Iterator[Reason]:
    """Every reason against it."""
    node = state.thing.node if state.thing is not None else None
    if action not in ACTIONS or node is None:
        return
    name, cordons = state.target.name, action == Action.CORDON
    if node.control_plane:
        yield Reason(Rule.PROTECTED, f"{name} is a node of the control plane ({node.control_plane}); I never touch it.")
    if not selector.selects(selector.parse(nodes.allowed), state.labels):
        said = (
            f"doesn't select {name} ({nodes.allowed})" if nodes.allowed else "is empty, so that no node may be touched"
        )
        yield Reason(Rule.PROTECTED, f"The setting CORDON_NODES {said}.")
    if node.unschedulable is cordons:
        yield Reason(Rule.STATE, f"{name} is {'cordoned already' if cordons else 'not cordoned'}. Nothing to do.")
    elif cordons:
        yield from _last(name, node.others)
    if cordons and not nodes.undo and nodes.other_at is not None and now - nodes.other_at < HOUR:
        again = nodes.other_at + HOUR
        yield Reason(
            Rule.RATE, f"Another node was acted on at {_clock(nodes.other_at)}; I take one an hour. What takes several "
            f"nodes needs a person. I look again at {_clock(again)}.",
        )  # fmt: skip


def warnings(action: str, state: TargetState, nodes: Nodes) -> Iterator[str]:
    """What should be known before the press."""
    if action == Action.CORDON and nodes.own and state.target.name == nodes.own:
        yield "Fettle itself runs on this node: if it goes, Fettle starts again elsewhere."
    if action == Action.UNCORDON and not state.marker:
        yield "It wasn't Fettle that cordoned it: ask whoever did whether they are done."


def _last(name: str, others: int | None) -> Iterator[Reason]:
    if others is None:
        yield Reason(
            Rule.UNREADABLE, f"I can't tell whether another node takes pods beside {name}, so I don't cordon it."
        )
    elif not others:
        yield Reason(
            Rule.PROTECTED, f"{name} is the last node that takes pods; without it nothing could start anywhere."
        )


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} {at.tzname() or ''}".strip()
