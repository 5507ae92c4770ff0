"""The write verbs keep what the real server keeps: versions, generations, owners of fields."""

from typing import Any

import pytest

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import Api

ROOT = "/apis/apps/v1/namespaces/shop/deployments"
PATH = f"{ROOT}/api"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture(autouse=True)
def deployment(server: ClusterServer) -> dict[str, Any]:
    made = server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.advance(1)
    return made


def containers(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["spec"]["template"]["spec"]["containers"]
    return found


def template(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


async def test_only_a_change_of_the_spec_makes_a_generation(api: Api) -> None:
    first = (await api("GET", PATH)).body["metadata"]
    noted = (await api("PATCH", PATH, {"metadata": {"annotations": {"a": "b"}}}, kind=MERGE)).body["metadata"]
    assert noted["generation"] == first["generation"]
    assert int(noted["resourceVersion"]) > int(first["resourceVersion"])
    same = (await api("PATCH", PATH, {"metadata": {"annotations": {"a": "b"}}}, kind=MERGE)).body["metadata"]
    assert same["resourceVersion"] == noted["resourceVersion"]
    scaled = (await api("PATCH", PATH, {"spec": {"replicas": 2}}, kind=MERGE)).body["metadata"]
    assert scaled["generation"] == first["generation"] + 1


async def test_strategic_merge_finds_list_elements_by_their_key(api: Api) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    await api("PATCH", PATH, template(containers=[{"name": "api", "env": env}]), kind=STRATEGIC)
    second = {"name": "side", "image": "side:1"}
    patch = template(containers=[second, {"name": "api", "env": [{"name": "A", "value": "3"}]}])
    got = (await api("PATCH", PATH, patch, kind=STRATEGIC)).body
    first = next(one for one in containers(got) if one["name"] == "api")
    assert {one["name"]: one["value"] for one in first["env"]} == {"A": "3", "B": "2"}
    assert {one["name"] for one in containers(got)} == {"api", "side"}
    gone = template(containers=[{"name": "side", "$patch": "delete"}])
    assert [one["name"] for one in containers((await api("PATCH", PATH, gone, kind=STRATEGIC)).body)] == ["api"]
    whole = [{"key": "x", "operator": "Exists"}]
    for tolerations in (whole, [{"key": "y", "operator": "Exists"}]):
        got = (await api("PATCH", PATH, template(tolerations=tolerations), kind=STRATEGIC)).body
        assert got["spec"]["template"]["spec"]["tolerations"] == tolerations


async def test_a_merge_patch_replaces_lists_and_null_removes(api: Api) -> None:
    await api("PATCH", PATH, {"metadata": {"labels": {"x": "1"}}}, kind=MERGE)
    got = (await api("PATCH", PATH, {"metadata": {"labels": {"x": None}}}, kind=MERGE)).body
    assert "x" not in got["metadata"]["labels"]
    other = template(containers=[{"name": "new", "image": "new:1"}])
    assert [one["name"] for one in containers((await api("PATCH", PATH, other, kind=MERGE)).body)] == ["new"]


@pytest.mark.parametrize(
    "step",
    [
        {"op": "test", "path": "/metadata/uid", "value": "other"},
        {"op": "replace", "path": "/spec/nothing/here", "value": 1},
        {"op": "remove", "path": "/metadata/annotations/none"},
        {"op": "add", "path": "/spec/template/metadata/annotations/x", "value": "parent is missing"},
    ],
)
async def test_a_json_patch_that_does_not_fit_changes_nothing(api: Api, step: dict[str, Any]) -> None:
    before = (await api("GET", PATH)).body
    steps = [{"op": "replace", "path": "/spec/replicas", "value": 9}, step]
    assert (await api("PATCH", PATH, steps, kind=JSON_PATCH)).status == 422
    assert (await api("GET", PATH)).body == before


async def test_every_write_has_an_honest_dry_run(api: Api, server: ClusterServer) -> None:
    version = server.cluster.store.version
    fresh = {"metadata": {"name": "new"}, "spec": (await api("GET", PATH)).body["spec"]}
    assert (await api("POST", f"{ROOT}?dryRun=All", fresh)).body["metadata"]["uid"]
    scaled = await api("PATCH", f"{PATH}/scale?dryRun=All", {"spec": {"replicas": 5}}, kind=MERGE)
    assert scaled.body["spec"]["replicas"] == 5
    name = server.cluster.pods("shop", "api")[0]["metadata"]["name"]
    pod = f"/api/v1/namespaces/shop/pods/{name}"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    assert (await api("POST", f"{pod}/eviction?dryRun=All", eviction)).status == 201
    assert (await api("DELETE", f"{pod}?dryRun=All")).status == 200
    assert (await api("DELETE", f"{PATH}?dryRun=All")).body["status"] == "Success"
    assert server.cluster.store.version == version
    assert (await api("PATCH", f"{PATH}?dryRun=Some", {}, kind=MERGE)).status == 422


async def test_who_changed_what_can_be_read(api: Api) -> None:
    note = {"spec": {"template": {"metadata": {"annotations": {"fettle/execution": "e1"}}}}}
    got = await api("PATCH", f"{PATH}?fieldManager=fettle", note, kind=STRATEGIC)
    mine = [one for one in got.body["metadata"]["managedFields"] if one["manager"] == "fettle"]
    tree = mine[0]["fieldsV1"]["f:spec"]["f:template"]["f:metadata"]["f:annotations"]
    assert (mine[0]["operation"], "f:fettle/execution" in tree) == ("Update", True)
    agent = await api("PATCH", PATH, {"metadata": {"labels": {"z": "1"}}}, kind=MERGE, User_Agent="curl/8.0 x")
    assert agent.body["metadata"]["managedFields"][-1]["manager"] == "curl"


async def test_server_side_apply_owns_what_it_said_and_takes_it_back(api: Api) -> None:
    config = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "labels": {"team": "a"}}}
    first = await api("PATCH", f"{PATH}?fieldManager=one", config, kind=APPLY)
    assert first.body["metadata"]["labels"]["team"] == "a"
    config["metadata"]["labels"] = {"team": "b"}
    conflict = await api("PATCH", f"{PATH}?fieldManager=two", config, kind=APPLY)
    assert (conflict.status, conflict.body["details"]["causes"][0]["field"]) == (409, ".metadata.labels.team")
    forced = await api("PATCH", f"{PATH}?fieldManager=two&force=true", config, kind=APPLY)
    assert forced.body["metadata"]["labels"]["team"] == "b"
    config["metadata"].pop("labels")
    emptied = await api("PATCH", f"{PATH}?fieldManager=two", config, kind=APPLY)
    assert "team" not in emptied.body["metadata"]["labels"]
    assert (await api("PATCH", PATH, config, kind=APPLY)).status == 422


