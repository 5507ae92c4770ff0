"""Without a person only what everything speaks for; each thing that doesn't is a sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.finding import Confidence
from bot.policy.autonomy import Alone, check

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
ALL = Alone(
    "restart", "api-crash", 2, "restart", Confidence.HIGH, by_alert=True, settings=frozenset({"restart"}),
    approvers=True, breaker=True, fits=True, told=True, lasts=True, stopped=False, done=(NOW - timedelta(minutes=59),),
)  # fmt: skip


def test_where_all_speaks_for_it_nothing_is_against_it() -> None:
    assert check(ALL, NOW).allowed


def test_the_defaults_deny() -> None:
    assert not check(Alone("restart"), NOW).allowed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hourly": None}, "The playbook api-crash doesn't let me act without an approval (approval.none)."),
        ({"settings": frozenset({"rollback"})}, "AUTONOMY_ACTIONS doesn't name restart."),
        ({"approvers": False}, "APPROVERS is empty, so that nobody could approve an undo."),
        ({"breaker": False}, "BREAKER is 0, so that nothing would stop me when it doesn't help."),
        ({"fits": False}, "A restart is neither harmless nor can it be undone."),
        ({"by_alert": False}, "only what an alert brings is done by itself."),
        ({"planned": "set_image"}, "What is found now leads to set image."),
        ({"planned": ""}, "What is found now leads to no mitigation."),
        ({"confidence": Confidence.MEDIUM}, "The finding's confidence is medium; only high is enough."),
        ({"confidence": None}, "The finding's confidence is not known"),
        ({"told": False}, "The incident stands in the digest"),
        ({"lasts": False}, "The proposal expires before the delay is over."),
        ({"stopped": True}, "Somebody stopped me in this incident."),
    ],
)
def test_each_thing_that_is_missing_is_one_sentence(change: dict[str, Any], words: str) -> None:
    (reason,) = check(replace(ALL, **change), NOW).reasons
    assert words in reason.sentence
    assert reason.rule is Rule.AUTONOMY


def test_a_playbook_has_its_own_limit_within_an_hour() -> None:
    often = replace(ALL, done=(NOW - timedelta(minutes=59), NOW - timedelta(minutes=1)))
    (reason,) = check(often, NOW).reasons
    assert reason.rule is Rule.RATE
    assert reason.sentence == (
        "The playbook api-crash acted by itself 2 times within an hour, 2 allowed; the next may come at 03:15 UTC."
    )
    assert check(often, NOW + timedelta(minutes=1)).allowed
