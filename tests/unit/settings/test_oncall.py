"""ONCALL: a rotation or PagerDuty's schedules, by name or alone; a sentence for whatever can't be meant."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.oncall import Override, Rotation, Schedule
from bot.settings import Settings, load
from bot.settings_oncall import parse as schedules

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
ROTATION = """
people: [U0ANA, U0LI]
handover: Mon 09:00
starts: 2026-11-02
zone: Europe/Berlin
overrides: [{who: U0BO, from: 2026-12-24 18:00, until: 2026-12-27 09:00}]
"""
MADE = Rotation(
    ("U0ANA", "U0LI"), "Europe/Berlin", time(9), date(2026, 11, 2), 0, "Mon 09:00",
    (Override("U0BO", datetime.fromisoformat("2026-12-24 18:00"), datetime.fromisoformat("2026-12-27 09:00")),),
)  # fmt: skip


def settings(tmp_path: Path, **more: str) -> Settings:
    return load({**BASE, **more}, tmp_path / "no.env", tmp_path / "no.yaml")


def test_one_alone_has_no_name() -> None:
    assert schedules(ROTATION) == {"oncall": Schedule("", MADE)}


def test_several_are_known_by_their_names() -> None:
    text = f"sre:{ROTATION.replace(chr(10), chr(10) + '  ')}\nshop: {{pagerduty: PABC123, users: {{PXYZ987: U0ANA}}}}\n"
    found = schedules(text)
    assert found["oncall:sre"] == Schedule("sre", MADE)
    assert found["oncall:shop"] == Schedule("shop", None, ("PABC123",), {"PXYZ987": "U0ANA"})
    assert found["oncall:sre"].words == "rotation Mon 09:00, Europe/Berlin"
    assert found["oncall:shop"].words == "PagerDuty PABC123"


def table(**changes: Any) -> dict[str, Any]:
    made = {"people": ["U0ANA"], "handover": "daily 09:00", "starts": "2026-11-02", "zone": "UTC"} | changes
    return {key: value for key, value in made.items() if value is not None}


WRONG: dict[str, tuple[Any, str]] = {
    "nothing": (7, "write a table of schedules"),
    "no handover": (table(handover=None), "handover is such as"),
    "no day": (table(handover="Moonday 09:00"), "is no day of the week"),
    "nobody": (table(people=[]), "people takes Slack ids"),
    "a group": (table(people=["S0SRE"]), "people takes Slack ids"),
    "no zone": (table(zone="Berlin"), "zone of the IANA database"),
    "no start": (table(starts="soon"), "starts is the day"),
    "a key too many": (table(weekly="x"), "it knows no weekly"),
    "an override backwards": (
        table(overrides=[{"who": "U0BO", "from": "2026-12-27 09:00", "until": "2026-12-24 18:00"}]), "ends before",
    ),
    "an override of nobody": (table(overrides=[{"from": "2026-12-24", "until": "2026-12-27"}]), "who, from and until"),
    "a schedule's name": ({"sre": {"pagerduty": "the one"}}, "schedule sre: pagerduty takes ids"),
    "users by name": ({"sre": {"pagerduty": "PABC123", "users": {"ana": "U0ANA"}}}, "PagerDuty's user id"),
    "a bad name": ({"My Team": table()}, "its name is small letters"),
    "both kinds": ({"sre": {"pagerduty": "PABC123", "people": ["U0ANA"]}}, "it knows no people"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_can_not_be_meant_is_a_sentence(case: str) -> None:
    value, told = WRONG[case]
    with pytest.raises(ValueError, match=told):
        schedules(value)


def test_lists_of_approvers_may_name_whoever_is_on_call(tmp_path: Path) -> None:
    found = settings(
        tmp_path, ONCALL=ROTATION, APPROVERS="U0ANA, S0SRE",
        POLICY="rules: [{name: prod, approvers: [oncall]}]\nbreak_glass: [oncall]",
    )  # fmt: skip
    assert found.approver_groups == ("S0SRE", "oncall")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"APPROVERS": "oncall:sre"}, "oncall:sre is named as an approver, and ONCALL has no such schedule: say who"),
        ({"APPROVERS": "oncall:sre", "ONCALL": ROTATION}, "no such schedule; there are oncall."),
        ({"POLICY": "rules: [{name: a, approvers: [oncall]}]"}, "oncall is named as an approver"),
        ({"ONCALL": "sre: {pagerduty: PABC123}"}, "without PAGERDUTY_API_TOKEN"),
        ({"APPROVERS": "oncall:SRE"}, "write Slack ids"),
        ({"APPROVERS": "on-call"}, "write Slack ids"),
    ],
)
def test_what_names_nobody_keeps_it_from_starting(tmp_path: Path, more: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        settings(tmp_path, **more)


def test_the_key_stands_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("u+abcdefSecretKey\n")
    found = settings(tmp_path, ONCALL="pagerduty: PABC123", PAGERDUTY_API_TOKEN_FILE=str(tmp_path / "key"))
    assert "abcdefSecretKey" not in repr(found)
    assert "u+abcdefSecretKey" in found.secrets()
