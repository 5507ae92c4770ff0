"""What else was recorded of a real API server, played again; and that every recording is."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import CAPTURES, READY_AFTER, Api, capture
from tests.integration.sandbox_kubernetes.test_recorded_shapes import (
    API,
    RESTART,
    STRATEGIC,
    by_shape,
    same_conditions,
    skeleton,
)

SETS = "/apis/apps/v1/namespaces/cap/replicasets?labelSelector=app%3Dapi"
PODS = "/api/v1/namespaces/cap/pods"


@pytest.fixture
async def cap(api: Api, standing: None) -> AsyncIterator[ClusterServer]:  # noqa: ARG001 - time stands
    """The recorded world; ``api`` speaks to it."""
    server = ClusterServer(ready_after=READY_AFTER, time_scale=0.1, nodes=2)
    await server.start()
    server.cluster.apply(capture("deploy-create-201")["request"]["body"])
    server.cluster.advance(2)
    api.server, api.tls = server, Api(server, api.session).tls
    yield server
    await server.stop()


async def test_a_new_image_and_the_way_back_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    await api("PATCH", f"{API}?fieldManager=kubectl-rollout", RESTART, kind=STRATEGIC)
    cap.cluster.advance(3)
    before = (await api("GET", API)).body["spec"]["template"]
    recorded = capture("deploy-setimage")
    answer = await api("PATCH", API, recorded["request"]["body"], kind=STRATEGIC)
    assert skeleton(same_conditions(answer.body)) == skeleton(same_conditions(recorded["body"]))
    cap.cluster.advance(3)
    sets = await api("GET", SETS)
    assert by_shape(sets.body["items"]) == by_shape(capture("rs-list-revisions")["body"]["items"])
    replace = [{"op": "replace", "path": "/spec/template", "value": before}]
    await api("PATCH", API, replace, kind="application/json-patch+json")
    cap.cluster.advance(3)
    undone = await api("GET", API)
    assert skeleton(same_conditions(undone.body)) == skeleton(same_conditions(capture("deploy-after-undo")["body"]))
    sets = await api("GET", SETS)
    assert by_shape(sets.body["items"]) == by_shape(capture("rs-list-after-undo")["body"]["items"])


async def test_pods_in_the_middle_of_a_rollout_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    # So that the middle is still there when it is looked at.
    cap.cluster.world.pace = replace(cap.cluster.world.pace, ready_after=60)
    await api("PATCH", API, RESTART, kind=STRATEGIC)
    for _ in range(2):
        cap.cluster.step()
    pods = await api("GET", f"{PODS}?labelSelector=app%3Dapi")
    recorded = capture("pods-mid-rollout")["body"]
    assert set(pods.body) == set(recorded)
    assert len(pods.body["items"]) == len(recorded["items"])
    states = [sorted({str(skeleton(one["status"])) for one in body["items"]}) for body in (pods.body, recorded)]
    assert states[0] == states[1]


async def test_a_workload_whose_node_died_looks_as_recorded(cap: ClusterServer, api: Api) -> None:
    recorded = capture("deploy-node-dead")["body"]
    for node in {pod["spec"]["nodeName"] for pod in cap.cluster.pods("cap", "api")}:
        cap.cluster.node_down(node)
    cap.cluster.advance(1)
    got = await api("GET", API)
    assert skeleton(same_conditions(got.body)) == skeleton(same_conditions(recorded))


async def test_a_pod_deleted_on_a_dead_node_hangs_as_recorded(cap: ClusterServer, api: Api) -> None:
    pod = cap.cluster.pods("cap", "api")[0]
    name = pod["metadata"]["name"]
    cap.cluster.node_down(pod["spec"]["nodeName"])
    gone = await api("DELETE", f"{PODS}/{name}")
    cap.cluster.advance(60)
    still = await api("GET", f"{PODS}/{name}")
    for got, recorded in ((gone, "pod-delete-while-node-down"), (still, "pod-terminating-stuck")):
        wanted = capture(recorded)
        assert got.status == wanted["status"]
        there = {"deletionTimestamp", "deletionGracePeriodSeconds"}
        assert there & set(got.body["metadata"]) == there & set(wanted["body"]["metadata"])
        for key in ("phase", "conditions"):
            assert skeleton(got.body["status"][key]) == skeleton(wanted["body"]["status"][key])


@pytest.mark.parametrize(
    ("recorded", "behaviour"),
    [("pod-crash-running-again", "crash"), ("pod-oomkilled-running", "oom")],
)
async def test_a_pod_that_just_died_or_runs_again_looks_as_recorded(
    cap: ClusterServer, recorded: str, behaviour: str
) -> None:
    body = capture(recorded)
    body = body.get("body", body)
    name, image = body["metadata"]["labels"]["app"], body["spec"]["containers"][0]["image"]
    wanted = skeleton(body["status"])
    cap.cluster.deployment("cap", name, replicas=1, image=image, behaviour=behaviour)
    seen = []
    for _ in range(400):
        cap.cluster.advance(0.02)
        seen = [skeleton(pod["status"]) for pod in cap.cluster.pods("cap", name)]
        if wanted in seen:
            break
    assert seen == [wanted]


async def test_pods_that_run_out_of_memory_pass_through_what_was_recorded(cap: ClusterServer, api: Api) -> None:
    """They get ready between two deaths, so that each recording is one moment of several."""
    manifest = cap.cluster.deployment("cap", "bad-oom", image="nginx:1.25", replicas=2)
    manifest["spec"]["progressDeadlineSeconds"] = 10
    cap.cluster.apply(manifest | {"metadata": {"name": "bad-oom", "namespace": "cap"}})
    cap.cluster.advance(2)
    cap.cluster.break_next("cap", "bad-oom", "oom")
    path = "/apis/apps/v1/namespaces/cap/deployments/bad-oom"
    await api("PATCH", path, RESTART, kind=STRATEGIC)
    left = {
        name: str(skeleton(same_conditions(capture(name)["body"]))) for name in ("deploy-oom-early", "deploy-stuck-oom")
    }
    sets = by_shape(capture("rs-stuck-oom")["body"]["items"])
    seen = False
    for _ in range(400):
        cap.cluster.advance(0.05)
        now = str(skeleton(same_conditions((await api("GET", path)).body)))
        left = {name: shape for name, shape in left.items() if shape != now}
        found = await api("GET", f"{SETS.partition('?')[0]}?labelSelector=app%3Dbad-oom")
        seen = seen or by_shape(found.body["items"]) == sets
        if seen and not left:
            break
    assert not left
    assert seen


@pytest.mark.usefixtures("standing")
def test_a_bare_pod_that_died_once_looks_as_recorded() -> None:
    """It dies once for the first time: nothing but this test moves this cluster's time on."""
    cluster = Cluster(nodes=2)
    bare = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx:crash"}]}}
    cluster.apply({**bare, "metadata": {"name": "term1", "namespace": "cap"}})
    seen: Any = None
    for _ in range(400):
        cluster.advance(0.1)
        (pod,) = cluster.list("Pod", "cap")
        seen = skeleton(pod["status"])
        if "terminated" in seen.get("containerStatuses", [{"state": {}}])[0]["state"]:
            break
    assert seen == skeleton(capture("pod-crash-terminated")["status"])


