"""The ranking: order, ties, doubts, and that nothing a finder does costs the others."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence, Finding
from bot.domain.snapshot import Snapshot
from bot.findings.case import Case
from bot.findings.cures import MUTATING
from bot.findings.ranked import CLOSE, FINDERS, Finder, joined, proposable, rank
from tests.unit.findings.recorded import (
    NOW,
    REVISIONS,
    UNCHANGED,
    alert,
    change,
    crashing,
    pod,
    recorded,
    said,
    snap,
    without,
)


def test_every_cause_has_its_finder_and_its_words() -> None:
    assert set(FINDERS) == set(Cause) - {Cause.HANDLER}
    assert [finder.about.cause for finder in FINDERS.values()] == list(FINDERS)
    assert len({finder.about.words for finder in FINDERS.values()}) == len(FINDERS)


def test_the_surest_stands_first_and_of_equals_the_one_that_explains_the_others() -> None:
    found = rank(recorded("rollout-starves"))
    assert [one.cause for one in found[:2]] == [Cause.BAD_ROLLOUT, Cause.OOM_KILLED]
    assert [one.confidence.rank for one in found] == sorted(one.confidence.rank for one in found)


def _fixed(cause: Cause, confidence: Confidence, weight: float) -> Finder:
    finding = Finding(cause, f"It is {cause}.", confidence, (), weight=weight)
    return Finder(FINDERS[cause].about, lambda _case: finding)


def test_two_close_ones_name_each_other_and_distant_ones_dont() -> None:
    near = {
        Cause.QUOTA: _fixed(Cause.QUOTA, Confidence.MEDIUM, 50),
        Cause.DISK: _fixed(Cause.DISK, Confidence.MEDIUM, 50 - CLOSE + 1),
    }
    first, second = rank(snap(), near)
    assert (first.doubt, second.doubt) == ("it may also be a disk that is full", "it may also be the namespace's quota")
    far = {**near, Cause.DISK: _fixed(Cause.DISK, Confidence.MEDIUM, 50 - CLOSE)}
    assert [one.doubt for one in rank(snap(), far)] == ["", ""]
    surer = {**near, Cause.DISK: _fixed(Cause.DISK, Confidence.HIGH, 50)}
    assert [one.doubt for one in rank(snap(), surer)] == ["", ""]


def test_what_says_that_nothing_explains_it_isnt_told_behind_what_does() -> None:
    made = Finding(Cause.SERVICE_DEGRADED, "HighErrorRate; nothing explains it.", Confidence.MEDIUM, (), weight=20)
    unexplained = Finder(FINDERS[Cause.SERVICE_DEGRADED].about, lambda _case: made)
    for sure, told in ((Confidence.HIGH, 1), (Confidence.MEDIUM, 1), (Confidence.LOW, 2)):
        found = rank(snap(), {Cause.QUOTA: _fixed(Cause.QUOTA, sure, 50), Cause.SERVICE_DEGRADED: unexplained})
        assert len(found) == told
    assert [one.cause for one in found] == [Cause.SERVICE_DEGRADED, Cause.QUOTA]


def _theirs(confidence: Confidence) -> Finding:
    return Finding(Cause.HANDLER, "Handler Disk: it is full.", confidence, (), detail="Disk")


def test_what_a_handler_found_stands_behind_everything_that_is_as_sure() -> None:
    """However little the others weigh; it is the doubt of the first when it is as sure."""
    medium, low = _theirs(Confidence.MEDIUM), _theirs(Confidence.LOW)
    for sure, first in (
        (Confidence.HIGH, Cause.QUOTA),
        (Confidence.MEDIUM, Cause.QUOTA),
        (Confidence.LOW, Cause.HANDLER),
    ):
        own = rank(snap(), {Cause.QUOTA: _fixed(Cause.QUOTA, sure, -5)})
        found = joined(own, [low, medium])
        assert found[0].cause is first
        assert [one.confidence.rank for one in found] == sorted(one.confidence.rank for one in found)
        assert (found[0].doubt == "it may also be what the handler Disk found") is (sure is Confidence.MEDIUM)
    assert joined((), [low, medium]) == (medium, low)
    assert joined(own, []) == own


def test_nothing_is_called_well_where_a_handler_found_something() -> None:
    well = Finding(Cause.NOTHING_WRONG, "All is well.", Confidence.MEDIUM, ())
    assert [one.cause for one in joined([well], [_theirs(Confidence.MEDIUM)])] == [Cause.HANDLER]
    assert [one.cause for one in joined([well], [_theirs(Confidence.LOW)])] == [Cause.NOTHING_WRONG, Cause.HANDLER]


def test_a_finder_that_raises_costs_nothing_but_itself(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_case: Case) -> Finding | None:
        raise ZeroDivisionError

    finders = {**FINDERS, Cause.QUOTA: Finder(FINDERS[Cause.QUOTA].about, broken)}
    with caplog.at_level(logging.ERROR):
        found = rank(recorded("rollout-crashes"), finders)
    assert found[0].cause is Cause.BAD_ROLLOUT
    assert "finding quota failed" in caplog.text


def test_only_the_first_finding_leads_to_a_proposal() -> None:
    line = 'connection to server at "db", port 5432 failed: Connection refused'
    found = rank(
        snap(**{**UNCHANGED, "pods": [crashing(), crashing("api-2")], "logs": [said(line), said(line, name="api-2")]})
    )
    assert found[0].cause is Cause.DEPENDENCY_DOWN
    assert len(found) > 1
    assert proposable(found) == ()
    assert proposable(()) == ()


def test_every_finding_cites_something_and_says_what_helps_or_why_nothing_does() -> None:
    names = (
        "rollout-crashes",
        "rollout-no-image",
        "rollout-no-secret",
        "node-silent",
        "evicted",
        "unschedulable",
        "oom-old-template",
    )
    for name in names:
        for one in rank(recorded(name)):
            assert one.cites, one
            assert one.basis, one
            assert bool(one.suggestions) is not bool(one.no_help), one
            assert one.sentence.endswith("."), one
            assert not one.sentence.endswith(".."), one


def test_low_findings_never_suggest_a_change() -> None:
    for name in ("rollout-crashes", "rollout-not-ready", "rollout-starves"):
        for one in rank(recorded(name)):
            if one.confidence is Confidence.LOW:
                assert not [step for step in one.suggestions if step.action in MUTATING]


@pytest.mark.parametrize(
    "name",
    [
        "rollout-crashes",
        "rollout-not-ready",
        "rollout-starves",
        "rollout-no-image",
        "node-silent",
        "evicted",
        "crash-once",
    ],
)
def test_with_nothing_read_nothing_is_sure(name: str) -> None:
    whole = recorded(name)
    blind = without(whole, *whole.evidence)
    assert not [one for one in rank(blind) if one.confidence is Confidence.HIGH]


def test_nothing_wrong_gives_way_to_any_finding_that_isnt_low() -> None:
    rows = {**UNCHANGED, "pods": [pod(minutes=8, hash="new")], "changes": [change()], "revisions": REVISIONS}
    found = rank(snap(alert("HighErrorRate", service="api"), **rows))
    assert Cause.NOTHING_WRONG not in {one.cause for one in found}


def test_evidence_of_a_foreign_shape_counts_as_not_read() -> None:
    odd = {
        "pods": {"pods": 7},
        "events": {"events": [{"count": "many"}]},
        "changes": {"revisions": {"a": 1}},
        "nodes": {"nodes": "x"},
    }
    evidence = {key: Evidence(key, EvidenceStatus.OK, "", NOW, data) for key, data in odd.items()}
    found = rank(replace(snap(), evidence=evidence))
    assert not [one for one in found if one.confidence is Confidence.HIGH]


def test_an_empty_snapshot_finds_nothing() -> None:
    assert rank(Snapshot(NOW)) == ()
