"""Faults, rights, budgets, safety, and a state that survives."""

import asyncio
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import Api
from tests.patience import until

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/api"
MERGE = "application/merge-patch+json"
NOTE = {"metadata": {"annotations": {"note": "1"}}}


@pytest.fixture(autouse=True)
def deployment(server: ClusterServer) -> None:
    server.cluster.deployment("shop", "api", replicas=2)
    server.cluster.advance(2)


@pytest.mark.parametrize("code", [409, 403, 422, 429, 500, 503, 504])
async def test_a_fault_is_answered_and_nothing_is_done(api: Api, server: ClusterServer, code: int) -> None:
    server.faults.set("patch", "deployments", status=code, times=1)
    refused = await api("PATCH", DEPLOYMENT, NOTE, kind=MERGE)
    assert (refused.status, refused.body["code"], refused.body["kind"]) == (code, code, "Status")
    assert ("Retry-After" in refused.headers) is (code in (429, 504))
    assert "note" not in server.cluster.get("Deployment", "shop", "api")["metadata"]["annotations"]
    assert (await api("PATCH", DEPLOYMENT, NOTE, kind=MERGE)).status == 200


async def test_a_rate_limit_says_when_to_come_again(api: Api, server: ClusterServer) -> None:
    server.faults.set("get", "deployments", status=429, times=1, retry_after=7)
    refused = await api("GET", DEPLOYMENT)
    assert (refused.headers["Retry-After"], refused.body["details"]) == ("7", {"retryAfterSeconds": 7})


