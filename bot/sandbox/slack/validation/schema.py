"""Shapes of blocks and views, from Slack's published TypeScript types (see README.md here).

It catches unknown keys, missing keys and wrong types, and refuses to judge lengths. Only the best
matching problem of a value is told: anyOf over twenty blocks explains nothing.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, relevance

Json = dict[str, Any]
SCHEMA = Path(__file__).with_name("blocks.schema.json")
EXTRA = Path(__file__).with_name("blocks.extra.schema.json")


@cache
def _definitions() -> Json:
    definitions: Json = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
    definitions.update(json.loads(EXTRA.read_text(encoding="utf-8"))["definitions"])
    definitions["KnownBlock"]["anyOf"].append({"$ref": "#/definitions/DataVisualizationBlock"})
    # A bare {"type", "block_id"} satisfies the open end of AnyBlock; it would let every misspelt
    # block through, and views would accept what messages refuse.
    definitions["AnyBlock"] = definitions["KnownBlock"]
    return definitions


def _types_of(definition: Json) -> Iterator[str]:
    const = definition.get("properties", {}).get("type", {}).get("const")
    if const:
        yield const
    for part in definition.get("anyOf", []):
        yield from _types_of(part)


@cache
def _by_type() -> dict[str, str]:
    """A map of a block's `type` to the name of its definition."""
    names = [part["$ref"].rsplit("/", 1)[1] for part in _definitions()["KnownBlock"]["anyOf"]]
    return {kind: name for name in names for kind in _types_of(_definitions()[name])}


@cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": _definitions()})


def _telling(error: ValidationError) -> ValidationError | None:
    """The error inside an anyOf that concerns the value's own `type`; None for another kind."""
    if list(error.relative_path) == ["type"] and error.validator in ("const", "enum"):
        return None
    if not error.context:
        return error
    alternatives: dict[Any, list[ValidationError | None]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.schema_path[0], []).append(_telling(inner))
    meant = [found for found in alternatives.values() if None not in found]
    return next((found for found in meant[0] if found is not None), None) if meant else None


def _problem(name: str, value: Any, at: str) -> Iterator[str]:
    error = max(_validator(name).iter_errors(value), key=relevance, default=None)
    if error is not None:
        error = _telling(error) or error
        where = "".join(f"/{part}" for part in error.absolute_path)
        yield f"{error.message[:300]} [json-pointer:{at}{where}]"


def block_problems(block: Any, at: str) -> Iterator[str]:
    """The most telling problem of one block's shape, if any; `at` is its JSON pointer."""
    kind = block.get("type") if isinstance(block, dict) else None
    name = _by_type().get(str(kind))
    if name is None:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    yield from _problem(name, block, at)


def view_problems(view: Json) -> Iterator[str]:
    """Problems of a view's shape: its own keys first, then block by block."""
    name = {"modal": "ModalView", "home": "HomeView"}.get(str(view.get("type")))
    if name is None:
        yield f"unsupported type: {view.get('type')} [json-pointer:/type]"
        return
    blocks = view.get("blocks")
    bare = {**view, "blocks": []} if isinstance(blocks, list) else view
    yield from _problem(name, bare, "")
    for n, block in enumerate(blocks if isinstance(blocks, list) else []):
        yield from block_problems(block, f"/blocks/{n}")


def metadata_problems(metadata: Any) -> Iterator[str]:
    """The problem of a message's `metadata`, if any: {event_type, event_payload} and no more."""
    yield from _problem("MessageMetadata", metadata, "/metadata")
