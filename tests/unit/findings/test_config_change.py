"""A ConfigMap that changed, and what follows it."""

from __future__ import annotations

from typing import Any

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ReferenceSeen
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    ago,
    alert,
    change,
    crashing,
    find,
    first,
    pod,
    said,
    snap,
    without,
)

WRITTEN = change("ConfigMap api-config: app.yaml changed", 8, "config")
BAD = [said('level=fatal error="/etc/app/app.yaml: unknown field pool_sze"')]


def written(**rows: Any) -> dict[str, Any]:
    return {**UNCHANGED, "pods": [crashing(), crashing("api-2")], "changes": [WRITTEN], "logs": BAD, **rows}


def test_last_words_about_a_setting_after_the_change_make_it_sure_and_a_person_puts_it_back() -> None:
    found = first(snap(**written()))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.CONFIG_CHANGE, Confidence.HIGH, ())
    assert found.sentence.startswith(
        "ConfigMap api-config: app.yaml changed at 03:06 UTC by kubectl by kim, and both pods fail since"
    )
    assert "Put the old content back" in found.no_help


def test_an_address_that_it_changed_isnt_a_dependency_that_is_down() -> None:
    line = "dial tcp: lookup db-typo on 10.96.0.10:53: no such host"
    found = first(snap(**written(logs=[said(line), said(line, name="api-2")])))
    assert found.cause is Cause.CONFIG_CHANGE


def test_the_watch_of_references_tells_the_time_too() -> None:
    seen = ReferenceSeen("ConfigMap", "api-config", exists=True, changed_at=ago(8))
    found = find(Cause.CONFIG_CHANGE, snap(**written(changes=[], references=[seen])))
    assert found is not None
    assert "ConfigMap api-config changed" in found.sentence


def test_words_that_dont_name_it_or_werent_read_leave_it_medium() -> None:
    mute = find(Cause.CONFIG_CHANGE, snap(**written(logs=[said("panic: index out of range")])))
    deaf = find(Cause.CONFIG_CHANGE, without(snap(**written()), "logs"))
    assert mute is not None
    assert deaf is not None
    assert (mute.confidence, deaf.confidence) == (Confidence.MEDIUM, Confidence.MEDIUM)


def test_a_template_that_changed_too_makes_it_doubtful() -> None:
    pods = [crashing(minutes=8, hash="new"), crashing("api-2", minutes=8, hash="new")]
    found = find(Cause.CONFIG_CHANGE, snap(**written(pods=pods, changes=[WRITTEN, change()], revisions=REVISIONS)))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
    assert "the template was changed too" in found.doubt


def test_hours_before_or_after_the_first_failure_it_isnt_the_cause() -> None:
    early, late = (
        change("ConfigMap api-config: changed", 300, "config"),
        change("ConfigMap api-config: changed", 0.5, "config"),
    )
    assert find(Cause.CONFIG_CHANGE, snap(**written(changes=[early]))) is None
    assert find(Cause.CONFIG_CHANGE, snap(**written(changes=[late]))) is None


def test_pods_that_are_well_and_no_service_that_suffers_are_none() -> None:
    assert find(Cause.CONFIG_CHANGE, snap(**written(pods=[pod()]))) is None


def test_a_service_that_suffers_since_is_low_without_more() -> None:
    found = find(Cause.CONFIG_CHANGE, snap(alert("HighErrorRate", 7, service="api"), **written(pods=[pod()], logs=[])))
    assert found is not None
    assert found.confidence is Confidence.LOW
