"""Numbers after an action: what isn't there is never good, and one good sample is not enough."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.measured import AlertsNow, MetricCheck, Sample
from bot.domain.verification import CheckState
from bot.verification import alerts, metrics
from tests.unit.cluster_states import NOW

ERRORS = MetricCheck("errors", "x", "Failed requests", "ratio", below=0.01, samples=3, settle=300, before=0.34)
ENDED = NOW - timedelta(minutes=10)
"""The end of the rollout: long enough ago for any sample to count."""


def states(spec: MetricCheck, *samples: Sample) -> tuple[list[CheckState], str]:
    """The row's state after each sample, and its last text."""
    kept: dict[str, Any] = {}
    found = []
    measured = ""
    for number, sample in enumerate(samples):
        row, kept = metrics.check(spec, sample, kept, ENDED, NOW + number * metrics.SPACING)
        found.append(row.state)
        measured = row.measured
        assert not row.required
    return found, measured


def test_so_many_good_samples_in_a_row_make_it_good() -> None:
    good, bad = Sample(0.001), Sample(0.02)
    waiting = CheckState.WAITING
    assert states(ERRORS, good, good, good) == ([waiting, waiting, CheckState.GOOD], "0.1 % (was 34 %)")
    found, _ = states(ERRORS, good, good, bad, good, good)
    assert found == [waiting, waiting, CheckState.BAD, waiting, waiting]
    found, measured = states(ERRORS, good, good, good, bad)
    assert (found[-1], measured) == (CheckState.BAD, "2 % (was 34 %)")


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (Sample(None), "no data (1 try)"),
        (Sample(math.nan), "no data (1 try)"),
        (Sample(math.inf), "no data (1 try)"),
        (Sample(0.0, problem="Prometheus took too long"), "Prometheus took too long (1 try)"),
        (Sample(0.0, traffic=0.01), "too little traffic (0.01/s, 1/s needed) (1 try)"),
        (Sample(0.0, traffic=math.nan), "how much traffic there is isn't known (1 try)"),
        (Sample(0.0, traffic=None), "how much traffic there is isn't known (1 try)"),
    ],
)
def test_what_was_not_measured_is_neither_good_nor_bad(sample: Sample, told: str) -> None:
    spec = replace(ERRORS, samples=1, min_traffic=1.0)
    assert states(spec, sample) == ([CheckState.UNMEASURED], told)


def test_a_hole_begins_the_count_anew() -> None:
    found, _ = states(ERRORS, Sample(0.0), Sample(0.0), Sample(None), Sample(0.0), Sample(0.0), Sample(0.0))
    assert found[2] is CheckState.UNMEASURED
    assert found[4] is CheckState.WAITING
    assert found[5] is CheckState.GOOD


@pytest.mark.parametrize(
    ("changes", "value", "state"),
    [
        ({"below": 0.01}, 0.01, CheckState.BAD),
        ({"below": None, "above": 0.9}, 0.95, CheckState.GOOD),
        ({"below": None, "above": 0.9}, 0.9, CheckState.BAD),
        ({"below": 0.5, "above": 0.1}, 0.3, CheckState.GOOD),
        ({"below": 0.5, "above": 0.1}, 0.05, CheckState.BAD),
        ({"below": None, "than_before": "better"}, 0.33, CheckState.GOOD),
        ({"below": None, "than_before": "better"}, 0.34, CheckState.BAD),
        ({"below": None, "than_before": "no_worse"}, 0.34, CheckState.GOOD),
        ({"below": None, "than_before": "no_worse"}, 0.35, CheckState.BAD),
        ({"below": None, "above": 0.1, "than_before": "better"}, 0.35, CheckState.GOOD),
        ({"below": None, "above": 0.1, "than_before": "better"}, 0.33, CheckState.BAD),
        ({"below": 0.5, "than_before": "better"}, 0.4, CheckState.BAD),
        ({"than_before": "better", "before": None}, 0.0, CheckState.UNMEASURED),
        ({"than_before": "no_worse", "before": None}, 0.0, CheckState.UNMEASURED),
    ],
)
def test_threshold_and_baseline_must_both_hold(changes: dict[str, Any], value: float, state: CheckState) -> None:
    found, _ = states(replace(ERRORS, samples=1, **changes), Sample(value))
    assert found == [state]


