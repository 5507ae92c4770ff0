"""What kubectl would apply: the resources of a kustomization, followed through bases, images and merged by name.

Only the parts of kustomize that deploy/ uses are known here; any other key is an error, so that nothing goes unseen.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KNOWN = {"apiVersion", "kind", "resources", "images", "patches"}

Object = dict[str, Any]


def objects(path: Path) -> list[Object]:
    """The objects of one file, for the caller to change."""
    return deepcopy(_read(path))


@cache
def _read(path: Path) -> list[Object]:
    """Half a dozen modules ask for the same files while they are collected, by every worker."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one is not None]


def built(folder: Path) -> list[Object]:
    """The objects of a kustomization, in order."""
    table = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert table.keys() <= KNOWN, f"kustomize knows {table.keys() - KNOWN}, this test doesn't"
    found: list[Object] = []
    for name in table["resources"]:
        path = folder / name
        found += built(path.resolve()) if path.is_dir() else objects(path)
    for patch in table.get("patches", []):
        for change in objects(folder / patch["path"]):
            _merge(one_of(found, change["kind"], change["metadata"]["name"]), change)
    for image in table.get("images", []):
        for container in containers(found):
            if container["image"].rsplit(":", 1)[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    return found


def one_of(found: list[Object], kind: str, name: str) -> Object:
    """The only object of this kind and name."""
    (match,) = [one for one in found if one["kind"] == kind and one["metadata"]["name"] == name]
    return match


def containers(found: list[Object]) -> list[Object]:
    """Every container of every workload."""
    return [
        box for one in found if one["kind"] == "Deployment" for box in one["spec"]["template"]["spec"]["containers"]
    ]


def _merge(into: Object, change: Object) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            assert not isinstance(value, list), "lists merge by rules that this test doesn't know"
            into[key] = value


@cache
def schemas(version: str) -> Any:
    """The API's own schemas of the kinds in deploy/, unknown fields refused."""
    return json.loads((Path(__file__).parent / "schemas" / f"{version}.json").read_text(encoding="utf-8"))


SETS = {"base": DEPLOY / "base", "example": DEPLOY / "overlays" / "example"}
