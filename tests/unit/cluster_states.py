"""Target states, pods and recorded answers for tests of policy, mitigations and verification."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.evidence import PodRow
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube.objects import instant
from bot.kube.pods import Pod

NOW = datetime(2026, 11, 20, 3, 15, tzinfo=UTC)
RECORDED = Path(__file__).parent.parent / "captures" / "k8s"
OURS = "exec-1"
MARKED = {RESTARTED_AT: "2026-11-20T03:14:00Z", EXECUTION_ID: OURS}


def recorded(name: str) -> Any:
    """The body of one recorded answer."""
    value = json.loads((RECORDED / f"{name}.json").read_text())
    return value.get("body", value)


def state(kind: str = "Deployment", **changes: Any) -> TargetState:
    """A healthy workload shop/api with six pods, read now."""
    healthy = TargetState(
        target=Target(kind, "shop", "api", "uid-1"),
        cluster_uid="cluster-1",
        generation=7,
        observed_generation=7,
        replicas=6,
        updated=6,
        ready=6,
        available=6,
        current=6,
        paused=False,
        template_hash="hash-1",
        strategy="RollingUpdate",
        max_unavailable="25%",
        max_surge="25%",
        revision="41",
        observed_at=NOW,
        narrowing=Narrowing(),
    )
    return replace(healthy, **changes)


def pod(name: str = "api-1", **changes: Any) -> Pod:
    """A ready pod that our execution started; changes go to the row where the row has that field."""
    row = PodRow(name, "Running", ready=True, restarts=0)
    of_row = {key: changes.pop(key) for key in list(changes) if key in PodRow.__dataclass_fields__}
    row = replace(row, **of_row)
    made = Pod(
        row=row,
        uid=f"uid-{name}",
        namespace="shop",
        owner=("ReplicaSet", "api-abc", "uid-rs"),
        labels={},
        execution=OURS,
        restarted_at=MARKED[RESTARTED_AT],
        deleting=row.deleting,
        finished_at=instant(row.terminated_at),
        ready_since=NOW - timedelta(minutes=1) if row.ready else None,
        unready_since=None if row.ready else NOW,
        created_at=NOW - timedelta(minutes=2),
    )
    return replace(made, **changes)
