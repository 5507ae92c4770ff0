"""The admission policy, read by a CEL interpreter: this account restarts, and changes nothing else of a workload."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import cel
import pytest
from asked import refused
from built import SETS, Object, built, one_of

from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.target import RESTARTABLE
from bot.kube import undo
from bot.kube.objects import PLACES

POLICY = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", "fettle-restart-only")["spec"]
ACCOUNT = "system:serviceaccount:fettle:fettle"


def workload() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "api", "namespace": "shop", "uid": "u1", "generation": 3, "labels": {"app": "api"},
            "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}, "annotations": {"team": "shop"}},
                "spec": {"containers": [{"name": "api", "image": "registry.example/api:1", "args": ["serve"]}]},
            },
        },
    }  # fmt: skip


def kubernetes(world: dict[str, Any]) -> cel.Context:
    """The names, and what Kubernetes adds to CEL's own functions of text."""
    made = cel.Context(variables=world)
    made.add_function("split", lambda text, by: text.split(by))
    made.add_function("lastIndexOf", lambda text, part: text.rfind(part))
    made.add_function("substring", lambda text, start, end: text[start:end])
    return made


def refusals(
    old: Object | None,
    new: Object | None,
    *,
    operation: str = "UPDATE",
    sub: str = "",
    rollback: str | None = "false",
    **switches: str,
) -> list[str]:
    """What the policy says of this request; an expression that can't be evaluated refuses (failurePolicy Fail).

    ``switches`` are the other ones of the ConfigMap, an underscore for a hyphen.
    """
    request = {"operation": operation, "subResource": sub, "userInfo": {"username": ACCOUNT}}
    on = {key.replace("_", "-"): value for key, value in switches.items()}
    params = {} if rollback is None else {"data": {"rollback": rollback, **on}}
    world: dict[str, Any] = {"object": new, "oldObject": old, "request": request, "params": params}
    return refused(POLICY, world, kubernetes)


def changed(*change: Callable[[Object], object], of: Object | None = None) -> tuple[Object, Object]:
    old = of or workload()
    new = copy.deepcopy(old)
    for one in change:
        one(new)
    return old, new


def restart(new: Object) -> None:
    template = new["spec"]["template"]["metadata"]
    template.setdefault("annotations", {}).update({RESTARTED_AT: "2026-11-21T03:14:15Z", EXECUTION_ID: "e1"})
    new["metadata"]["generation"] += 1
    new["metadata"]["managedFields"] = [{"manager": "fettle"}]


def bare() -> Object:
    found = workload()
    del found["spec"]["template"]["metadata"]["annotations"]
    return found


def restarted() -> Object:
    found = workload()
    restart(found)
    found["spec"]["template"]["metadata"]["annotations"][EXECUTION_ID] = "e0"
    return found


@pytest.mark.parametrize("state", [workload, bare, restarted], ids=lambda one: one.__name__)
def test_a_restart_is_allowed(state: Callable[[], Object]) -> None:
    assert refusals(*changed(restart, of=state())) == []


def test_a_request_that_changes_nothing_is_allowed() -> None:
    assert refusals(*changed()) == []


