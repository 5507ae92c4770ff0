"""The smallest OpenAPI documents with which kubectl is content.

kubectl asks them whether the server validates fields itself (the `fieldValidation` parameter of PATCH), and the third
version, as JSON, which fields there are.
"""

import hashlib
import json

from bot.sandbox.kubernetes import openapi_schemas
from bot.sandbox.kubernetes.kinds import GROUP_VERSIONS, KINDS
from bot.sandbox.kubernetes.pages import Answer, Plain
from bot.sandbox.kubernetes.wire import Json

_V2_PROTO = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_V3_PROTO = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
_LENGTH_DELIMITED = 2
_BOOLEAN_TRUE = b"\x01"


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _collection(group: str, version: str, plural: str, *, namespaced: bool) -> str:
    space = "namespaces/{namespace}/" if namespaced else ""
    return f"/{_root(group, version)}/{space}{plural}/{{name}}"


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _v2_proto() -> bytes:
    """openapi.v2.Document: swagger = 1, info = 2 (title 1, version 2), paths = 8 (path = 2: name 1, value 2).

    Of each path only its PATCH (8) with the query parameter (8: 1: 2: 3, its name 4) by which older kubectls see that
    the server makes dry runs, and the extension that names the kind (13: name 1, value 2 with yaml 2).
    """
    info = _text(1, "Kubernetes") + _text(2, "v1.36.2")
    paths = b""
    for group, version in GROUP_VERSIONS:
        for path, kind in _paths_of(group, version):
            of = {"group": group, "version": version, "kind": kind}
            query = _text(2, "query") + _text(4, "dryRun") + _text(6, "string")
            parameter = _message(8, _message(1, _message(2, _message(3, query))))
            named = _message(13, _text(1, "x-kubernetes-group-version-kind") + _message(2, _text(2, json.dumps(of))))
            paths += _message(2, _text(1, path) + _message(2, _message(8, parameter + named)))
    return _text(1, "2.0") + _message(2, info) + _message(8, paths)


def _paths_of(group: str, version: str) -> list[tuple[str, str]]:
    return [
        (_collection(group, version, kind.plural, namespaced=kind.namespaced), kind.kind)
        for kind in KINDS
        if (kind.group, kind.version) == (group, version)
    ]


def _v3_document(group: str, version: str) -> Json:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    paths = {
        path: {
            "patch": {
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
            }
        }
        for path, kind in _paths_of(group, version)
    }
    info = {"title": "Kubernetes", "version": "v1.36.2"}
    types = {"schemas": openapi_schemas.schemas(group, version)}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": types}


def _v3_proto(group: str, version: str) -> bytes:
    """openapi.v3.Document: openapi = 1, info = 2, paths = 4 (path = 2: name 1, value 2).

    Of each path only its PATCH (8) with its parameters (5) and the extension that names the kind
    (specification_extension = 13: name 1, value 2 as Any with yaml 2).
    """
    said = b""
    for path, kind in _paths_of(group, version):
        of = {"group": group, "version": version, "kind": kind}
        named = _text(1, "x-kubernetes-group-version-kind") + _message(2, _text(2, json.dumps(of)))
        operation = b"".join(
            _message(5, _message(1, _text(1, name) + _text(2, "query")))
            for name in ("dryRun", "fieldManager", "fieldValidation")
        )
        operation += _message(13, named)
        said += _message(2, _text(1, path) + _message(2, _message(9, operation)))
    info = _text(1, "Kubernetes") + _text(4, "v1.36.2")
    return _text(1, "3.0.0") + _message(2, info) + _message(4, said)


def _takes(accept: str, form: str) -> bool:
    """Whether a client takes it; older ones write an @ into its name, and can't read that one in an answer."""
    return form in accept.replace("@", ".")


def page(path: str, accept: str) -> Answer | Plain:
    """The documents below /openapi."""
    if path == "/openapi/v2":
        if _takes(accept, _V2_PROTO):
            return Plain(200, _v2_proto(), _V2_PROTO)
        info = {"title": "Kubernetes", "version": "v1.36.2"}
        return Answer(200, {"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})
    roots = {_root(group, version): (group, version) for group, version in GROUP_VERSIONS}
    if path.rstrip("/") == "/openapi/v3":
        urls = {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash={_hash(root)}"} for root in roots}
        return Answer(200, {"paths": urls})
    found = roots.get(path.removeprefix("/openapi/v3/"))
    if found is None:
        return Plain(404, b"404 page not found\n")
    if _takes(accept, _V3_PROTO):
        return Plain(200, _v3_proto(*found), _V3_PROTO)
    return Answer(200, _v3_document(*found))


def _hash(root: str) -> str:
    return hashlib.sha256(root.encode()).hexdigest().upper()
