"""The admission policies for Jobs, nodes and claims, read by a CEL interpreter: what verbs write and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import cel
import pytest
from asked import refused
from built import SETS, Object, built, one_of

from bot.domain.execution import EXECUTION_ID
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube.objects import Json
from bot.kube.quantity import quantity
from bot.mitigations import cordon, delete_failed_job, expand_volume, rerun_job

FOUND = built(SETS["base"])
ACCOUNT = "system:serviceaccount:fettle:fettle"
SWITCHES = ("rerun-job", "delete-failed-job", "cordon", "expand-volume")
NOW = datetime(2026, 11, 26, 3, 14, tzinfo=UTC)


def policy(name: str) -> Object:
    return one_of(FOUND, "ValidatingAdmissionPolicy", name)["spec"]


def functions(world: Mapping[str, Any]) -> cel.Context:
    """The interpreter with the quantities that the API server's CEL has."""
    context = cel.Context()
    for name, value in world.items():
        context.add_variable(name, value)
    context.add_function("quantity", lambda text: float(quantity(text) or 0.0))
    context.add_function("compareTo", lambda left, right: (left > right) - (left < right))
    context.add_function("add", lambda left, right: left + right)
    context.add_function("substring", lambda text, start, end: text[start:end])
    return context


def refusals(
    name: str, old: Object | None, new: Object | None, operation: str, params: Object, sub: str = ""
) -> list[str]:
    """What a policy says of this request; an expression that can't be evaluated refuses (failurePolicy Fail)."""
    spec = policy(name)
    request = {"operation": operation, "subResource": sub, "userInfo": {"username": ACCOUNT}}
    world: dict[str, Any] = {"object": new, "oldObject": old, "request": request, "params": params}
    return refused(spec, world, functions)


def may(*verbs: str) -> Object:
    return {"data": {verb: "true" if verb in verbs else "false" for verb in SWITCHES}}


def state(target: Target, **facts: Any) -> TargetState:
    return TargetState(
        target, "cluster", 1, 1, 1, 1, 1, 1, 1, paused=False, template_hash="h", strategy="", annotated=True, **facts
    )


# -- Jobs -------------------------------------------------------------------------------------------

POD: Json = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.example/shop/nightly:1"}]}
TEMPLATE: Json = {"backoffLimit": 2, "template": {"metadata": {}, "spec": POD}}


def cronjob(**more: Any) -> Object:
    meta = {"name": "nightly", "namespace": "shop", "uid": "c1", "annotations": {"fettle/rerun": "safe"}}
    return {
        "metadata": meta,
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": copy.deepcopy(TEMPLATE)}, **more},
    }


def made() -> Object:
    """The Job as the API server has it once its defaults are filled in."""
    params = {"cronjob": "nightly", "cronjob_uid": "c1", "content": "x"}
    sent = rerun_job.request(
        state(Target("CronJob", "shop", "nightly", "c1")), approved_at=NOW, execution_uid="e" * 32, params=params
    )
    job = {**copy.deepcopy(sent.body), "spec": copy.deepcopy(TEMPLATE)}
    job["metadata"]["uid"] = "j1"
    job["spec"]["template"]["metadata"] = {"labels": {"job-name": job["metadata"]["name"]}}
    return {**job, "spec": {**job["spec"], "parallelism": 1, "selector": {"matchLabels": {"x": "j1"}}}}


def rerun_refused(job: Object, params: Object | None = None, cron: Object | None = None) -> list[str]:
    general = refusals("fettle-jobs", None, job, "CREATE", params or may("rerun-job"))
    return general + refusals("fettle-rerun-template", None, job, "CREATE", cron or cronjob())


def test_what_a_rerun_sends_is_let_through() -> None:
    assert rerun_refused(made()) == []


def test_other_cronjobs_of_the_namespace_say_nothing_of_it() -> None:
    other = cronjob(suspend=True)
    other["metadata"] |= {"name": "hourly", "uid": "c2", "annotations": {}}
    assert refusals("fettle-rerun-template", None, made(), "CREATE", other) == []


def _pod(job: Object) -> Object:
    found: Object = job["spec"]["template"]["spec"]
    return found


