"""What somebody on call types on a usual day comes out as at a real API server, or is refused in a sentence."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.kubernetes.executing import OLD, SILENT
from bot.sandbox.kubernetes.ingresses import ADDRESS
from bot.sandbox.kubernetes.kinds import KINDS, REFUSED
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.kubectl import WITNESS, Kubectl
from tests.integration.sandbox_kubernetes.probe import Api
from tests.patience import PATIENT

pytestmark = WITNESS

V1_OF_ALL = 25
"""Older ones look for what no server of today has any more: CronJobs and budgets in v1beta1."""
EXPLAINS_V3, WEBSOCKETS = 27, 31
POD = {"containers": [{"name": "run", "image": "registry.example/shop/run:1"}], "restartPolicy": "Never"}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
BACKEND = {"service": {"name": "one", "port": {"number": 80}}}
THINGS: list[dict[str, Any]] = [
    {"kind": "ConfigMap", "data": {"colour": "blue", "b": "2"}},
    {"kind": "Secret", "stringData": {"password": "hunter2"}},
    {"kind": "ServiceAccount"},
    {"kind": "Service", "spec": {"selector": {"app": "api"}, "ports": [{"port": 80, "targetPort": 8080}]}},
    {
        "kind": "PersistentVolumeClaim",
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
    {"kind": "ResourceQuota", "spec": {"hard": {"pods": "20", "limits.cpu": "8"}}},
    {"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
    {
        "kind": "PodDisruptionBudget",
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "api"}}},
    },
    {
        "kind": "HorizontalPodAutoscaler",
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
            "maxReplicas": 5,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                }
            ],
        },
    },
    {"kind": "Job", "spec": {"template": {"spec": POD}}},
    {"kind": "CronJob", "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": POD}}}}},
    {"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    {
        "kind": "RoleBinding",
        "roleRef": ROLE,
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "shop"}],
    },
    {"kind": "ClusterRole", "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]},
    {"kind": "ClusterRoleBinding", "roleRef": {**ROLE, "kind": "ClusterRole"}, "subjects": []},
    {"kind": "StorageClass", "provisioner": "disk.example", "allowVolumeExpansion": True},
    {"kind": "IngressClass", "spec": {"controller": "k8s.io/ingress-nginx"}},
    {
        "kind": "Ingress",
        "spec": {
            "ingressClassName": "one",
            "tls": [{"hosts": ["shop.example"]}],
            "rules": [
                {
                    "host": "shop.example",
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]},
                }
            ],
        },
    },
    {"kind": "NetworkPolicy", "spec": {"podSelector": {"matchLabels": {"app": "api"}}}},
    {
        "kind": "PersistentVolume",
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteMany"],
            "nfs": {"server": "nfs.example", "path": "/"},
        },
    },
]
TABLES = {
    "configmaps": "NAME DATA AGE",
    "secrets": "NAME TYPE DATA AGE",
    "serviceaccounts": "NAME SECRETS AGE",
    "services": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
    "endpoints": "NAME ENDPOINTS AGE",
    "endpointslices": "NAME ADDRESSTYPE PORTS ENDPOINTS AGE",
    "persistentvolumeclaims": "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE",
    "resourcequotas": "NAME REQUEST LIMIT AGE",
    "limitranges": "NAME CREATED AT",
    "poddisruptionbudgets": "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
    "horizontalpodautoscalers": "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
    "jobs": "NAME STATUS COMPLETIONS DURATION AGE",
    "cronjobs": "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
    "roles": "NAME CREATED AT",
    "rolebindings": "NAME ROLE AGE",
    "clusterroles": "NAME CREATED AT",
    "clusterrolebindings": "NAME ROLE AGE",
    "storageclasses": "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
    "apiservices": "NAME SERVICE AVAILABLE AGE",
    "ingressclasses": "NAME CONTROLLER PARAMETERS AGE",
    "ingresses": "NAME CLASS HOSTS ADDRESS PORTS AGE",
    "networkpolicies": "NAME POD-SELECTOR AGE",
    "persistentvolumes": "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS "
    "REASON AGE",
    "controllerrevisions": "NAME CONTROLLER REVISION AGE",
    "nodes": "NAME STATUS ROLES AGE VERSION",
    "namespaces": "NAME STATUS AGE",
    "replicasets": "NAME DESIRED CURRENT READY AGE",
}
"""Heads of the tables as kubectl prints them; those of workloads and pods stand in ``test_kubectl``."""


@pytest.fixture
async def furnished(kubectl: Kubectl, server: ClusterServer, tmp_path: Path) -> Kubectl:
    """One of everything that somebody may ask for, all called ``one``."""
    file = tmp_path / "things.json"
    apis = {kind.kind: kind.api_version for kind in KINDS if not kind.stored_as}
    items = [{"apiVersion": apis[thing["kind"]], "metadata": {"name": "one"}, **thing} for thing in THINGS]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
    assert (await kubectl("apply", "--validate=false", "-f", str(file))).count(" created") == len(THINGS)
    server.cluster.advance(3)
    return kubectl


async def rows(kubectl: Kubectl, *words: str) -> list[list[str]]:
    """The lines below the head, as words."""
    return [line.split() for line in (await kubectl("get", *words)).splitlines()[1:]]


async def test_every_kind_has_its_table_and_its_description(furnished: Kubectl) -> None:
    for resource, head in TABLES.items():
        shown = (await furnished("get", resource)).splitlines()
        lines = [line for line in shown if not line.startswith("Warning")]
        assert lines[0].split() == head.split(), resource
    old = {"PodDisruptionBudget", "CronJob"} if await furnished.minor() < V1_OF_ALL else set()
    for thing in THINGS:
        if thing["kind"] in old:
            continue
        told = await furnished("describe", thing["kind"].lower(), "one")
        assert told.splitlines()[0].split() == ["Name:", "one"], told
    assert "Ready" in await furnished("describe", "nodes")
    assert "Resource Quotas" in await furnished("describe", "namespace", "shop")


async def test_cells_say_what_is_there(furnished: Kubectl) -> None:
    [[name, phase, volume, size, mode, *_]] = await rows(furnished, "pvc")
    assert (name, phase, size, mode) == ("one", "Bound", "1Gi", "RWO")
    assert volume.startswith("pvc-")
    assert (await rows(furnished, "secret"))[0][:3] == ["one", "Opaque", "1"]
    assert (await rows(furnished, "job"))[0][:3] == ["one", "Complete", "1/1"]
    assert (await rows(furnished, "cronjob"))[0][1:8] == ["0", "3", "*", "*", "*", "<none>", "False"]
    assert " ".join((await rows(furnished, "hpa"))[0][:6]) == "one Deployment/api cpu: <unknown>/80% 1 5"
    assert "pods: 6/20 limits.cpu: 0/8" in " ".join((await rows(furnished, "quota"))[0])
    assert (await rows(furnished, "rolebinding", "-o", "wide"))[0][-1] == "shop/x"
    assert (await rows(furnished, "nodes", "-o", "wide"))[0][5] == "10.0.0.1"
    assert (await rows(furnished, "ingress"))[0][1:6] == ["one", "shop.example", ADDRESS, "80,", "443"]
    assert (await rows(furnished, "netpol"))[0][1] == "app=api"
    by_name = {row[0]: row[1:] for row in await rows(furnished, "pv")}
    assert by_name.pop("one")[:4] == ["5Gi", "RWX", "Retain", "Pending"]
    assert by_name == {volume: ["1Gi", "RWO", "Delete", "Bound", "shop/one", *by_name[volume][5:]]}
    found = (await rows(furnished, "endpointslice"))[0]
    assert (found[0], found[2], found[3].count(",")) == ("one-slice", "8080", 1)


async def test_a_secrets_text_is_kept_as_bytes_alone(furnished: Kubectl) -> None:
    kept = json.loads(await furnished("get", "secret", "one", "-o", "json"))
    assert kept["data"] == {"password": "aHVudGVyMg=="}
    assert "stringData" not in kept
    assert "hunter2" not in await furnished("describe", "secret", "one")


async def test_what_is_created_by_hand_runs(kubectl: Kubectl, server: ClusterServer) -> None:
    """Newer ones send these in protobuf, older ones in JSON."""
    image = "--image=registry.example/shop/new:1"
    await kubectl("create", "deployment", "new", image, "--replicas=2")
    await kubectl("expose", "deployment", "new", "--port=80", "--target-port=8080")
    await kubectl("autoscale", "deployment", "new", "--max=3", "--cpu-percent=50")
    await kubectl("create", "configmap", "made", "--from-literal=a=b")
    await kubectl("create", "secret", "generic", "made", "--from-literal=a=b")
    if await kubectl.minor() >= V1_OF_ALL:
        await kubectl("create", "cronjob", "made", image, "--schedule=* * * * *")
        await kubectl("create", "job", "byhand", "--from=cronjob/made")
    else:
        await kubectl("create", "job", "byhand", image)
    await kubectl("create", "role", "made", "--verb=get", "--resource=pods")
    await kubectl("create", "rolebinding", "made", "--role=made", "--serviceaccount=shop:made")
    await kubectl("create", "namespace", "fresh")
    await kubectl("run", "alone", image)
    assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/new", "--timeout=400s")
    made = server.cluster.get("Deployment", "shop", "new")
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/shop/new:1"
    service = server.cluster.get("Service", "shop", "new")["spec"]
    assert (service["selector"], service["ports"][0]["targetPort"]) == ({"app": "new"}, 8080)
    assert server.cluster.get("ConfigMap", "shop", "made")["data"] == {"a": "b"}
    assert server.cluster.get("RoleBinding", "shop", "made")["subjects"][0]["name"] == "made"
    assert await kubectl("wait", "pod", "alone", "--for=condition=Ready", "--timeout=400s")
    await kubectl("wait", "job", "byhand", "--for=condition=complete", "--timeout=400s")
    assert "fresh" in await kubectl("delete", "namespace", "fresh")


async def test_a_log_is_followed_until_its_container_has_ended(kubectl: Kubectl, server: ClusterServer) -> None:
    server.cluster.set_logs("shop", "db", ["hello"])
    process = await kubectl.start("logs", "-f", "db-0", "--tail=1")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENT):
        assert await process.stdout.readline() == b"hello\n"
        server.cluster.set_logs("shop", "db", ["hello", "world", "world"])
        assert [await process.stdout.readline() for _ in range(2)] == [b"world\n"] * 2
        assert process.returncode is None
        server.cluster.logs.forget("shop", "db")
        server.cluster.crash_loop("shop", "db")
        rest = await process.stdout.read()
        assert await process.wait() == 0
    assert b"cannot open the cache" in rest


async def test_a_log_that_is_followed_ends_with_its_pod(kubectl: Kubectl) -> None:
    process = await kubectl.start("logs", "-f", "-l", "app=db", "--prefix")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENT):
        assert (await process.stdout.readline()).startswith(b"[pod/db-0/db] ")
        await kubectl("delete", "pod", "db-0", "--grace-period=0", "--force")
        await process.stdout.read()
        assert await process.wait() == 0


async def test_rollouts_are_held_looked_at_and_undone(kubectl: Kubectl) -> None:
    assert "paused" in await kubectl("rollout", "pause", "deployment/api")
    assert "can't restart paused" in await kubectl("rollout", "restart", "deployment/api", expect=1)
    await kubectl("set", "image", "deployment/api", "api=registry.example/shop/api:2")
    await kubectl("rollout", "resume", "deployment/api")
    await kubectl("rollout", "status", "deployment/api", "--timeout=400s")
    told = await kubectl("rollout", "history", "deployment/api", "--revision=2")
    assert "registry.example/shop/api:2" in told
    assert "registry.example/shop/api:2" not in await kubectl("rollout", "history", "deployment/api", "--revision=1")
    assert "unable to find" in await kubectl("rollout", "undo", "deployment/api", "--to-revision=9", expect=1)
    await kubectl("rollout", "undo", "deployment/api", "--to-revision=1")
    for what in ("statefulset/db", "daemonset/agent"):
        assert "Image:" in await kubectl("rollout", "history", what, "--revision=1")


async def test_a_node_is_cordoned_tainted_drained_and_given_back(kubectl: Kubectl, server: ClusterServer) -> None:
    node = next(pod["spec"]["nodeName"] for pod in server.cluster.pods("shop", "api"))
    assert "cordoned" in await kubectl("cordon", node)
    assert "SchedulingDisabled" in await kubectl("get", "node", node)
    assert "DaemonSet-managed" in await kubectl("drain", node, expect=1)
    assert "evict" in await kubectl("drain", node, "--ignore-daemonsets", "--timeout=400s")
    await kubectl("uncordon", node)
    await kubectl("taint", "node", node, "dedicated=db:NoSchedule")
    assert "dedicated=db:NoSchedule" in await kubectl("describe", "node", node)
    await kubectl("taint", "node", node, "dedicated-")


async def test_edit_label_patch_diff_and_wait(furnished: Kubectl, tmp_path: Path) -> None:
    edited = await furnished("edit", "configmap", "one", EDITOR="sed -i s/blue/red/")
    assert "edited" in edited
    assert json.loads(await furnished("get", "configmap", "one", "-o", "json"))["data"]["colour"] == "red"
    await furnished("label", "pod", "db-0", "team=data")
    assert "already has a value" in await furnished("label", "pod", "db-0", "team=ops", expect=1)
    assert "db-0" in await furnished("get", "pods", "-l", "team=data", "--show-labels")
    await furnished("patch", "deployment", "api", "-p", '{"spec":{"replicas":3}}')
    await furnished("wait", "deployment/api", "--for=condition=Available", "--timeout=400s")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"colour": "green"}}
    (tmp_path / "other.json").write_text(json.dumps(config), encoding="utf-8")
    difference = await furnished("diff", "-f", str(tmp_path / "other.json"), expect=1)
    assert "-  colour: red" in difference
    assert "+  colour: green" in difference


async def test_lists_are_chosen_sorted_and_shaped(kubectl: Kubectl) -> None:
    chosen = await kubectl("get", "pods", "-A", "--field-selector", "metadata.name=db-0", "-o", "name")
    assert chosen == "pod/db-0\n"
    newest = await kubectl("get", "events", "--sort-by=.lastTimestamp", "--field-selector", "involvedObject.name=db-0")
    assert "Started" in newest
    names = await kubectl("get", "deploy,sts", "-o", "custom-columns=NAME:.metadata.name", "--no-headers")
    assert names.split() == ["api", "db"]
    image = await kubectl("get", "pod", "db-0", "-o", "jsonpath={.spec.containers[*].image}")
    assert image == "registry.example/shop/db:1.0.0"
    assert "api-resources" in await kubectl("--help")
    listed = await kubectl("api-resources", "--verbs=list", "-o", "name")
    assert {f"{kind.qualified}" for kind in KINDS if "list" in kind.verbs} == set(listed.split())
    assert "apps/v1" in await kubectl("api-versions")
    assert "Kubernetes control plane" in await kubectl("cluster-info")


async def test_fields_are_listed_with_their_types(kubectl: Kubectl) -> None:
    if await kubectl.minor() < EXPLAINS_V3:  # it reads documents of the second version, which hold no fields here
        assert "find resource" in await kubectl("explain", "deployment.spec.strategy", expect=1)
        return
    told = await kubectl("explain", "deployment.spec.strategy")
    assert "rollingUpdate" in told
    assert "<RollingUpdateDeployment>" in told
    assert "does not exist" in await kubectl("explain", "pod.spec.nothing", expect=1)
    assert "kubernetes.io/docs" in await kubectl("explain", "hpa", "--recursive")


async def test_what_is_not_emulated_is_refused_in_a_sentence(kubectl: Kubectl) -> None:
    assert 'doesn\'t have a resource type "widgets"' in await kubectl("get", "widgets", expect=1)
    refused = await kubectl("port-forward", "db-0", "18080:80", expect=1)
    assert REFUSED["pods/portforward"] in refused
    assert REFUSED["pods/attach"] in await kubectl("attach", "db-0", expect=1)
    assert SILENT in await kubectl("exec", "-i", "db-0", "--", "sh", expect=1)
    new = await kubectl.minor() >= WEBSOCKETS
    said = await kubectl("exec", "db-0", "--", "echo", "hello", expect=0 if new else 1)
    assert ("hello\n" if new else OLD) in said


async def test_each_refusal_is_an_answer_and_no_route(api: Api, kubectl: Kubectl) -> None:  # noqa: ARG001 - its pods
    """What is declared as not emulated is neither in discovery nor a plain 404."""
    served = {f"{kind.plural}/{sub.name}" for kind in KINDS for sub in kind.subresources}
    assert not served & REFUSED.keys()
    for resource, sentence in REFUSED.items():
        answer = await api("POST", f"/api/v1/namespaces/shop/pods/db-0/{resource.partition('/')[2]}")
        assert (answer.status, answer.body["reason"], answer.body["message"]) == (501, "NotImplemented", sentence)
