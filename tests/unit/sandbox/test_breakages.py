"""Breakages cover the catalog: every entry and every alert has one, and each fits the playbook that it is for."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause
from bot.domain.severity import severity_of
from bot.playbooks import loader
from bot.playbooks.fields import cause_of
from bot.sandbox.alert_names import RULES
from bot.sandbox.alertmanager import alert_labels
from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.every import BREAKAGES, ROOMS, named
from bot.sandbox.breakages.timeline import happen
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.scenarios import schema

CATALOG = loader.built_in()
EACH = pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=lambda one: one.name)


@pytest.mark.parametrize("entry", [one.name for one in CATALOG.playbooks])
def test_each_entry_of_the_catalog_has_a_breakage(entry: str) -> None:
    assert [one for one in BREAKAGES.values() if one.entry == entry]


@pytest.mark.parametrize("alert", sorted({name for one in CATALOG.playbooks for name in one.match.alerts}))
def test_each_alert_that_a_playbook_names_tells_of_a_breakage(alert: str) -> None:
    assert alert in RULES
    assert [one for one in BREAKAGES.values() if alert in one.alerts]


@EACH
def test_a_breakage_is_for_the_entry_that_its_alerts_lead_to(breakage: Breakage) -> None:
    for alert in breakage.alerts:
        labels = alert_labels(alert, {"namespace": breakage.name})
        assert CATALOG.choose(labels, severity_of(labels)).name == breakage.entry


@EACH
def test_a_breakages_cause_is_one_that_its_playbook_knows(breakage: Breakage) -> None:
    """Else the card would name a cause for which nobody decided what may be proposed."""
    playbook = CATALOG.get(breakage.entry)
    assert playbook is not None
    assert Cause(breakage.cause) in {cause_of(key)[0] for key in playbook.findings}


@EACH
def test_a_breakage_says_what_the_card_has_to_say_and_promises_one_thing(breakage: Breakage) -> None:
    assert breakage.says
    assert sum(map(bool, (breakage.offers, breakage.by_hand, breakage.refuses))) <= 1


def test_every_room_stands_in_a_scenario_that_all_plays() -> None:
    played = {word for one in schema.load_all().values() if one.room for word in one.broken}
    assert played == set(ROOMS)


def test_a_word_stands_for_a_breakage_or_for_a_room_and_nothing_else() -> None:
    assert named(["stale-lock", "plane"]) == ("stale-lock", *(one.name for one in ROOMS["plane"]))
    with pytest.raises(KeyError):
        named(["no-such-thing"])
    with pytest.raises(schema.ValidationError, match="there is no breakage no-such-thing"):
        schema.Scenario.model_validate({"name": "x", "title": "x", "broken": "no-such-thing", "steps": [{"wait": 1}]})


def test_breaking_brings_the_clock_back_and_leaves_the_others_alone() -> None:
    """What happens has a past; what was there before doesn't notice that time was lived through again."""
    cluster = Cluster("sb", ready_after=0.1)
    cluster.deployment("shop", "web", replicas=2)
    cluster.advance(5)
    before = {pod["metadata"]["uid"]: pod["status"] for pod in cluster.pods("shop", "web")}
    offset = cluster.clock.offset
    (broken,) = happen(cluster, ["rollout-crashes"])
    assert offset <= cluster.clock.offset < offset + 1
    assert {pod["metadata"]["uid"]: pod["status"] for pod in cluster.pods("shop", "web")} == before
    assert broken.since < cluster.clock.now()
    revisions = [one for one in cluster.list("ReplicaSet", "rollout-crashes") if "checkout" in one["metadata"]["name"]]
    assert len({one["metadata"]["creationTimestamp"] for one in revisions}) == 3


def test_breaking_twice_in_one_place_is_allowed() -> None:
    cluster = Cluster("sb", ready_after=0.1)
    happen(cluster, ["stale-lock"], namespace="shop")
    (again,) = happen(cluster, ["one-pod-hangs"], namespace="shop")
    assert again.alerts()
