"""Events of both APIs as rows: the time is wherever it stands, repeats are folded."""

from __future__ import annotations

from typing import Any

from bot.kube.events import event_count, event_time, fold
from tests.unit.cluster_states import recorded

EARLY, LATE = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"


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
    old = event(message="back-off 10s", count=3, firstTimestamp="2026-11-20T09:00:00Z", lastTimestamp=EARLY)
    new = event(message="back-off 40s", count=2, firstTimestamp=EARLY, lastTimestamp=LATE)
    for order in ([old, new], [new, old]):
        (row,) = fold(order)
        assert (row.message, row.count, row.last_at) == ("back-off 40s", 5, LATE)
        assert row.first_at == "2026-11-20T09:00:00Z"


def test_two_wordings_of_one_reason_stay_apart() -> None:
    """The registry's answer must not vanish behind the kubelet's "Error: ErrImagePull", which comes after it."""
    said = ('Failed to pull image "api:1.4.9": not found', "Error: ErrImagePull")
    rows = fold([event(reason="Failed", message=message, lastTimestamp=LATE) for message in said])
    assert {row.message for row in rows} == set(said)


def test_an_event_that_both_apis_bring_counts_once() -> None:
    core = event(count=4, lastTimestamp=LATE, metadata={"uid": "e1"})
    newer = {
        "type": "Warning", "reason": "BackOff", "note": "m", "regarding": core["involvedObject"],
        "deprecatedCount": 4, "deprecatedLastTimestamp": LATE, "metadata": {"uid": "e1"},
    }  # fmt: skip
    (row,) = fold([core, newer])
    assert (row.count, row.last_at) == (4, LATE)


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
