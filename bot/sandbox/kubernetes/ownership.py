"""Who wrote which field: managedFields of updates, and server-side apply with its conflicts.

A path is a tuple of elements as in FieldsV1 (`f:spec`, `k:{"name":"api"}`, `.`). It refuses to
model the whole schema: lists whose elements have a merge key are followed, all others are atomic.
"""

import json
from collections.abc import Iterator
from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.patches import merge_key
from bot.sandbox.kubernetes.wire import Json, clone

Path = tuple[str, ...]
_UNOWNED_META = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
}
_ATOMIC = {
    "selector",
    "matchLabels",
    "nodeSelector",
    "involvedObject",
    "containerStatuses",
    "initContainerStatuses",
    "hostIPs",
}
_DOTTED = {"labels", "annotations", "data", "rollingUpdate", "limits", "requests", "resourceAttributes"}
_DOTTED_LISTS = {"ownerReferences", "conditions", "podIPs", "env", "volumeMounts", "volumes"}
_WHOLE_ITEMS = {"ownerReferences"}


def _element(item: Json, key: str) -> str:
    parts = {key: item.get(key)}
    if key == "containerPort":
        parts["protocol"] = item.get("protocol", "TCP")
    return "k:" + json.dumps(parts, separators=(",", ":"))


def _walk_list(items: list[Any], key: str, path: Path) -> Iterator[tuple[Path, Any]]:
    field = path[-1].removeprefix("f:")
    if field in _DOTTED_LISTS:
        yield (*path, "."), None
    for item in items:
        here = (*path, _element(item, key))
        if field in _WHOLE_ITEMS:
            yield here, item
            continue
        yield (*here, "."), None
        yield from _walk(item, here)


def _walk(obj: Json, path: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in obj.items():
        here = (*path, f"f:{name}")
        if isinstance(value, dict) and value and name not in _ATOMIC:
            if name in _DOTTED:
                yield (*here, "."), None
            yield from _walk(value, here)
        elif isinstance(value, list) and value and name not in _ATOMIC:
            key = merge_key(name, value)
            if key:
                yield from _walk_list(value, key, here)
            else:
                yield here, value
        else:
            yield here, value


def fields_of(obj: Json) -> dict[Path, Any]:
    """All owned paths of an object with their values."""
    owned = {
        key: value
        for key, value in obj.items()
        if key not in ("kind", "apiVersion", "metadata") and value not in (None, {})
    }
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key not in _UNOWNED_META}
    paths = dict(_walk(owned, ()))
    if meta:
        paths |= dict(_walk(meta, ("f:metadata",)))
    return paths


def _tree(paths: set[Path]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        node = root
        for part in path:
            node = node.setdefault(part, {})
    return root


def _paths(tree: Json, path: Path = ()) -> Iterator[Path]:
    for part, below in tree.items():
        here = (*path, part)
        if below:
            yield from _paths(below, here)
        else:
            yield here


def _entry_paths(entry: Json) -> set[Path]:
    return set(_paths(entry.get("fieldsV1", {})))


def _same_writer(entry: Json, manager: str, operation: str, subresource: str) -> bool:
    writer = (entry["manager"], entry["operation"], entry.get("subresource", ""))
    return writer == (manager, operation, subresource)


def _entry(manager: str, operation: str, api_version: str, subresource: str) -> Json:
    entry: Json = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": "",
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }
    if subresource:
        entry["subresource"] = subresource
    return entry


def _sorted(entries: list[Json]) -> list[Json]:
    kept = [entry for entry in entries if entry["fieldsV1"]]
    return sorted(kept, key=lambda entry: (entry["operation"] != "Apply", entry["time"]))


def record(before: Json | None, after: Json, manager: str, time: str, subresource: str = "") -> None:
    """Write into `after` who owns what once `manager` made it out of `before`."""
    was = before or {}
    differ = [key for key in {**was, **after} if key not in was or key not in after or was[key] != after[key]]
    old, new = (fields_of({key: obj[key] for key in differ if key in obj}) for obj in (was, after))
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    gone = set(old) - set(new)
    entries: list[Json] = clone((before or {}).get("metadata", {}).get("managedFields") or [])
    mine = next((e for e in entries if _same_writer(e, manager, "Update", subresource)), None)
    if mine is None and changed:
        mine = _entry(manager, "Update", after["apiVersion"], subresource)
        entries.append(mine)
    for entry in entries:
        have = _entry_paths(entry)
        owned = have - gone
        if entry is mine:
            if changed:
                owned |= changed
                entry["time"] = time
        else:
            owned -= changed
        if owned != have:
            entry["fieldsV1"] = _tree(owned)
    after["metadata"]["managedFields"] = _sorted(entries)


