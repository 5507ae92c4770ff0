"""Which playbook is for an alert: the most specific, by a rule that leaves nothing open."""

import random
from typing import Any

import pytest

from bot.domain.severity import Severity
from bot.playbooks import choose
from bot.playbooks.schema import Playbook
from tests.unit.playbooks.written import playbook, set_of

LABELS = {"alertname": "A", "team": "shop", "namespace": "prod"}


def _match(**match: Any) -> dict[str, Any]:
    return {"match": match}


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (_match(alerts=["A"]), _match(labels=['team="shop"', 'namespace="prod"'])),
        (_match(alerts=["A"], labels=['team="shop"']), _match(alerts=["A"])),
        (_match(alerts=["A"], labels=['team="shop"']), _match(alerts=["A"], labels=['team=~"shop"', 'x=""'][:1])),
        (_match(labels=['team="shop"']), _match(labels=['team=~"sh.*"', 'team!="x"', 'y!="x"'])),
        (_match(labels=['team!="x"', 'y!="x"']), _match(labels=['team!="x"'])),
        (_match(alerts=["A"], severity=["SEV2"]), _match(alerts=["A"])),
        ({"priority": 1, **_match(labels=['team!="x"'])}, _match(alerts=["A"], labels=['team="shop"'])),
        (_match(labels=['team!="x"']), {"priority": -1, **_match(alerts=["A"])}),
    ],
    ids=["name", "one label more", "exact", "exact beats many", "more", "severity", "priority", "negative priority"],
)
def test_the_more_specific_one_is_taken_wherever_it_stands(stronger: dict[str, Any], weaker: dict[str, Any]) -> None:
    """The names are against it, so that the alphabet doesn't decide."""
    found = set_of(playbook("a", **weaker), playbook("z", **stronger))
    assert found.choose(LABELS, Severity.SEV2).name == "z"


def test_among_equals_the_folders_own_is_taken_and_then_the_first_by_name() -> None:
    same = _match(alerts=["A"])
    assert set_of(playbook("a", **same), playbook("b", **same)).choose(LABELS, Severity.SEV3).name == "a"
    found = set_of(playbook("a", **same), playbook("b", **same), own=("b",))
    assert found.choose(LABELS, Severity.SEV3).name == "b"


def test_the_default_is_taken_last_and_fits_everything() -> None:
    found = set_of(playbook("low", priority=-100, match={"labels": ['team="shop"']}))
    assert found.choose(LABELS, Severity.SEV4).name == "low"
    assert found.choose({}, Severity.SEV1).name == "default"
    assert found.playbooks[-1].name == "default"


def test_the_default_cannot_be_made_to_miss_something() -> None:
    with pytest.raises(ValueError, match="leave match and priority out"):
        playbook("default", match={"alerts": ["A"]})


def test_a_severity_of_the_match_is_the_incidents() -> None:
    found = set_of(playbook("worst", match={"alerts": ["A"], "severity": ["SEV1", "SEV2"]}))
    assert found.choose(LABELS, Severity.SEV2).name == "worst"
    assert found.choose(LABELS, Severity.SEV3).name == "default"


def test_an_incident_gets_the_strongest_of_what_its_alerts_lead_to_in_any_order() -> None:
    found = set_of(
        playbook("a", match={"alerts": ["A"]}), playbook("b", match={"alerts": ["B"], "labels": ['team="x"']})
    )
    alerts = [{"alertname": "C"}, {"alertname": "A"}, {"alertname": "B", "team": "x"}]
    for _ in range(3):
        alerts = alerts[1:] + alerts[:1]
        assert found.choose_for(alerts, Severity.SEV3).name == "b"
    assert found.choose_for([], Severity.SEV3).name == "default"


def test_every_other_playbook_is_told_with_the_first_condition_that_it_misses() -> None:
    found = set_of(
        playbook("a", match={"alerts": ["B"]}),
        playbook("b", match={"labels": ['team="shop"', 'namespace="test"']}),
        playbook("c", match={"alerts": ["A"], "severity": ["SEV1"]}),
    )
    told = {one.playbook.name: one.mismatch for one in found.considered(LABELS, Severity.SEV3)}
    assert told == {
        "a": "alerts: A isn't among them",
        "b": 'labels: namespace="test"',
        "c": "severity: SEV3 isn't among SEV1",
        "default": "",
    }


def test_the_hash_is_of_what_they_say_not_of_their_order() -> None:
    one, two = playbook("a", match={"alerts": ["A"]}), playbook("b", match={"alerts": ["B"]})
    assert set_of(one, two).hash == set_of(two, one).hash
    assert set_of(one, two).hash != set_of(one).hash
    assert set_of(one).hash != set_of(one, own=("a",)).hash


def test_hostile_labels_choose_something_and_raise_nothing() -> None:
    found = set_of(playbook("a", match={"labels": ['team=~"(a|b)+"', 'x!~".*[^a].*"']}))
    seeded = random.Random(11)  # noqa: S311 - a seed that makes a failure come again
    for _ in range(300):
        labels = {
            seeded.choice(["alertname", "team", "x", "", "{{ x }}"]): "".join(
                seeded.choice('ab"\\\n\x00{}$=~é\U0001f525') for _ in range(seeded.randint(0, 40))
            )
            for _ in range(5)
        }
        assert isinstance(found.choose(labels, Severity.SEV3), Playbook)
    assert choose.PlaybookSet(found.playbooks, found.own).hash == found.hash
