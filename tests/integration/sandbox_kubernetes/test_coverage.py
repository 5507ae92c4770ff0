"""What is declared is what is served, and nothing else."""

from itertools import product

import pytest

from bot.sandbox.kubernetes.kinds import KINDS, coverage
from tests.integration.sandbox_kubernetes.probe import Api, capture

METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
NAMED = {"get", "update", "patch", "delete"}
NOT_SERVED = (404, 405, 501)


async def test_discovery_says_exactly_what_is_declared(api: Api) -> None:
    said: dict[str, tuple[str, ...]] = {}
    roots = ["/api/v1"]
    for group in (await api("GET", "/apis")).body["groups"]:
        roots += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
    for root in roots:
        listed = (await api("GET", root)).body
        said |= {f"{listed['groupVersion']}/{one['name']}": tuple(one["verbs"]) for one in listed["resources"]}
    assert said == coverage()


async def test_newer_clients_are_told_the_same_at_once(api: Api) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    said = {}
    for root in ("/api", "/apis"):
        for item in (await api("GET", root, Accept=accept)).body["items"]:
            for version in item["versions"]:
                name = item["metadata"].get("name")
                at = f"{name}/{version['version']}" if name else version["version"]
                for one in version["resources"]:
                    said[f"{at}/{one['resource']}"] = tuple(one["verbs"])
                    for sub in one.get("subresources", []):
                        said[f"{at}/{one['resource']}/{sub['subresource']}"] = tuple(sub["verbs"])
    assert said == coverage()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}/{kind.plural}")
async def test_a_verb_is_served_if_and_only_if_it_is_declared(api: Api, kind) -> None:  # noqa: ANN001 - a Kind
    """Undeclared verbs are 404 or 405; declared ones are answered by the resource itself."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    space = "/namespaces/default" if kind.namespaced else ""
    for sub, verb in product((None, *kind.subresources, "bogus"), METHODS):
        declared = kind.verbs if sub is None else () if sub == "bogus" else sub.verbs
        path = f"{root}{space}/{kind.plural}"
        if verb in NAMED or sub is not None:
            path += "/nothing"
        if sub is not None:
            path += f"/{sub if isinstance(sub, str) else sub.name}"
        if verb == "watch":
            path += f"?watch=1&timeoutSeconds=0.01&resourceVersion={api.server.cluster.store.version}"
        if sub is not None and verb in ("list", "watch", "deletecollection"):
            continue
        body = {} if METHODS[verb] in ("POST", "PUT", "PATCH") else None
        got = await api(METHODS[verb], path, body, kind="application/merge-patch+json" if verb == "patch" else "")
        named = isinstance(got.body, dict) and bool(got.body.get("details"))
        refused = got.status in NOT_SERVED and not named
        assert refused is (verb not in declared), f"{verb} {path}: {got.status} {got.body}"


async def test_the_groups_we_act_on_are_described_as_recorded(api: Api) -> None:
    recorded = capture("openapi-discovery-apps")["body"]
    for one in recorded["resources"]:
        one.pop("storageVersionHash", None)
    assert (await api("GET", "/apis/apps/v1")).body == recorded
    assert (await api("GET", "/version")).body == capture("version")["body"]


async def test_health_is_told_to_everybody(api: Api) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert (await api("GET", path, as_="")).status == 200
    verbose = (await api("GET", "/readyz?verbose")).body
    recorded = capture("readyz-verbose")["body"]
    assert set(verbose.splitlines()) <= set(recorded.splitlines())
    assert (await api("GET", "/apis", as_="")).status == 403
