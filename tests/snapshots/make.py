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
from bot.domain.observed import ConditionSeen, ContainerSeen  # noqa: E402
from bot.kube import history  # noqa: E402
from bot.kube.events import fold  # noqa: E402
from bot.kube.nodes import read_node  # noqa: E402
from bot.kube.pods import read_pod  # noqa: E402
from bot.kube.revisions import read_revisions  # noqa: E402
from bot.kube.workload_row import read_workload  # noqa: E402

CAPTURES = ROOT / "tests" / "captures" / "k8s"


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


def pod(item: Any) -> PodRow:
    """A row of one recorded pod, as the collector reads it."""
    return read_pod(item).row


def sibling(name: str, of: str, number: int, created: str) -> PodRow:
    """A pod of the revision before, well since its creation; the recordings keep only the ill ones."""
    part = ContainerSeen(name, "nginx:1.24", ready=True, state="running", started_at=created)
    ready = ConditionSeen("Ready", "True", at=created)
    return PodRow(
        f"{name}-{of}-{number}", "Running", ready=True, restarts=0, node=f"sim-node-{number}", image="nginx:1.24",
        created_at=created, hash=of, containers=(part,), conditions=(ready,),
    )  # fmt: skip


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


def rollout(what: str, pods: list[str], alert: str) -> dict[str, Any]:
    """A recorded rollout that is stuck: Deployment, ReplicaSets and an ill pod, with two siblings that are well."""
    name = f"bad-{what}"
    deployment, sets = body(f"deploy-stuck-{what}"), body(f"rs-stuck-{what}")["items"]
    known = read_revisions("Deployment", deployment, sets, [read_pod(body(one)) for one in pods])
    ill = [pod(body(one)) for one in pods]
    old = [sibling(name, known[1].hash, number, known[1].created_at) for number in range(1, known[1].ready + 1)]
    at = moment(known[0].created_at)
    changed = list(history.template_changes("Deployment", deployment, sets))
    data = {
        "pods": {"pods": [asdict(one) for one in (*ill, *old)], "total": len(ill) + len(old)},
        "events": {"events": [], "total": 0},
        "workload": {"workload": asdict(read_workload("Deployment", deployment))},
        "changes": {"changes": [asdict(one) for one in changed], "revisions": [asdict(one) for one in known]},
        "logs": {"logs": []},
    }
    return snapshot(name, alert, at + timedelta(minutes=2), at + timedelta(seconds=80), data, pod=ill[0].name)


def dead_node() -> dict[str, Any]:
    """All pods of a Deployment on nodes that fell silent."""
    pods = [read_pod(item) for item in body("pods-on-dead-node")["items"]]
    silent = body("node-notready")
    names = sorted({one.row.node for one in pods})
    named = [{**silent, "metadata": {**silent["metadata"], "name": name}} for name in names]
    found = read_workload("Deployment", body("deploy-node-dead"))
    data = {
        "pods": {"pods": [asdict(one.row) for one in pods], "total": len(pods)},
        "events": {"events": [asdict(row) for row in fold(body("events-node")["items"])], "total": 2},
        "workload": {"workload": asdict(found)},
        "changes": {"changes": [], "revisions": []},
        "nodes": {"nodes": [asdict(read_node(one, pods)) for one in named]},
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
        "rollout-crashes": rollout("crashloop", ["pod-crashloopbackoff"], "KubePodCrashLooping"),
        "rollout-not-ready": rollout("notready", ["pod-notready"], "KubeDeploymentRolloutStuck"),
        "rollout-starves": rollout("oom", ["pod-oomkilled-backoff", "pod-oomkilled-running"], "KubePodCrashLooping"),
        "rollout-no-image": rollout("imagepull", ["pod-imagepullbackoff"], "KubeContainerWaiting"),
        "rollout-no-secret": rollout("configerr", ["pod-createcontainerconfigerror"], "KubeContainerWaiting"),
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