def test_no_sample_counts_before_the_rates_window_has_passed() -> None:
    assert not metrics.due(ERRORS, {}, None, NOW)
    assert not metrics.due(ERRORS, {}, NOW - timedelta(seconds=299), NOW)
    assert metrics.due(ERRORS, {}, NOW - timedelta(seconds=300), NOW)
    row, kept = metrics.check(ERRORS, None, {}, NOW - timedelta(seconds=200), NOW)
    assert (row.state, row.measured, kept) == (CheckState.WAITING, "first sample in 100 s", {})
    row, kept = metrics.check(ERRORS, None, {"good": 2, "at": NOW.isoformat()}, None, NOW)
    assert (row.state, kept) == (CheckState.WAITING, {}), "a rollout that isn't over any more counts from its new end"


def test_one_value_asked_twice_is_one_sample() -> None:
    kept = {"at": NOW.isoformat(), "good": 1, "value": 0.0}
    assert not metrics.due(ERRORS, kept, ENDED, NOW + timedelta(seconds=14))
    assert metrics.due(ERRORS, kept, ENDED, NOW + timedelta(seconds=15))
    row, after = metrics.check(ERRORS, None, kept, ENDED, NOW + timedelta(seconds=5))
    assert after == kept
    assert row.measured == "0 % (was 34 %), 1 of 3 good samples"


def test_what_is_expected_is_told_in_units() -> None:
    assert metrics.wanted(ERRORS) == "below 1 %"
    assert metrics.wanted(replace(ERRORS, than_before="better")) == "below 1 %, better than 34 % before"
    unknown = replace(ERRORS, below=None, above=2.0, unit="per_second", than_before="no_worse", before=None)
    assert metrics.wanted(unknown) == "above 2/s, no worse than it was before"


def test_plans_survive_being_stored_and_newer_ones_are_read() -> None:
    assert metrics.planned({"checks": metrics.stored([ERRORS])}) == (ERRORS,)
    assert metrics.planned({"checks": [{"name": "a", "expr": "b", "colour": "red"}]}) == (MetricCheck("a", "b"),)
    assert metrics.planned({}) == ()


def test_the_time_that_is_needed_covers_the_slowest_check() -> None:
    quick = replace(ERRORS, settle=0, samples=1)
    assert metrics.longest([quick, ERRORS]) == timedelta(seconds=300 + 4 * 15)
    assert metrics.longest([]) == timedelta(0)


RULE = AlertsNow(firing=0, total=2, evaluated_at=NOW)


@pytest.mark.parametrize(
    ("now", "since", "state", "told"),
    [
        (RULE, ENDED, CheckState.GOOD, "cleared, evaluated 03:15:00 UTC"),
        (replace(RULE, firing=1), ENDED, CheckState.WAITING, "1 of 2 still firing"),
        (replace(RULE, firing=1), NOW, CheckState.WAITING, "1 of 2 still firing, evaluated before the rollout ended"),
        (RULE, NOW, CheckState.WAITING, "none fires, evaluated before the rollout ended"),
        (RULE, None, CheckState.WAITING, "none fires; counted from the end of the rollout"),
        (replace(RULE, evaluated_at=None), ENDED, CheckState.UNMEASURED, "none fires, but Prometheus doesn't say"),
        (replace(RULE, problem="the rule fails: boom"), ENDED, CheckState.UNMEASURED, "the rule fails: boom"),
        (replace(RULE, missing=("A",)), ENDED, CheckState.ABSENT, "Prometheus has no rule A"),
        (replace(RULE, missing=("A",), firing=1), ENDED, CheckState.WAITING, "1 of 2 still firing"),
    ],
)
def test_an_alert_is_cleared_only_by_a_rule_that_was_evaluated_since(
    now: AlertsNow, since: Any, state: CheckState, told: str
) -> None:
    row = alerts.judged(now, since, NOW)
    assert row.state is state
    assert row.measured.startswith(told)
    assert not row.required
