"""The admission policies of scaling and evicting, read by a CEL interpreter: off at first, no more than the verb."""

from __future__ import annotations

import copy
from typing import Any

import cel
import pytest
from asked import refused
from built import SETS, Object, built, one_of

from bot.mitigations import evict, raise_autoscaler, scale
from bot.mitigations.params import Params
from tests.unit.cluster_states import NOW, state

ACCOUNT = "system:serviceaccount:fettle:fettle"
ON = {"scale": "true", "evict": "true"}
SCALE_OFF = 'Fettle scales nothing until scale is "true" in its ConfigMap fettle-may.'
EVICT_OFF = 'Fettle evicts nothing until evict is "true" in its ConfigMap fettle-may.'


def refusals(
    policy: str,
    resource: str,
    new: Object | None,
    old: Object | None = None,
    *,
    operation: str = "UPDATE",
    may: dict[str, str] | None = None,
) -> list[str]:
    """What a policy says of this request; an expression that can't be evaluated refuses (failurePolicy Fail)."""
    spec = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", policy)["spec"]
    plural, _, sub = resource.partition("/")
    asked = {
        "operation": operation, "subResource": sub, "userInfo": {"username": ACCOUNT}, "resource": {"resource": plural},
    }  # fmt: skip
    params = {"data": ON if may is None else may}
    world: dict[str, Any] = {"object": new, "oldObject": old, "request": asked, "params": params}
    return refused(spec, world)


def a_scale(replicas: int) -> Object:
    """As the API server has it: no replicas are no key."""
    return {
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"replicas": replicas} if replicas else {},
    }  # fmt: skip


def autoscaler(least: int = 2, most: int = 6) -> Object:
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "api", "namespace": "shop", "labels": {"app": "api"}, "annotations": {"team": "shop"}},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "api"}, "minReplicas": least, "maxReplicas": most,
            "metrics": [{"type": "Resource"}],
        },
    }  # fmt: skip


@pytest.mark.parametrize("plural", ["deployments", "statefulsets"])
@pytest.mark.parametrize(("before", "after"), [(3, 6), (6, 3), (0, 2), (2, 10)])
def test_a_scale_is_allowed_only_where_it_was_switched_on(plural: str, before: int, after: int) -> None:
    asked = ("fettle-scale-only", f"{plural}/scale", a_scale(after), a_scale(before))
    assert refusals(*asked) == []
    for off in ({}, {"scale": "false"}, {"scale": "yes"}, {"rollback": "true"}):
        assert refusals(*asked, may=off) == [SCALE_OFF]


def test_to_zero_takes_a_switch_of_its_own() -> None:
    asked = ("fettle-scale-only", "deployments/scale", a_scale(0), a_scale(3))
    assert refusals(*asked) == [
        'Fettle scales nothing to zero until scale_to_zero is "true" in its ConfigMap fettle-may.'
    ]
    assert refusals(*asked, may={**ON, "scale_to_zero": "true"}) == []


def test_replica_sets_are_never_scaled() -> None:
    assert refusals("fettle-scale-only", "replicasets/scale", a_scale(4), a_scale(3)) == [
        "Fettle scales workloads and none of their ReplicaSets."
    ]


def test_other_bounds_are_allowed_and_never_below_one() -> None:
    resource = "horizontalpodautoscalers"
    assert refusals("fettle-scale-only", resource, autoscaler(3, 9), autoscaler()) == []
    assert refusals("fettle-scale-only", resource, autoscaler(3, 9), autoscaler(), may={}) == [SCALE_OFF]
    assert refusals("fettle-scale-only", resource, autoscaler(0, 9), autoscaler()) == [
        "Of an autoscaler Fettle changes only its bounds, never below one."
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o["spec"].update(metrics=[]),
        lambda o: o["spec"]["scaleTargetRef"].update(name="web"),
        lambda o: o["spec"].update(behavior={"scaleDown": {}}),
        lambda o: o["spec"].pop("minReplicas"),
        lambda o: o["metadata"]["labels"].update(app="web"),
        lambda o: o["metadata"].update(annotations={}),
        lambda o: o["metadata"].update(ownerReferences=[{"kind": "X"}]),
    ],
    ids=["metrics", "target", "behaviour", "a field taken away", "label", "annotation", "owner"],
)
def test_of_an_autoscaler_nothing_else_is_changed(change: Any) -> None:
    new = copy.deepcopy(autoscaler(2, 9))
    change(new)
    (said,) = refusals("fettle-scale-only", "horizontalpodautoscalers", new, autoscaler())
    assert "(" not in said


