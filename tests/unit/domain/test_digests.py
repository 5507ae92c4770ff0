"""What is approved as one hash, and what the audit chains: the same for the same, another for anything else."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.audit import TAGS, detail_digest, entry_hash
from bot.domain.keeper import Keeper
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import TargetState, canonical, sha256, staleness_digest
from bot.domain.target import Target
from bot.domain.thing import Thing

STATE = TargetState(
    target=Target("Deployment", "shop", "api", "uid-1"),
    cluster_uid="cluster-1",
    generation=4,
    observed_generation=4,
    replicas=3,
    updated=3,
    ready=3,
    available=3,
    current=3,
    paused=False,
    template_hash="abc",
    strategy="RollingUpdate",
    budget=("api", "minAvailable 2", 1),
)
APPROVED = staleness_digest("restart", {}, STATE)

STATUS: dict[str, Any] = {
    "generation": 9, "observed_generation": 9, "updated": 0, "ready": 0, "available": 0, "current": 5,
    "conditions": {"Progressing": "x"}, "crash_restarts": {"api-1": 7}, "crash_looping": True, "revision": "8",
    "template_annotations": {"kubectl.kubernetes.io/restartedAt": "now"}, "managers": ("kubectl",), "images": ("x",),
    "labels": {"a": "b"}, "selector": "a=b", "template_changed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "first_failure_at": datetime(2026, 1, 1, tzinfo=UTC), "observed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "strategy": "Recreate", "max_unavailable": "1", "max_surge": "1", "min_ready_seconds": 9, "progress_deadline": 9,
    "owner": "Rollout shop/api", "partition": 1, "narrowing": Narrowing(wrong=("x",)),
    "annotated": True, "marker": "e-1", "ordered": True, "keeper": Keeper("Argo CD"),
    "thing": Thing(going=True),
    "hung": (("api", "x"),),
    "pods_hash": "7c9f", "pods_wanted": 2,
    "hpa_owner": "KEDA", "hpa_uid": "h-2", "hpa_keeper": Keeper("Argo CD"),
}  # fmt: skip
"""Status, and what follows from the template hash or is looked at afresh by guards."""

MATTERS: dict[str, Any] = {
    "target": Target("Deployment", "shop", "api", "uid-2"),
    "cluster_uid": "cluster-2",
    "replicas": 4,
    "paused": True,
    "template_hash": "abd",
    "hpa": ("api", 2, 9),
    "budget": ("api", "minAvailable 3", 1),
}


def test_every_field_is_in_one_of_the_two_lists() -> None:
    """A new field has to be weighed: does a person approve it, or is it status?"""
    assert {field.name for field in fields(TargetState)} == set(STATUS) | set(MATTERS)


@pytest.mark.parametrize("name", STATUS)
def test_status_is_never_in_the_digest(name: str) -> None:
    assert staleness_digest("restart", {}, replace(STATE, **{name: STATUS[name]})) == APPROVED


@pytest.mark.parametrize("name", MATTERS)
def test_what_a_person_approves_is(name: str) -> None:
    assert staleness_digest("restart", {}, replace(STATE, **{name: MATTERS[name]})) != APPROVED


def test_action_and_parameters_are_in_it() -> None:
    assert staleness_digest("scale", {}, STATE) != APPROVED
    assert staleness_digest("restart", {"to": 3}, STATE) != APPROVED


@pytest.mark.parametrize(
    "other", [Target("StatefulSet", "shop", "api", "uid-1"), Target("Deployment", "web", "api", "uid-1")]
)
def test_another_object_of_the_same_uid_is_another(other: Target) -> None:
    assert staleness_digest("restart", {}, replace(STATE, target=other)) != APPROVED


def test_under_an_autoscaler_the_count_is_not_and_its_bounds_are() -> None:
    scaled = replace(STATE, hpa=("api", 2, 9))
    digest = staleness_digest("restart", {}, scaled)
    assert staleness_digest("restart", {}, replace(scaled, replicas=7)) == digest
    assert staleness_digest("restart", {}, replace(scaled, hpa=("renamed", 2, 9))) == digest
    assert staleness_digest("restart", {}, replace(scaled, hpa=("api", 2, 10))) != digest


def test_disruptions_allowed_now_are_status() -> None:
    assert staleness_digest("restart", {}, replace(STATE, budget=("api", "minAvailable 2", 0))) == APPROVED
    assert staleness_digest("restart", {}, replace(STATE, budget=None)) != APPROVED


def test_rolling_out_is_not_merely_unavailable() -> None:
    assert not replace(STATE, ready=0, available=0).rolling_out
    assert replace(STATE, observed_generation=3).rolling_out
    assert replace(STATE, updated=2).rolling_out
    assert replace(STATE, current=4).rolling_out


# -- the audit -------------------------------------------------------------------------------------

ENTRY: dict[str, Any] = {
    "seq": 7, "at": "2026-03-01T03:14:00.000000Z", "tag": "proposal:approval:granted", "actor": "person:1",
    "subject": "proposal:3", "outcome": "approved", "incident_id": 2, "detail_digest": "d", "prev": "0" * 64,
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRY)
def test_each_field_of_an_entry_is_in_its_hash(name: str) -> None:
    changed = ENTRY[name] + 1 if isinstance(ENTRY[name], int) else ENTRY[name] + "x"
    assert entry_hash(**{**ENTRY, name: changed}) != entry_hash(**ENTRY)


def test_the_hash_is_the_published_one() -> None:
    """Whoever verifies an export with another program computes the same."""
    keys = {"incident_id": "incident", "detail_digest": "detail"}
    document = {keys.get(name, name): value for name, value in ENTRY.items()}
    assert entry_hash(**ENTRY) == sha256(canonical(document))


def test_details_are_digested_with_their_salt_and_none_is_empty() -> None:
    assert detail_digest("s", {"reason": "no"}) != detail_digest("t", {"reason": "no"})
    assert detail_digest("s", {"a": 1, "b": 2}) == detail_digest("s", {"b": 2, "a": 1})
    assert detail_digest("s", {}) == ""


def test_tags_are_three_words_and_each_is_there_once() -> None:
    assert len(set(TAGS)) == len(TAGS)
    assert all(len(tag.split(":")) == 3 for tag in TAGS)


def test_canonical_json_is_sorted_dense_and_keeps_letters() -> None:
    assert canonical({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'
