"""The types of the kinds that are served, for `kubectl explain`: names and types of their fields.

They come from the table by which protobuf is read. It refuses to explain: what a field means stands in the documents of
Kubernetes, and a description says so.
"""

import functools
from typing import Any

from bot.sandbox.kubernetes.kinds import KINDS
from bot.sandbox.kubernetes.protobuf import Shape, table
from bot.sandbox.kubernetes.wire import Json

ABOUT = (
    "The sandbox knows the fields of {kind} and their types, and not what they mean: "
    "see https://kubernetes.io/docs/reference/kubernetes-api/"
)
_REF = "#/components/schemas/"
_PLAIN: dict[str, Json] = {
    "s": {"type": "string"},
    "i": {"type": "integer"},
    "b": {"type": "boolean"},
    "f": {"type": "number"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"type": "string", "format": "quantity"},
    "time": {"type": "string", "format": "date-time"},
    "intorstring": {"type": "string", "format": "int-or-string"},
    "raw": {"type": "object"},
}


def _named(message: str) -> str:
    """``core/v1.Pod`` as a key of the document."""
    return "io.k8s.api." + message.replace("/", ".")


def _of(kind: str) -> Json:
    """The schema of a type of the table."""
    kind = kind.lstrip("*")
    if kind.startswith("[]"):
        return {"type": "array", "items": _of(kind[2:])}
    if kind.startswith("{}"):
        return {"type": "object", "additionalProperties": _of(kind[2:])}
    plain = _PLAIN.get(kind)
    return dict(plain) if plain is not None else {"allOf": [{"$ref": _REF + _named(kind)}]}


def _properties(shape: Shape, messages: dict[str, Shape]) -> Json:
    found: Json = {}
    for name, kind in shape.values():
        if name:
            found[name] = _of(kind)
        else:
            found |= _properties(messages[kind.lstrip("*")], messages)
    return found


@functools.cache
def schemas(group: str, version: str) -> dict[str, Any]:
    """All that the kinds of one group and version are made of, by name."""
    kinds, messages = table()
    told: dict[str, Any] = {}
    wanted: list[str] = []
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            message = kinds[f"{kind.api_version}.{kind.kind}"]
            own: Json = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
            told[_named(message)] = {
                "type": "object",
                "description": ABOUT.format(kind=kind.kind),
                "properties": own | _properties(messages[message], messages),
                "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": kind.kind}],
            }
            wanted.append(message)
    while wanted:
        for below in _below(messages[wanted.pop()], messages):
            if _named(below) not in told:
                told[_named(below)] = {"type": "object", "properties": _properties(messages[below], messages)}
                wanted.append(below)
    return told


def _below(shape: Shape, messages: dict[str, Shape]) -> list[str]:
    """The messages that a message names; an inlined one is part of it, but what it names counts."""
    found: list[str] = []
    for _, kind in shape.values():
        bare = kind.lstrip("*[]{}")
        if bare in messages:
            found.append(bare)
    return found
