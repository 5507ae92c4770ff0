"""Who may import whom, and that no room is left out of it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sources import ROOT


def _contracts() -> list[dict[str, object]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, object]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return contracts


def _rooms() -> set[str]:
    modules = {f"bot.{path.stem}" for path in (ROOT / "bot").glob("*.py")} - {"bot.__init__"}
    packages = {f"bot.{path.parent.name}" for path in (ROOT / "bot").glob("*/__init__.py")}
    return modules | packages | {"commands", "alerts"}


@pytest.mark.timeout(540)
def test_the_import_contracts_are_kept() -> None:
    told = subprocess.run(  # noqa: S603 - the project's own linter
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-4000:]


def test_every_room_of_production_is_kept_from_the_sandbox_and_the_sandbox_from_it() -> None:
    by_name = {str(one["name"]): one for one in _contracts()}
    production = next(one for name, one in by_name.items() if name.startswith("Production doesn't know the sandbox"))
    sandbox = next(one for name, one in by_name.items() if name.startswith("The sandbox speaks only the wire"))
    rooms = _rooms() - {"bot.sandbox"}
    assert rooms - set(production["source_modules"]) == {"bot.__main__"}  # type: ignore[call-overload]
    assert rooms - set(sandbox["forbidden_modules"]) == set()  # type: ignore[call-overload]
