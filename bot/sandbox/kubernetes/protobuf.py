"""Protobuf bodies, as newer kubectls send them where they create something of their own making; they take JSON back.

``protobuf_fields.json`` holds names, numbers and types of the fields of every kind that is served, after the Go types
of k8s.io/api 0.33. Other messages are answered 415, as a server without protobuf answers. It refuses to write protobuf.
"""

import base64
import functools
import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.wire import Json

_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIELDS = Path(__file__).with_name("protobuf_fields.json")
_OPTIONS = "DeleteOptions"
Raw = int | bytes
Shape = dict[str, list[str]]


@functools.cache
def table() -> tuple[dict[str, str], dict[str, Shape]]:
    """Kind by ``apiVersion.kind`` -> message, and message -> number -> (name, type); an inlined one has no name.

    Of a type ``*`` is a pointer, which is told even where it is empty, ``[]`` a list and ``{}`` a map of it.
    """
    found = json.loads(_FIELDS.read_text(encoding="utf-8"))
    return found["kinds"], found["messages"]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data: bytes) -> list[tuple[int, Raw]]:
    """Number and value of each field of a message, in their order."""
    found: list[tuple[int, Raw]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            found.append((key >> 3, value))
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise status.unsupported_media()
        if at + size > len(data):
            raise IndexError
        found.append((key >> 3, data[at : at + size]))
        at += size
    return found


def _whole(value: Raw) -> int:
    number = int(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def _text(body: bytes) -> str:
    """The one string of a message such as a quantity."""
    return next((bytes(value).decode() for number, value in _fields(body) if number == 1), "")


def _time(body: bytes) -> str | None:
    found = dict(_fields(body))
    if 1 not in found:
        return None
    at = datetime.fromtimestamp(_whole(found[1]), UTC).replace(microsecond=_whole(found.get(2, 0)) // 1000)
    return at.isoformat(timespec="microseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def _either(body: bytes) -> int | str:
    """An IntOrString: type, number, text."""
    found = dict(_fields(body))
    return bytes(found.get(3, b"")).decode() if found.get(1) else _whole(found.get(2, 0))


def _free(body: bytes) -> Any:
    """A RawExtension or FieldsV1: JSON as it is."""
    raw = next((bytes(value) for number, value in _fields(body) if number == 1), b"")
    return json.loads(raw) if raw else None


_PLAIN: dict[str, Any] = {
    "s": lambda value: bytes(value).decode(),
    "i": _whole,
    "b": bool,
    "f": lambda value: struct.unpack("<d", value)[0],
    "bytes": lambda value: base64.b64encode(value).decode(),
    "quantity": _text,
    "time": _time,
    "intorstring": _either,
    "raw": _free,
    "[]s": lambda value: [bytes(text).decode() for _, text in _fields(bytes(value))],
}


def _value(kind: str, raw: Raw) -> Any:
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain(raw)
    return _read(bytes(raw), table()[1][kind])


def _read(data: bytes, shape: Shape) -> Json:
    obj: Json = {}
    for number, raw in _fields(data):
        name, kind = shape.get(str(number), ("", ""))
        if not kind:
            continue
        if kind.startswith("[]"):
            obj.setdefault(name, []).append(_value(kind[2:], raw))
        elif kind.startswith("{}"):
            entry = dict(_fields(bytes(raw)))
            value = _value(kind[2:], entry[2]) if 2 in entry else ""
            obj.setdefault(name, {})[bytes(entry.get(1, b"")).decode()] = value
        elif kind.startswith("*"):
            obj[name] = _value(kind[1:], raw)
        else:
            value = _value(kind, raw)
            if not name:
                obj |= value
            elif value or kind == "intorstring":  # a field that is no pointer is sent empty, too
                obj[name] = value
    return obj


def decode(data: bytes) -> Json:
    """The object of a protobuf body; 415 for kinds that aren't known."""
    if not data.startswith(_MAGIC):
        raise status.unsupported_media()
    kinds, messages = table()
    try:
        envelope = dict(_fields(data[len(_MAGIC) :]))
        meta = {number: bytes(text).decode() for number, text in _fields(bytes(envelope[1]))}
        version, kind = meta.get(1, ""), meta[2]
        # Every group has the options of a deletion under its own name.
        message = kinds.get(f"v1.{_OPTIONS}" if kind == _OPTIONS else f"{version}.{kind}")
        if message is None:
            raise status.unsupported_media()
        body = _read(bytes(envelope.get(2, b"")), messages[message])
    except (IndexError, KeyError, ValueError, TypeError, struct.error) as exc:
        raise status.unsupported_media() from exc
    return {"apiVersion": version, "kind": kind, **body}
