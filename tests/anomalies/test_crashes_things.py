"""A crash at each point around a write to what is no workload: done once, settled as it is, and verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.execution import EXECUTION_ID
from bot.domain.mitigation import Action
from bot.domain.verification import Verdict
from bot.storage import proposals
from tests.chance import most, some
from tests.invariants import execution_of, hold

from .night import Night, insists, left
from .test_crashes import Build, around

POINTS = [*around("_approve#2", "_claim#1", "write#1", "_record#1"), *around("_settle#1")]
"""The second approval, the claim, the write, its outcome, the verdict."""
FAILED = "nightly-29371"


def _cronjob(night: Night) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.example/shop/nightly:1"}]}
    body = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}}
    meta = {"name": "nightly", "namespace": "shop", "annotations": {"fettle/rerun": "safe"}}
    cluster = night.server.cluster
    made = cluster.apply({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": meta, "spec": body})
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": made["metadata"]["uid"]}
    meta = {"name": FAILED, "namespace": "shop", "ownerReferences": [{**owner, "controller": True}]}
    cluster.break_next("shop", FAILED, "crash")
    cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": body["jobTemplate"]["spec"]})  # type: ignore[index]
    cluster.advance(120)


def _claim(night: Night) -> None:
    cluster = night.server.cluster
    kind = {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": {"name": "fast"}}
    cluster.apply({**kind, "provisioner": "csi.example", "allowVolumeExpansion": True})
    spec = {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "x:1"}]}}
    body = {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
    }  # fmt: skip
    cluster.apply(
        {"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {"name": "db", "namespace": "shop"}, "spec": body}
    )
    cluster.advance(30)


def _node(night: Night) -> None:
    night.server.cluster.join("worker-1", labels={"pool": "workers"})


@dataclass(frozen=True)
class Way:
    """One verb on one thing: how the world is furnished, what is asked, and whether it is so in the cluster."""

    action: Action
    what: str
    furnish: Callable[[Night], None]
    times: Callable[[Night], int]
    fault: tuple[str, str]


def _runs(night: Night) -> int:
    jobs = night.server.cluster.list("Job", "shop")
    return sum(EXECUTION_ID in (one["metadata"].get("annotations") or {}) for one in jobs)


def _grown(night: Night) -> int:
    found: Any = night.server.cluster.get("PersistentVolumeClaim", "shop", "data-db-0")
    return int(found["spec"]["resources"]["requests"]["storage"] == "15Gi")


def _cordoned(night: Night) -> int:
    found: Any = night.server.cluster.get("Node", "", "worker-1")
    return int(bool(found["spec"].get("unschedulable")))


WAYS = {
    "rerun_job": Way(Action.RERUN_JOB, f"job/{FAILED} -n shop", _cronjob, _runs, ("create", "jobs")),
    "delete_failed_job": Way(
        Action.DELETE_FAILED_JOB, f"shop/{FAILED}", _cronjob,
        lambda night: int(night.server.cluster.get("Job", "shop", FAILED) is None), ("delete", "jobs"),
    ),
    "expand_volume": Way(
        Action.EXPAND_VOLUME, "shop/data-db-0", _claim, _grown, ("patch", "persistentvolumeclaims"),
    ),
    "cordon": Way(Action.CORDON, "worker-1", _node, _cordoned, ("patch", "nodes")),
}  # fmt: skip


class AsksFor:
    """Bo asks until it is answered with yes, and again where the card shows that nothing came of it."""

    def __init__(self, way: Way) -> None:
        self.way, self.answered = way, False

    async def __call__(self, night: Night) -> bool:
        """True while something is still wanted."""
        if not self.answered:
            bo = await night.floor.person("bo")
            answer = await night.floor.verbs.act(bo, self.way.action, self.way.what)
            self.answered = answer.ok or "in flight" in answer.text
            return True
        return await insists(night)


async def both_approve(night: Night) -> bool:
    """Ana and Li approve whatever waits; one of them is enough for most."""
    waiting = await night.floor.store.read(proposals.pending)
    for proposal in waiting:
        for who in ("ana", "li"):
            await night.floor.verbs.approve(proposal.id, await night.floor.person(who))
    return bool(waiting)


async def played(build: Callable[..., Awaitable[Night]], way: Way, *crash_at: str, fault: str = "") -> Night:
    night = await build(*crash_at)
    way.furnish(night)
    allowed: dict[str, Any] = {"ALLOWED_ACTIONS": (way.action,), "CORDON_NODES": "pool=workers"}
    begin = night._start

    async def again() -> None:
        await begin()
        night.floor.configure(**allowed)

    night._start = again  # type: ignore[method-assign] # what a restarted process would find in its settings
    night.floor.configure(**allowed)
    if fault:
        getattr(night.server.faults, fault)(*way.fault)
    await night.live(AsksFor(way), both_approve)
    return night


async def once(night: Night, way: Way) -> None:
    """The invariants; and the effect is there once, verified, by one execution."""
    hold(left(night))
    assert way.times(night) == 1
    found = await night.floor.verification()
    assert found.verdict is Verdict.PASS, found
    answered = [one for one in left(night).writes() if 200 <= one.status < 300]
    assert len({execution_of(one) for one in answered}) == len(answered) == 1


@pytest.mark.parametrize("verb", WAYS)
@pytest.mark.parametrize("point", most(some(POINTS, 6), 1))
async def test_a_crash_around_each_write(night: Build, verb: str, point: str) -> None:
    """Where one approval is enough the second press comes too late, so that its point isn't passed."""
    way = WAYS[verb]
    broken = await played(night, way, point)
    passed = point in broken.points
    assert broken.crashes == int(passed), broken.points
    assert passed or (point.endswith("_approve#2") and verb != "expand_volume")
    await once(broken, way)


@pytest.mark.parametrize("verb", WAYS)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
async def test_an_answer_that_is_lost_is_read_back(night: Build, verb: str, fault: str) -> None:
    way = WAYS[verb]
    whole = await played(night, way, fault=fault)
    await once(whole, way)


@pytest.mark.parametrize("verb", WAYS)
async def test_a_second_crash_while_the_first_is_recovered_from(night: Build, verb: str) -> None:
    way = WAYS[verb]
    broken = await played(night, way, "after:write#1", "before:_record#1")
    assert broken.crashes >= 1
    await once(broken, way)
