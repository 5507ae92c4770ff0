"""Whether Slack tells addresses is asked only where people are found by them; the manifest asks for it on demand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot import doctor_slack
from bot.app_manifest import manifest
from bot.doctor_table import Level
from bot.settings import load
from bot.slack.preflight import EMAILS, SCOPES
from bot.slack.workspace import Identity

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k", "PAGERDUTY_API_TOKEN": "u+x"}
BY_ADDRESS = {"ONCALL": "pagerduty: PABC123"}
CASES: dict[str, tuple[dict[str, str], bool, Level, str]] = {
    "nobody wants it": ({}, False, Level.OK, "the scopes of manifest.yml and no others"),
    "nobody wants it, and it is there": ({}, True, Level.WARN, EMAILS),
    "a schedule of PagerDuty's": (BY_ADDRESS, False, Level.FAIL, "by which ONCALL find people: install it again from"),
    "the same, and it is there": (BY_ADDRESS, True, Level.OK, "no others"),
    "everybody in the table": ({"ONCALL": "{pagerduty: PABC123, users: {PANA: U0ANA}}"}, False, Level.OK, "no others"),
    "a template": ({"REQUIRE_RBAC": "on", "CLUSTER_USERS": '"*": "{email}"'}, False, Level.FAIL, "CLUSTER_USERS"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_row_of_scopes(tmp_path: Path, case: str) -> None:
    more, there, level, told = CASES[case]
    identity = Identity("U0FETTLE", "B1", "T1", "team", "", frozenset(SCOPES) | ({EMAILS} if there else frozenset()))
    (row,) = doctor_slack._scopes(identity, load({**BASE, **more}, tmp_path / "none", tmp_path / "none"))
    assert (row.level, told in row.sentence) == (level, True), row.sentence


@pytest.mark.parametrize("suffix", ["", "eu"])
def test_the_manifest_asks_for_it_on_demand_alone(suffix: str) -> None:
    without, with_it = (
        yaml.safe_load(manifest(suffix, emails=wanted))["oauth_config"]["scopes"]["bot"] for wanted in (False, True)
    )
    assert set(without) == set(SCOPES)
    assert set(with_it) == {*SCOPES, EMAILS}


def test_what_an_older_installation_lacks_is_a_warning_with_what_is_lost(tmp_path: Path) -> None:
    """An app of before 📌 works as it did; what has to be done is said."""
    identity = Identity("U0FETTLE", "B1", "T1", "team", "", frozenset(SCOPES) - {"reactions:read"} | {"pins:write"})
    spared, surplus = doctor_slack._scopes(identity, load(BASE, tmp_path / "none", tmp_path / "none"))
    assert (spared.level, surplus.level) == (Level.WARN, Level.WARN)
    assert spared.sentence == (
        "The app lacks reactions:read: 📌 on a message notes nothing in a timeline. Reinstall it from manifest.yml."
    )
    assert "pins:write" in surplus.sentence
