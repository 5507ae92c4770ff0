"""Which ConfigMaps and Secrets a template names, and what is remembered of them: keys, a hash, a time, no value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.kube import config_memory
from bot.kube.config_memory import ConfigMemory
from bot.kube.references import Reference, references
from bot.kube.template import compare
from tests.unit.cluster_states import recorded

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
PLACE = ("shop", "api-config")

TEMPLATE: dict[str, Any] = {
    "spec": {
        "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "init", "optional": True}}]}],
        "containers": [
            {
                "name": "api",
                "env": [
                    {"name": "A", "value": "plain"},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "url"}}},
                    {
                        "name": "C",
                        "valueFrom": {"configMapKeyRef": {"name": "config", "key": "debug", "optional": True}},
                    },
                    {"name": "D", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
                "envFrom": [{"configMapRef": {"name": "flags", "optional": True}}],
            }
        ],
        "volumes": [
            {"name": "v", "configMap": {"name": "files", "items": [{"key": "app.yaml", "path": "app.yaml"}]}},
            {"name": "s", "secret": {"secretName": "tls"}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "db"}}, {"configMap": {"name": "config"}}]}},
            {"name": "e", "emptyDir": {}},
        ],
        "imagePullSecrets": [{"name": "registry"}],
    }
}


def test_every_place_that_names_one_is_found_once() -> None:
    assert references(TEMPLATE) == (
        Reference("ConfigMap", "config", ("url", "debug"), optional_keys=frozenset({"debug"})),
        Reference("ConfigMap", "flags", optional=True),
        Reference("ConfigMap", "files", ("app.yaml",)),
        Reference("Secret", "init", optional=True),
        Reference("Secret", "db", ("password",)),
        Reference("Secret", "tls"),
        Reference("Secret", "registry", optional=True),
    )


def test_a_template_without_any_and_a_broken_one_name_none() -> None:
    assert references({}) == ()
    assert references(recorded("deploy-before-restart")["spec"]["template"]) == ()
    assert compare(TEMPLATE, TEMPLATE).what == ""


def config_map(at: str = "2026-11-20T02:00:00Z", **data: str) -> dict[str, Any]:
    entry = {"manager": "kubectl-edit", "operation": "Update", "time": at, "fieldsV1": {"f:data": {}}}
    return {"metadata": {"resourceVersion": "7", "managedFields": [entry]}, "data": data}


def test_a_first_look_knows_keys_and_when_the_content_was_written() -> None:
    known = ConfigMemory().learn(PLACE, config_map(url="s3cr3t", debug="1"), NOW)
    assert (known.exists, known.keys, known.changed_at, known.by) == (
        True, ("debug", "url"), "2026-11-20T02:00:00Z", "kubectl edit",
    )  # fmt: skip
    assert not known.seen
    assert "s3cr3t" not in str(known)


def test_a_change_seen_keeps_its_time_through_later_looks() -> None:
    memory = ConfigMemory()
    memory.learn(PLACE, config_map(url="a"), NOW)
    same = memory.learn(PLACE, config_map("2026-11-20T02:30:00Z", url="a"), NOW)
    assert not same.seen, "another write of the same content is no change"
    changed = memory.learn(PLACE, config_map("2026-11-20T02:40:00Z", url="b"), NOW)
    assert (changed.seen, changed.changed_at) == (True, "2026-11-20T02:40:00Z")
    again = memory.learn(PLACE, config_map("2026-11-20T02:50:00Z", url="b"), NOW + timedelta(hours=1))
    assert (again.seen, again.changed_at) == (True, "2026-11-20T02:40:00Z")


def test_a_deletion_is_a_change_of_the_moment_and_so_is_coming_back() -> None:
    memory = ConfigMemory()
    memory.learn(PLACE, config_map(url="a"), NOW)
    gone = memory.learn(PLACE, None, NOW)
    assert (gone.exists, gone.keys, gone.changed_at, gone.seen) == (False, (), "2026-11-20T03:00:00Z", True)
    back = memory.learn(PLACE, config_map("2026-11-20T03:05:00Z", url="a"), NOW)
    assert (back.exists, back.changed_at) == (True, "2026-11-20T03:05:00Z")
    assert not ConfigMemory().learn(PLACE, None, NOW).changed_at, "one that never was has not changed"


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_memory, "MOST", 3)
    memory = ConfigMemory()
    for number in range(10):
        memory.learn(("shop", f"c{number}"), config_map(a="b"), NOW)
        memory.name(f"Deployment/shop/d{number}", [("shop", f"c{number}")])
    assert memory.get(("shop", "c6")) is None
    assert memory.get(("shop", "c9")) is not None
    assert memory.named_by("Deployment/shop/d6") is None
    assert memory.named_by("Deployment/shop/d9") == (("shop", "c9"),)
