"""The exact request of a restart: preconditions first, keys only, the same for the same approval."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import pytest

from bot.domain.errors import IntegrityError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import TRAITS, Action
from bot.domain.proposal import staleness_digest
from bot.domain.target import Target
from bot.kube.errors import ROLES
from bot.kube.objects import READ_RIGHTS
from bot.mitigations import catalog, restart
from commands import act_words
from tests.unit.cluster_states import NOW, state


def build(**changes: Any) -> WriteRequest:
    return restart.request(state(**changes), approved_at=NOW, execution_uid="e1")


def test_the_preconditions_come_first_and_name_object_and_generation() -> None:
    assert build().body[:2] == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
        {"op": "test", "path": "/metadata/generation", "value": 7},
    ]


def test_existing_annotations_are_never_replaced_only_two_keys_are_added() -> None:
    assert build(template_annotations={"prometheus.io/scrape": "true"}).body[2:] == [
        {
            "op": "add",
            "path": "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
            "value": "2026-11-20T03:15:00Z",
        },
        {"op": "add", "path": "/spec/template/metadata/annotations/fettle.dev~1execution", "value": "e1"},
    ]


def test_without_annotations_the_map_is_made_with_the_two_keys() -> None:
    assert build().body[2:] == [
        {
            "op": "add",
            "path": "/spec/template/metadata/annotations",
            "value": {"kubectl.kubernetes.io/restartedAt": "2026-11-20T03:15:00Z", "fettle.dev/execution": "e1"},
        }
    ]


def test_the_time_is_that_of_the_approval_in_utc() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert restart.request(state(), approved_at=elsewhere, execution_uid="e1") == build()


def test_the_request_survives_storage() -> None:
    assert json.loads(json.dumps(build().body)) == build().body


@pytest.mark.parametrize(
    ("kind", "plural"), [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")]
)
def test_path_method_and_field_manager(kind: str, plural: str) -> None:
    made = restart.request(state(kind), approved_at=NOW, execution_uid="e1")
    assert (made.method, made.path) == ("PATCH", f"/apis/apps/v1/namespaces/shop/{plural}/api")
    assert made.content_type == "application/json-patch+json"
    assert made.query == {"fieldManager": "fettle"}
    assert made.execution == "e1"


@pytest.mark.parametrize(
    "target",
    [
        Target("Deployment", "shop", "api"),
        Target("Deployment", "", "api", "u"),
        Target("Deployment", "shop", "", "u"),
        Target("Deployment", "../kube-system", "api", "u"),
        Target("Deployment", "shop", "api/scale", "u"),
    ],
    ids=["no uid", "no namespace", "no name", "path in namespace", "path in name"],
)
def test_what_is_not_one_exact_object_is_refused(target: Target) -> None:
    with pytest.raises(RequestError):
        build(target=target)


async def test_a_stored_request_without_a_precondition_is_not_sent() -> None:
    broken = WriteRequest("PATCH", "/apis/apps/v1/namespaces/shop/deployments/api", "application/json-patch+json", [])
    with pytest.raises(IntegrityError):
        await restart.apply(None, broken)  # type: ignore[arg-type]


def test_a_restart_has_no_inverse_and_says_so() -> None:
    assert restart.inverse(state()) == (
        "A restart can't be undone, and needn't be: the pod template of shop/api is unchanged."
    )


def test_the_catalog_holds_every_action_and_nothing_else() -> None:
    assert set(catalog.CATALOG) == set(Action)
    for action, mitigation in catalog.CATALOG.items():
        assert mitigation.action is action
        assert set(mitigation.rights) == set(TRAITS[action].kinds)
        granted = {TRAITS[action].role, ""}
        # What goes through a container of its own runs commands in it: its role grants that too.
        granted |= {"fettle-exec"} if TRAITS[action].role == "fettle-debug" else set()
        needed = {right for rights in mitigation.rights.values() for right in rights} - READ_RIGHTS
        assert {ROLES.get((verb, resource), "") for verb, _, resource in needed} <= granted
        assert mitigation.role.count(f"name: {TRAITS[action].role}\n") == 1
    assert set(TRAITS) == set(Action) == set(act_words.FORMS)
    one = catalog.CATALOG[Action.RESTART]
    assert one.headline_for(state().target, {}) == "Restart Deployment shop/api"
    assert one.done_for(state().target, {}) == "Restarted shop/api"
    assert "fettle-patch" in one.role


def test_a_node_that_joins_does_not_void_the_approval_of_a_daemonset_but_a_scaled_deployment_does() -> None:
    def digest(kind: str, replicas: int) -> str:
        return staleness_digest("restart", {}, state(kind, replicas=replicas))

    assert digest("DaemonSet", 6) == digest("DaemonSet", 7)
    assert digest("Deployment", 6) != digest("Deployment", 7)
