"""The policy on the API server's proxy, read by a CEL interpreter: two addresses of pods, and nothing else."""

from __future__ import annotations

from typing import Any

import cel
import pytest
from built import SETS, built, one_of

from bot.mitigations import pprof

POLICY = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", "fettle-pprof-only")["spec"]


def refusals(path: str | None, resource: str = "pods") -> list[str]:
    assert POLICY["failurePolicy"] == "Fail"
    asked = {"operation": "CONNECT", "resource": {"group": "", "version": "v1", "resource": resource}}
    world: dict[str, Any] = {"object": {} if path is None else {"path": path}, "request": asked}
    return [one["message"] for one in POLICY["validations"] if cel.evaluate(one["expression"], world) is not True]


@pytest.mark.parametrize("profile", [pprof.GOROUTINES, pprof.HEAP], ids=lambda one: one.noun)
def test_what_fettle_asks_is_allowed(profile: pprof.Profile) -> None:
    assert refusals(profile.path) == []


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "/",
        "/metrics",
        "/debug/pprof",
        "/debug/pprof/",
        "/debug/pprof/cmdline",
        "/debug/pprof/heap/x",
        "/admin",
    ],
)
def test_nothing_else_is(path: str | None) -> None:
    assert refusals(path)


@pytest.mark.parametrize("resource", ["services", "nodes"])
def test_no_service_and_no_node_is_asked(resource: str) -> None:
    assert refusals(pprof.HEAP.path, resource)
    (rule,) = POLICY["matchConstraints"]["resourceRules"]
    assert f"{resource}/proxy" in rule["resources"]
