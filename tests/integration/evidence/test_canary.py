"""A secret planted wherever a cluster keeps text turns up in no evidence, and Secrets are never asked for."""

from __future__ import annotations

from typing import Any

import pytest

from bot.evidence import collect
from tests.integration.clusters import API, World, now

from .asking import config_map, container, gathered, write

CANARY = "hunter2-Canary-93f1"
SHAPED = f"password={CANARY}"
"""Free text is recognized by shape; values of the environment and of ConfigMaps are never looked at at all."""


def plant(obj: dict[str, Any]) -> None:
    """Into every place of a template that may hold text."""
    obj["metadata"].setdefault("annotations", {})["note"] = SHAPED
    obj["spec"]["template"]["metadata"].setdefault("annotations", {})["deploy/token"] = CANARY
    container(obj).update(
        env=[
            {"name": "DB_PASSWORD", "value": CANARY},
            {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "api-config", "key": "url"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "api-secret", "key": "key"}}},
        ],
        args=["serve", "--password", CANARY, f"--api-key={CANARY}"],
        command=["sh", "-c", f"export {SHAPED}; exec api"],
        livenessProbe={
            "httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "Authorization", "value": CANARY}]}
        },
        lifecycle={"preStop": {"exec": {"command": ["curl", "-u", f"x:{CANARY}"]}}},
    )


def uproot(obj: dict[str, Any]) -> None:
    """The next release: what went is told as a difference."""
    container(obj).update(env=container(obj)["env"][1:], args=["serve"], command=["api"])


@pytest.fixture
async def planted(kube: World) -> World:
    kube.sandbox.apply(config_map("api-config", url=f"postgres://x:{CANARY}@db"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api-secret", "namespace": "shop"}}
    kube.sandbox.apply({**secret, "stringData": {"key": CANARY}})
    await kube.api()
    write(kube, "Deployment", "shop", "api", plant, "kubectl-edit")
    await kube.sandbox.settle(10)
    write(kube, "Deployment", "shop", "api", uproot, "helm")
    await kube.sandbox.settle(10)
    trace = ["Traceback (most recent call last):", f'  login({SHAPED!r}, token="{CANARY}")', f"ValueError: {SHAPED}"]
    for previous in (True, False):
        kube.sandbox.set_logs("shop", "api", [f"ERROR {SHAPED}", *trace], previous=previous)
    pod = kube.sandbox.pods("shop", "api")[0]["metadata"]
    about = {"kind": "Pod", "namespace": "shop", "name": pod["name"], "uid": pod["uid"]}
    event = {"type": "Warning", "reason": "Unhealthy", "message": f"probe: {SHAPED}", "involvedObject": about}
    made = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "shop"}}
    kube.sandbox.apply({**made, **event, "lastTimestamp": now().isoformat(), "count": 3})
    await kube.crashing()
    return kube


async def test_a_planted_secret_turns_up_nowhere(planted: World) -> None:
    found = await gathered(planted, *(collect.COLLECTORS.keys() - {"jobs", "metrics"}), target=API, deadline=8.0)
    told = {source: str(item) for source, item in found.evidence.items()}
    assert found.changes
    assert "env: DB_PASSWORD" in told["changes"], "names are told, values are not"
    assert "Unhealthy" in told["events"]
    assert "ValueError" in told["logs"]
    assert "api-secret" in told["config"]
    assert not [source for source, text in told.items() if CANARY in text]


async def test_secrets_are_never_asked_for(planted: World) -> None:
    await gathered(planted, *(collect.COLLECTORS.keys() - {"jobs", "metrics"}), target=API, deadline=8.0)
    assert planted.server.requests
    assert not [seen for seen in planted.server.requests if "secrets" in seen.path]
