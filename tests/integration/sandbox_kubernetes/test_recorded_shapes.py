"""Objects in every recorded state have the keys, kinds of values and words of the real ones."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import READY_AFTER, Api, capture

API = "/apis/apps/v1/namespaces/cap/deployments/api"
STRATEGIC = "application/strategic-merge-patch+json"
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "T"}}}}}
NAMES = re.compile(r"\b(api|bad-\w+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}(-[a-z0-9]{5})?(?![a-z0-9])")
WORDS = {"type", "status", "reason", "phase", "exitCode", "message"}


def skeleton(value: Any, key: str = "") -> Any:
    """The shape of a value: its keys, and the words where words are the shape."""
    if isinstance(value, dict):
        skip = ("managedFields", "volumes", "volumeMounts", "annotations", "ownerReferences", "tolerations")
        return {name: skeleton(below, name) for name, below in value.items() if name not in skip}
    if isinstance(value, list):
        return [skeleton(one) for one in value]
    if key in WORDS and isinstance(value, str | int):
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID", str(value))
        text = re.sub(r"back-off \S+ restarting", "back-off N restarting", text)
        return NAMES.sub(r"\1-X", text)
    return type(value).__name__


def by_shape(items: list[Any]) -> list[str]:
    """The shapes of a list's items: their order is not the shape."""
    return sorted(str(skeleton(one)) for one in items)


def same_conditions(body: dict[str, Any]) -> dict[str, Any]:
    """Conditions in one order: which of them changed last is not the shape."""
    conditions = body.get("status", {}).get("conditions")
    if conditions:
        conditions.sort(key=lambda one: str(one["type"]))
    return body


@pytest.fixture
async def cap(standing: None) -> AsyncIterator[ClusterServer]:  # noqa: ARG001 - time stands
    server = ClusterServer(ready_after=READY_AFTER, time_scale=0.1, nodes=2)
    await server.start()
    server.cluster.apply(capture("deploy-create-201")["request"]["body"])
    server.cluster.advance(2)
    yield server
    await server.stop()


async def expect(api: Api, name: str) -> None:
    recorded = capture(name)["body"]
    got = await api("GET", API)
    assert skeleton(same_conditions(got.body)) == skeleton(same_conditions(recorded))


async def test_a_created_deployment_is_answered_with_its_defaults(cap: ClusterServer, api: Api) -> None:
    del cap
    recorded = capture("deploy-create-201")
    api.server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cap"}})
    path, body = recorded["request"]["path"], recorded["request"]["body"]
    got = await api("POST", path, body, User_Agent="python-urllib3/2.5")
    assert got.status == 201
    for volatile in ("uid", "resourceVersion", "creationTimestamp"):
        got.body["metadata"][volatile] = recorded["body"]["metadata"][volatile]
    for entry in (*got.body["metadata"]["managedFields"], *recorded["body"]["metadata"]["managedFields"]):
        entry["time"] = ""
    assert got.body == recorded["body"]