def _readable(path: Path) -> str:
    text = ""
    for part in path:
        if part.startswith("f:"):
            text += f".{part[2:]}"
        elif part.startswith("k:"):
            keys = json.loads(part[2:])
            inner = ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items())
            text += f"[{inner}]"
    return text


def _conflicts(current: Json, config: dict[Path, Any], manager: str) -> list[tuple[str, str, str]]:
    have = fields_of(current)
    return [
        (entry["manager"], entry["apiVersion"], _readable(path))
        for entry in current["metadata"].get("managedFields", [])
        if (entry["manager"], entry["operation"]) != (manager, "Apply")
        for path in sorted(_entry_paths(entry) & set(config))
        if path[-1] != "." and have.get(path) != config[path]
    ]


def _conflict(found: list[tuple[str, str, str]]) -> status.StatusError:
    causes = [
        status.cause(path, f'conflict with "{who}" using {version}', "FieldManagerConflict")
        for who, version, path in found
    ]
    if len(found) == 1:
        who, version, path = found[0]
        said = f'Apply failed with 1 conflict: conflict with "{who}" using {version}: {path}'
    else:
        who, version, _ = found[0]
        listed = "".join(f"\n- {path}" for _, _, path in found)
        said = f'Apply failed with {len(found)} conflicts: conflicts with "{who}" using {version}:{listed}'
    return status.StatusError(status.failure(409, "Conflict", said, {"causes": causes}))


def _overlay(target: Any, config: Any, field: str = "") -> Any:
    if isinstance(config, dict):
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in config.items():
            result[key] = _overlay(result.get(key), value, key)
        return result
    if isinstance(config, list) and isinstance(target, list):
        key_name = merge_key(field, [*config, *target])
        if key_name:
            merged = list(target)
            for item in config:
                same = [n for n, have in enumerate(merged) if have.get(key_name) == item.get(key_name)]
                if same:
                    merged[same[0]] = _overlay(merged[same[0]], item)
                else:
                    merged.append(item)
            return merged
    return config


def _drop(node: Any, path: Path) -> None:
    for part in path[:-1]:
        if part.startswith("f:"):
            node = node.get(part[2:]) if isinstance(node, dict) else None
        else:
            keys = json.loads(part[2:])
            node = next((i for i in node or [] if all(i.get(k) == v for k, v in keys.items())), None)
        if node is None:
            return
    if path[-1].startswith("f:") and isinstance(node, dict):
        node.pop(path[-1][2:], None)


def apply(current: Json | None, config: Json, manager: str, *, force: bool) -> Json:
    """Server-side apply: `config` laid over `current`; 409 where another manager differs."""
    wanted = fields_of(config)
    if current is None:
        return config
    found = _conflicts(current, wanted, manager)
    if found and not force:
        raise _conflict(found)
    merged: Json = _overlay(clone(current), config)
    for entry in current["metadata"].get("managedFields", []):
        if _same_writer(entry, manager, "Apply", ""):
            for path in _entry_paths(entry) - set(wanted):
                _drop(merged, path)
    return merged


def record_apply(before: Json | None, after: Json, config: Json, manager: str, time: str) -> None:
    """ManagedFields after an apply: the applier owns what it said, whoever differed loses it."""
    said, old = fields_of(config), fields_of(before or {})
    entries: list[Json] = clone((before or {}).get("metadata", {}).get("managedFields") or [])
    mine = next((e for e in entries if _same_writer(e, manager, "Apply", "")), None)
    if mine is None:
        mine = _entry(manager, "Apply", after["apiVersion"], "")
        entries.append(mine)
    taken = {path for path, value in said.items() if old.get(path, value) != value}
    gone = set(old) - set(fields_of(after))
    if mine["time"] == "" or taken or gone or set(said) != _entry_paths(mine):
        mine["time"] = time
    for entry in entries:
        if entry is not mine:
            entry["fieldsV1"] = _tree(_entry_paths(entry) - taken - gone)
    mine["fieldsV1"] = _tree(set(said))
    after["metadata"]["managedFields"] = _sorted(entries)
