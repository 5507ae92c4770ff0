"""Protobuf bodies are read as the JSON that the same kubectl would have sent; whatever isn't known is refused."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.kubernetes import protobuf
from bot.sandbox.kubernetes.kinds import KINDS
from bot.sandbox.kubernetes.status import StatusError

BODIES = {
    kind: base64.b64decode(body)
    for kind, body in json.loads(Path(__file__).with_name("protobuf_bodies.json").read_text(encoding="utf-8")).items()
}
"""Sent by kubectl 1.33: create deployment, secret, quota, cronjob, service; autoscale; debug of a node."""
SPECS: dict[str, Any] = {
    "ResourceQuota": {"hard": {"pods": "25", "requests.cpu": "500m"}},
    "Service": {
        "ports": [{"name": "80-http", "protocol": "TCP", "port": 80, "targetPort": "http"}],
        "selector": {"app": "s3"},
        "type": "ClusterIP",
    },
    "HorizontalPodAutoscaler": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
            }
        ],
    },
    "CronJob": {
        "schedule": "* * * * *",
        "jobTemplate": {
            "metadata": {"name": "c"},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "OnFailure"}}},
        },
    },
}


@pytest.mark.parametrize("kind", SPECS)
def test_a_recorded_body_says_what_was_typed_and_nothing_more(kind: str) -> None:
    assert protobuf.decode(BODIES[kind])["spec"] == SPECS[kind]


def test_names_bytes_and_switches_are_read() -> None:
    assert protobuf.decode(BODIES["Secret"])["data"] == {"a": base64.b64encode(b"b").decode()}
    made = protobuf.decode(BODIES["Deployment"])
    assert (made["apiVersion"], made["metadata"]["labels"], made["spec"]["replicas"]) == ("apps/v1", {"app": "new"}, 2)
    pod = protobuf.decode(BODIES["Pod"])["spec"]
    assert (pod["hostNetwork"], pod["volumes"]) == (True, [{"name": "host-root", "hostPath": {"path": "/"}}])


def test_every_kind_that_is_served_can_be_sent_so() -> None:
    kinds, messages = protobuf.table()
    assert {f"{kind.api_version}.{kind.kind}" for kind in KINDS} <= kinds.keys()
    assert set(kinds.values()) <= messages.keys()
    types = {kind.lstrip("*[]{}") for fields in messages.values() for _, kind in fields.values()}
    assert types <= messages.keys() | protobuf._PLAIN.keys()


@pytest.mark.parametrize("cut", [1, 5, 20, 40, 60])
def test_a_body_that_is_cut_or_unknown_is_no_object(cut: int) -> None:
    for body in (BODIES["Deployment"][:cut], b"k8s\x00\x0a\x08\x0a\x02v1\x12\x02No", b"{}"):
        with pytest.raises(StatusError) as refused:
            protobuf.decode(body)
        assert refused.value.code == 415