JOBS: dict[str, Callable[[Object], object]] = {
    "another image": lambda j: _pod(j)["containers"][0].update(image="evil:1"),
    "another command": lambda j: _pod(j)["containers"][0].update(command=["sh"]),
    "more of a field": lambda j: _pod(j).update(serviceAccountName="admin"),
    "another limit": lambda j: j["spec"].update(backoffLimit=600),
    "no owner": lambda j: j["metadata"].pop("ownerReferences"),
    "another uid": lambda j: j["metadata"]["ownerReferences"][0].update(uid="c9"),
    "two owners": lambda j: j["metadata"]["ownerReferences"].append({"kind": "X", "apiVersion": "v1", "name": "x"}),
    "no controller": lambda j: j["metadata"]["ownerReferences"][0].pop("controller"),
    "another name": lambda j: j["metadata"].update(name="evil"),
    "no name yet": lambda j: j["metadata"].pop("name"),
    "no mark": lambda j: j["metadata"]["annotations"].pop(EXECUTION_ID),
    "not by hand": lambda j: j["metadata"]["annotations"].pop(rerun_job.MANUAL),
    "the host's network": lambda j: _pod(j).update(hostNetwork=True),
    "a node by name": lambda j: _pod(j).update(nodeName="worker-1"),
    "the host's files": lambda j: _pod(j).update(volumes=[{"name": "x", "hostPath": {"path": "/"}}]),
    "privileged": lambda j: _pod(j)["containers"][0].update(securityContext={"privileged": True}),
    "a capability": lambda j: _pod(j)["containers"][0].update(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
}  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_any_other_job_is_denied(name: str) -> None:
    job = made()
    JOBS[name](job)
    assert rerun_refused(job)


@pytest.mark.parametrize(
    "name", ["the host's network", "a node by name", "the host's files", "privileged", "a capability"]
)
def test_a_job_of_a_cronjob_that_is_not_there_gets_nothing_of_the_host(name: str) -> None:
    """A policy can't tell that there is none; what it can do is to keep such a Job within its pod."""
    job = made()
    job["metadata"]["ownerReferences"][0]["name"] = "nobody"
    job["metadata"]["name"] = "nobody-1"
    assert rerun_refused(job) == []
    JOBS[name](job)
    assert rerun_refused(job)


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        (cronjob(suspend=True), "suspended"),
        (
            {**cronjob(), "metadata": {**cronjob()["metadata"], "annotations": {"fettle/rerun": "maybe"}}},
            "fettle/rerun=safe",
        ),
        ({**cronjob(), "metadata": {"name": "nightly", "uid": "c1"}}, "fettle/rerun=safe"),
    ],
    ids=["suspended", "another word", "no annotation"],
)
def test_a_cronjob_that_does_not_allow_it_denies_it(cron: Object, said: str) -> None:
    (refusal,) = rerun_refused(made(), cron=cron)
    assert said in refusal


def failed(**more: Any) -> Object:
    owner = {"kind": "CronJob", "apiVersion": "batch/v1", "name": "nightly", "uid": "c1", "controller": True}
    return {
        "metadata": {"name": "nightly-1", "uid": "j1", "ownerReferences": [owner], **more},
        "status": {"failed": 3, "conditions": [{"type": "Failed", "status": "True"}]},
    }


def test_a_deletion_is_of_failed_jobs_alone() -> None:
    sent = delete_failed_job.request(
        state(Target("Job", "shop", "nightly-1", "j1")), approved_at=NOW, execution_uid="e1", params={}
    )
    assert sent.method == "DELETE"

    def said(job: Object) -> list[str]:
        return refusals("fettle-jobs", job, None, "DELETE", may("delete-failed-job"))

    assert said(failed()) == []
    for status in (
        {},
        {"conditions": [{"type": "Complete", "status": "True"}]},
        {"conditions": [{"type": "Failed", "status": "False"}]},
    ):
        assert said({**failed(), "status": status})
    assert said(failed(ownerReferences=[]))
    assert said(failed(ownerReferences=[], annotations={"fettle/delete": "safe"})) == []


def test_a_job_is_never_changed() -> None:
    assert refusals("fettle-jobs", failed(), failed(), "UPDATE", may(*SWITCHES))
    assert refusals("fettle-jobs", None, made(), "CREATE", may(*SWITCHES), sub="status")


# -- nodes ------------------------------------------------------------------------------------------


def node(**spec: Any) -> Object:
    meta = {"name": "worker-1", "uid": "n1", "labels": {"pool": "workers"}, "annotations": {"a": "b"}}
    return {"metadata": meta, "spec": {"podCIDR": "10.0.1.0/24", "providerID": "x", **spec}}


def marked(obj: Object, **spec: Any) -> Object:
    new = copy.deepcopy(obj)
    new["spec"] |= spec
    new["metadata"]["annotations"][EXECUTION_ID] = "e1"
    return new


def node_refused(old: Object, new: Object) -> list[str]:
    return refusals("fettle-nodes", old, new, "UPDATE", may("cordon"))


def test_cordon_and_uncordon_are_let_through() -> None:
    assert cordon.CORDON.action is Action.CORDON
    assert node_refused(node(), marked(node(), unschedulable=True)) == []
    assert node_refused(node(unschedulable=True), marked(node())) == []


NODES: dict[str, Callable[[Object], object]] = {
    "a taint": lambda n: n["spec"].update(taints=[{"key": "x", "effect": "NoExecute"}]),
    "the provider's id": lambda n: n["spec"].update(providerID="y"),
    "a field less": lambda n: n["spec"].pop("podCIDR"),
    "a label": lambda n: n["metadata"]["labels"].update(pool="gpu"),
    "an annotation": lambda n: n["metadata"]["annotations"].update(a="c"),
    "a finalizer": lambda n: n["metadata"].update(finalizers=["x/y"]),
}


