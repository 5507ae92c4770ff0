"""Everything in deploy/ is what an API server takes, field by field, on the oldest and the newest supported version."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from built import DEPLOY, SETS, built, objects, schemas

VERSIONS = ("v1.30", "v1.37")
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.suffix in {".yaml", ".yml"}]


def problems(one: dict, version: str) -> list[str]:
    table = schemas(version)
    name = table["kinds"].get(f"{one.get('apiVersion')} {one.get('kind')}")
    if name is None:
        return [f"{one.get('kind')} is none of the kinds that are known here"]
    schema = {"$defs": table["$defs"], "$ref": f"#/$defs/{name}"}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(one)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_each_file_is_yaml(path: Path) -> None:
    assert all(isinstance(one, dict) for one in objects(path))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SETS)
def test_each_object_of_a_set_fits_its_schema(name: str, version: str) -> None:
    found = built(SETS[name])
    assert len(found) >= 12
    assert {one["kind"]: said for one in found if (said := problems(one, version))} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_binding_for_one_namespace_fits_its_schema(version: str) -> None:
    (binding,) = objects(DEPLOY / "bind-patch.yaml")
    assert problems(binding, version) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replica"), 1),
        (("spec", "replicas"), "1"),
        (("spec", "template", "spec", "securityContext", "runAsNonRoots"), True),
        (("spec", "strategy"), "Recreate"),
        (("spec", "selector"), None),
    ],
)
def test_the_schemas_do_refuse_what_is_wrong(path: tuple[str, ...], value: object) -> None:
    deployment = next(one for one in built(SETS["base"]) if one["kind"] == "Deployment")
    place = deployment
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    assert problems(deployment, "v1.37")


def test_every_file_belongs_to_a_set_or_is_named_in_the_documents() -> None:
    listed = {
        (folder / name).resolve()
        for folder in SETS.values()
        for table in [yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))]
        for name in [*table["resources"], *(one["path"] for one in table.get("patches", []))]
    }
    told = (DEPLOY.parent / "README.md").read_text(encoding="utf-8") + "".join(
        path.read_text(encoding="utf-8") for path in (DEPLOY.parent / "docs").glob("*.md")
    )
    for path in FILES:
        known = path.resolve() in listed or path.name == "kustomization.yaml"
        assert known or re.search(rf"deploy/[\w/-]*{re.escape(path.name)}", told), path
