"""Label and field selectors: parsing as the real server does, with its words for errors.

It refuses field labels that the kind doesn't index, as the real server does.
"""

import re
from collections.abc import Callable, Mapping

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.wire import Json, dig

Match = Callable[[Mapping[str, str]], bool]
_TOKEN = re.compile(r"\s*(==|!=|=|,|\(|\)|!|<|>|[^\s=!,()<>]+)")
_FIELDS = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "replicasets": ("status.replicas",),
    "jobs": ("status.successful",),
}
_DNS = re.compile(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")


class _Tokens:
    """The tokens of one selector, read from the left."""

    def __init__(self, text: str) -> None:
        self.items = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.items[self.at] if self.at < len(self.items) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token


def _wanted(found: str, expected: str) -> Exception:
    message = f"unable to parse requirement: found '{found}', expected: {expected}"
    return status.bad_request(message)


def _values(tokens: _Tokens) -> set[str]:
    if tokens.take() != "(":
        raise _wanted(tokens.items[min(tokens.at, len(tokens.items)) - 1], "'('")
    values: set[str] = set()
    while (word := tokens.take()) != ")":
        if not word:
            raise _wanted("", "',', or ')'")
        if word != ",":
            values.add(word)
    return values


def _value(tokens: _Tokens) -> str:
    word = tokens.peek()
    if word in ("", ","):
        return ""
    if not _DNS.match(word):
        raise _wanted(word, "identifier")
    return tokens.take()


def _requirement(tokens: _Tokens) -> Match:
    if tokens.peek() == "!":
        tokens.take()
        absent = tokens.take()
        return lambda labels: absent not in labels
    key = tokens.take()
    if not _DNS.match(key.rsplit("/", 1)[-1]):
        raise _wanted(key, "!, identifier, or 'end of string'")
    operator = tokens.peek()
    if operator in ("", ","):
        return lambda labels: key in labels
    tokens.take()
    if operator in ("=", "=="):
        equal = _value(tokens)
        return lambda labels: labels.get(key) == equal
    if operator == "!=":
        other = _value(tokens)
        return lambda labels: labels.get(key) != other
    if operator in ("in", "notin"):
        values = _values(tokens)
        inside = operator == "in"
        return lambda labels: (labels.get(key) in values) is inside
    raise _wanted(operator, "in, notin, =, ==, !=, gt, lt")


def labels(text: str) -> Match:
    """A label selector as a predicate over labels; 400 as the real server words it."""
    tokens = _Tokens(text)
    found: list[Match] = []
    while tokens.peek():
        found.append(_requirement(tokens))
        if tokens.peek() == ",":
            tokens.take()
        elif tokens.peek():
            raise _wanted(tokens.peek(), "',' or 'end of string'")
    return lambda given: all(match(given) for match in found)


def _read(obj: Json, path: str) -> str:
    if path == "source":
        return str(dig(obj, "source", "component", default="") or obj.get("reportingComponent", ""))
    value = dig(obj, *path.split("."), default=False if path == "spec.unschedulable" else "")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def fields(plural: str, text: str) -> Callable[[Json], bool]:
    """A field selector as a predicate over objects."""
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(plural, ()))
    terms: list[tuple[str, str, bool]] = []
    for term in filter(None, text.split(",")):
        parts = re.split(r"(!=|==|=)", term, maxsplit=1)
        if len(parts) != 3:
            message = f"invalid selector: '{text}'; can't understand '{term}'"
            raise status.bad_request(message)
        field, operator, value = parts
        if field not in known:
            raise status.bad_request(f"field label not supported: {field}")
        terms.append((field, value, operator != "!="))
    return lambda obj: all((_read(obj, field) == value) is same for field, value, same in terms)


def matches(selector: Json | None, given: Mapping[str, str]) -> bool:
    """Whether labels match a LabelSelector object; an empty one matches all, None nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if given.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or ():
        have, values = given.get(term["key"]), term.get("values") or []
        held = {
            "In": have in values,
            "NotIn": have not in values,
            "Exists": term["key"] in given,
            "DoesNotExist": term["key"] not in given,
        }[term["operator"]]
        if not held:
            return False
    return True


def written(selector: Json | None) -> str:
    """A LabelSelector in its text form, as Scale's status shows it."""
    pairs = sorted((selector or {}).get("matchLabels", {}).items())
    return ",".join(f"{key}={value}" for key, value in pairs)