async def test_a_fault_on_writes_hits_what_changes_something_and_no_questions(api: Api, server: ClusterServer) -> None:
    server.faults.set("write", "*", status=403)
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    asked = {**review, "spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "shop"}}}
    assert (await api("PATCH", DEPLOYMENT, NOTE, kind=MERGE)).status == 403
    assert (await api("DELETE", DEPLOYMENT)).status == 403
    assert (await api("GET", DEPLOYMENT)).status == 200
    assert (await api("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked)).status == 201


async def test_a_dropped_answer_was_done_all_the_same(api: Api, server: ClusterServer) -> None:
    server.faults.drop_after("patch", "deployments")
    with pytest.raises(aiohttp.ClientError):
        await api("PATCH", DEPLOYMENT, NOTE, kind=MERGE)
    assert server.cluster.get("Deployment", "shop", "api")["metadata"]["annotations"]["note"] == "1"
    assert server.requests[-1].dropped
    server.faults.set("*", "*", status=500)
    server.faults.clear()
    assert (await api("GET", DEPLOYMENT)).status == 200


async def test_a_late_silence_comes_after_the_work(api: Api, server: ClusterServer) -> None:
    server.faults.hang("patch", "deployments", times=1, late=True)
    asked = asyncio.create_task(api("PATCH", DEPLOYMENT, NOTE, kind=MERGE))

    def noted() -> bool:
        return server.cluster.get("Deployment", "shop", "api")["metadata"].get("annotations", {}).get("note") == "1"

    await until(noted)
    assert not asked.done()
    asked.cancel()
    await asyncio.wait({asked})


async def test_requests_are_remembered(api: Api, server: ClusterServer) -> None:
    await api("PATCH", f"{DEPLOYMENT}?fieldManager=x", NOTE, as_="bot", kind=MERGE, User_Agent="fettle/1 e1")
    seen = server.requests[-1]
    assert (seen.method, seen.path, seen.query) == ("PATCH", DEPLOYMENT, {"fieldManager": "x"})
    assert (seen.user_agent, seen.user, seen.status) == ("fettle/1 e1", "system:serviceaccount:fettle:bot", 200)
    assert (seen.verb, seen.resource, seen.namespace, seen.name) == ("patch", "deployments", "shop", "api")


async def test_rights_are_taken_and_given_back(api: Api, server: ClusterServer) -> None:
    for resource, path in (("deployments", DEPLOYMENT), ("deployments/scale", f"{DEPLOYMENT}/scale")):
        body = NOTE if resource == "deployments" else {"spec": {"replicas": 2}}
        server.deny("patch", resource, "shop")
        assert (await api("PATCH", path, body, as_="bot", kind=MERGE)).status == 403
        assert (await api("PATCH", path, body, as_="admin", kind=MERGE)).status == 200
        server.allow("patch", resource, "shop")
        assert (await api("PATCH", path, body, as_="bot", kind=MERGE)).status == 200
    assert (await api("GET", "/api/v1/namespaces/shop/secrets", as_="bot")).status == 403


async def test_a_budget_stops_evictions_until_pods_are_well(api: Api, server: ClusterServer) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "api"}}}
    meta = {"name": "api", "namespace": "shop"}
    server.cluster.apply({"kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    names = [pod["metadata"]["name"] for pod in server.cluster.pods("shop", "api")]
    answers = []
    for name in names:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        answers.append((await api("POST", f"/api/v1/namespaces/shop/pods/{name}/eviction", body, as_="bot")).status)
    assert answers == [201, 429]
    server.cluster.advance(3)
    budget = server.cluster.get("PodDisruptionBudget", "shop", "api")["status"]
    assert (budget["currentHealthy"], budget["disruptionsAllowed"], budget["expectedPods"]) == (2, 1, 2)


async def test_a_budget_spares_what_is_ready_and_lets_what_is_not_go(api: Api, server: ClusterServer) -> None:
    """By unhealthyPodEvictionPolicy: unset, a pod that isn't ready goes while the healthy ones are enough."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "api"}}}
    meta = {"name": "api", "namespace": "shop"}
    server.cluster.apply({"kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    (ill,) = server.cluster.strike("shop", "api", "not-ready")
    server.cluster.advance(3)
    well = next(one["metadata"]["name"] for one in server.cluster.pods("shop", "api") if one["metadata"]["name"] != ill)

    async def asked(name: str) -> int:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        path = f"/api/v1/namespaces/shop/pods/{name}/eviction?dryRun=All"
        return (await api("POST", path, body, as_="bot")).status

    assert [await asked(ill), await asked(well)] == [201, 429]
    server.cluster.apply({"kind": "PodDisruptionBudget", "metadata": meta, "spec": {**spec, "minAvailable": 2}})
    assert await asked(ill) == 429
    always = {**spec, "minAvailable": 2, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    server.cluster.apply({"kind": "PodDisruptionBudget", "metadata": meta, "spec": always})
    assert [await asked(ill), await asked(well)] == [201, 429]
    server.cluster.apply({"kind": "PodDisruptionBudget", "metadata": {**meta, "name": "second"}, "spec": spec})
    assert await asked(ill) == 500, "the eviction API knows one budget a pod"


async def test_an_autoscaler_fights_a_manual_scale(api: Api, server: ClusterServer) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4}
    meta = {"name": "api", "namespace": "shop"}
    server.cluster.apply({"kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec})
    await api("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": 9}}, kind=MERGE)
    server.cluster.advance(3)
    assert server.cluster.get("Deployment", "shop", "api")["status"]["replicas"] == 4


async def test_services_know_their_ready_pods(server: ClusterServer) -> None:
    server.cluster.service("shop", "api")
    server.cluster.advance(1)
    (subset,) = server.cluster.get("Endpoints", "shop", "api")["subsets"]
    assert len(subset["addresses"]) == 2
    server.cluster.crash_loop("shop", "api", pods=1)
    server.cluster.advance(1)
    (subset,) = server.cluster.get("Endpoints", "shop", "api")["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (1, 1)


async def test_who_asks_right_after_a_crash_sees_it_whole(api: Api, server: ClusterServer) -> None:
    """Its state and its last words: an alert that is fired at once is never looked at before them."""
    (name,) = server.cluster.crash_loop("shop", "api", pods=1)
    pod = (await api("GET", f"/api/v1/namespaces/shop/pods/{name}")).body
    (status,) = pod["status"]["containerStatuses"]
    # Its clock runs fast: on a slow machine the container may run again by now, and says how it ended before.
    assert not status["ready"]
    assert {"waiting", "terminated"} & {*status["state"], *status.get("lastState", {})}
    asked = f"/api/v1/namespaces/shop/pods/{name}/log?tailLines=5"
    said = [str((await api("GET", asked + which)).body) for which in ("", "&previous=true")]
    assert any("lock" in words for words in said)


async def test_only_loopback_is_served(api: Api) -> None:
    with pytest.raises(ValueError, match="not a loopback address"):
        await ClusterServer().start(host="0.0.0.0")
    assert (await api("GET", "/version", Host="evil.example")).status == 403


async def test_a_saved_cluster_goes_on_where_it_was(server: ClusterServer, tmp_path: Path) -> None:
    server.cluster.crash_loop("shop", "api", pods=1)
    server.cluster.advance(5)
    server.cluster.save(tmp_path / "state.json")
    again = Cluster(ready_after=0.15, time_scale=0.1)
    again.load(tmp_path / "state.json")
    assert again.list("Pod", "shop") == server.cluster.list("Pod", "shop")
    before = {pod["metadata"]["name"]: _restarts(pod) for pod in again.pods("shop", "api")}
    again.advance(30)
    after = {pod["metadata"]["name"]: _restarts(pod) for pod in again.pods("shop", "api")}
    grown = [name for name in before if after[name] > before[name]]
    assert len(grown) == 1
    assert after.keys() == before.keys()


def _restarts(pod: dict) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


async def test_an_unknown_behaviour_is_refused(server: ClusterServer) -> None:
    with pytest.raises(ValueError, match="'fire' is none of"):
        server.cluster.break_next("shop", "api", "fire")


RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
READ, PATCH = (
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
)


async def rules(api: Api, namespace: str) -> dict[str, object]:
    asked = {"kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    found: dict[str, object] = (await api("POST", RULES, asked, as_="bot")).body["status"]
    return found


async def test_bound_roles_are_all_the_bot_has_and_the_rules_review_tells_them(api: Api, server: ClusterServer) -> None:
    server.access.bind([READ])
    server.access.bind([PATCH], frozenset({"shop"}))
    assert (await api("GET", DEPLOYMENT, as_="bot")).status == 200
    assert (await api("GET", "/api/v1/namespaces/shop/pods", as_="bot")).status == 403
    assert (await api("PATCH", DEPLOYMENT, NOTE, as_="bot", kind=MERGE)).status == 200
    told = {space: [one for one in (await rules(api, space))["resourceRules"] if one["resources"] == ["deployments"]]  # type: ignore[attr-defined]
            for space in ("shop", "pay")}  # fmt: skip
    assert [one["verbs"] for one in told["shop"]] == [["get", "list"], ["patch"]]
    assert [one["verbs"] for one in told["pay"]] == [["get", "list"]]


async def test_a_rules_review_can_be_incomplete_and_says_why(api: Api, server: ClusterServer) -> None:
    assert (await rules(api, "shop"))["incomplete"] is False
    server.access.incomplete = "webhook authorizer does not support user rule resolution"
    said = await rules(api, "shop")
    assert (said["incomplete"], said["evaluationError"]) == (True, server.access.incomplete)


async def test_the_clock_of_the_answers_can_be_off(api: Api, server: ClusterServer) -> None:
    server.faults.clock_off = -90.0
    early = parsedate_to_datetime((await api("GET", "/version")).headers["Date"])
    server.faults.clear()
    assert 85 < (parsedate_to_datetime((await api("GET", "/version")).headers["Date"]) - early).total_seconds() < 95
