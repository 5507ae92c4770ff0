"""The sandbox binds a shipped role where what it is for is allowed, so it has to know what each is for."""

from __future__ import annotations

from bot.domain.mitigation import TRAITS
from bot.sandbox.shipped import ACTS


def test_the_sandbox_knows_what_each_role_is_for() -> None:
    of: dict[str, set[str]] = {}
    for action, traits in TRAITS.items():
        of.setdefault(traits.role, set()).add(str(action))
    assert of == ACTS
