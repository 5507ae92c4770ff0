"""What a ValidatingAdmissionPolicy says of a request, by a CEL interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cel
from built import Object

FAILS = (RuntimeError, ValueError, TypeError, KeyError)


def refused(
    spec: Object, world: dict[str, Any], functions: Callable[[dict[str, Any]], Any] = lambda names: names
) -> list[str]:
    """The messages of those validations that are not true; one that fails refuses too (failurePolicy Fail).

    ``world`` has the names but the variables; ``functions`` adds what Kubernetes has beyond CEL's own. A variable that
    can't be evaluated fails whatever uses it, as the API server does it.
    """
    assert spec["failurePolicy"] == "Fail"
    world = {**world, "variables": {}}
    for variable in spec["variables"]:
        try:
            world["variables"][variable["name"]] = cel.evaluate(variable["expression"], functions(world))
        except FAILS:
            continue
    said = []
    for one in spec["validations"]:
        try:
            if cel.evaluate(one["expression"], functions(world)) is not True:
                said.append(one["message"])
        except FAILS as error:
            said.append(f"{one['message']} ({error})")
    return said