async def test_a_restart_from_patch_to_done_looks_as_recorded(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    await expect(api, "deploy-before-restart")
    answer = await api("PATCH", f"{API}?fieldManager=kubectl-rollout", RESTART, kind=STRATEGIC)
    assert skeleton(answer.body) == skeleton(capture("deploy-restart-patch-response")["body"])
    assert answer.body["status"]["observedGeneration"] == answer.body["metadata"]["generation"] - 1
    for _ in range(2):
        cap.cluster.step()
    await expect(api, "deploy-mid-rollout")
    rolling = await api("GET", "/apis/apps/v1/namespaces/cap/replicasets?labelSelector=app%3Dapi")
    recorded = capture("rs-mid-rollout")["body"]
    assert sorted(map(str, skeleton(rolling.body)["items"])) == sorted(map(str, skeleton(recorded)["items"]))
    cap.cluster.advance(3)
    await expect(api, "deploy-after-restart")


async def test_a_dry_run_shows_the_next_generation_and_keeps_nothing(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    before = await api("GET", API)
    got = await api("PATCH", f"{API}?dryRun=All&fieldManager=bot", RESTART, kind=STRATEGIC)
    assert got.status == 200
    assert got.body["metadata"]["generation"] == before.body["metadata"]["generation"] + 1
    assert got.body["metadata"]["resourceVersion"] == before.body["metadata"]["resourceVersion"]
    mine = [entry for entry in got.body["metadata"]["managedFields"] if entry["manager"] == "bot"]
    recorded = capture("restart-dryrun")["body"]["metadata"]["managedFields"][-1]
    assert [{**entry, "time": ""} for entry in mine] == [{**recorded, "time": ""}]
    assert (await api("GET", API)).body == before.body


async def test_paused_and_empty_deployments_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    scale = await api("PATCH", f"{API}/scale", {"spec": {"replicas": 0}}, kind="application/merge-patch+json")
    assert skeleton(scale.body) == skeleton(capture("scale-zero")["body"])
    cap.cluster.advance(2)
    await expect(api, "deploy-scaled-zero")
    pause = {"spec": {"paused": True, "replicas": 3}}
    await api("PATCH", f"{API}?fieldManager=kubectl-rollout", pause, kind=STRATEGIC)
    for _ in range(2):
        cap.cluster.step()
    await expect(api, "deploy-paused")
    answer = await api("PATCH", API, RESTART, kind=STRATEGIC)
    assert skeleton(answer.body) == skeleton(capture("restart-while-paused-api")["body"])
    cap.cluster.step()
    await expect(api, "deploy-paused-after-restart-patch")


@pytest.mark.parametrize(
    ("name", "behaviour"),
    [
        ("crashloop", "crash"),
        ("imagepull", "image-missing"),
        ("configerr", "config-error"),
        ("notready", "not-ready"),
    ],
)
async def test_a_stuck_rollout_exceeds_its_deadline_as_recorded(
    cap: ClusterServer, api: Api, name: str, behaviour: str
) -> None:
    api = Api(cap, api.session)
    manifest = cap.cluster.deployment("cap", f"bad-{name}", image="nginx:1.25", replicas=2)
    manifest["spec"]["progressDeadlineSeconds"] = 10
    cap.cluster.apply(manifest | {"metadata": {"name": f"bad-{name}", "namespace": "cap"}})
    cap.cluster.advance(2)
    cap.cluster.break_next("cap", f"bad-{name}", behaviour)
    path = f"/apis/apps/v1/namespaces/cap/deployments/bad-{name}"
    await api("PATCH", path, RESTART, kind=STRATEGIC)
    cap.cluster.advance(0.5)
    for state in ("early", "stuck"):
        got = await api("GET", path)
        recorded = capture(f"deploy-{name}-early" if state == "early" else f"deploy-stuck-{name}")["body"]
        if state == "early":
            # Whether the first progress was counted yet is a race of the real controller, too.
            for body in (got.body, recorded):
                for one in body["status"]["conditions"]:
                    if one["type"] == "Progressing":
                        one |= {"reason": "", "message": ""}
        assert skeleton(same_conditions(got.body)) == skeleton(same_conditions(recorded)), state
        cap.cluster.advance(20)
    sets = await api("GET", f"/apis/apps/v1/namespaces/cap/replicasets?labelSelector=app%3Dbad-{name}")
    assert by_shape(sets.body["items"]) == by_shape(capture(f"rs-stuck-{name}")["body"]["items"])


def _pod(server: ClusterServer, workload: str) -> dict[str, Any]:
    found: dict[str, Any] = server.cluster.pods("cap", workload)[0]
    return found


@pytest.mark.parametrize(
    ("recorded", "behaviour", "waiting"),
    [
        ("pod-crashloopbackoff", "crash", "CrashLoopBackOff"),
        ("pod-oomkilled-backoff", "oom", "CrashLoopBackOff"),
        ("pod-errimagepull", "image-missing", "ErrImagePull"),
        ("pod-imagepullbackoff", "image-missing", "ImagePullBackOff"),
        ("pod-createcontainerconfigerror", "config-error", "CreateContainerConfigError"),
        ("pod-notready", "not-ready", None),
    ],
)
async def test_a_failing_pod_looks_as_recorded(
    cap: ClusterServer, recorded: str, behaviour: str, waiting: str | None
) -> None:
    body = capture(recorded)
    body = body.get("body", body)
    name = body["metadata"]["labels"]["app"]
    image = body["spec"]["containers"][0]["image"]
    cap.cluster.deployment("cap", name, replicas=1, image=image, behaviour=behaviour)
    for _ in range(400):
        cap.cluster.advance(0.02)
        pod = _pod(cap, name)
        entry = (pod["status"].get("containerStatuses") or [{}])[0]
        running = waiting is None and "running" in entry.get("state", {})
        if running or entry.get("state", {}).get("waiting", {}).get("reason") == waiting:
            break
    strip = ("kind", "apiVersion")
    shape = skeleton({key: value for key, value in pod.items() if key not in strip})
    assert shape == skeleton({key: value for key, value in body.items() if key not in strip})


async def test_evicted_lost_and_unplaced_pods_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    bare = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    cap.cluster.apply({**bare, "metadata": {"name": "evicted", "namespace": "cap"}})
    cap.cluster.advance(1)
    cap.cluster.evict("cap", "evicted")
    got = await api("GET", "/api/v1/namespaces/cap/pods/evicted")
    assert skeleton(got.body) == skeleton(capture("pod-evicted")["body"])
    one = _pod(cap, "api")
    cap.cluster.node_down(one["spec"]["nodeName"])
    lost = _pod(cap, "api")
    recorded = capture("pods-on-dead-node")["body"]["items"][0]
    assert skeleton(lost["status"]) == skeleton(recorded["status"])
    node = await api("GET", f"/api/v1/nodes/{one['spec']['nodeName']}")
    assert skeleton(node.body["status"]["conditions"]) == skeleton(
        capture("node-notready")["body"]["status"]["conditions"]
    )
    greedy = {"name": "x", "image": "nginx", "resources": {"requests": {"cpu": "500"}}}
    manifest = cap.cluster.deployment("cap", "unsched", replicas=1, image="nginx")
    manifest["spec"]["template"]["spec"]["containers"] = [greedy]
    cap.cluster.apply(manifest | {"metadata": {"name": "unsched", "namespace": "cap"}})
    cap.cluster.advance(1)
    pods = [pod for pod in cap.cluster.pods("cap", "unsched") if "nodeName" not in pod["spec"]]
    wanted = capture("pod-unschedulable-list")["body"]["items"][0]
    assert set(pods[0]["status"]) == set(wanted["status"])
    assert set(pods[0]["status"]["conditions"][0]) == set(wanted["status"]["conditions"][0])


async def test_a_deleted_pod_terminates_with_its_grace_as_recorded(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    name = _pod(cap, "api")["metadata"]["name"]
    gone = await api("DELETE", f"/api/v1/namespaces/cap/pods/{name}")
    assert skeleton(gone.body) == skeleton(capture("pod-delete-response")["body"])
    going = await api("GET", f"/api/v1/namespaces/cap/pods/{name}")
    assert skeleton(going.body) == skeleton(capture("pod-terminating")["body"])
    cap.cluster.advance(2)
    assert (await api("GET", f"/api/v1/namespaces/cap/pods/{name}")).status == 404


async def test_events_look_as_recorded_in_both_groups(cap: ClusterServer, api: Api) -> None:
    api = Api(cap, api.session)
    old = await api("GET", "/api/v1/namespaces/cap/events?fieldSelector=involvedObject.kind%3DDeployment")
    recorded = capture("events-for-deploy")["body"]["items"][0]
    assert skeleton(old.body["items"][0]).keys() == skeleton(recorded).keys()
    assert old.body["items"][0]["message"].startswith("Scaled up replica set api-")
    new = await api("GET", "/apis/events.k8s.io/v1/namespaces/cap/events")
    wanted = {one["reason"]: one for one in capture("events-v1-list")["body"]["items"]}
    found = {one["reason"]: one for one in new.body["items"]}
    for reason in ("Scheduled", "Started", "Created", "Pulled"):
        assert set(found[reason]) == set(wanted[reason]), reason
