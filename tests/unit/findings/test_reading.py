"""What all findings stand on: which pods are ill, what lines point to, how series run, how numbers are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.findings.lines import Points, points_to, spoken
from bot.findings.measures import course, onset
from bot.findings.phrases import agree, clock, cut, image, instant, listed, part_of, quantity, share, size, span, stop
from bot.findings.sick import How, sick_of
from tests.unit.findings.recorded import NOW, ago, crashing, part, pod, recorded, series, unready, waiting


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("rollout-crashes", How.CRASH), ("rollout-starves", How.OOM), ("rollout-no-image", How.IMAGE),
        ("rollout-no-secret", How.CONFIG), ("rollout-not-ready", How.UNREADY), ("unschedulable", How.PENDING),
        ("evicted", How.EVICTED), ("node-silent", How.LOST), ("crash-between", How.CRASH), ("crash-once", How.CRASH),
    ],
)  # fmt: skip
def test_recorded_pods_are_ill_in_their_way(name: str, how: How) -> None:
    snapshot = recorded(name)
    assert snapshot.pods
    found = sick_of(snapshot.pods[0], snapshot.now)
    assert found is not None
    assert found.how is how


def test_rows_without_containers_tell_it_too() -> None:
    bare = crashing()
    old = type(bare)(bare.name, "Running", ready=False, restarts=4, waiting="CrashLoopBackOff", terminated="Error",
    exit_code=1,
                     terminated_at=ago(1), created_at=ago(600))  # fmt: skip
    found = sick_of(old, NOW)
    assert found is not None
    assert (found.how, found.exit_code) == (How.CRASH, 1)


def test_the_first_crash_is_reckoned_from_the_back_offs() -> None:
    ten = crashing(restarts=10, last_started_at=ago(1.2), last_finished_at=ago(1))
    found = sick_of(ten, NOW)
    assert found is not None
    assert found.since is not None
    # 0 + 10 + 20 + 40 + 80 + 160 + 4 x 300 seconds of waiting, and ten runs of 12 s.
    assert timedelta(minutes=26) < NOW - found.since < timedelta(minutes=29)


def test_never_before_the_pod_was_made() -> None:
    found = sick_of(crashing(restarts=50, minutes=20), NOW)
    assert found is not None
    assert found.since == NOW - timedelta(minutes=20)


@pytest.mark.parametrize(
    "row",
    [
        pod(), crashing(deleting=True), pod(phase="Succeeded"), waiting("ContainerCreating", "", minutes=1),
        pod("api-1", part(restarts=9, last_exit=137, last_reason="Error", last_finished_at=ago(45))),
        pod("api-1", part(restarts=1, last_exit=143, last_reason="Error", last_finished_at=ago(5))),
        unready(phase="Failed", reason="Evicted", conditions=(), created_at=ago(9000)),
    ],
)  # fmt: skip
def test_what_is_over_going_or_only_starting_isnt_ill(row: object) -> None:
    assert sick_of(row, NOW) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "points"),
    [
        ("write /data/x: no space left on device", Points.DISK_FULL),
        ("java.lang.OutOfMemoryError: Java heap space", Points.MEMORY),
        ('exec: "/app": stat /app: no such file or directory', Points.COMMAND),
        ("listen tcp :8080: bind: address already in use", Points.LOCAL),
        ("x509: certificate has expired", Points.CERTIFICATE),
        ("password authentication failed for user", Points.CREDENTIALS),
        ("environment variable DB_URL is not set", Points.SETTING),
        ("open /etc/app/config.yaml: no such file or directory", Points.SETTING),
        ("dial tcp 10.0.0.1:5432: i/o timeout", Points.DEPENDENCY),
        ("open /var/x: permission denied", Points.PERMISSION),
        ("panic: index out of range", Points.ERROR),
        ("level=warn msg=retrying error=nothing", None),
        ("INFO finished without an error", None),
        ("served in 3 ms", None),
        ("", None),
    ],
)
def test_what_a_line_points_to(line: str, points: Points | None) -> None:
    told = points_to(line)
    assert (told[0] if told else None) is points


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("upstream failed: 503 Service Unavailable", ""),
        ("upstream request timeout for payments", ""),
        ("upstream payments:8080 failed: 503 Service Unavailable", "payments:8080"),
        ("upstream failed: connection to db:5432 refused: 503 Service Unavailable", "db:5432"),
    ],
)
def test_what_only_says_that_it_failed_is_no_name_of_what_did(line: str, what: str) -> None:
    assert points_to(line) == (Points.DEPENDENCY, what)


def test_quotes_in_what_a_line_says_stay_whole() -> None:
    line = r'level=fatal msg="cannot load" error="config: unknown field \"pool_sze\""'
    assert spoken(line) == 'cannot load: config: unknown field "pool_sze"'


@pytest.mark.parametrize(
    ("text", "whole"),
    [("no metrics", "no metrics."), ("no metrics. ", "no metrics."), ("no met…", "no met…"), ("no met….", "no met…")],
)
def test_a_sentence_ends_once(text: str, whole: str) -> None:
    assert stop(text) == whole


def test_a_line_of_a_megabyte_is_looked_at_in_no_time() -> None:
    assert points_to("a" * 10**6 + " no space left on device") is None
    assert points_to(("x" * 30 + ".yaml ") * 40_000) is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.3 + 0.012 * step for step in range(58)], "leak"),
        ([0.3 + 0.02 * step for step in range(30)] + [0.3 + 0.02 * step for step in range(20)], "leak"),
        ([0.4] * 30 + [0.97] + [0.4] * 8, "spike"),
        ([0.93] * 30, "level"),
        ([0.4] * 30, ""),
        ([0.9], ""),
    ],
)
def test_the_course_of_a_level_to_its_bound(values: list[float], told: str) -> None:
    assert course(series("memory", *values), 1.0) == told


def test_the_onset_is_where_a_level_is_left_for_good() -> None:
    assert onset([series("errors", *[0.01] * 20, 0.3, *[0.01] * 5, *[0.3] * 10)]) == NOW - timedelta(minutes=9)
    assert onset([series("errors", *[0.01] * 30)]) is None
    assert onset([]) is None


def test_numbers_and_lists_are_written_as_people_read_them() -> None:
    assert (size(2**29), size(512.0), quantity(2**30, "requests.memory"), quantity(0.5, "requests.cpu")) == (
        "512 MiB",
        "512 B",
        "1 GiB",
        "0.5",
    )
    assert (share(0.981), share(0.0021), share(0.0)) == ("98 %", "0.21 %", "0 %")
    assert [span(timedelta(seconds=count)) for count in (-4, 40, 130, 7300, 200_000)] == [
        "0 s",
        "40 s",
        "2 min",
        "2 h",
        "2 days",
    ]
    assert (listed(["a"]), listed(["a", "b"]), listed(list("abcde"))) == ("a", "a and b", "a, b, c and 2 more")
    assert [part_of(1, 1), part_of(2, 2), part_of(3, 6), part_of(6, 6)] == [
        "the only pod",
        "both pods",
        "3 of 6 pods",
        "all 6 pods",
    ]
    assert (image("r.example/shop/api:1.4"), image("r.example/api@sha256:" + "a" * 64)) == (
        "api:1.4",
        "api@sha256:aaaaaaaaaaaa",
    )
    assert (agree(1, "is", "are"), agree(2, "is", "are"), cut("a  b\nc", 4)) == ("is", "are", "a b…")


def test_times_are_read_with_and_without_a_zone_and_never_raise() -> None:
    assert instant("2026-11-25T03:14:00Z") == NOW
    assert instant("2026-11-25T03:14:00") == NOW
    assert [instant(text) for text in ("", "soon", "0001-01-01T00:00:00+23:59")] == [None, None, None]
    assert (clock(datetime(2026, 11, 25, 3, tzinfo=UTC)), clock(None)) == ("03:00 UTC", "an unknown time")
