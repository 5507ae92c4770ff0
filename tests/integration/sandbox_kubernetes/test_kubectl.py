"""kubectl, whichever version is there, is the independent witness that the API is spoken rightly."""

import asyncio
import json
from pathlib import Path

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.kubectl import WITNESS, Kubectl
from tests.patience import PATIENT

pytestmark = WITNESS


async def test_get_prints_the_servers_tables(kubectl: Kubectl) -> None:
    lines = (await kubectl("get", "deployments,statefulsets,daemonsets")).splitlines()
    assert any(line.split()[:4] == ["deployment.apps/api", "2/2", "2", "2"] for line in lines)
    assert any(line.split()[:2] == ["statefulset.apps/db", "1/1"] for line in lines)
    assert (await kubectl("get", "pods", "-l", "app=api", "-o", "name")).count("pod/api-") == 2
    found = json.loads(await kubectl("get", "deployment", "api", "-o", "json"))
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


async def test_get_watch_follows_a_deleted_pod(kubectl: Kubectl) -> None:
    """The pod goes from Running through its successor's start to Running again."""
    process = await kubectl.start("get", "pods", "-w")
    states: list[list[str]] = []
    try:
        async with asyncio.timeout(PATIENT):
            async for line in process.stdout:
                words = line.decode().split()
                if words[0] == "db-0":
                    states.append(words[1:3])
                if len(states) == 1:
                    await kubectl("delete", "pod", "db-0", "--wait=false")
                if len(states) > 1 and states[-1] == ["1/1", "Running"]:
                    break
    finally:
        process.kill()
        await process.communicate()
    assert states[0] == ["1/1", "Running"]
    assert ["1/1", "Terminating"] in states
    assert ["0/1", "ContainerCreating"] in states


async def test_rollout_restart_status_history_and_undo(kubectl: Kubectl, server: ClusterServer) -> None:
    """A restart makes revision 2; undo reuses the first ReplicaSet and numbers it 3."""
    assert "restarted" in await kubectl("rollout", "restart", "deployment/api")
    assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/api", "--timeout=400s")
    first, second = sorted(server.cluster.list("ReplicaSet", "shop"), key=lambda one: one["spec"]["replicas"])
    assert "2" in (await kubectl("rollout", "history", "deployment/api")).split()
    await kubectl("rollout", "undo", "deployment/api")
    assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/api", "--timeout=400s")
    revived = server.cluster.get("ReplicaSet", "shop", first["metadata"]["name"])
    assert revived["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert revived["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert server.cluster.get("ReplicaSet", "shop", second["metadata"]["name"])["spec"]["replicas"] == 0


async def test_rollout_of_a_set_and_of_a_daemon(kubectl: Kubectl) -> None:
    for what in ("statefulset/db", "daemonset/agent"):
        await kubectl("rollout", "restart", what)
        # Version 1.20 can't follow a StatefulSet's status without a partition; both words mean done.
        out = await kubectl("rollout", "status", what, "--timeout=400s")
        assert "successfully rolled out" in out or "complete" in out


async def test_scale_annotate_and_set_image(kubectl: Kubectl, server: ClusterServer) -> None:
    await kubectl("scale", "deployment/api", "--replicas=3")
    await kubectl("annotate", "deployment/api", "note=seen")
    await kubectl("set", "image", "deployment/api", "api=registry.example/shop/api:2.0.0")
    await kubectl("rollout", "status", "deployment/api", "--timeout=400s")
    api = server.cluster.get("Deployment", "shop", "api")
    assert (api["spec"]["replicas"], api["metadata"]["annotations"]["note"]) == (3, "seen")
    managers = {entry["manager"] for entry in api["metadata"]["managedFields"]}
    assert {"kube-controller-manager"} < managers


async def test_logs_and_events(kubectl: Kubectl, server: ClusterServer) -> None:
    server.cluster.set_logs("shop", "db", ["hello", "world"])
    assert await kubectl("logs", "db-0", "--tail=1") == "world\n"
    server.cluster.crash_loop("shop", "api", pods=1)
    server.cluster.advance(1)
    events = await kubectl("get", "events")
    assert "BackOff" in events
    assert "Back-off restarting failed container api in pod api-" in events
    name = next(pod["metadata"]["name"] for pod in server.cluster.pods("shop", "api") if _restarts(pod))
    assert "cannot open the cache" in await kubectl("logs", name, "--previous")
    # It is started again and again: on a busy machine kubectl may look while it runs.
    while "CrashLoopBackOff" not in await kubectl("get", "pod", name):  # noqa: ASYNC110 - the test's own timeout ends it
        await asyncio.sleep(0.05)


def _restarts(pod: dict) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


async def test_auth_can_i_says_what_the_bot_may(kubectl: Kubectl, server: ClusterServer) -> None:
    assert (await kubectl("auth", "can-i", "patch", "deployments", as_="bot")).strip() == "yes"
    server.deny("patch", "deployments", "shop")
    assert (await kubectl("auth", "can-i", "patch", "deployments", as_="bot", expect=1)).strip() == "no"
    refused = await kubectl("rollout", "restart", "deployment/api", as_="bot", expect=1)
    assert 'cannot patch resource "deployments" in API group "apps" in the namespace "shop"' in refused


async def test_describe_and_apply(kubectl: Kubectl, tmp_path: Path, server: ClusterServer) -> None:
    assert "Successfully assigned shop/db-0" in await kubectl("describe", "pod", "db-0")
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    file = tmp_path / "manifest.json"
    for value in ("1", "2"):
        manifest["data"] = {"a": value}
        file.write_text(json.dumps(manifest), encoding="utf-8")
        await kubectl("apply", "--validate=false", "-f", str(file))
    await kubectl("apply", "--server-side", "--force-conflicts", "--validate=false", "-f", str(file))
    assert server.cluster.get("ConfigMap", "shop", "c")["data"] == {"a": "2"}
    await kubectl("delete", "configmap", "c")
