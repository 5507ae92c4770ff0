"""Plants canaries in a sandbox's world: the cluster, an alert, a handler."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.sandbox.bot_process import ROOT
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import Writing
from bot.sandbox.world import World

from .places import Canaries

HOUR = 3600.0
HANDLER = """
class KubePodCrashLoopingHandler:
    def enrich(self, alert_item):
        data = {data!r}
        return {{**alert_item, "enriched_data": data}}
"""
FAILING = """
class KubeJobFailedHandler:
    def enrich(self, alert_item):
        raise ValueError({told!r})
"""


def handlers(folder: Path, canaries: Canaries) -> Path:
    """A handler that tells secrets, and one that fails with one in its error."""
    folder.mkdir()
    data = {
        "customers": "three in shop",
        "api_key": canaries.text("named value of a handler", "bare"),
        "note": canaries.all("text of a handler"),
        "deep": [
            {"token": canaries.text("deep value of a handler", "bare")},
            canaries.text("list of a handler", "jwt"),
        ],
        canaries.text("key of a handler", "github"): "yes",
    }
    for name, text in (
        ("KubePodCrashLooping", HANDLER.format(data=data)),
        ("KubeJobFailed", FAILING.format(told=canaries.all("error of a handler"))),
    ):
        file = folder / f"{name}.py"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o444)
    folder.chmod(0o555)
    return folder


def playbooks(folder: Path) -> Path:
    """The built-in one for crash loops, with a service to page."""
    folder.mkdir()
    text = (ROOT / "bot/playbooks/catalog/pod-crash-looping.yaml").read_text(encoding="utf-8")
    (folder / "pod-crash-looping.yaml").write_text(f"{text}routing:\n  pagerduty: shop\n", encoding="utf-8")
    return folder


def alert(world: World, canaries: Canaries, name: str = "KubePodCrashLooping") -> dict[str, Any]:
    """The body of a notification with secrets wherever it has text."""
    labels = world.alert_sets(name, "shop/api")[0]
    labels |= {
        "alertname": name,
        "severity": "critical",
        "db_password": canaries.text("named label", "bare"),
        "note": canaries.text("label", "named"),
        "url": canaries.text("label with an address", "address"),
    }
    notes = {
        "summary": f"down: {canaries.all('summary')}",
        "description": canaries.all("description"),
        "message": canaries.text("annotation with a key", "pem"),
        "api_token": canaries.text("named annotation", "bare"),
        "runbook_url": f"https://runbooks.example/x?access_token={canaries.core('runbook_url')}",
        "dashboard_url": f"https://ana:{canaries.core('dashboard_url')}@grafana.example/d/x",
    }
    generator = (
        f"http://ana:{canaries.core('generatorURL')}@prometheus.example/graph?token={canaries.core('its query')}"
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    one = {
        "status": "firing", "labels": labels, "annotations": notes, "startsAt": now, "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": generator, "fingerprint": "c0ffee0123456789",
    }  # fmt: skip
    return {
        "version": "4", "status": "firing", "truncatedAlerts": 0,
        "receiver": f"fettle?token={canaries.core('receiver')}",
        "groupKey": f'{{}}:{{alertname="{name}", db_password="{labels["db_password"]}", note="{labels["note"]}"}}',
        "groupLabels": {"alertname": name, "db_password": labels["db_password"]}, "commonLabels": labels,
        "commonAnnotations": notes, "externalURL": f"http://ana:{canaries.core('externalURL')}@alertmanager.example",
        "alerts": [one],
    }  # fmt: skip


def resolved(body: dict[str, Any]) -> dict[str, Any]:
    """The same, ended."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **body,
        "status": "resolved",
        "alerts": [{**one, "status": "resolved", "endsAt": now} for one in body["alerts"]],
    }


def poison(canaries: Canaries) -> dict[str, Any]:
    """A notification one of whose alerts can't be read."""
    bad = {"status": "firing", "labels": canaries.all("alert that can't be read")}
    return {
        "version": "4",
        "status": "firing",
        "receiver": "x",
        "groupKey": "{}:{}",
        "alerts": [bad],
        "groupLabels": {},
    }


