"""Writes the recorded snapshots of this folder: answers of a real API server (tests/captures/k8s) as evidence.

    python tests/snapshots/make.py

Rows have the shapes that collectors make. What the recordings don't hold (healthy siblings, times of alerts) is added
here in the open. A test holds that the files equal what this writes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(ROOT))

from bot.domain.evidence import PodRow  # noqa: E402 - the path is set above
from bot.domain.observed import (  # noqa: E402
    ChangeSeen,
    ConditionSeen,
    ContainerSeen,
    NodeSeen,
    RevisionSeen,
    WorkloadSeen,
)
from bot.kube.events import fold  # noqa: E402

CAPTURES = ROOT / "tests" / "captures" / "k8s"
REVISION = "deployment.kubernetes.io/revision"


def body(name: str) -> Any:
    """The body of one recorded answer."""
    value = json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    return value.get("body", value)


def moment(text: str | None) -> datetime:
    """A recorded time."""
    return datetime.fromisoformat(text or "2026-11-20T23:55:00Z")


def stamp(at: datetime) -> str:
    """A time as the API writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def conditions(found: Any) -> tuple[ConditionSeen, ...]:
    """The conditions of a status."""
    return tuple(
        ConditionSeen(
            one["type"],
            one["status"],
            one.get("reason") or "",
            one.get("message") or "",
            one.get("lastTransitionTime") or "",
        )
        for one in found or ()
    )


def container(spec: Any, status: Any) -> ContainerSeen:
    """One container from its part of the spec and of the status."""
    state = next(iter(status.get("state", {"": {}}).items()), ("", {}))
    now, told = state
    ended = told if now == "terminated" else (status.get("lastState") or {}).get("terminated") or {}
    return ContainerSeen(
        name=spec["name"],
        image=spec.get("image", ""),
        image_id=status.get("imageID", ""),
        ready=bool(status.get("ready")),
        restarts=status.get("restartCount", 0),
        state=now,
        reason=told.get("reason", ""),
        message=told.get("message", ""),
        started_at=told.get("startedAt", "") if now == "running" else "",
        last_exit=ended.get("exitCode"),
        last_reason=ended.get("reason", ""),
        last_started_at=ended.get("startedAt", ""),
        last_finished_at=ended.get("finishedAt", ""),
    )


def pod(item: Any) -> PodRow:
    """A row of one recorded pod."""
    meta, spec, status = item["metadata"], item["spec"], item["status"]
    by_name = {one["name"]: one for one in status.get("containerStatuses", [])}
    parts = tuple(container(one, by_name.get(one["name"], {})) for one in spec["containers"])
    seen = conditions(status.get("conditions"))
    unscheduled = next((one.reason for one in seen if one.type == "PodScheduled" and one.status == "False"), "")
    ended = max(
        (part for part in parts if part.last_exit is not None), key=lambda part: part.last_finished_at, default=None
    )
    return PodRow(
        meta["name"], status.get("phase", ""), any(one.type == "Ready" and one.status == "True" for one in seen),
        sum(part.restarts for part in parts),
        next((part.reason for part in parts if part.state == "waiting"), "") or unscheduled,
        ended.last_reason if ended else "", ended.last_exit if ended else None, ended.last_finished_at if ended else "",
        spec.get("nodeName", ""), parts[0].image, meta["creationTimestamp"],
        meta.get("labels", {}).get("pod-template-hash", ""), status.get("reason", ""), status.get("message", ""),
        "deletionTimestamp" in meta, parts, seen,
    )  # fmt: skip


def sibling(name: str, of: str, number: int, created: str) -> PodRow:
    """A pod of the revision before, well since its creation; the recordings keep only the ill ones."""
    part = ContainerSeen(name, "nginx:1.24", ready=True, state="running", started_at=created)
    ready = ConditionSeen("Ready", "True", at=created)
    return PodRow(
        f"{name}-{of}-{number}", "Running", ready=True, restarts=0, node=f"sim-node-{number}", image="nginx:1.24",
        created_at=created, hash=of, containers=(part,), conditions=(ready,),
    )  # fmt: skip


def revisions(listed: Any) -> list[RevisionSeen]:
    """The recorded ReplicaSets, newest number first."""
    items = sorted(listed["items"], key=lambda item: -int(item["metadata"]["annotations"][REVISION]))
    return [
        RevisionSeen(
            item["metadata"]["annotations"][REVISION],
            item["metadata"]["creationTimestamp"],
            item["metadata"]["name"].rsplit("-", 1)[-1],
            tuple(one["image"] for one in item["spec"]["template"]["spec"]["containers"]),
            current=place == 0,
            replicas=item["status"].get("replicas", 0),
            ready=item["status"].get("readyReplicas", 0),
            healthy=place > 0,
            hash=item["metadata"]["labels"]["pod-template-hash"],
        )
        for place, item in enumerate(items)
    ]


def workload(item: Any) -> WorkloadSeen:
    """The recorded Deployment."""
    meta, spec, status = item["metadata"], item["spec"], item["status"]
    return WorkloadSeen(
        "Deployment", meta["namespace"], meta["name"], spec.get("replicas", 0), status.get("updatedReplicas", 0),
        status.get("readyReplicas", 0), status.get("availableReplicas", 0), status.get("replicas", 0),
        meta["generation"],
        status.get("observedGeneration", 0), strategy="RollingUpdate", revision=meta["annotations"].get(REVISION, ""),
        conditions=conditions(status.get("conditions")),
    )  # fmt: skip


