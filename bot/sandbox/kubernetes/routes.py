"""From method, path and query to what is asked for. It refuses to know whether that exists."""

from dataclasses import dataclass

from bot.sandbox.kubernetes.access import Question

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_TRUE = ("1", "true", "True")


@dataclass(frozen=True)
class Route:
    """One request for a resource, as the real server's RequestInfo has it."""

    verb: str
    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: str = ""
    """What follows ``proxy/`` in a path."""

    @property
    def question(self) -> Question:
        """What the authorizer is asked."""
        return Question(self.verb, self.group, self.resource, self.subresource, self.namespace, self.name)


def _verb(method: str, *, named: bool, watch: bool) -> str:
    if method in ("GET", "HEAD"):
        if named:
            return "get"
        return "watch" if watch else "list"
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    return _VERBS.get(method, method.lower())


def parse(method: str, path: str, query: dict[str, str]) -> Route | None:
    """The route of a path below /api or /apis, or None for any other path."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) > 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name = rest[0], rest[1] if len(rest) > 1 else ""
    subresource, tail = "/".join(rest[2:]), ""
    if rest[2:3] == ["proxy"]:
        subresource, tail = "proxy", "/".join(rest[3:])
    watch = query.get("watch") in _TRUE
    verb = _verb(method, named=bool(name), watch=watch)
    return Route(verb, group, version, resource, namespace, name, subresource, tail)
