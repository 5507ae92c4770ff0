"""The patch formats: JSON Patch, merge patch and strategic merge patch.

They refuse nothing but what doesn't fit the document; validity is judged afterwards.
"""

from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.wire import Json, clone

# patchMergeKey of the API types, by the name of the field; `ports` differs between pod and service.
_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "ports": ("containerPort", "port"),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "topologySpreadConstraints": ("topologyKey",),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "addresses": ("type",),
}
_PRIMITIVE_SETS = ("finalizers",)
_ORDER, _DELETE_FROM = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, maps merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise status.rejected()
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _index(items: list[Any], part: str, *, insert: bool = False) -> int:
    if insert and part == "-":
        return len(items)
    if not part.isdigit() or int(part) >= len(items) + insert:
        raise status.rejected()
    return int(part)


def _step(node: Any, part: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, part)]
    if isinstance(node, dict) and part in node:
        return node[part]
    raise status.rejected()


def _lookup(doc: Any, path: str) -> Any:
    for part in _pointer(path):
        doc = _step(doc, part)
    return doc


def _parent(doc: Any, path: str) -> tuple[Any, str]:
    parts = _pointer(path)
    if not parts:
        raise status.rejected()
    for part in parts[:-1]:
        doc = _step(doc, part)
    if not isinstance(doc, (dict, list)):
        raise status.rejected()
    return doc, parts[-1]


def _add(doc: Any, path: str, value: Any) -> None:
    node, part = _parent(doc, path)
    if isinstance(node, list):
        node.insert(_index(node, part, insert=True), value)
    else:
        node[part] = value


def _remove(doc: Any, path: str) -> Any:
    node, part = _parent(doc, path)
    _step(node, part)
    return node.pop(_index(node, part)) if isinstance(node, list) else node.pop(part)


def _operate(doc: Any, step: Json) -> None:
    operation, path = step.get("op"), step.get("path", "")
    if operation == "test":
        node, part = _parent(doc, path)
        # What isn't there equals null, as the API server's own library has it; on the way there it may not miss.
        absent = isinstance(node, dict) and part not in node
        if (None if absent else _step(node, part)) != step.get("value"):
            raise status.rejected()
    elif operation == "add":
        _add(doc, path, step.get("value"))
    elif operation == "remove":
        _remove(doc, path)
    elif operation == "replace":
        node, part = _parent(doc, path)
        _step(node, part)
        node[_index(node, part) if isinstance(node, list) else part] = step.get("value")
    elif operation == "move":
        _add(doc, path, _remove(doc, step.get("from", "")))
    elif operation == "copy":
        _add(doc, path, clone(_lookup(doc, step.get("from", ""))))
    else:
        raise status.rejected()


def json_patch(target: Json, patch: Any) -> Json:
    """RFC 6902; whatever doesn't hold is one 422 that names nothing, as recorded."""
    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise status.bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    doc: Json = clone(target)
    for step in patch:
        _operate(doc, step)
    return doc


def merge_key(field: str, items: list[Any]) -> str | None:
    """The key by which the elements of a list are told apart, or None for an atomic list."""
    for key in _MERGE_KEYS.get(field, ()):
        if all(isinstance(item, dict) for item in items) and any(key in item for item in items):
            return key
    return None


def _merge_list(current: list[Any], patch: list[Any], field: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    if field in _PRIMITIVE_SETS:
        return current + [item for item in patch if item not in current]
    key = merge_key(field, [*patch, *current])
    if key is None:
        return patch
    result = list(current)
    for item in patch:
        at = next((n for n, have in enumerate(result) if have.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            result = [have for have in result if have.get(key) != item.get(key)]
        elif at is None:
            result.append(strategic({}, item))
        else:
            result[at] = strategic(result[at], item)
    return result


def _directive(result: Json, key: str, value: Any) -> None:
    """Lists are put in order, and lose elements, after everything else was merged."""
    if key.startswith(_DELETE_FROM):
        field = key.removeprefix(_DELETE_FROM)
        result[field] = [item for item in result.get(field, []) if item not in value]
    elif key.startswith(_ORDER):
        field = key.removeprefix(_ORDER)
        items = result.get(field)
        by = merge_key(field, items) if items else None
        if items and by:
            order = [entry.get(by) for entry in value]
            result[field] = sorted(
                items,
                key=lambda item: order.index(item.get(by)) if item.get(by) in order else len(order),
            )


def strategic(target: Any, patch: Json) -> Json:
    """Strategic merge with the merge keys of the built-in types and the `$` directives."""
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result: Json = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    directives = {key: value for key, value in patch.items() if key.startswith("$")}
    for key, value in patch.items():
        if key in directives:
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic(result.get(key), value)
        elif isinstance(value, list) and (isinstance(result.get(key), list) or key not in result):
            result[key] = _merge_list(result.get(key) or [], value, key)
        else:
            result[key] = value
    for key, value in directives.items():
        _directive(result, key, value)
    return result
