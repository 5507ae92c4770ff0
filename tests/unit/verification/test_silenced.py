"""A silence is known by mark and matchers together; a check is good only for what was seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.silence import Silence, SilenceState
from bot.domain.verification import CheckState
from bot.integrations import alertmanager
from bot.verification import silenced

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
MATCHERS = (
    {"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True},
    {"name": "pod", "value": "api-0|api\\.1", "isRegex": True, "isEqual": True},
)
OURS = Silence(
    1, "u1", 42, SilenceState.ACTIVE, "person:1", MATCHERS, "deploying", NOW, NOW + timedelta(hours=1),
)  # fmt: skip
THERE = alertmanager.Silence(
    "a-1", "ana (Fettle)", f"deploying INC-42 {OURS.mark}", OURS.ends_at, (), "active", tuple(reversed(MATCHERS))
)


def held(pod: str, *silences: str) -> alertmanager.Held:
    return alertmanager.Held(pod, NOW, {"namespace": "shop", "pod": pod}, {}, silenced_by=silences)


def states(*silences: alertmanager.Silence, alerts: Any = None) -> list[CheckState]:
    alerts = [held("api-0", "a-1")] if alerts is None else alerts
    firing = {one.fingerprint for one in alerts}
    return [one.state for one in silenced.checks(OURS, silences, alerts, firing, NOW)]


def test_it_is_found_whatever_the_order_of_its_matchers() -> None:
    assert silenced.ours(OURS, [replace(THERE, comment="another"), THERE]) == (THERE,)


@pytest.mark.parametrize(
    "change",
    [
        {"comment": "deploying INC-42"},
        {"raw": MATCHERS[:1]},
        {"raw": ({**MATCHERS[0], "value": "pay"}, MATCHERS[1])},
        {"raw": ({**MATCHERS[0], "isEqual": False}, MATCHERS[1])},
    ],
)
def test_another_mark_or_other_matchers_are_another_silence(change: dict[str, Any]) -> None:
    assert silenced.ours(OURS, [replace(THERE, **change)]) == ()


def test_active_until_the_time_asked_for_and_every_alert_quiet_is_good() -> None:
    assert states(THERE) == [CheckState.GOOD, CheckState.GOOD]


@pytest.mark.parametrize(
    ("there", "alerts", "expected"),
    [
        ([], [held("api-0")], [CheckState.UNMEASURED, CheckState.BAD]),
        ([replace(THERE, state="expired")], [held("api-0")], [CheckState.BAD, CheckState.BAD]),
        ([replace(THERE, state="pending")], [held("api-0", "a-1")], [CheckState.BAD, CheckState.GOOD]),
        ([replace(THERE, ends_at=NOW + timedelta(hours=2))], [held("api-0", "a-1")], [CheckState.BAD, CheckState.GOOD]),
        ([THERE], [held("api-0", "a-1"), held("api.1")], [CheckState.GOOD, CheckState.BAD]),
        ([THERE], [held("api-0", "somebody-elses")], [CheckState.GOOD, CheckState.BAD]),
        ([THERE], [], [CheckState.GOOD, CheckState.ABSENT]),
        ([THERE], [held("api-0", "a-1"), held("api-9")], [CheckState.GOOD, CheckState.GOOD]),
    ],
)
def test_what_was_not_seen_is_not_good(there: Any, alerts: Any, expected: list[CheckState]) -> None:
    """An alert of a pod that came later isn't meant by it."""
    assert states(*there, alerts=alerts) == expected