async def test_the_status_is_written_only_through_its_subresource(api: Api) -> None:
    before = (await api("GET", PATH)).body["status"]
    assert (await api("PATCH", PATH, {"status": {"replicas": 99}}, kind=MERGE)).body["status"] == before
    both = {"status": {"replicas": 99}, "spec": {"replicas": 7}}
    got = (await api("PATCH", f"{PATH}/status", both, kind=MERGE)).body
    assert (got["status"]["replicas"], got["spec"]["replicas"]) == (99, 1)


async def test_deletions_reach_dependents_unless_they_are_orphaned(api: Api, server: ClusterServer) -> None:
    server.cluster.deployment("shop", "kept", replicas=1)
    server.cluster.advance(1)
    orphaning = {"propagationPolicy": "Orphan", "kind": "DeleteOptions", "apiVersion": "v1"}
    await api("DELETE", f"{ROOT}/kept", orphaning)
    foreground = {"propagationPolicy": "Foreground", "kind": "DeleteOptions", "apiVersion": "v1"}
    assert "deletionTimestamp" in (await api("DELETE", PATH, foreground)).body["metadata"]
    server.cluster.advance(3)
    left = [one["metadata"]["name"].split("-")[0] for one in server.cluster.list("ReplicaSet", "shop")]
    assert (left, server.cluster.get("Deployment", "shop", "api")) == (["kept"], None)
    assert [one["metadata"]["name"].split("-")[0] for one in server.cluster.list("Pod", "shop")] == ["kept"]


async def test_a_namespace_takes_everything_along(api: Api, server: ClusterServer) -> None:
    going = await api("DELETE", "/api/v1/namespaces/shop")
    assert going.body["status"]["phase"] == "Terminating"
    assert (await api("POST", ROOT, {"metadata": {"name": "late"}, "spec": {}})).status == 403
    server.cluster.advance(3)
    assert (await api("GET", "/api/v1/namespaces/shop")).status == 404
    assert server.cluster.list("Pod", "shop") == []


async def test_a_collection_is_deleted_by_selector(api: Api, server: ClusterServer) -> None:
    for name in ("a", "b"):
        meta = {"name": name, "namespace": "shop", "labels": {"drop": name}}
        server.cluster.apply({"kind": "ConfigMap", "metadata": meta})
    await api("DELETE", "/api/v1/namespaces/shop/configmaps?labelSelector=drop%3Da")
    assert [one["metadata"]["name"] for one in server.cluster.list("ConfigMap", "shop")] == ["b"]


async def test_a_scale_with_an_old_version_is_a_conflict(api: Api) -> None:
    scale = (await api("GET", f"{PATH}/scale")).body
    scale["spec"]["replicas"] = 2
    assert (await api("PUT", f"{PATH}/scale", scale)).status == 200
    assert (await api("PUT", f"{PATH}/scale", scale)).status == 409
