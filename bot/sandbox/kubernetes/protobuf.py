"""The few protobuf bodies that kubectl sends although it takes JSON back: access reviews.

It refuses every other message: those are answered 415, as a server without protobuf answers.
"""

from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.wire import Json

_MAGIC = b"k8s\x00"
_ATTRIBUTES = {
    1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name",
}  # fmt: skip
# Field numbers after k8s.io/api/authorization/v1/generated.proto; a name alone is a string.
_MESSAGES: dict[str, dict[int, Any]] = {
    "SelfSubjectAccessReview": {
        2: (
            "spec",
            {
                1: ("resourceAttributes", _ATTRIBUTES),
                2: ("nonResourceAttributes", {1: "path", 2: "verb"}),
            },
        )
    },
    "SelfSubjectRulesReview": {2: ("spec", {1: "namespace"})},
    "SelfSubjectReview": {},
}
_ENVELOPE = {1: ("typeMeta", {1: "apiVersion", 2: "kind"}), 2: "raw"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message; numbers are skipped."""
    found, at = [], 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        elif kind == _BYTES:
            size, at = _varint(data, at)
            found.append((key >> 3, data[at : at + size]))
            at += size
        else:
            raise status.unsupported_media()
    return found


def _read(data: bytes, shape: dict[int, Any]) -> Json:
    obj: Json = {}
    for number, body in _fields(data):
        known = shape.get(number)
        if isinstance(known, str):
            if body or known == "raw":
                obj[known] = body if known == "raw" else body.decode()
        elif known is not None:
            obj[known[0]] = _read(body, known[1])
    return obj


def decode(data: bytes) -> Json:
    """The object of a protobuf body; 415 for kinds that aren't known."""
    if not data.startswith(_MAGIC):
        raise status.unsupported_media()
    try:
        envelope = _read(data[len(_MAGIC) :], _ENVELOPE)
        kind = envelope["typeMeta"]["kind"]
        if kind not in _MESSAGES:
            raise status.unsupported_media()
        body = _read(envelope.get("raw", b""), _MESSAGES[kind])
    except (IndexError, KeyError, UnicodeDecodeError) as exc:
        raise status.unsupported_media() from exc
    return {**envelope["typeMeta"], **body}
