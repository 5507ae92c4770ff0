"""Every state machine: what is in its table moves, everything else raises."""

from itertools import product
from typing import Any

import pytest

from bot.domain.errors import IllegalTransitionError
from bot.domain.execution import EXECUTION, ExecutionEvent, ExecutionState
from bot.domain.incident import INCIDENT, IncidentEvent, IncidentState
from bot.domain.proposal import PROPOSAL, ProposalEvent, ProposalState
from bot.domain.transitions import Machine
from bot.domain.verification import VERIFICATION, Verdict, VerdictEvent

MACHINES: list[tuple[Machine[Any, Any], Any, Any]] = [
    (INCIDENT, IncidentState, IncidentEvent),
    (PROPOSAL, ProposalState, ProposalEvent),
    (EXECUTION, ExecutionState, ExecutionEvent),
    (VERIFICATION, Verdict, VerdictEvent),
]
PAIRS = [
    pytest.param(machine, state, event, id=f"{machine.name} {state} {event}")
    for machine, states, events in MACHINES
    for state, event in product(states, events)
]
NAMES = [row[0].name for row in MACHINES]


@pytest.mark.parametrize(("machine", "state", "event"), PAIRS)
def test_a_pair_in_the_table_moves_and_any_other_raises(machine: Machine[Any, Any], state: Any, event: Any) -> None:
    if (state, event) in machine.table:
        assert machine.allows(state, event)
        assert machine.next(state, event) is machine.table[state, event]
        assert state in machine.sources(event)
    else:
        assert not machine.allows(state, event)
        assert state not in machine.sources(event)
        with pytest.raises(IllegalTransitionError, match=f"no way from {state} by {event}"):
            machine.next(state, event)


@pytest.mark.parametrize(("machine", "states", "events"), MACHINES, ids=NAMES)
def test_every_state_can_be_reached(machine: Machine[Any, Any], states: Any, events: Any) -> None:
    reached = {machine.initial}
    for _ in states:
        reached |= {after for (before, _), after in machine.table.items() if before in reached}
    alone = {ProposalState.RECORDED}  # made as such: what policy refuses never waited
    assert reached | alone >= set(states)
    assert {event for _, event in machine.table} == set(events)


@pytest.mark.parametrize("machine", [row[0] for row in MACHINES], ids=NAMES)
def test_the_diagram_holds_every_row_and_every_end(machine: Machine[Any, Any]) -> None:
    lines = machine.mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", f"    [*] --> {machine.initial}"]
    assert len(lines) == 2 + len(machine.table) + len(machine.terminal())
    for (before, event), after in machine.table.items():
        assert f"    {before} --> {after}: {event}" in lines


def test_what_is_settled_stays_settled() -> None:
    assert EXECUTION.terminal() == {ExecutionState.SUCCEEDED, ExecutionState.FAILED, ExecutionState.UNKNOWN}
    assert PROPOSAL.terminal() == {
        ProposalState.APPROVED, ProposalState.DENIED, ProposalState.EXPIRED, ProposalState.SUPERSEDED,
    }  # fmt: skip
    assert VERIFICATION.terminal() == {Verdict.SUPERSEDED}
    assert INCIDENT.terminal() == set(), "a resolved incident can be reopened"


@pytest.mark.parametrize("event", ProposalEvent)
def test_one_event_leads_a_proposal_to_one_state(event: ProposalEvent) -> None:
    """Storage settles by one UPDATE whatever the state before."""
    assert len({after for (_, known), after in PROPOSAL.table.items() if known is event}) == 1


def test_only_a_pending_proposal_can_be_approved() -> None:
    assert PROPOSAL.sources(ProposalEvent.APPROVE) == {ProposalState.PENDING}


def test_only_what_was_claimed_can_succeed() -> None:
    assert EXECUTION.sources(ExecutionEvent.SUCCEED) == {ExecutionState.RUNNING}
    assert EXECUTION.sources(ExecutionEvent.CLAIM) == {ExecutionState.PENDING}
