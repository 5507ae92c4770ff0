"""One container of a pod goes wrong alone, before the others or beside them; and a pod that doesn't end."""

from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.manners import Manner


def furnished(**pod: Any) -> Cluster:
    cluster = Cluster()
    made = cluster.deployment("shop", "api", replicas=1)
    made["spec"]["template"]["spec"] |= pod
    cluster.apply({key: made[key] for key in ("kind", "apiVersion", "metadata", "spec")})
    cluster.advance(60)
    return cluster


def statuses(cluster: Cluster, part: str = "containerStatuses") -> dict[str, Any]:
    (pod,) = (one for one in cluster.pods("shop", "api") if "deletionTimestamp" not in one["metadata"])
    return {one["name"]: one for one in pod["status"][part]}


def test_a_sidecar_that_crashes_leaves_the_others_running_and_the_pod_not_ready() -> None:
    two = [{"name": "api", "image": "x:1"}, {"name": "proxy", "image": "x:1"}]
    cluster = furnished(containers=two)
    cluster.strike("shop", "api", "crash", Manner(exit_code=1, only="proxy"))
    cluster.advance(30)
    seen = statuses(cluster)
    assert (seen["api"]["ready"], seen["api"]["restartCount"]) == (True, 0)
    assert seen["proxy"]["restartCount"] > 1
    (pod,) = cluster.pods("shop", "api")
    ready = {one["type"]: one["status"] for one in pod["status"]["conditions"]}["Ready"]
    assert (pod["status"]["phase"], ready) == ("Running", "False")


def test_a_container_that_comes_first_and_loops_keeps_the_others_waiting() -> None:
    cluster = furnished(initContainers=[{"name": "migrate", "image": "x:1"}])
    assert statuses(cluster, "initContainerStatuses")["migrate"]["state"]["terminated"]["reason"] == "Completed"
    cluster.break_next("shop", "api", "crash", Manner(exit_code=1, only="migrate"))
    cluster.delete("Pod", "shop", cluster.pods("shop", "api")[0]["metadata"]["name"])
    cluster.advance(30)
    assert statuses(cluster, "initContainerStatuses")["migrate"]["restartCount"] > 1
    assert statuses(cluster)["api"]["state"] == {"waiting": {"reason": "PodInitializing"}}
    (pod,) = cluster.pods("shop", "api")
    assert pod["status"]["phase"] == "Pending"
    cluster.heal("shop", "api")
    cluster.advance(30)
    assert statuses(cluster)["api"]["ready"] is True


def test_what_lingers_stays_when_it_is_told_to_end() -> None:
    cluster = furnished()
    (old,) = cluster.pods("shop", "api")
    cluster.kubelet.run_of(old).behaviour = "lingers"
    cluster.delete("Pod", "shop", old["metadata"]["name"])
    cluster.advance(300)
    left = {one["metadata"]["uid"]: one for one in cluster.pods("shop", "api")}
    assert len(left) == 2
    assert "deletionTimestamp" in left[old["metadata"]["uid"]]["metadata"]
