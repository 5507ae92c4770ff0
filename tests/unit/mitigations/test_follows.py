"""A later step is about the pod of the one before it, where it is about a pod at all."""

from __future__ import annotations

import pytest

from bot.domain.mitigation import TRAITS, Action
from bot.mitigations.catalog import CATALOG

BEFORE = {"pod": "api-1", "uid": "u-1", "container": "api", "container_id": "c", "restarts": 0, "chosen": True}
ABOUT_ONE = {Action.EVICT: {"pod": "api-1", "uid": "u-1"}}


@pytest.mark.parametrize("action", list(Action))
def test_a_later_step_takes_over_which_pod_is_meant(action: Action) -> None:
    """A dump the container as well, an eviction the uid: no pod of the same name takes its place."""
    same = {"pod": "api-1", "container": "api"} if TRAITS[action].looks else ABOUT_ONE.get(action, {})
    assert CATALOG[action].follows(BEFORE) == same
