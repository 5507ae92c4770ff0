"""Every refusal recorded from a real API server is given here in the same words."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import READY_AFTER, Api, capture

BOT = "system:serviceaccount:cap:bot"
AS_BOT = [
    "status-403-cluster-nodes",
    "status-403-eviction",
    "status-403-list-other-ns",
    "status-403-log",
    "status-403-patch-deploy",
    "status-403-scale",
    "status-403-secret",
]
AS_ADMIN = [
    "deploy-delete-response",
    "list-200-empty-missing-ns",
    "log-204-unscheduled",
    "log-400-bad-container",
    "log-400-choose-container",
    "log-400-previous",
    "log-400-waiting",
    "log-404-nopod",
    "log-422-badtail",
    "scale-get",
    "scale-patch",
    "scale-patch-neg-422",
    "status-400-bad-fieldselector",
    "status-400-bad-rv",
    "status-400-bad-selector",
    "status-400-badjson",
    "status-400-ns-mismatch",
    "status-404-create-in-missing-ns",
    "status-404-deploy",
    "status-404-patch",
    "status-404-unknown-path",
    "status-405",
    "status-409-apply-conflict",
    "status-409-exists",
    "status-409-patch-stale-rv",
    "status-409-uid-precondition",
    "status-410-exact-rv",
    "status-415",
    "status-422-bad-spec",
    "status-422-immutable-selector",
    "status-422-jsonpatch-test",
    "status-422-unknown-strict",
    "status-422-wrong-type",
    "status-429-eviction-pdb",
    "status-500-watch-bad-rv",
    "status-504-future-rv-list",
    "undo-v1-rollback-subresource-gone",
]
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
POD = re.compile(r"\b(api|bad-imagepull)-[a-z0-9]{6,10}-[a-z0-9]{5}\b")
WHOLE = re.compile(r'Invalid value: "\{.*\}": (?=json:|strict)')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def plain(body: Any) -> Any:
    """The body without what differs from run to run."""
    if isinstance(body, dict):
        skip = ("resourceVersion",)
        return {key: plain(value) for key, value in body.items() if key not in skip}
    if isinstance(body, list):
        return [plain(one) for one in body]
    if not isinstance(body, str):
        return body
    body = WHOLE.sub("Invalid value: WHOLE: ", body)
    body = re.sub(r"current: \d+", "current: N", body)
    return TIME.sub("TIME", POD.sub(r"\1-POD", UID.sub("UID", body)))


def pod(name: str, containers: list[str], **spec: Any) -> dict[str, Any]:
    images = [{"name": one, "image": "nginx", **spec} for one in containers]
    meta = {"name": name, "namespace": "cap"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": images}}


@pytest.fixture
async def cap(standing: None) -> AsyncIterator[ClusterServer]:  # noqa: ARG001 - time stands
    """The world in which the exchanges were recorded."""
    server = ClusterServer(ready_after=READY_AFTER, time_scale=0.1, nodes=2, bot_user=BOT)
    await server.start()
    cluster = server.cluster
    cluster.apply(capture("deploy-create-201")["request"]["body"])
    cluster.deployment("cap", "bad-imagepull", image="nginx:missing")
    cluster.deployment("cap", "unsched", image="nginx")
    cluster.apply(pod("two", ["c1", "c2"]))
    cluster.apply(pod("pending", ["c"], resources={"requests": {"cpu": "500"}}))
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-node-leasex"}})
    cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "api", "namespace": "cap"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "api"}}},
        }
    )
    server.access.restrict()
    for resource in ("pods", "events", "deployments", "replicasets"):
        for verb in ("get", "list", "watch"):
            server.allow(verb, resource, "cap")
    cluster.advance(5)
    yield server
    await server.stop()


async def replay(server: ClusterServer, name: str, as_: str, **headers: str) -> None:
    """Send a recorded request again and compare the answers."""
    recorded = capture(name)
    asked = recorded["request"]
    pods = {one["metadata"]["name"] for one in server.cluster.list("Pod", "cap")}

    def present(match: re.Match[str]) -> str:
        return next((one for one in sorted(pods) if one.startswith(f"{match[1]}-")), match[0])

    path = POD.sub(present, asked["path"])
    body = asked["body"] if isinstance(asked["body"], str | None) else json.dumps(asked["body"])
    if body is not None:
        body = POD.sub(present, body)
    async with aiohttp.ClientSession() as session:
        api = Api(server, session)
        got = await api(asked["method"], path, body, as_=as_, kind=asked["content_type"] or "", **headers)
    assert (got.status, plain(got.body)) == (recorded["status"], plain(recorded["body"]))
    for header in ("Content-Type", "Retry-After", "Cache-Control"):
        assert got.headers.get(header) == recorded["headers"].get(header)


@pytest.mark.parametrize("name", AS_ADMIN)
async def test_the_administrator_is_answered_as_recorded(cap: ClusterServer, name: str) -> None:
    if name == "status-409-apply-conflict":
        await _apply_an_image(cap)
    if name == "log-400-waiting":
        cap.cluster.advance(1)
    await replay(cap, name, "admin")


async def _apply_an_image(server: ClusterServer) -> None:
    image = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "nginx:1.26"}]}}}}
    async with aiohttp.ClientSession() as session:
        path = "/apis/apps/v1/namespaces/cap/deployments/api?fieldManager=kubectl"
        kind = "application/strategic-merge-patch+json"
        assert (await Api(server, session)("PATCH", path, image, kind=kind)).status == 200


@pytest.mark.parametrize("name", AS_BOT)
async def test_the_bot_is_refused_as_recorded(cap: ClusterServer, name: str) -> None:
    await replay(cap, name, "bot")


async def test_unknown_tokens_are_401_and_no_token_is_anonymous(cap: ClusterServer) -> None:
    await replay(cap, "status-401-badtoken", "Bearer nobody-issued-this")
    await replay(cap, "status-401-garbled-jwt", "Bearer a.b.c")
    await replay(cap, "status-403-anonymous", "")


async def test_impersonation_is_the_administrators(cap: ClusterServer) -> None:
    await replay(cap, "status-403-impersonate", "bot", Impersonate_User="jane")
    await replay(cap, "status-403-impersonated-jane", "admin", Impersonate_User="jane")
    await replay(cap, "status-403-nobody", "admin", Impersonate_User="nobody")


async def test_access_reviews_say_what_requests_would_find(cap: ClusterServer) -> None:
    recorded = {name: capture(name) for name in ("ssar-allowed", "ssar-denied")}
    async with aiohttp.ClientSession() as session:
        for exchange in recorded.values():
            asked = exchange["request"]
            agent = "python-urllib3/2.5"
            got = await Api(cap, session)("POST", asked["path"], asked["body"], as_="bot", User_Agent=agent)
            body, wanted = plain(got.body), plain(exchange["body"])
            assert (got.status, body) == (exchange["status"], wanted)


async def test_a_put_of_a_stale_object_is_a_conflict(cap: ClusterServer) -> None:
    recorded = capture("status-409-stale-put")
    old = cap.cluster.get("Deployment", "cap", "api")
    assert old is not None
    old["metadata"]["resourceVersion"] = "1"
    async with aiohttp.ClientSession() as session:
        got = await Api(cap, session)("PUT", recorded["request"]["path"], old)
    assert (got.status, got.body) == (409, recorded["body"])


async def test_an_expired_page_is_410_with_a_token_to_go_on(cap: ClusterServer) -> None:
    recorded = capture("status-410-continue-expired")["body"]
    async with aiohttp.ClientSession() as session:
        api = Api(cap, session)
        first = await api("GET", "/api/v1/namespaces/cap/pods?limit=2")
        cap.cluster.set_logs("cap", "api", [])
        cap.cluster.apply(pod("late", ["c"]))
        cap.expire_pages()
        token = first.body["metadata"]["continue"]
        late = await api("GET", f"/api/v1/namespaces/cap/pods?limit=2&continue={token}")
        assert late.status == 410
        assert {**late.body, "metadata": {}} == {**recorded, "metadata": {}}
        rest = late.body["metadata"]["continue"]
        more = await api("GET", f"/api/v1/namespaces/cap/pods?continue={rest}")
    seen = [one["metadata"]["name"] for one in first.body["items"] + more.body["items"]]
    assert seen == [one["metadata"]["name"] for one in cap.cluster.list("Pod", "cap")]


async def test_logs_of_a_dead_node_are_a_500_without_a_reason(cap: ClusterServer) -> None:
    name = next(one for one in cap.cluster.pods("cap", "api"))
    cap.cluster.node_down(name["spec"]["nodeName"])
    path = f"/api/v1/namespaces/cap/pods/{name['metadata']['name']}/log"
    async with aiohttp.ClientSession() as session:
        got = await Api(cap, session)("GET", path)
    recorded = capture("log-500-kubelet-down")["body"]
    assert (got.status, set(got.body)) == (500, set(recorded))
    assert "connection refused" in got.body["message"]
