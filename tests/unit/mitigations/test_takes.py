"""What an approver is asked about: every right of the action, each on the object that it is about, or on any."""

from __future__ import annotations

import pytest

from bot.domain.mitigation import Action
from bot.domain.target import CLUSTER_WIDE, Target
from bot.kube.objects import PLACES
from bot.mitigations.catalog import CATALOG
from bot.mitigations.verb import takes

PARAMS = {"pod": "api-1", "autoscaler": "api-hpa", "cronjob": "nightly", "claim": "data-db-0"}
EACH = [(action, kind) for action, one in CATALOG.items() for kind in one.rights]


@pytest.mark.parametrize(("action", "kind"), EACH)
def test_every_right_of_the_verb_is_asked_and_nothing_else(action: Action, kind: str) -> None:
    target = Target(kind, "" if kind in CLUSTER_WIDE else "shop", "thing")
    found = takes(CATALOG[action], target, PARAMS)
    assert [(one.verb, one.group, one.resource) for one in found] == list(CATALOG[action].rights[kind])
    assert {one.namespace for one in found} == {target.namespace}


@pytest.mark.parametrize(("action", "kind"), EACH)
def test_what_acts_names_its_object_unless_that_is_made_by_it(action: Action, kind: str) -> None:
    target = Target(kind, "" if kind in CLUSTER_WIDE else "shop", "thing")
    each = takes(CATALOG[action], target, PARAMS)
    writes = [one for one in each if one.verb not in {"get", "list", "watch"} or "/" in one.resource]
    assert writes
    for one in writes:
        base, _, sub = one.resource.partition("/")
        made = one.verb == "create" and not sub
        expected = "" if made else "thing" if base == PLACES[kind][2] else one.name
        assert one.name == expected
        assert bool(one.name) is not made, one


def test_a_name_that_is_not_known_asks_for_all_of_the_kind() -> None:
    found = takes(CATALOG[Action.EVICT], Target("Deployment", "shop", "api"), {})
    assert {one.name for one in found if one.resource == "pods/eviction"} == {""}


def test_a_kind_that_no_action_fits_takes_nothing_so_that_nothing_is_allowed() -> None:
    assert takes(CATALOG[Action.RESTART], Target("CronJob", "shop", "nightly"), {}) == ()
