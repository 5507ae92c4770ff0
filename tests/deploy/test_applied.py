"""The set is taken by an API server over its socket, and the account's rights are enough to be recognised there."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from built import SETS, Object, built

from bot.sandbox.kubernetes.kinds import KINDS
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import Api

UNKNOWN = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
"""Kinds that the sandbox doesn't serve; their schemas are checked all the same."""


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An administrator's client."""
    server = ClusterServer(ready_after=0.1, time_scale=0.1)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Api(server, session)
    await server.stop()


def place(one: Object) -> tuple[str, str]:
    """Where an object is created, and its own path."""
    kind = next(each for each in KINDS if (each.api_version, each.kind) == (one["apiVersion"], one["kind"]))
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    where = f"/namespaces/{one['metadata']['namespace']}" if kind.namespaced else ""
    return f"{root}{where}/{kind.plural}", f"{root}{where}/{kind.plural}/{one['metadata']['name']}"


@pytest.mark.parametrize("name", SETS)
async def test_every_object_whose_kind_is_served_is_taken_strictly_and_kept_as_it_is(api: Api, name: str) -> None:
    found = built(SETS[name])
    served = [one for one in found if one["kind"] not in UNKNOWN]
    assert {one["kind"] for one in found} - {one["kind"] for one in served} <= UNKNOWN, "and most kinds are served"
    assert len(served) >= 10
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert (await api("POST", "/api/v1/namespaces", shop)).status == 201
    for one in served:
        where, own = place(one)
        made = await api("POST", f"{where}?fieldValidation=Strict", one)
        there = one["kind"] == "Namespace"  # it is there from the start
        assert made.status == (409 if there else 201), (one["kind"], made.body)
        kept = (await api("GET", own)).body
        assert kept["metadata"]["name"] == one["metadata"]["name"]
        if one["kind"] == "Deployment":
            assert kept["spec"]["strategy"] == one["spec"]["strategy"]
            assert (
                kept["spec"]["template"]["spec"]["containers"][0]["image"]
                == (one["spec"]["template"]["spec"]["containers"][0]["image"])
            )
