"""What the server says about itself: versions, groups, resources, health.

All of it is derived from the coverage table in `kinds`. It refuses to promise more than is served.
"""

from collections.abc import Collection

from bot.sandbox.kubernetes.kinds import GROUP_VERSIONS, KINDS, METRICS, Kind
from bot.sandbox.kubernetes.wire import Json

VERSION: Json = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
    "gitTreeState": "clean",
    "buildDate": "2026-08-21T11:29:11Z",
    "goVersion": "go1.26.10",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_CHECKS = ("ping", "log", "informer-sync", "poststarthook/generic-apiserver-start-informers", "shutdown")


def health(name: str, *, verbose: bool) -> str:
    """The text of /healthz, /livez, /readyz."""
    if not verbose:
        return "ok"
    return "".join(f"[+]{check} ok\n" for check in _CHECKS) + f"{name} check passed\n"


def _singular(kind: Kind) -> str:
    return "" if kind.group == METRICS else kind.kind.lower()


def _resource(kind: Kind) -> list[Json]:
    entry: Json = {
        "name": kind.plural,
        "singularName": _singular(kind),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    entries = [entry]
    for sub in kind.subresources:
        below: Json = {
            "name": f"{kind.plural}/{sub.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
        }
        if sub.group:
            below |= {"group": sub.group, "version": sub.version}
        entries.append({**below, "kind": sub.kind, "verbs": list(sub.verbs)})
    return entries


def resources(group: str, version: str) -> Json | None:
    """The APIResourceList of one group and version, or None."""
    if (group, version) not in GROUP_VERSIONS:
        return None
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if group else {}),
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for kind in kinds for entry in _resource(kind)],
    }


def core_versions() -> Json:
    """The answer of /api."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def _group(group: str) -> Json:
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version} for name, version in GROUP_VERSIONS if name == group
    ]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def group_list() -> Json:
    """The answer of /apis."""
    names = dict.fromkeys(group for group, _ in GROUP_VERSIONS if group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def group(name: str) -> Json | None:
    """The answer of /apis/GROUP, or None."""
    if name not in {one for one, _ in GROUP_VERSIONS if one}:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def _aggregated_resource(kind: Kind) -> Json:
    said = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    entry: Json = {
        "resource": kind.plural,
        "responseKind": said,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": _singular(kind),
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": kind.group if sub.group is None else sub.group,
                    "version": sub.version or kind.version,
                    "kind": sub.kind,
                },
                "verbs": list(sub.verbs),
            }
            for sub in kind.subresources
        ]
    return entry


def aggregated(version: str, *, core: bool, stale: Collection[str] = ()) -> Json:
    """The APIGroupDiscoveryList of /api (`core`) or /apis, for newer clients; nobody answers for `stale` groups now."""
    items = []
    for name in dict.fromkeys(group for group, _ in GROUP_VERSIONS if bool(group) is not core):
        versions = [
            {
                "version": of,
                "resources": [_aggregated_resource(kind) for kind in KINDS if (kind.group, kind.version) == (name, of)],
                "freshness": "Stale" if name in stale else "Current",
            }
            for one, of in GROUP_VERSIONS
            if one == name
        ]
        meta: Json = {"creationTimestamp": None}
        named: Json = {"name": name, **meta} if name else meta
        items.append({"metadata": named, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
