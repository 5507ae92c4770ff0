"""Containers of recorded pods: state, newest end, and what the pod itself says."""

from __future__ import annotations

from typing import Any

import pytest

from bot.kube.containers import read_containers
from bot.kube.pods import read_pod
from tests.unit.cluster_states import recorded


@pytest.mark.parametrize(
    ("name", "state", "reason", "code", "last"),
    [
        ("pod-crashloopbackoff", "waiting", "CrashLoopBackOff", 1, "Error"),
        ("pod-crash-running-again", "running", "", 1, "Error"),
        ("pod-crash-terminated", "terminated", "Error", 1, "Error"),
        ("pod-oomkilled-running", "running", "", 137, "OOMKilled"),
        ("pod-imagepullbackoff", "waiting", "ImagePullBackOff", None, ""),
        ("pod-createcontainerconfigerror", "waiting", "CreateContainerConfigError", None, ""),
    ],
)
def test_state_and_newest_end(name: str, state: str, reason: str, code: int | None, last: str) -> None:
    (one,) = read_pod(recorded(name)).row.containers
    assert (one.state, one.reason, one.last_exit, one.last_reason) == (state, reason, code, last)
    assert one.image.startswith("nginx")
    assert bool(one.last_finished_at) == (code is not None)


def test_the_registrys_error_is_kept() -> None:
    (one,) = read_pod(recorded("pod-imagepullbackoff")).row.containers
    assert "docker.io/library/nginx:missing: not found" in one.message


def test_a_pod_says_why_it_failed_and_why_it_is_not_scheduled() -> None:
    evicted = read_pod(recorded("pod-evicted")).row
    assert evicted.reason == "Evicted"
    assert "low on resource" in evicted.message
    (item,) = recorded("pod-unschedulable-list")["items"]
    (scheduled,) = [one for one in read_pod(item).row.conditions if one.type == "PodScheduled"]
    assert (scheduled.status, scheduled.reason) == ("False", "Unschedulable")
    assert "nodes are available" in scheduled.message
    assert read_pod(recorded("pod-terminating")).row.deleting


def test_an_unscheduled_pod_has_containers_without_a_state() -> None:
    (item,) = recorded("pod-unschedulable-list")["items"]
    (one,) = read_pod(item).row.containers
    assert (one.state, one.last_exit, one.ready) == ("", None, False)


def test_init_containers_come_first_with_resources_and_probes_in_base_units() -> None:
    pod: dict[str, Any] = {
        "spec": {
            "initContainers": [{"name": "migrate", "image": "m:1"}],
            "containers": [
                {
                    "name": "api", "image": "a:1", "livenessProbe": {}, "readinessProbe": {"httpGet": {"path": "/"}},
                    "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
                }
            ],
        },
        "status": {
            "initContainerStatuses": [
                {"name": "migrate", "restartCount": 3, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
            ],
        },
    }  # fmt: skip
    init, api = read_containers(pod)
    assert (init.name, init.init, init.restarts, init.last_exit) == ("migrate", True, 3, 0)
    assert (api.cpu_request, api.cpu_limit, api.memory_request, api.memory_limit) == (0.25, None, 2.0**30, 2.0**31)
    assert api.probes == ("readiness",), "an empty probe is none"


def test_long_messages_of_programs_are_cut() -> None:
    end = {"exitCode": 2, "message": "x" * 9000}
    pod = {
        "spec": {"containers": [{"name": "c"}]},
        "status": {"containerStatuses": [{"name": "c", "state": {"terminated": end}}]},
    }
    (one,) = read_containers(pod)
    assert len(one.message) == len(one.last_message) == 1024