def node(item: Any) -> NodeSeen:
    """The recorded node."""
    seen = conditions(item["status"]["conditions"])
    taints = tuple(f"{one['key']}:{one['effect']}" for one in item["spec"].get("taints", ()))
    ready = next((one.status == "True" for one in seen if one.type == "Ready"), None)
    return NodeSeen(item["metadata"]["name"], ready=ready, taints=taints, conditions=seen, cpu=16.0)


def snapshot(
    name: str, alert: str, now: datetime, since: datetime, data: dict[str, Any], **labels: str
) -> dict[str, Any]:
    """One snapshot as JSON."""
    found = {"alertname": alert, "namespace": "cap", "severity": "warning", **labels}
    return {
        "now": stamp(now),
        "target": {"kind": "Deployment", "namespace": "cap", "name": name, "uid": f"uid-{name}"},
        "alerts": [{"labels": found, "starts_at": stamp(since)}],
        "evidence": data,
    }


def rollout(what: str, pods: list[str], alert: str, change: str) -> dict[str, Any]:
    """A recorded rollout that is stuck: Deployment, ReplicaSets and an ill pod, with two siblings that are well."""
    name = f"bad-{what}"
    found = workload(body(f"deploy-stuck-{what}"))
    known = revisions(body(f"rs-stuck-{what}"))
    ill = [pod(body(one)) for one in pods]
    old = [sibling(name, known[1].hash, number, known[1].created_at) for number in range(1, known[1].ready + 1)]
    at = moment(known[0].created_at)
    changed = ChangeSeen("template", change, known[0].created_at, "kubectl edit", known[0].revision, (change,))
    data = {
        "pods": {"pods": [asdict(one) for one in (*ill, *old)], "total": len(ill) + len(old)},
        "events": {"events": [], "total": 0},
        "workload": {"workload": asdict(found)},
        "changes": {"changes": [asdict(changed)], "revisions": [asdict(one) for one in known]},
        "logs": {"logs": []},
    }
    return snapshot(name, alert, at + timedelta(minutes=2), at + timedelta(seconds=80), data, pod=ill[0].name)


def dead_node() -> dict[str, Any]:
    """All pods of a Deployment on nodes that fell silent."""
    listed = body("pods-on-dead-node")["items"]
    found = workload(body("deploy-node-dead"))
    silent = node(body("node-notready"))
    rows = [pod(item) for item in listed]
    names = sorted({row.node for row in rows})
    nodes = [asdict(NodeSeen(one, silent.ready, taints=silent.taints, conditions=silent.conditions)) for one in names]
    data = {
        "pods": {"pods": [asdict(row) for row in rows], "total": len(rows)},
        "events": {"events": [asdict(row) for row in fold(body("events-node")["items"])], "total": 2},
        "workload": {"workload": asdict(found)},
        "changes": {"changes": [], "revisions": []},
        "nodes": {"nodes": nodes},
    }
    now = moment("2026-11-21T00:08:00Z")
    return snapshot("api", "KubePodNotReady", now, now - timedelta(minutes=2), data)


def alone(name: str, recorded: list[Any], alert: str, after: timedelta) -> dict[str, Any]:
    """Recorded pods without any change around them."""
    rows = [pod(item) for item in recorded]
    created = max(moment(row.created_at) for row in rows)
    data = {
        "pods": {"pods": [asdict(row) for row in rows], "total": len(rows)},
        "events": {"events": [], "total": 0},
        "changes": {"changes": [], "revisions": []},
        "logs": {"logs": []},
    }
    return snapshot(name, alert, created + after, created + after / 2, data, pod=rows[0].name)


def files() -> dict[str, dict[str, Any]]:
    """File name -> snapshot."""
    minute = timedelta(minutes=1)
    crash = [body("pod-crash-running-again")]
    return {
        "rollout-crashes": rollout(
            "crashloop", ["pod-crashloopbackoff"], "KubePodCrashLooping", "image nginx:1.24 → 1.25"
        ),
        "rollout-not-ready": rollout(
            "notready", ["pod-notready"], "KubeDeploymentRolloutStuck", "image nginx:1.24 → 1.25"
        ),
        "rollout-starves": rollout(
            "oom", ["pod-oomkilled-backoff", "pod-oomkilled-running"], "KubePodCrashLooping", "image nginx:1.24 → 1.25"
        ),
        "rollout-no-image": rollout(
            "imagepull", ["pod-imagepullbackoff"], "KubeContainerWaiting", "image nginx:1.24 → missing"
        ),
        "rollout-no-secret": rollout(
            "configerr", ["pod-createcontainerconfigerror"], "KubeContainerWaiting", "all of Secret api-secret +"
        ),
        "image-first-error": alone("bad-imagepull", [body("pod-errimagepull")], "KubeContainerWaiting", 5 * minute),
        "oom-old-template": alone("bad-oom", [body("pod-oomkilled-running")], "KubePodCrashLooping", 2 * minute),
        "crash-between": alone("bad-crashloop", crash, "KubePodCrashLooping", minute),
        "crash-once": alone("term", [body("pod-crash-terminated")], "KubePodCrashLooping", minute),
        "unschedulable": alone("unsched", body("pod-unschedulable-list")["items"], "KubePodNotReady", 5 * minute),
        "evicted": alone("evicted", [body("pod-evicted")], "KubePodNotReady", 2 * minute),
        "node-silent": dead_node(),
    }


def text(found: dict[str, Any]) -> str:
    """A snapshot as it is written."""
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for title, made in files().items():
        (FOLDER / f"{title}.json").write_text(text(made), encoding="utf-8")
