"""The list of planted bugs can't rot: each still fits the source, and the tests that it names are there."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from sources import PRODUCTION, ROOT

from tests.planted.bug import MisfitError
from tests.planted.catalog import BUGS

PLACES = (*(f"{folder}/" for folder in PRODUCTION), "deploy/")


@cache
def text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def functions(file: str) -> frozenset[str]:
    found = ast.parse(text(file)).body
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_each_bug_has_a_name_and_a_reason_of_its_own() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert not [bug.name for bug in BUGS if not bug.why.endswith(".")]


def test_each_planting_fits_what_runs_in_production_exactly_once() -> None:
    """Whoever changes that line changes the planting with it, or takes out a bug that can't be made any more."""
    misfits = []
    for bug in BUGS:
        assert bug.file.startswith(PLACES)
        assert not bug.file.startswith("bot/sandbox/")
        try:
            assert bug.planted(text(bug.file)) != text(bug.file), bug.name
        except MisfitError as error:
            misfits.append(str(error))
    assert not misfits, "\n".join(misfits)


def test_each_test_that_must_go_red_is_there() -> None:
    for bug in BUGS:
        assert bug.tests, bug.name
        for named in bug.tests:
            file, _, function = named.partition("::")
            assert Path(file).name.startswith("test_"), bug.name
            assert not function or function in functions(file), f"{bug.name}: {named}"
            assert functions(file), bug.name


def test_planted_code_runs_up_to_the_bug(tmp_path: Path) -> None:
    """A name that doesn't exist or a line that can't be read would turn tests red for nothing."""
    for bug in BUGS:
        if bug.file.endswith(".py"):
            (tmp_path / f"{bug.name}.py").write_text(bug.planted(text(bug.file)), encoding="utf-8")
    ruff = str(Path(sys.executable).parent / "ruff")
    command = [ruff, "check", "--isolated", "--select", "F821,F823,E9", "--output-format", "concise", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the project's own linter
    assert told.returncode == 0, told.stdout
