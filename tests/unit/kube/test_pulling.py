"""Images that a workload's own new pods can't pull: of the current template alone, and of nothing that started."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.observed import ContainerSeen
from bot.kube.pods import Pod, read_pod
from bot.kube.pulling import hung
from bot.kube.workload import Objects, current_revision, read_state
from tests.unit.cluster_states import pod, recorded

IMAGE, OTHER = "r.example/shop/api:1.4.3", "r.example/shop/side:2"


def workload(**changes: Any) -> dict[str, Any]:
    containers = [{"name": "api", "image": IMAGE}, {"name": "side", "image": OTHER}]
    template = {"spec": {"containers": containers, "initContainers": [{"name": "first", "image": IMAGE}]}}
    return {
        "metadata": {"generation": 3},
        "status": {"observedGeneration": 3},
        "spec": {"template": template},
    } | changes


def container(
    name: str = "api", state: str = "waiting", reason: str = "ImagePullBackOff", **more: Any
) -> ContainerSeen:
    return ContainerSeen(name=name, state=state, reason=reason, **{"image": IMAGE, **more})


def waits(name: str = "api-1", *parts: ContainerSeen, **changes: Any) -> Pod:
    return pod(name, **{"hash": "new", "ready": False, "containers": parts or (container(),), **changes})


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_a_pod_of_the_template_that_cannot_pull_hangs(reason: str) -> None:
    assert hung(workload(), [waits("a", container(reason=reason))], "new") == (("api", IMAGE),)


def test_old_pods_that_run_are_no_word_on_the_new_image() -> None:
    old = pod("old", hash="old", containers=(container(state="running", reason=""),))
    assert hung(workload(), [waits(), old], "new") == (("api", IMAGE),)


def test_an_init_container_hangs_like_any_other() -> None:
    parts = (container("first"), container(reason="PodInitializing"))
    assert hung(workload(), [waits("a", *parts)], "new") == (("first", IMAGE),)


STARTED = {"state": "running", "reason": ""}
NOTHING: dict[str, tuple[list[Pod], dict[str, Any], str]] = {
    "no pods": ([], {}, "new"),
    "the hash isn't known": ([waits(hash="")], {}, ""),
    "a pod of another template": ([waits(hash="old")], {}, "new"),
    "the controller is behind": ([waits()], {"status": {"observedGeneration": 2}}, "new"),
    "the pod still pulls": ([waits("a", container(reason="ContainerCreating"))], {}, "new"),
    "the pod waits for another image": ([waits("a", container(image="r.example/shop/api:1.4.2"))], {}, "new"),
    "the pod is deleted": ([waits(deleting=True)], {}, "new"),
    "one pod runs with it": ([waits(), waits("b", container(**STARTED))], {}, "new"),
    "one pod ended with it": ([waits(), waits("b", container(state="terminated", reason="Error"))], {}, "new"),
    "it ran before": ([waits("a", container(restarts=1))], {}, "new"),
    "it crashes": ([waits("a", container(reason="CrashLoopBackOff"))], {}, "new"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_hangs_where(name: str) -> None:
    pods, changes, current = NOTHING[name]
    assert hung(workload(**changes), pods, current) == ()


@pytest.mark.parametrize("name", ["pod-errimagepull", "pod-imagepullbackoff"])
def test_a_rollout_recorded_from_a_real_cluster_hangs(name: str) -> None:
    objects = Objects(
        recorded("deploy-stuck-imagepull"), recorded("rs-stuck-imagepull")["items"], pods=[read_pod(recorded(name))]
    )
    read = read_state("Deployment", objects)
    assert read.rolling_out
    assert (read.hung, read.pods_hash, read.pods_wanted) == ((("bad-imagepull", "nginx:missing"),), "84db96d469", 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("deploy-setimage", "55bbfd8647"), ("deploy-after-restart", ""), ("deploy-before-restart", "")],
    ids=["the newest", "one that has a newer one", "an older one"],
)
def test_the_revision_of_the_template_is_the_newest_and_holds_it_to_the_letter(name: str, expected: str) -> None:
    """A restart annotation counts here: pods of the revision without it are older ones."""
    assert current_revision("Deployment", recorded(name), recorded("rs-list-revisions")["items"])[0] == expected