def cluster(world: World, canaries: Canaries) -> None:
    """Into every place of a workload, its pods, its events and its configuration."""
    sandbox = world.cluster
    sandbox.clock.offset = -2 * HOUR  # what has just changed would be the first suspect, and nothing be proposed
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "api-config", "namespace": "shop"}}
    sandbox.apply({**config, "data": {"url": canaries.text("ConfigMap", "bare")}})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api-secret", "namespace": "shop"}}
    sandbox.apply({**secret, "stringData": {"key": canaries.text("Secret", "bare")}})
    _write(world, lambda obj: _template(obj, canaries), "kubectl-edit")
    sandbox.advance(HOUR)
    _write(world, _uprooted, canaries.text("managedFields", "github"))
    sandbox.advance(HOUR)
    sandbox.clock.offset = 0.0


def pods(world: World, canaries: Canaries, *, errors: bool) -> None:
    """Into the logs, the last words and the events of its pods; an error that is known lets nobody restart them."""
    trace = [
        "Traceback (most recent call last):",
        f'  File "app.py", line 3, in <module>\n    login("{canaries.text("trace", "address")}")',
        f"ValueError: {canaries.all('error in a log')}",
    ]
    level = "error" if errors else "info"
    why = canaries.text("last words")
    held = f'level=fatal msg="cannot open the cache: {why}" error="/tmp/cache.lock is held by pid 7"'
    for previous in (True, False):
        told = [f"{level.upper()} {canaries.all('log')}"]
        told += [json.dumps({"level": level, "msg": canaries.text("JSON log")}), *(trace if errors else [held])]
        lines = [one for line in told for one in line.split("\n")]
        lines += canaries.text("key in a log", "pem").split("\n")
        world.cluster.set_logs("shop", "api", lines, previous=previous)
    for number, pod in enumerate(world.cluster.pods("shop", "api")):
        about = {"kind": "Pod", "namespace": "shop", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        event = {
            "type": "Warning", "reason": "Unhealthy", "message": f"probe: {canaries.all('event')}", "count": 3,
            "involvedObject": about, "lastTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        made = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"canary-{number}", "namespace": "shop"}}
        world.cluster.apply({**made, **event})


def _write(world: World, change: Any, manager: str) -> None:
    def changed(obj: dict[str, Any]) -> dict[str, Any]:
        change(obj)
        return obj

    world.cluster.writes.patch(by_kind("Deployment"), "shop", "api", changed, Writing(manager))


def _template(obj: dict[str, Any], canaries: Canaries) -> None:
    applied = {"env": [{"name": "DB_PASSWORD", "value": canaries.core("last-applied-configuration")}]}
    obj["metadata"].setdefault("annotations", {}).update(
        {
            "note": canaries.all("annotation of a workload"),
            "kubernetes.io/change-cause": f"kubectl set env {canaries.text('change-cause')}",
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied),
        }
    )
    template = obj["spec"]["template"]
    notes = template["metadata"].setdefault("annotations", {})
    notes["deploy/token"] = canaries.text("annotation of a template", "bare")
    notes["deploy/note"] = canaries.text("text in a template")
    container = template["spec"]["containers"][0]
    container.update(
        env=[
            {"name": "DB_PASSWORD", "value": canaries.text("env", "bare")},
            {"name": "GREETING", "value": canaries.text("env without a name", "bare")},
            {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "api-config", "key": "url"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "api-secret", "key": "key"}}},
        ],
        args=["serve", "--password", canaries.core("args"), f"--api-key={canaries.core('args with =')}"],
        command=["sh", "-c", f"export {canaries.text('command')}; exec api"],
        livenessProbe={
            "httpGet": {
                "path": f"/?token={canaries.core('path of a probe')}",
                "port": 80,
                "httpHeaders": [{"name": "Authorization", "value": canaries.text("header of a probe", "bare")}],
            }
        },
        lifecycle={"preStop": {"exec": {"command": ["curl", "-u", f"x:{canaries.core('lifecycle')}"]}}},
    )


def _uprooted(obj: dict[str, Any]) -> None:
    """The next release: what went is told as a difference."""
    container = obj["spec"]["template"]["spec"]["containers"][0]
    container.update(env=container["env"][1:], args=["serve"], command=["api"])
