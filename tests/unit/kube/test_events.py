"""Events of both APIs as rows: the time is wherever it stands, repeats are folded."""

from __future__ import annotations

from typing import Any

from bot.kube.events import event_count, event_time, fold
from tests.unit.cluster_states import recorded


def event(**changes: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "api-1", "uid": "u1"}
    return {"type": "Warning", "reason": "BackOff", "message": "m", "involvedObject": about, "count": 1} | changes


def test_a_scheduler_event_has_only_its_event_time() -> None:
    at = event_time({"lastTimestamp": None, "eventTime": "2026-11-20T23:55:49.123456Z"})
    assert at is not None
    assert at.microsecond == 123456


def test_a_series_counts_and_dates_apart() -> None:
    series = event(eventTime="2026-11-20T10:00:00Z", series={"count": 22, "lastObservedTime": "2026-11-20T10:05:00Z"})
    (row,) = fold([series])
    assert (row.count, row.last_at) == (22, "2026-11-20T10:05:00Z")


def test_repeats_are_one_row_with_the_newest_message() -> None:
    old = event(message="old", count=3, lastTimestamp="2026-11-20T10:00:00Z")
    new = event(message="new", count=2, lastTimestamp="2026-11-20T11:00:00Z")
    for order in ([old, new], [new, old]):
        (row,) = fold(order)
        assert (row.message, row.count, row.last_at) == ("new", 5, "2026-11-20T11:00:00Z")


def test_recorded_events_of_both_apis() -> None:
    rows = fold(recorded("events-v1-list")["items"])
    assert {row.reason for row in rows} == {"Created", "Started", "Killing", "Pulled", "Scheduled"}
    assert all(row.last_at for row in rows)
    assert all(row.object.startswith("Pod api-") for row in rows)
    assert fold(recorded("events-for-deploy")["items"])[0].object == "Deployment bad-notready"


def test_an_event_without_any_time_or_count_is_kept() -> None:
    (row,) = fold([{"type": "Normal", "reason": "X"}])
    assert (row.count, row.last_at) == (1, "")
    assert event_count({}) == 1