async def test_a_pod_that_is_gone_is_told_as_recorded(cap: ClusterServer, api: Api) -> None:
    del cap
    wanted = capture("status-404-pod-gone")
    got = await api("GET", wanted["request"]["path"])
    assert (got.status, got.body) == (wanted["status"], wanted["body"])


async def test_logs_that_a_node_cant_open_are_a_500_as_recorded(cap: ClusterServer, api: Api) -> None:
    """The sandbox has no such disk; its fault answers in the same shape."""
    name = cap.cluster.pods("cap", "api")[0]["metadata"]["name"]
    cap.faults.set("get", "pods/log", status=500, times=1)
    got = await api("GET", f"{PODS}/{name}/log")
    wanted = capture("log-500-kubelet")
    assert got.status == wanted["status"]
    assert {key: got.body[key] for key in ("kind", "reason", "code", "status")} == {
        key: wanted["body"][key] for key in ("kind", "reason", "code", "status")
    }


async def test_a_watch_from_the_future_is_silent_as_recorded(cap: ClusterServer, api: Api) -> None:
    del cap
    wanted = capture("watch-future-rv")
    assert wanted["lines"] == await api.watch(PODS, resourceVersion="99999999", timeoutSeconds="0.1")


async def test_a_page_of_a_list_and_what_the_bot_may_list_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    cap.cluster.deployment("cap", "more", replicas=2, image="nginx")
    cap.cluster.advance(1)
    for recorded, who in (("pods-list-limit-continue", "admin"), ("bot-allowed-list", "bot")):
        wanted = capture(recorded)
        got = await api("GET", wanted["request"]["path"], as_=who)
        assert got.status == wanted["status"]
        assert set(got.body) == set(wanted["body"])
        assert set(got.body["metadata"]) == set(wanted["body"]["metadata"])
        assert len(got.body["items"]) == len(wanted["body"]["items"])