@pytest.mark.parametrize("name", NODES)
def test_any_other_change_of_a_node_is_denied(name: str) -> None:
    new = marked(node(), unschedulable=True)
    NODES[name](new)
    assert node_refused(node(), new)


@pytest.mark.parametrize("role", ["control-plane", "master"])
def test_the_control_plane_is_never_touched(role: str) -> None:
    key = f"node-role.kubernetes.io/{role}"
    labelled = node()
    labelled["metadata"]["labels"][key] = ""
    for old in (labelled, node(taints=[{"key": key, "effect": "NoSchedule"}])):
        assert node_refused(old, marked(old, unschedulable=True)) == ["Fettle touches no node of the control plane."]


@pytest.mark.parametrize("operation", ["CREATE", "DELETE"])
def test_no_node_is_made_or_removed(operation: str) -> None:
    old, new = (None, node()) if operation == "CREATE" else (node(), None)
    assert refusals("fettle-nodes", old, new, operation, may(*SWITCHES))


# -- claims -----------------------------------------------------------------------------------------


def claim(size: str = "10Gi") -> Object:
    return {
        "metadata": {"name": "data-db-0", "uid": "p1", "labels": {"app": "db"}, "annotations": {"a": "b"}},
        "spec": {"storageClassName": "fast", "volumeName": "v1", "resources": {"requests": {"storage": size}}},
    }


@pytest.mark.parametrize(
    ("size", "let"),
    [
        ("15Gi", True), ("20Gi", True), ("10Gi", True), ("20480Mi", True),
        ("21Gi", False), ("9Gi", False), ("1Ti", False),
    ]
)  # fmt: skip
def test_a_claim_grows_and_at_most_doubles(size: str, let: bool) -> None:
    assert expand_volume.SIZE == "/spec/resources/requests/storage"
    new = marked(claim(size))
    assert (refusals("fettle-claims", claim(), new, "UPDATE", may("expand-volume")) == []) is let


CLAIMS: dict[str, Callable[[Object], object]] = {
    "its class": lambda c: c["spec"].update(storageClassName="slow"),
    "its volume": lambda c: c["spec"].update(volumeName="v2"),
    "a limit": lambda c: c["spec"]["resources"].update(limits={"storage": "1Ti"}),
    "another request": lambda c: c["spec"]["resources"]["requests"].update(x="1"),
    "a label": lambda c: c["metadata"]["labels"].update(app="x"),
    "an annotation": lambda c: c["metadata"]["annotations"].update(a="c"),
    "its owner": lambda c: c["metadata"].update(ownerReferences=[{"kind": "X"}]),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_any_other_change_of_a_claim_is_denied(name: str) -> None:
    new = marked(claim("15Gi"))
    CLAIMS[name](new)
    assert refusals("fettle-claims", claim(), new, "UPDATE", may("expand-volume"))


# -- switches ---------------------------------------------------------------------------------------

WRITES: Mapping[str, tuple[str, Object | None, Object | None, str]] = {
    "rerun-job": ("fettle-jobs", None, made(), "CREATE"),
    "delete-failed-job": ("fettle-jobs", failed(), None, "DELETE"),
    "cordon": ("fettle-nodes", node(), marked(node(), unschedulable=True), "UPDATE"),
    "expand-volume": ("fettle-claims", claim(), marked(claim("15Gi")), "UPDATE"),
}


@pytest.mark.parametrize("verb", SWITCHES)
def test_each_verb_has_a_switch_of_its_own_that_is_off_at_first(verb: str) -> None:
    assert one_of(FOUND, "ConfigMap", "fettle-may")["data"][verb] == "false"
    name, old, new, operation = WRITES[verb]
    others = tuple(one for one in SWITCHES if one != verb)
    assert refusals(name, old, new, operation, may(verb)) == []
    (said,) = refusals(name, old, new, operation, may(*others))
    assert f"({verb} in the ConfigMap fettle-may)" in said
    assert refusals(name, old, new, operation, {})


@pytest.mark.parametrize("name", ["fettle-jobs", "fettle-rerun-template", "fettle-nodes", "fettle-claims"])
def test_each_policy_is_bound_denies_and_looks_at_this_account_alone(name: str) -> None:
    (condition,) = policy(name)["matchConditions"]
    for user, expected in ((ACCOUNT, True), ("system:serviceaccount:shop:fettle", False), ("ana", False)):
        assert cel.evaluate(condition["expression"], {"request": {"userInfo": {"username": user}}}) is expected
    binding = one_of(FOUND, "ValidatingAdmissionPolicyBinding", name)["spec"]
    assert (binding["policyName"], binding["validationActions"]) == (name, ["Deny"])
    assert binding["paramRef"]["parameterNotFoundAction"] == "Deny"