CHANGES: dict[str, Callable[[Object], object]] = {
    "image": lambda o: o["spec"]["template"]["spec"]["containers"][0].update(image="evil:1"),
    "command": lambda o: o["spec"]["template"]["spec"]["containers"][0].update(command=["sh"]),
    "second container": lambda o: o["spec"]["template"]["spec"]["containers"].append({"name": "x", "image": "y"}),
    "init container": lambda o: o["spec"]["template"]["spec"].update(initContainers=[{"name": "x"}]),
    "service account": lambda o: o["spec"]["template"]["spec"].update(serviceAccountName="admin"),
    "a field of tomorrow": lambda o: o["spec"]["template"].update(somethingNew={"a": 1}),
    "template label": lambda o: o["spec"]["template"]["metadata"]["labels"].update(app="other"),
    "new template label": lambda o: o["spec"]["template"]["metadata"]["labels"].update(more="x"),
    "template label removed": lambda o: o["spec"]["template"]["metadata"].pop("labels"),
    "template annotation": lambda o: o["spec"]["template"]["metadata"]["annotations"].update(team="other"),
    "new template annotation": lambda o: o["spec"]["template"]["metadata"]["annotations"].update(inject="yes"),
    "template annotation removed": lambda o: o["spec"]["template"]["metadata"]["annotations"].pop("team"),
    "all template annotations removed": lambda o: o["spec"]["template"]["metadata"].pop("annotations"),
    "replicas": lambda o: o["spec"].update(replicas=0),
    "replicas removed": lambda o: o["spec"].pop("replicas"),
    "paused": lambda o: o["spec"].update(paused=True),
    "strategy": lambda o: o["spec"].update(strategy={"type": "Recreate"}),
    "label": lambda o: o["metadata"]["labels"].update(app="other"),
    "labels removed": lambda o: o["metadata"].pop("labels"),
    "annotation": lambda o: o["metadata"]["annotations"].update({"deployment.kubernetes.io/revision": "1"}),
    "finalizer": lambda o: o["metadata"].update(finalizers=["x/y"]),
    "owner": lambda o: o["metadata"].update(ownerReferences=[{"kind": "X"}]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_other_change_is_denied_by_one_sentence_alone_and_beside_a_restart(name: str) -> None:
    alone = refusals(*changed(CHANGES[name]))
    assert len(alone) == 1
    assert "(" not in alone[0]
    assert refusals(*changed(restart, CHANGES[name])) == alone


def rolled_back(new: Object) -> None:
    """Another template, and the mark on the workload."""
    template = new["spec"]["template"]
    template["metadata"] = {"labels": {"app": "api", "version": "1"}}
    template["spec"]["containers"][0].update(
        image="registry.example/api:0", args=["serve", "--old"], env=[{"name": "A"}]
    )
    new["metadata"]["annotations"][EXECUTION_ID] = "e1"


def secured() -> Object:
    found = workload()
    spec = found["spec"]["template"]["spec"]
    spec.update(serviceAccountName="api", volumes=[{"name": "x"}], securityContext={"runAsNonRoot": True})
    spec["initContainers"] = [{"name": "first", "image": "a"}]
    spec["containers"][0].update(
        securityContext={"privileged": False},
        volumeMounts=[{"name": "x"}],
        ports=[{"containerPort": 80, "hostPort": 80}],
    )
    return found


def template_of(o: Object) -> Any:
    return o["spec"]["template"]["spec"]


@pytest.mark.parametrize("state", [workload, secured], ids=lambda one: one.__name__)
def test_a_rollback_is_allowed_only_where_it_was_switched_on(state: Callable[[], Object]) -> None:
    old, new = changed(rolled_back, of=state())
    assert refusals(old, new, rollback="true") == []
    for off in ("false", "yes", "", None):
        assert refusals(old, new, rollback=off)
    assert refusals(*changed(restart, of=state()), rollback="true") == []


NEVER: dict[str, Callable[[Object], object]] = {
    "service account": lambda o: template_of(o).update(serviceAccountName="admin"),
    "service account removed": lambda o: template_of(o).pop("serviceAccountName"),
    "token": lambda o: template_of(o).update(automountServiceAccountToken=True),
    "volume": lambda o: template_of(o)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
    "pod's security": lambda o: template_of(o).update(securityContext={}),
    "host network": lambda o: template_of(o).update(hostNetwork=True),
    "host PID": lambda o: template_of(o).update(hostPID=True),
    "node": lambda o: template_of(o).update(nodeName="control-plane"),
    "AppArmor": lambda o: o["spec"]["template"]["metadata"].update(annotations={f"{undo.APPARMOR}api": "unconfined"}),
    "new container": lambda o: template_of(o)["containers"].append({"name": "x", "image": "y"}),
    "new init container": lambda o: template_of(o)["initContainers"].append({"name": "x", "image": "y"}),
    "container's security": lambda o: template_of(o)["containers"][0].update(securityContext={"privileged": True}),
    "init container's security": lambda o: template_of(o)["initContainers"][0].update(
        securityContext={"privileged": True}
    ),
    "mount": lambda o: template_of(o)["containers"][0].pop("volumeMounts"),
    "host port": lambda o: template_of(o)["containers"][0]["ports"].append({"containerPort": 1, "hostPort": 22}),
    "replicas": lambda o: o["spec"].update(replicas=0),
    "strategy": lambda o: o["spec"].update(strategy={"type": "Recreate"}),
    "label": lambda o: o["metadata"]["labels"].update(app="other"),
    "annotation": lambda o: o["metadata"]["annotations"].update({"deployment.kubernetes.io/revision": "1"}),
    "owner": lambda o: o["metadata"].update(ownerReferences=[{"kind": "X"}]),
    "a field of tomorrow": lambda o: o["spec"]["template"].update(somethingNew={"a": 1}),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_a_pod_may_do_stays_as_it_is_in_a_rollback(name: str) -> None:
    alone = refusals(*changed(NEVER[name], of=secured()), rollback="true")
    assert len(alone) == 1
    assert "(" not in alone[0]
    assert refusals(*changed(rolled_back, NEVER[name], of=secured()), rollback="true") == alone


def image_set(to: str) -> Callable[[Object], object]:
    return lambda o: template_of(o)["containers"][0].update(image=to)


DIGEST = f"@sha256:{'0' * 64}"
SAME_REPOSITORY = [
    ("registry.example/api:1", "registry.example/api:2"),
    ("registry.example/api:1", f"registry.example/api:2{DIGEST}"),
    (f"registry.example/api:1{DIGEST}", "registry.example/api:2"),
    (f"registry.example/api{DIGEST}", f"registry.example/api:2{DIGEST}"),
    ("registry.example:5000/shop/api", "registry.example:5000/shop/api:2"),
    ("registry.example:5000/shop/api:1", f"registry.example:5000/shop/api:2{DIGEST}"),
    ("api", "api:2"),
]
OTHER_REPOSITORY = [
    ("registry.example/api:1", "registry.example/apis:1"),
    ("registry.example/api:1", "evil.example/api:1"),
    ("registry.example:5000/shop/api", "registry.example:5001/shop/api"),
    ("registry.example:5000/shop/api:1", "registry.example/shop/api:1"),
    ("registry.example/shop/api:1", "registry.example/shop:1"),
    ("api:1", "evil:1"),
    ("api:1", "api:1/evil"),
    ("registry.example:5000/api", "registry.example:6000"),
    (f"registry.example/api{DIGEST}", f"registry.example/evil{DIGEST}"),
]


@pytest.mark.parametrize(("before", "after"), SAME_REPOSITORY)
@pytest.mark.parametrize("state", [workload, secured], ids=lambda one: one.__name__)
def test_another_tag_is_allowed_only_where_it_was_switched_on(
    state: Callable[[], Object], before: str, after: str
) -> None:
    old, new = changed(image_set(after), restart, of=changed(image_set(before), of=state())[1])
    assert refusals(old, new, set_image="true") == []
    for off in ("false", "yes", ""):
        assert refusals(old, new, set_image=off)
    assert refusals(*changed(restart, of=state()), set_image="true") == []


@pytest.mark.parametrize(("before", "after"), OTHER_REPOSITORY)
def test_another_repository_is_denied_whatever_is_switched_on(before: str, after: str) -> None:
    old, new = changed(image_set(after), of=changed(image_set(before))[1])
    (said,) = refusals(old, new, set_image="true")
    assert said == "Of a container Fettle changes nothing but tag and digest of its image; the repository stays."


@pytest.mark.parametrize("name", CHANGES)
def test_beside_another_tag_nothing_else_changes(name: str) -> None:
    alone = refusals(*changed(CHANGES[name]), set_image="true")
    assert len(alone) == 1
    assert "(" not in alone[0]
    if name != "image":
        assert refusals(*changed(image_set("registry.example/api:2"), CHANGES[name]), set_image="true") == alone


@pytest.mark.parametrize("name", NEVER)
def test_what_a_pod_may_do_stays_as_it_is_beside_another_tag(name: str) -> None:
    both = changed(image_set("registry.example/api:2"), NEVER[name], of=secured())
    assert len(refusals(*both, set_image="true")) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda o: template_of(o)["containers"].reverse(),
        lambda o: template_of(o)["containers"].pop(),
        lambda o: template_of(o)["containers"].append(dict(template_of(o)["containers"][0])),
        lambda o: template_of(o)["containers"][0].pop("image"),
        lambda o: template_of(o).pop("initContainers"),
    ],
    ids=["another order", "one less", "one twice", "no image", "no init containers"],
)
def test_containers_stay_as_many_and_in_their_order(change: Callable[[Object], object]) -> None:
    old = secured()
    template_of(old)["containers"].append({"name": "side", "image": "registry.example/side:1"})
    assert len(refusals(*changed(change, of=old), set_image="true")) == 1


def paused(new: Object) -> None:
    new["spec"]["paused"] = True
    new["metadata"]["annotations"][EXECUTION_ID] = "e1"


def resumed(new: Object) -> None:
    new["spec"].pop("paused")
    new["metadata"]["annotations"][EXECUTION_ID] = "e2"


def test_pause_and_resume_are_allowed_only_where_they_were_switched_on() -> None:
    pausing = changed(paused)
    for old, new in (pausing, changed(resumed, of=pausing[1])):
        assert refusals(old, new, pause="true") == []
        for off in ("false", "yes", ""):
            assert refusals(old, new, pause=off)
    assert refusals(*changed(restart), pause="true") == []


@pytest.mark.parametrize("name", [one for one in CHANGES if one != "paused"])
def test_beside_a_pause_nothing_else_changes(name: str) -> None:
    alone = refusals(*changed(CHANGES[name]), pause="true")
    assert len(alone) == 1
    assert refusals(*changed(paused, CHANGES[name]), pause="true") == alone


def test_the_fields_are_those_that_the_program_itself_refuses() -> None:
    told = " ".join(one["expression"] for one in POLICY["validations"])
    for field in (*undo.POD_GUARDED, *undo.CONTAINER_GUARDED, *undo.LISTS, undo.APPARMOR):
        assert f"'{field}'" in told


def test_workloads_are_neither_created_nor_deleted() -> None:
    first = POLICY["validations"][0]["message"]
    assert refusals(None, workload(), operation="CREATE") == [first]
    assert refusals(workload(), None, operation="DELETE") == [first]


def test_the_policy_looks_at_this_account_alone_and_denies() -> None:
    condition, no_scale = POLICY["matchConditions"]
    for sub, expected in (("", True), ("status", True), ("scale", False)):  # that one has a policy of its own
        assert cel.evaluate(no_scale["expression"], {"request": {"subResource": sub}}) is expected
    for user, expected in ((ACCOUNT, True), ("system:serviceaccount:shop:fettle", False), ("ana", False)):
        assert cel.evaluate(condition["expression"], {"request": {"userInfo": {"username": user}}}) is expected
    binding = one_of(built(SETS["base"]), "ValidatingAdmissionPolicyBinding", "fettle-restart-only")["spec"]
    params = {"name": "fettle-may", "namespace": "fettle", "parameterNotFoundAction": "Deny"}
    assert binding == {"policyName": "fettle-restart-only", "paramRef": params, "validationActions": ["Deny"]}
    data = one_of(built(SETS["base"]), "ConfigMap", "fettle-may")["data"]
    assert {"rollback", "set-image", "pause", "scale", "evict"} <= set(data)
    assert set(data.values()) == {"false"}


def test_it_covers_every_kind_that_may_be_patched_with_its_subresources() -> None:
    (rule,) = POLICY["matchConstraints"]["resourceRules"]
    plurals = {PLACES[kind][2] for kind in RESTARTABLE}
    assert set(rule["resources"]) == plurals | {f"{one}/*" for one in plurals}
    assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]


def test_it_lets_through_exactly_the_annotations_that_a_restart_writes() -> None:
    ours = next(one["expression"] for one in POLICY["variables"] if one["name"] == "ours")
    assert cel.evaluate(ours, {}) == [RESTARTED_AT, EXECUTION_ID]
