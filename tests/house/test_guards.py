"""No guard and no verb is missing from the table of tests/integration/guards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.decision import Rule
from bot.domain.mitigation import Action
from bot.mitigations.catalog import CATALOG
from bot.policy.guardrails import Point
from tests.integration.guards.table import GUARDS
from tests.ways import STATEFUL, WAYS

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "approvers.enough": "tests/integration/workflow/test_claims.py",
    "autonomy": "tests/integration/workflow/test_autonomy.py",
    "alone": "tests/integration/workflow/test_autonomy.py",
    "offering._against_alone": "tests/integration/workflow/test_chains_approved.py",
    "ruled.alone": "tests/integration/workflow/test_rules.py",
    "breaking": "tests/integration/workflow/test_glass.py",
    "glass": "tests/integration/workflow/test_glass.py",
    "changing": "tests/integration/workflow/test_changing.py",
    "decide._request_again": "tests/integration/workflow/test_again.py",
    "blast_radius._evictions": "tests/unit/policy/test_blast_radius.py",
    "cluster_rights": "tests/integration/workflow/test_own_rights.py",
    "vouching": "tests/integration/workflow/test_own_rights.py",
    "silences": "tests/integration/workflow/test_silencing.py",
    "silence_guards": "tests/integration/workflow/test_silencing.py",
    "silencing": "tests/integration/workflow/test_silencing.py",
}
"""What refuses something else than a person's approved action: where that is tested."""
SPEAKS = {"Reason", "deny", "deny_with"}


def sites() -> Iterator[tuple[str, Rule]]:
    """(module.function, rule) of every place where a guard says no."""
    for path in sorted([*(ROOT / "bot/policy").glob("*.py"), *(ROOT / "bot/workflow").glob("*.py")]):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from ((f"{path.stem}.{function.name}", rule) for rule in _said(function))


def _said(function: ast.AST) -> Iterator[Rule]:
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in SPEAKS:
            continue
        first = call.args[0]
        if isinstance(first, ast.Attribute) and isinstance(first.value, ast.Name) and first.value.id == "Rule":
            yield Rule[first.attr]


def test_every_place_that_says_no_is_in_the_table_or_tested_elsewhere() -> None:
    found = set(sites())
    assert len(found) > 50
    held = {(guard.at, guard.rule) for guard in GUARDS}
    held |= {("decide._stale", guard.press[0]) for guard in GUARDS if guard.press}
    missing = {(at, rule) for at, rule in found - held if not {at, at.partition(".")[0]} & ELSEWHERE.keys()}
    assert not missing, "add a guard to tests/integration/guards"
    places = {at for at, _ in found} | {at.partition(".")[0] for at, _ in found}
    assert set(ELSEWHERE) <= places
    assert all((ROOT / where).is_file() for where in ELSEWHERE.values())


def test_every_rule_is_in_the_table() -> None:
    """A person's approval needs no autonomy; what the cluster lets a person do has its tests beside the others'."""
    assert set(Rule) - {guard.rule for guard in GUARDS} == {Rule.AUTONOMY, Rule.RBAC}


def test_what_the_table_names_is_there() -> None:
    for module, name in {tuple(guard.at.split(".")) for guard in GUARDS}:
        sources = [ROOT / "bot" / room / f"{module}.py" for room in ("policy", "workflow")]
        assert any(f"def {name}(" in path.read_text(encoding="utf-8") for path in sources if path.is_file()), name


def test_every_verb_has_its_way() -> None:
    assert [way.action for way in WAYS] == list(CATALOG) == list(Action)


@pytest.mark.parametrize("way", [*WAYS, *STATEFUL], ids=lambda way: way.name)
def test_every_verb_is_refused_at_each_point(way: object) -> None:
    for point in Point:
        assert sum(guard.fits(way) and point in guard.points for guard in GUARDS) > 20  # type: ignore[arg-type]


def test_every_guard_has_a_verb_a_point_and_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
    for guard in GUARDS:
        assert guard.points, guard.name
        assert any(guard.fits(way) for way in (*WAYS, *STATEFUL)), guard.name
