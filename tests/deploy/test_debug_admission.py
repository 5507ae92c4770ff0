"""The policy on debug containers, read by a CEL interpreter: what Fettle's own patch adds, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from asked import refused
from built import SETS, built, one_of

from bot.mitigations import debug_container

POLICY = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", "fettle-debug-only")["spec"]
IMAGE = f"registry.example/tools/jdk@sha256:{'a' * 64}"
E = "0123456789abcdef0123456789abcdef"
POD = {
    "metadata": {"name": "api-1", "uid": "u"},
    "spec": {
        "securityContext": {"runAsUser": 10001},
        "containers": [{"name": "api"}, {"name": "root", "securityContext": {"runAsUser": 0}}, {"name": "side"}],
    },
}


def added(user: int = 10001, container: str = "api", image: str = IMAGE) -> Any:
    """The container of our own patch, with what the API server fills in."""
    params = {"uid": "u", "container": container, "user": user, "group": 20002, "image": image}
    (one,) = debug_container.addition(params, E)["patch"]["spec"]["ephemeralContainers"]
    filled = {"resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
    return {**one, **filled}


def refusals(
    *containers: Any, images: Any = None, before: tuple[Any, ...] = (), operation: str = "UPDATE", pod: Any = POD
) -> list[str]:
    """What the policy says; an expression that can't be evaluated refuses (failurePolicy Fail)."""
    old, new = copy.deepcopy(pod), copy.deepcopy(pod)
    if before:
        old["spec"]["ephemeralContainers"] = list(before)
    new["spec"]["ephemeralContainers"] = [*before, *containers]
    world: dict[str, Any] = {
        "object": new, "oldObject": old, "params": {"data": {"jvm": IMAGE} if images is None else images},
        "request": {"operation": operation, "subResource": "ephemeralcontainers"},
    }  # fmt: skip
    return refused(POLICY, world)


def test_what_fettle_adds_is_allowed_beside_others_too() -> None:
    assert refusals(added()) == []
    assert refusals(added(0, "root")) == []
    other = {"name": "somebodys", "image": "busybox:latest", "securityContext": {"privileged": True}}
    assert refusals(added(), before=(other,)) == []


def test_nothing_is_allowed_as_it_is_shipped() -> None:
    shipped = one_of(built(SETS["base"]), "ConfigMap", "fettle-debug")["data"]
    assert refusals(added(), images=shipped)
    assert refusals(added(image=""), images=shipped)


def changed(**changes: Any) -> Any:
    return {**added(), **changes}


def secured(**changes: Any) -> Any:
    made = added()
    made["securityContext"] = {**made["securityContext"], **changes}
    return made


OTHERS: dict[str, Any] = {
    "another image": changed(image=f"registry.example/other@sha256:{'b' * 64}"),
    "a tag": changed(image="registry.example/tools/jdk:1"),
    "another command": changed(command=["sh"]),
    "a command with more": changed(command=["sleep", "1800", "x"]),
    "arguments": changed(args=["x"]),
    "a volume": changed(volumeMounts=[{"name": "token", "mountPath": "/t"}]),
    "a variable": changed(env=[{"name": "X", "value": "y"}]),
    "a terminal": changed(stdin=True, tty=True),
    "somebody else's name": changed(name="debugger"),
    "no target": changed(targetContainerName=""),
    "a target that isn't there": changed(targetContainerName="nobody"),
    "privilege": secured(privileged=True),
    "escalation": secured(allowPrivilegeEscalation=True),
    "a capability": secured(capabilities={"drop": ["ALL"], "add": ["SYS_PTRACE"]}),
    "no seccomp": secured(seccompProfile={"type": "Unconfined"}),
    "another user": secured(runAsUser=0),
    "an option of its own": secured(procMount="Unmasked"),
}


@pytest.mark.parametrize("container", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is(container: Any) -> None:
    assert refusals(container)


def test_the_policy_says_it_of_a_tag_in_its_own_configmap_too() -> None:
    tag = "registry.example/tools/jdk:1"
    assert refusals(added(image=tag), images={"jvm": tag})


def test_it_is_asked_of_the_subresource_alone_and_a_pod_is_made_by_nobody() -> None:
    (rule,) = POLICY["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["pods/ephemeralcontainers"]
    assert refusals(added(), operation="CREATE")
