"""Which ConfigMaps and Secrets a pod template names, by environment, volume or image pull; names and keys alone.

Pure. It refuses to read either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.kube.objects import Json, dig, mapping, text


@dataclass(frozen=True)
class Reference:
    """One object that the template needs; ``keys`` are those it asks for by name.

    ``optional`` only if every place that names it says so; ``optional_keys`` may be missing without harm.
    """

    kind: str
    name: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    optional_keys: frozenset[str] = frozenset()


def references(template: Json) -> tuple[Reference, ...]:
    """Each object once, ConfigMaps first, in the order of the template."""
    found: dict[tuple[str, str], list[tuple[list[str], bool]]] = {}
    for kind, name, keys, optional in _named(mapping(template, "spec")):
        if name:
            found.setdefault((kind, name), []).append((keys, optional))
    rows = [_merged(kind, name, uses) for (kind, name), uses in found.items()]
    return tuple(sorted(rows, key=lambda row: row.kind))  # stable


def _merged(kind: str, name: str, uses: list[tuple[list[str], bool]]) -> Reference:
    keys = dict.fromkeys(key for wanted, _ in uses for key in wanted)
    needed = {key for wanted, optional in uses if not optional for key in wanted}
    return Reference(
        kind,
        name,
        tuple(keys),
        all(optional for _, optional in uses),
        frozenset(key for key in keys if key not in needed),
    )


def _named(spec: Json) -> Iterator[tuple[str, str, list[str], bool]]:
    """(kind, name, keys, optional) of each place."""
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for one in container.get("env") or []:
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                ref = mapping(one, "valueFrom", field)
                if ref:
                    yield kind, text(ref, "name"), [text(ref, "key")], bool(ref.get("optional"))
        for one in container.get("envFrom") or []:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                ref = mapping(one, field)
                if ref:
                    yield kind, text(ref, "name"), [], bool(ref.get("optional"))
    for volume in spec.get("volumes") or []:
        yield from _volume(volume)
    for secret in spec.get("imagePullSecrets") or []:
        yield "Secret", text(secret, "name"), [], True  # an image that is public, or there already, needs none


def _volume(volume: Json) -> Iterator[tuple[str, str, list[str], bool]]:
    sources: list[Any] = [volume, *(dig(volume, "projected", "sources") or [])]
    for source in sources:
        config, secret = mapping(source, "configMap"), mapping(source, "secret")
        if config:
            yield "ConfigMap", text(config, "name"), _items(config), bool(config.get("optional"))
        if secret:
            name = text(secret, "secretName") or text(secret, "name")
            yield "Secret", name, _items(secret), bool(secret.get("optional"))


def _items(source: Json) -> list[str]:
    return [text(item, "key") for item in source.get("items") or []]
