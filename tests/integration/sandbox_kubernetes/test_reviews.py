"""SubjectAccessReview over the socket: by whoever may ask, about people, as RBAC answers."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.client import AuthorizationV1Api, V1SubjectAccessReview
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import load_kube_config

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import Api

PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
PATCH = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
ANY = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
ONE = {**PATCH, "resourceNames": ["api"]}
SCALES = {"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["*"]}


def asked(user: str = "ana", groups: tuple[str, ...] = (), **where: str) -> dict[str, Any]:
    attributes = {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": "shop", **where}
    spec = {"user": user, "groups": list(groups), "resourceAttributes": attributes}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


async def answer(api: Api, body: Any) -> dict[str, Any]:
    found = await api("POST", PATH, body)
    assert found.status == 201, found.body
    told: dict[str, Any] = found.body["status"]
    return told


async def test_the_answer_has_the_recorded_shape_and_names_the_binding(api: Api, server: ClusterServer) -> None:
    server.access.people.bind("fixers", [PATCH], user="ana", namespace="shop")
    found = await api("POST", PATH, asked(name="api"))
    assert found.status == 201
    assert (found.body["kind"], found.body["spec"]["user"]) == ("SubjectAccessReview", "ana")
    assert found.body["status"] == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "fixers/shop" of Role "fixers" to User "ana"',
    }
    assert await answer(api, asked(namespace="pay")) == {"allowed": False}
    assert await answer(api, asked("bo")) == {"allowed": False}


CASES: dict[str, tuple[Any, dict[str, str], dict[str, str], bool]] = {
    "by a group": (PATCH, {"group": "sre"}, {}, True),
    "another verb": (PATCH, {"user": "ana"}, {"verb": "delete"}, False),
    "another group of the API": (PATCH, {"user": "ana"}, {"group": ""}, False),
    "a subresource of its own": (PATCH, {"user": "ana"}, {"subresource": "scale"}, False),
    "every scale": (SCALES, {"user": "ana"}, {"subresource": "scale"}, True),
    "one by name": (ONE, {"user": "ana"}, {"name": "api"}, True),
    "another by name": (ONE, {"user": "ana"}, {"name": "web"}, False),
    "any, where one is bound": (ONE, {"user": "ana"}, {}, False),
    "everything": (ANY, {"user": "ana"}, {"subresource": "scale", "verb": "create"}, True),
}


@pytest.mark.parametrize("case", CASES)
async def test_rules_hold_as_they_are_written(api: Api, server: ClusterServer, case: str) -> None:
    rule, subject, where, allowed = CASES[case]
    server.access.people.bind("bound", [rule], **subject)
    assert (await answer(api, asked(groups=("sre",), **where)))["allowed"] is allowed


async def test_who_nobody_is_or_what_nothing_is_is_422(api: Api) -> None:
    nobody = await api("POST", PATH, asked(""))
    assert (nobody.status, "at least one of user or group" in nobody.body["message"]) == (422, True)
    nothing = await api("POST", PATH, {"kind": "SubjectAccessReview", "spec": {"user": "ana"}})
    assert (nothing.status, "exactly one of" in nothing.body["message"]) == (422, True)


async def test_it_takes_a_right_of_its_own(server: ClusterServer, tmp_path: Path) -> None:
    """By the official client, unmodified, with the bot's account."""
    (tmp_path / "kubeconfig").write_text(server.kubeconfig("bot"))
    configuration = Configuration()
    await load_kube_config(str(tmp_path / "kubeconfig"), client_configuration=configuration)
    server.access.people.bind("fixers", [PATCH], user="ana", namespace="shop")
    body = V1SubjectAccessReview(
        spec={"user": "ana", "resourceAttributes": asked()["spec"]["resourceAttributes"]}  # type: ignore[arg-type]
    )
    async with ApiClient(configuration) as client:
        authorization = AuthorizationV1Api(client)
        with pytest.raises(ApiException) as refused:
            await authorization.create_subject_access_review(body)
        assert refused.value.status == 403
        assert "cannot create resource" in str(refused.value.body)
        server.access.allow("create", "subjectaccessreviews")
        told = await authorization.create_subject_access_review(body)
    assert told.status.allowed is True