async def test_logs_come_in_lines_with_their_times_as_recorded(cap: ClusterServer, api: Api) -> None:
    recorded = capture("log-ok")
    name = cap.cluster.pods("cap", "api")[0]["metadata"]["name"]
    cap.cluster.set_logs("cap", "api", [f"level=info msg=served n={number}" for number in range(9)])
    got = await api("GET", f"{PODS}/{name}/log?tailLines=3&timestamps=true")
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \S.*")
    for text in (got.body, recorded["body"]):
        assert [bool(line.fullmatch(one)) for one in text.splitlines()] == [True] * 3
    assert got.headers["Content-Type"] == recorded["headers"]["Content-Type"]


async def test_who_am_i_and_what_may_i_are_answered_as_recorded(cap: ClusterServer, api: Api) -> None:
    del cap
    for recorded in ("selfsubjectreview", "ssrr"):
        wanted = capture(recorded)
        asked = wanted["request"]
        got = await api(asked["method"], asked["path"], asked["body"], as_="bot")
        assert got.status == wanted["status"], recorded
        assert set(got.body) == set(wanted["body"])
        assert got.body["kind"] == wanted["body"]["kind"]
        assert set(got.body["status"]) == set(wanted["body"]["status"])
    rule = wanted["body"]["status"]["resourceRules"][0]
    assert all(
        set(one) >= {"verbs"} and set(one) <= {*rule, "resourceNames"} for one in got.body["status"]["resourceRules"]
    )


async def test_an_unknown_field_is_warned_of_as_recorded(cap: ClusterServer, api: Api) -> None:
    del cap
    wanted = capture("warn-unknown-field")
    asked = wanted["request"]
    got = await api(asked["method"], asked["path"], asked["body"], kind=asked["content_type"])
    assert (got.status, got.headers["Warning"]) == (wanted["status"], wanted["headers"]["Warning"])
    assert "replicaz" not in got.body["spec"]


async def test_events_of_nodes_look_as_recorded(cap: ClusterServer, api: Api) -> None:
    cap.cluster.node_down(cap.cluster.pods("cap", "api")[0]["spec"]["nodeName"])
    wanted = capture("events-node")
    got = await api("GET", wanted["request"]["path"])
    recorded = {one["reason"]: one for one in wanted["body"]["items"]}
    found = {one["reason"]: one for one in got.body["items"]}
    common = recorded.keys() & found.keys()
    assert "NodeNotReady" in common
    for reason in common:
        assert set(found[reason]) == set(recorded[reason])
        assert skeleton(found[reason]["involvedObject"]).keys() == skeleton(recorded[reason]["involvedObject"]).keys()


def _named(path: Path) -> Iterator[re.Pattern[str]]:
    """What a module names: its strings, and those that are put together, anything in their gaps."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.compile(re.escape(node.value))
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(one.value)) if isinstance(one, ast.Constant) else "[a-z]+" for one in node.values]
            yield re.compile("".join(parts))


def test_each_recording_is_played_by_a_test_here() -> None:
    words = [one for path in sorted(Path(__file__).parent.glob("test_*.py")) for one in _named(path)]
    recorded = {path.stem for path in CAPTURES.glob("*.json")}
    assert {name for name in recorded if not any(word.fullmatch(name) for word in words)} == set()
