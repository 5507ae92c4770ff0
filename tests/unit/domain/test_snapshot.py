"""A snapshot reads stored JSON back into the rows that collectors made, and keeps "not known" apart from "none"."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus, PodRow
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import ContainerSeen, SeriesSeen, WorkloadSeen
from bot.domain.snapshot import AlertSeen, Snapshot, row_of

NOW = datetime(2026, 11, 25, 3, 7, tzinfo=UTC)
POD = PodRow("api-1", "Running", ready=True, restarts=2, containers=(ContainerSeen("api", last_exit=1, probes=("x",)),))


def snapshot(source: str, data: dict[str, object], status: EvidenceStatus = EvidenceStatus.OK) -> Snapshot:
    return Snapshot(NOW, evidence={source: Evidence(source, status, "", NOW, json.loads(json.dumps(data)))})


def test_rows_survive_json() -> None:
    assert snapshot("pods", {"pods": [asdict(POD)]}).pods == (POD,)
    series = SeriesSeen("cpu", unit="cores", labels={"pod": "api-1"}, points=((1.0, 0.5), (2.0, 0.75)))
    found = snapshot("metrics", {"series": [asdict(series), asdict(SeriesSeen("memory", problem="no data"))]})
    assert found.measured("cpu") == (series,)
    assert found.measured("memory") == (), "what couldn't be measured isn't a measurement"


def test_findings_come_back_as_they_were() -> None:
    found = Finding(
        Cause.OOM_KILLED, "It ran out of memory.", Confidence.HIGH, (Cite("pods", "OOMKilled"),),
        suggestions=(Suggestion("restart", {"n": 1}, "relief", "kubectl"),), weight=2.5,
    )  # fmt: skip
    back = row_of(Finding, json.loads(json.dumps(asdict(found))))
    assert back == found
    assert back.cause is Cause.OOM_KILLED


def test_not_asked_and_failed_are_unknown_and_an_empty_answer_is_none() -> None:
    assert Snapshot(NOW).pods is None
    assert snapshot("pods", {}, EvidenceStatus.FAILED).pods is None
    assert snapshot("pods", {}, EvidenceStatus.FAILED).failed("pods")
    assert snapshot("pods", {"pods": []}, EvidenceStatus.EMPTY).pods == ()


def test_rows_of_an_older_program_take_defaults_and_of_a_newer_one_lose_what_is_unknown() -> None:
    assert row_of(WorkloadSeen, {"kind": "Deployment", "new": 1}) == WorkloadSeen("Deployment", "", "")
    assert row_of(ContainerSeen, {"name": "c", "last_exit": None}).last_exit is None


def test_a_value_of_another_shape_is_an_error_not_a_guess() -> None:
    with pytest.raises((TypeError, ValueError)):
        row_of(ContainerSeen, {"name": "c", "restarts": "many"})


def test_since_is_the_earliest_of_those_that_fire() -> None:
    early, late = datetime(2026, 11, 25, 2, tzinfo=UTC), datetime(2026, 11, 25, 3, tzinfo=UTC)
    alerts = (AlertSeen({"alertname": "A"}, {}, early, firing=False), AlertSeen({"alertname": "A"}, {}, late))
    found = Snapshot(NOW, alerts)
    assert (found.since, found.names) == (late, ("A",))
