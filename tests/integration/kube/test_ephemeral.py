"""Ephemeral containers on the wire: only added, started by the node, refused in the real server's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.clusters import World

STRATEGIC = "application/strategic-merge-patch+json"


def container(name: str = "debug", target: str = "api", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "registry.example/tools@sha256:" + "a" * 64, "targetContainerName": target, **more}


@pytest.fixture
async def pod(kube: World) -> Any:
    await kube.api()
    return kube.sandbox.pods("shop", "api")[0]


async def patched(kube: World, pod: Any, *containers: Any, uid: str = "", sub: str = "/ephemeralcontainers") -> Any:
    name = pod["metadata"]["name"]
    body: dict[str, Any] = {"spec": {"ephemeralContainers": list(containers)}}
    if uid:
        body["metadata"] = {"uid": uid}
    return await kube.cluster.send_once(
        "PATCH", f"/api/v1/namespaces/shop/pods/{name}{sub}", {}, body, STRATEGIC, acts=True, agent="test"
    )


def entries(kube: World, pod: Any) -> dict[str, Any]:
    now = kube.sandbox.get("Pod", "shop", pod["metadata"]["name"])
    assert now is not None
    return {one["name"]: one["state"] for one in now["status"].get("ephemeralContainerStatuses", [])}


async def test_a_patch_adds_and_the_node_starts_it_and_nothing_else_changes(kube: World, pod: Any) -> None:
    answer = await patched(kube, pod, container(), uid=pod["metadata"]["uid"])
    (made,) = answer["spec"]["ephemeralContainers"]
    assert (made["name"], made["targetContainerName"], made["imagePullPolicy"]) == ("debug", "api", "IfNotPresent")
    assert answer["status"]["containerStatuses"] == pod["status"]["containerStatuses"]
    kube.sandbox.advance(5)
    assert set(entries(kube, pod)["debug"]) == {"running"}
    await patched(kube, pod, container("second"))
    kube.sandbox.advance(5)
    assert {name: set(state) for name, state in entries(kube, pod).items()} == {
        "debug": {"running"}, "second": {"running"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (
            container(image="registry.example/other@sha256:" + "b" * 64),
            'existing ephemeral containers "debug" may not be',
        ),
        ({"name": "debug", "$patch": "delete"}, 'existing ephemeral containers "debug" may not be removed'),
        (container("api"), 'Duplicate value: "api"'),
        (container("other", target="nobody"), 'targetContainerName: Not found: "nobody"'),
        (container("other", ports=[{"containerPort": 1}]), "cannot be set for an Ephemeral Container"),
    ],
)
async def test_what_isnt_an_addition_is_refused(kube: World, pod: Any, added: Any, words: str) -> None:
    await patched(kube, pod, container())
    with pytest.raises(Exception, match=words.replace('"', ".")):
        await patched(kube, pod, added)
    assert list(entries(kube, pod)) in ([], ["debug"])


async def test_another_pod_of_the_name_is_not_touched(kube: World, pod: Any) -> None:
    with pytest.raises(Exception, match="409"):
        await patched(kube, pod, container(), uid="another")


async def test_an_image_that_cant_be_pulled_is_told_as_the_runtime_does(kube: World, pod: Any) -> None:
    kube.sandbox.world.lacks = lambda image: "tools" in image
    await patched(kube, pod, container())
    kube.sandbox.advance(30)
    waits = entries(kube, pod)["debug"]["waiting"]
    assert waits["reason"] == "ImagePullBackOff"
    assert "ErrImagePull: rpc error: code = NotFound" in waits["message"]
