"""Laws of every verb: it builds no request for what isn't one exact object, and sends none that would hit another."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bot.domain.errors import IntegrityError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.keeper import Keeper
from bot.domain.mitigation import TRAITS, Action
from bot.domain.target import Target
from bot.mitigations import raise_autoscaler, scale
from bot.mitigations.applied import Applied
from bot.mitigations.catalog import CATALOG
from tests.unit.cluster_states import NOW, state

WRITES = [action for action in Action if not TRAITS[action].looks]


def built(action: Action, target: Target, execution: str = "e1", **params: Any) -> WriteRequest:
    at: datetime = NOW
    return CATALOG[action].request(state(target=target), approved_at=at, execution_uid=execution, params=params)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    "target",
    [Target("", "shop", "api", ""), Target("", "shop", "", "u"), Target("", "", "", "")],
    ids=["no uid", "no name", "nothing"],
)
def test_no_request_is_built_for_what_is_not_one_exact_object(action: Action, target: Target) -> None:
    kind = TRAITS[action].kinds[0]
    with pytest.raises(RequestError):
        built(action, Target(kind, target.namespace, target.name, target.uid))


@pytest.mark.parametrize("action", Action)
def test_no_request_is_built_without_an_execution(action: Action) -> None:
    with pytest.raises(RequestError):
        built(action, Target(TRAITS[action].kinds[0], "shop", "api", "u"), execution="")


@pytest.mark.parametrize(
    "action",
    [
        action
        for action in Action
        if action
        not in {Action.RESTART, Action.PAUSE, Action.RESUME, Action.CORDON, Action.UNCORDON, Action.DELETE_FAILED_JOB}
    ],
)
def test_no_request_is_built_without_what_was_resolved(action: Action) -> None:
    with pytest.raises(RequestError):
        built(action, Target(TRAITS[action].kinds[0], "shop", "api", "u"))


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("method", ["PATCH", "POST", "DELETE"])
async def test_no_request_without_its_precondition_is_sent(action: Action, method: str) -> None:
    broken = WriteRequest(
        method=method, path="/x", content_type="application/json", body=[] if method == "PATCH" else {}
    )
    with pytest.raises(IntegrityError):
        await CATALOG[action].apply(None, broken)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", [Action.RERUN_JOB, Action.RAISE_AUTOSCALER])
async def test_without_the_stored_request_nothing_is_claimed_to_have_happened(action: Action) -> None:
    target = Target(TRAITS[action].kinds[0], "shop", "api", "u")
    found = await CATALOG[action].read_back(None, target, "e1", stored=None)  # type: ignore[arg-type]
    assert found.state is Applied.CHANGED


@pytest.mark.parametrize("action", [Action.RESTART, Action.PAUSE, Action.RESUME])
async def test_what_takes_no_parameters_says_so(action: Action) -> None:
    with pytest.raises(RequestError, match="takes no parameters"):
        await CATALOG[action].plan(None, state(), {"more": "41"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "inverse"),
    [
        (Action.PAUSE, Action.RESUME),
        (Action.RESUME, Action.PAUSE),
        (Action.CORDON, Action.UNCORDON),
        (Action.UNCORDON, Action.CORDON),
    ],
)
def test_the_inverse_of_the_inverse_is_the_verb(action: Action, inverse: Action) -> None:
    found = CATALOG[action].undo({"node": "worker-1"})
    assert found is not None
    assert found[0] is inverse


FLUX = Keeper("Flux", "Kustomization shop")
SCALINGS = [
    ({"budget": ("api", "minAvailable 2", 0)}, 6, 3, "doesn't heed the disruption budget api (minAvailable 2)"),
    ({}, 6, 1, "A single replica is left"),
    ({"ordered": True, "ready": 5}, 6, 8, "makes one pod after the other"),
    ({"keeper": FLUX}, 6, 8, "Flux (Kustomization shop) keeps this object"),
]


@pytest.mark.parametrize(("changes", "before", "after", "said"), SCALINGS, ids=[row[3][:20] for row in SCALINGS])
def test_a_scaling_warns_of_what_a_person_should_know(
    changes: dict[str, Any], before: int, after: int, said: str
) -> None:
    (line,) = scale.warnings(state(**changes), {"from": before, "replicas": after})
    assert said in line


def test_other_bounds_warn_of_who_keeps_them_and_of_pods_that_are_not_ready() -> None:
    first, second = raise_autoscaler.warnings(state(hpa_keeper=FLUX, ready=4), {"most": 12, "from_most": 9})
    assert "keeps the autoscaler" in first
    assert second == "2 of 6 pods aren't ready now."
    assert raise_autoscaler.warnings(state(), {"most": 12, "from_most": 9}) == ()
