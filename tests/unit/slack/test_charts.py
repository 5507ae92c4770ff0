"""Which charts evidence is worth, and how each way of drawing them keeps to its limits."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.chart import Chart, Level, Line, Mark, MarkKind
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.observed import ContainerSeen
from bot.sandbox.slack.validation import check
from bot.slack.cards.metric_rows import metric_lines, spark
from bot.slack.charts import native
from bot.slack.charts.choose import charts_of
from tests.chance import examples
from tests.unit.slack import chart_samples as s
from tests.unit.slack.chart_samples import MIB, NOW


def chosen(*evidence: Evidence, since: datetime | None = None) -> tuple[Chart, ...]:
    return charts_of(evidence, since)


def test_without_metrics_there_are_no_charts() -> None:
    failed = Evidence("metrics", EvidenceStatus.FAILED, "", NOW, {}, "Prometheus can't be reached.")
    assert chosen() == chosen(failed) == chosen(s.metrics()) == chosen(s.pods(s.API)) == ()


def test_a_curve_is_seen_against_its_limit_its_alert_and_its_rollout() -> None:
    [chart] = chosen(
        s.metrics(s.series("memory", "bytes", s.LEAK, pod="api-7c9f8d-x2k4p", container="api")),
        s.pods(s.API),
        s.changes(s.ROLLOUT),
        since=s.ago(20),
    )
    assert [(level.label, level.value) for level in chart.levels] == [("limit", 512 * MIB), ("request", 256 * MIB)]
    assert [(mark.label, mark.kind) for mark in chart.marks] == [
        ("alert", MarkKind.ALERT),
        ("rollout 42", MarkKind.CHANGE),
    ]
    assert chart.lines[0].label == "…c9f8d-x2k4p"


def test_what_happened_before_the_curve_is_not_marked() -> None:
    old = s.changes(s.ROLLOUT, s.ROLLOUT.__class__("scale", "3 → 6", s.ago(600).isoformat()))
    [chart] = chosen(s.metrics(s.series("cpu", "cores", [1, 2, 3])), old, since=s.ago(300))
    assert chart.marks == ()


def test_at_most_three_charts_the_alerts_own_first_and_none_of_zeros_or_of_two_points() -> None:
    rows = [
        s.series("traffic", "per_second", [1, 2, 3]),
        s.series("restarts", "", [0, 0, 0]),
        s.series("latency", "seconds", [1, 2]),
        s.series("mine", "", [4, 5, 6]),
        s.series("cpu", "cores", [1, 2, 3]),
        s.series("memory", "bytes", [1, 2, 3]),
        s.series("alert", "", [1, 2, 3]),
    ]
    assert [chart.name for chart in chosen(s.metrics(*rows))] == ["alert", "memory", "cpu"]
    assert [chart.name for chart in chosen(s.metrics(*rows[:4]))] == ["mine", "traffic"]


def test_the_five_highest_curves_are_kept_apart_by_what_differs() -> None:
    rows = [s.series("memory", "bytes", [n, n, n + 1], pod=f"api-{n}", container="api", ns="shop") for n in range(9)]
    [chart] = chosen(s.metrics(*rows))
    assert [line.label for line in chart.lines] == ["api-8", "api-7", "api-6", "api-5", "api-4"]
    same = [s.series("memory", "bytes", [1, 2, 3]) for _ in range(3)]
    [chart] = chosen(s.metrics(*same))
    assert len({line.label for line in chart.lines}) == 3


def test_containers_with_limits_of_their_own_have_lines_of_their_own() -> None:
    rows = [s.series("memory", "bytes", [1, 2, 3], pod="a", container=name) for name in ("api", "proxy")]
    proxy = ContainerSeen("proxy", memory_limit=64 * MIB)
    init = ContainerSeen("setup", init=True, memory_limit=MIB)
    [chart] = chosen(s.metrics(*rows), s.pods(s.API, proxy, init))
    assert [level.label for level in chart.levels] == ["limit api", "limit proxy", "request"]


# -- native -------------------------------------------------------------------------------------------------------


def test_a_native_chart_is_what_slack_takes_and_says_when_things_happened() -> None:
    [chart] = chosen(
        s.metrics(s.series("memory", "bytes", s.LEAK, pod="api-1", container="api")),
        s.pods(s.API),
        s.changes(s.ROLLOUT),
        since=s.ago(20),
    )
    drawn = native.block(chart)
    assert drawn is not None
    assert check.message_blocks([drawn]) == []
    categories = drawn["chart"]["axis_config"]["categories"]
    assert len(categories) == 20
    told = [one for one in categories if " " in one]
    assert told == [f"{s.ago(40):%H:%M} rollout 42", f"{s.ago(20):%H:%M} alert"], (
        "each in its own minute, as on the card"
    )
    assert drawn["chart"]["axis_config"]["y_label"] == "MiB"
    curve, limit, request = drawn["chart"]["series"]
    assert curve["data"][-1]["value"] == 500, "the peak of each span stays seen"
    assert {point["value"] for point in limit["data"]} == {512}
    assert request["name"] == "request"


def test_the_alert_has_its_own_minute_where_a_point_stands_for_several_and_what_happened_beside_it_is_named() -> None:
    line = Line("a", tuple((60.0 * n, float(n)) for n in range(61)))
    marks = (Mark("rollout 42", 3480.0, MarkKind.CHANGE), Mark("alert", 3595.0, MarkKind.ALERT))
    drawn = native.block(Chart("x", "X", "", (line,), marks=marks))
    assert drawn is not None
    assert drawn["chart"]["axis_config"]["categories"][-2:] == ["00:54", "00:59 alert +rollout"]
    assert check.message_blocks([drawn]) == []


@pytest.mark.parametrize(
    "chart",
    [
        Chart("x", "X", "", tuple(Line(str(n), ((0, 1), (60, 2), (120, 3))) for n in range(7))),
        Chart("x", "X", "", (Line("a", tuple((60.0 * n, 1.0) for n in (0, 1, 2, 3, 16, 17, 18, 19))),)),
        Chart(
            "x", "X", "", (Line("a", ((0, 1), (600, 2), (1200, 3))), Line("late", ((1100, 1), (1150, 2), (1200, 3))))
        ),
    ],
    ids=["too many", "a gap", "a curve that begins later"],
)
def test_what_a_block_would_have_to_invent_is_left_to_the_picture(chart: Chart) -> None:
    assert native.block(chart) is None
    assert native.blocks_of([chart]) is None


LABELS = st.text(max_size=40)
VALUES = st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def any_chart(draw: Any) -> Chart:
    count = draw(st.integers(1, 30))
    times = [1.79e9 + 60.0 * number for number in range(count)]
    lines = draw(st.lists(st.tuples(LABELS, st.lists(VALUES, min_size=count, max_size=count)), min_size=1, max_size=5))
    named = dict(lines)
    return Chart(
        "x",
        draw(LABELS),
        draw(st.sampled_from(["bytes", "cores", "ratio", "seconds", "per_second", ""])),
        tuple(Line(label, tuple(zip(times, values, strict=True))) for label, values in named.items()),
        tuple(Level(label, value) for label, value in draw(st.lists(st.tuples(LABELS, VALUES), max_size=2))),
        tuple(
            Mark(label, 1.79e9 + at, MarkKind.ALERT)
            for label, at in draw(st.lists(st.tuples(LABELS, st.floats(0, 1800)), max_size=3))
        ),
    )


@settings(max_examples=examples(800), deadline=None)
@given(chart=any_chart())
def test_whatever_a_chart_holds_slack_takes_its_block(chart: Chart) -> None:
    drawn = native.block(chart)
    assert drawn is None or check.message_blocks([drawn]) == []


@settings(max_examples=examples(100), deadline=None)
@given(chart=any_chart())
@example(Chart("x", "", "bytes", (Line("", ((1.79e9, 0.0),)),), (Level("", -2.0),)))
@example(Chart("x", "", "", (Line("", ((1.79e9, 5.0), (1.79e9 + 60, -5.0))),), (Level("low", -1e30), Level("", -5.0))))
@example(Chart("x", "", "", (Line("$$", ((1.79e9, 5.0),)), Line("api", ((1.79e9, 1.0),)))))
def test_whatever_a_chart_holds_it_can_be_drawn(chart: Chart) -> None:
    from bot.slack.charts.picture import png  # noqa: PLC0415 - the bot itself never imports it

    drawn = png([chart])
    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(drawn[16:20], "big") == 780, "two points for each of a phone's 390"


# -- text ---------------------------------------------------------------------------------------------------------


def test_one_line_a_query_with_its_curve_fits_a_phone() -> None:
    rows = [
        s.series("memory", "bytes", s.LEAK, pod="a"),
        s.series("errors", "ratio", [0.0, 0.0, 0.0]),
        s.series("throttling", "ratio", [0.0, 0.0, 0.0]),
        s.SeriesSeen("mine", problem="No data."),
    ]
    lines = metric_lines(s.metrics(*rows), NOW)
    assert lines == [
        "memory      ▄▄▅▅▆▆▆▇▇███ 500 MiB",
        "errors      ▁▁▁          0 %",
        "mine: No data.",
    ]
    assert all(len(line) <= 36 for line in lines)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=40), min_size=1, max_size=4))
def test_a_curve_of_bars_is_never_longer_than_its_place(curves: list[list[float]]) -> None:
    drawn = spark([[(float(at), value) for at, value in enumerate(values)] for values in curves])
    assert len(drawn) <= 12
    assert not math.isnan(len(drawn))