@pytest.mark.parametrize(("operation", "new", "old"), [("CREATE", autoscaler(), None), ("DELETE", None, autoscaler())])
def test_autoscalers_are_neither_created_nor_deleted(operation: str, new: Object | None, old: Object | None) -> None:
    assert refusals("fettle-scale-only", "horizontalpodautoscalers", new, old, operation=operation) == [
        "Fettle only sets replicas, and bounds of autoscalers; it creates and deletes neither."
    ]
    assert refusals("fettle-scale-only", "horizontalpodautoscalers/status", autoscaler(), autoscaler())


def eviction() -> Object:
    """The very body that the mitigation sends."""
    params = {"pod": "api-1", "uid": "u-1"}
    body: Object = evict.request(state(), approved_at=NOW, execution_uid="e1", params=params).body
    return copy.deepcopy(body)


def test_an_eviction_is_allowed_only_where_it_was_switched_on() -> None:
    asked = ("fettle-evict-only", "pods/eviction", eviction())
    assert refusals(*asked, operation="CREATE") == []
    for off in ({}, {"evict": "false"}, {"scale": "true"}):
        assert refusals(*asked, operation="CREATE", may=off) == [EVICT_OFF]


def test_an_eviction_names_the_uid_and_leaves_the_pod_its_grace() -> None:
    by_name = {**eviction(), "deleteOptions": {}}
    assert refusals("fettle-evict-only", "pods/eviction", by_name, operation="CREATE") == [
        "Fettle evicts a pod by its uid and never by its name alone."
    ]
    hasty = eviction()
    hasty["deleteOptions"]["gracePeriodSeconds"] = 0
    assert refusals("fettle-evict-only", "pods/eviction", hasty, operation="CREATE") == [
        "Fettle leaves a pod the time to end that it has of its own."
    ]


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "DELETE"])
def test_pods_are_never_created_changed_or_deleted(operation: str) -> None:
    pod: Object = {"kind": "Pod", "metadata": {"name": "api-1"}}
    assert refusals("fettle-evict-only", "pods", pod, pod, operation=operation) == [
        "Of pods Fettle only asks for evictions; it creates, changes and deletes none."
    ]


@pytest.mark.parametrize("name", ["fettle-scale-only", "fettle-evict-only"])
def test_they_look_at_this_account_alone_and_deny(name: str) -> None:
    (condition,) = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", name)["spec"]["matchConditions"]
    for user, expected in ((ACCOUNT, True), ("system:serviceaccount:shop:fettle", False), ("ana", False)):
        assert cel.evaluate(condition["expression"], {"request": {"userInfo": {"username": user}}}) is expected
    binding = one_of(built(SETS["base"]), "ValidatingAdmissionPolicyBinding", name)["spec"]
    params = {"name": "fettle-may", "namespace": "fettle", "parameterNotFoundAction": "Deny"}
    assert binding == {"policyName": name, "paramRef": params, "validationActions": ["Deny"]}
    assert set(one_of(built(SETS["base"]), "ConfigMap", "fettle-may")["data"].values()) == {"false"}


def test_what_the_mitigations_send_is_covered_by_a_policy() -> None:
    """A request to a resource that no rule names would be held to the role alone."""
    bounds: Params = {
        "autoscaler": "api", "uid": "h", "from_least": 2, "from_most": 6, "least": 2, "most": 9,
    }  # fmt: skip
    sent = [
        scale.request(state(kind), approved_at=NOW, execution_uid="e", params={"from": 6, "replicas": 8})
        for kind in ("Deployment", "StatefulSet")
    ]
    sent.append(raise_autoscaler.request(state(), approved_at=NOW, execution_uid="e", params=bounds))
    sent.append(evict.request(state(), approved_at=NOW, execution_uid="e", params={"pod": "api-1", "uid": "u"}))
    ruled = {
        (group, resource)
        for name in ("fettle-scale-only", "fettle-evict-only")
        for rule in one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", name)["spec"]["matchConstraints"][
            "resourceRules"
        ]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    for one in sent:
        parts = one.path.strip("/").split("/")
        group = parts[1] if parts[0] == "apis" else ""
        plural, *rest = parts[parts.index("namespaces") + 2 :]
        assert (group, "/".join([plural, *rest[1:]])) in ruled, one.path
