from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.delivery import backoff
from bot.delivery.pace import EPHEMERAL, POST, SHARE, UPDATE, Pace, method_of
from bot.domain.errors import (
    ForbiddenError,
    OutcomeUnknownError,
    RejectedError,
    SlackUnavailableError,
    StoreUnavailableError,
)
from bot.domain.owed import MessageKind, OutboxRow, Priority


def row(**changes: Any) -> OutboxRow:
    given = {
        "id": 1, "kind": MessageKind.CARD, "subject": 1, "channel": "C1", "key": "card:1",
        "priority": Priority.NEW_CARD, "owed_at": datetime(2026, 1, 1, tzinfo=UTC), "attempts": 1, "epoch": 1,
        "version": 1,
    }  # fmt: skip
    return OutboxRow(**{**given, **changes})


def edit(priority: Priority = Priority.EXECUTION, key: str = "card:1") -> OutboxRow:
    return row(priority=priority, key=key, posted_channel="C1", posted_ts="1.2")


def test_posts_of_one_channel_keep_a_second_apart_and_channels_do_not_wait_for_each_other() -> None:
    pace = Pace()
    assert pace.opens(row(), 100.0) <= 100.0
    pace.spend(row(), 100.0)
    assert pace.opens(row(id=2), 100.2) == 101.0
    assert pace.opens(row(channel="C2"), 100.2) <= 100.2


def test_progress_edits_of_one_card_come_at_most_every_five_seconds() -> None:
    pace = Pace()
    pace.spend(edit(Priority.THREAD), 100.0)
    assert pace.opens(edit(Priority.THREAD), 101.0) == 105.0
    assert pace.opens(edit(Priority.THREAD, "card:2"), 101.0) <= 101.0


@pytest.mark.parametrize("priority", [Priority.EXECUTION, Priority.NEW_CARD])
def test_what_changes_a_state_waits_for_nothing_but_a_change_of_the_same_second(priority: Priority) -> None:
    pace = Pace()
    pace.spend(edit(Priority.THREAD), 100.0)
    assert pace.opens(edit(priority), 100.2) == 101.0
    assert pace.opens(edit(priority), 101.0) <= 101.0


def test_an_edit_after_a_press_does_not_wait() -> None:
    pace = Pace()
    pace.spend(edit(), 100.0)
    assert pace.opens(edit(Priority.PRESS), 100.1) <= 100.1


def test_edits_stay_under_fifty_a_minute_and_presses_keep_a_share() -> None:
    pace = Pace()
    for number in range(38):
        pace.spend(edit(key=f"card:{number}"), 100.0 + number / 100)
    assert pace.opens(edit(key="card:new"), 101.0) == 160.0
    for number in range(10):
        assert pace.opens(edit(Priority.PRESS, f"press:{number}"), 101.0) <= 101.0
        pace.spend(edit(Priority.PRESS, f"press:{number}"), 101.0)
    assert pace.opens(edit(Priority.PRESS, "press:11"), 101.0) > 101.0
    assert pace.opens(edit(key="card:new"), 162.0) <= 162.0


def test_a_rate_limit_closes_one_method_and_for_posts_one_channel() -> None:
    pace = Pace()
    pace.block(POST, "C1", 130.0)
    assert pace.opens(row(), 100.0) == 130.0
    assert pace.opens(row(channel="C2"), 100.0) <= 100.0
    assert pace.opens(edit(), 100.0) <= 100.0
    pace.block(UPDATE, "C1", 120.0)
    assert pace.opens(edit(key="card:9"), 100.0) == 120.0
    pace.block(UPDATE, "C1", 110.0)
    assert pace.opens(edit(key="card:9"), 100.0) == 120.0, "a shorter limit doesn't open a closed gate"


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", SHARE])
def test_a_limit_on_uploads_holds_for_files_alone(method: str) -> None:
    pace = Pace()
    pace.block(method, "C1", 130.0)
    assert pace.opens(row(kind=MessageKind.FILE, channel="C2"), 100.0) == 130.0
    assert pace.opens(row(), 100.0) <= 100.0
    assert pace.opens(edit(), 100.0) <= 100.0


@pytest.mark.parametrize("method", ["conversations.info", "conversations.history"])
def test_a_limit_on_a_look_closes_no_gate(method: str) -> None:
    pace = Pace()
    pace.block(method, "C1", 130.0)
    for one in (row(), edit(), row(kind=MessageKind.FILE)):
        assert pace.opens(one, 100.0) <= 100.0


def test_memory_of_edits_is_bounded() -> None:
    pace = Pace()
    for number in range(5000):
        pace.spend(edit(key=f"card:{number}"), 100.0 + number)
    assert len(pace._edits) <= 2001


@pytest.mark.parametrize(
    ("given", "method"),
    [(row(), POST), (edit(), UPDATE), (row(kind=MessageKind.EPHEMERAL), EPHEMERAL)],
)
def test_each_row_has_its_method(given: OutboxRow, method: str) -> None:
    assert method_of(given) == method


@pytest.mark.parametrize("failures", [1, 2, 5, 50])
@pytest.mark.parametrize(
    "error",
    [
        SlackUnavailableError("away"),
        StoreUnavailableError("full"),
        OutcomeUnknownError("no answer"),
        RejectedError("gone", "channel_not_found"),
        RejectedError("odd", "something_new"),
        ForbiddenError("revoked"),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__ + str(error.args[0]),
)
def test_whatever_failed_is_tried_again_within_a_minute(error: Exception, failures: int) -> None:
    assert 0 < backoff.wait(error, failures) <= 60


def test_a_named_wait_is_kept() -> None:
    assert backoff.wait(SlackUnavailableError("429", 17.0), 1) == 17.0
    assert backoff.wait(SlackUnavailableError("429", 3600.0), 1) == 300.0
