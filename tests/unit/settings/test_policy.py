"""``POLICY``: every key, and the sentence for each thing that can't be meant."""

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.domain.rules import Dates, Environments, Match, PolicyRule, Weekly
from bot.domain.severity import Severity
from bot.settings import load_policy_only
from bot.settings_calendar import dates, weekly
from bot.settings_policy import policy

WHOLE = """
rules:
  - name: prod-rollback
    match:
      actions: [rollback]
      namespaces: [shop, "pay-*"]
      environments: prod
      severities: [SEV1, sev2]
      kinds: [deploy, StatefulSet]
    approvers: [S0SRE, U0ANA]
    quorum: 2
    self_approval: forbid
    expires: 10m
    nudge: 3m
    require_reason: yes
    deny: Ask the data team.
windows:
  - name: weekend
    weekly: Fri 16:00 - Mon 08:00
    zone: Europe/Berlin
    reason: nobody is there
    match: {actions: restart}
environments:
  label: environment
  namespaces: {prod: [shop], test: "*-test"}
break_glass: [S0LEADS]
"""


def test_every_key_is_taken() -> None:
    found = policy(WHOLE)
    (rule,) = found.rules
    severities = (Severity.SEV1, Severity.SEV2)
    match = Match(("rollback",), ("shop", "pay-*"), ("prod",), severities, ("Deployment", "StatefulSet"))
    ten, three = timedelta(minutes=10), timedelta(minutes=3)
    expected = PolicyRule(
        "prod-rollback", match, ("S0SRE", "U0ANA"), 2, own=False, expires=ten, nudge=three, require_reason=True,
        deny="Ask the data team.",
    )  # fmt: skip
    assert rule == expected
    (window,) = found.windows
    assert (window.name, window.zone, window.reason) == ("weekend", "Europe/Berlin", "nobody is there")
    assert window.spans == (Weekly(4, time(16), 0, time(8)),)
    assert window.match.actions == ("restart",)
    assert found.environments == Environments("environment", (("prod", ("shop",)), ("test", ("*-test",))))
    assert found.approvers == ("S0SRE", "U0ANA", "S0LEADS"), "their groups are read as those of APPROVERS are"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rulez: []", "rulez is no key here: did you mean rules?"),
        ("rules: [{name: a, quorm: 2}]", "Rule a: quorm is no key here: did you mean quorum?"),
        ("rules: [{name: a, quorum: 9}]", "Rule a, quorum: write a whole number between 1 and 5."),
        ("rules: [{quorum: 2}]", "Rule 1: name is missing."),
        ("rules: [{name: Prod, quorum: 2}]", "Rule Prod, name: write small letters, digits and dashes"),
        ("rules: [{name: a}]", "Rule a: takes nothing away: say approvers, quorum"),
        ("rules: [{name: a, self_approval: allow}]", "Rule a, self_approval: allow would widen"),
        ("rules: [{name: a, approvers: [ana]}]", "Rule a, approvers: write Slack ids"),
        ("rules: [{name: a, approvers: []}]", "Rule a, approvers: names nobody"),
        ("rules: [{name: a, approvers: U0ANA, quorum: 2}]", "Rule a: 2 people have to approve, and approvers names 1."),
        ("rules: [{name: a, nudge: 5m, expires: 5m}]", "Rule a: nudge isn't shorter than expires"),
        ("rules: [{name: a, deny: ''}]", "Rule a, deny: write one line of text"),
        ("rules: [{name: a, deny: x, match: {actions: []}}]", "Rule a, match, actions: is empty: name some"),
        ("rules: [{name: a, deny: x, match: {kinds: []}}]", "Rule a, match, kinds: is empty"),
        ("rules: [{name: a, deny: x, match: {namespaces: []}}]", "Rule a, match, namespaces: write names or patterns"),
        ("rules: [{name: a, deny: x, match: {namespaces: [Shop]}}]", "Rule a, match, namespaces: write names"),
        ("rules: [{name: a, deny: x, match: {severities: high}}]", "Rule a, match, severities: write severities out"),
        ("rules: [{name: a, deny: x, match: {actions: reboot}}]", "Rule a, match, actions: write actions out of"),
        ("rules: [{name: a, deny: x, match: {environments: prod}}]", "Rule a: prod is no environment that"),
        ("rules: [{name: a, deny: x, match: }]", "Rule a, match: write a table."),
        ("rules: [{name: a, deny: x}, {name: a, deny: y}]", "Two rules are called a"),
        ("rules: 5", "Rules: write a list."),
        ("rules: [5]", "Rule 1: write a table."),
        ("windows: [{name: w, weekly: daily 1:00 - 2:00}]", "Window w: zone is missing."),
        ("windows: [{name: w, zone: Mars}]", "Window w, zone: write a zone of the IANA database"),
        ("windows: [{name: w, zone: UTC}]", "Window w: has no calendar: write weekly or dates."),
        ("windows: [{name: w, zone: UTC, weekly: Friday}]", "Window w: Friday can't be read; write such as Fri 16:00"),
        ("break_glass: ana", "Break_glass: write Slack ids"),
        ("a: {", "Line 1: it is no YAML"),
        ("&x [1]", "It holds no table"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_rule_it_stands_in(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        policy(text)
    assert said in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"Rule a, quorum.*Rule b: quorm.*Window w, zone"):
        policy(
            "rules: [{name: a, quorum: 9}, {name: b, quorm: 1}]\n"
            "windows: [{name: w, zone: Mars, weekly: daily 01:00 - 02:00}]"
        )


@pytest.mark.parametrize(
    ("line", "spans"),
    [
        ("Fri 16:00 - Mon 08:00", [(4, time(16), 0, time(8))]),
        ("friday 16:00 \u2013 monday 08:00", [(4, time(16), 0, time(8))]),
        ("Mon 08:00 to Mon 07:00", [(0, time(8), 0, time(7))]),
        ("sat,sun 10:00 - 12:00", [(5, time(10), 5, time(12)), (6, time(10), 6, time(12))]),
        ("Sat-Mon 22:00 - 06:00", [(d, time(22), (d + 1) % 7, time(6)) for d in (5, 6, 0)]),
        ("daily 00:00 - 05:00", [(d, time(0), d, time(5)) for d in range(7)]),
    ],
)
def test_a_week_is_read_as_people_write_it(line: str, spans: list[tuple[int, time, int, time]]) -> None:
    assert list(weekly(line)) == [Weekly(*one) for one in spans]


@pytest.mark.parametrize("line", ["", "Fri", "Frx 10:00 - 11:00", "Fri 24:00 - Sat 01:00", "Fri 10:00 - Fri 10:00"])
def test_a_week_that_can_not_be_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="write such as Fri 16:00 - Mon 08:00"):
        weekly(line)


@pytest.mark.parametrize(
    ("line", "since", "until"),
    [
        ("2026-12-20 - 2027-01-03", "2026-12-20", "2027-01-04"),
        ("2026-12-24", "2026-12-24", "2026-12-25"),
        ("2026-12-20 18:00 \u2013 2027-01-03 08:00", "2026-12-20 18:00", "2027-01-03 08:00"),
    ],
)
def test_dates_are_whole_days_or_times(line: str, since: str, until: str) -> None:
    assert dates(line) == Dates(datetime.fromisoformat(since), datetime.fromisoformat(until))


@pytest.mark.parametrize(
    "line",
    ["", "20.12.2026", "2026-12-20 18:00 - 2027-01-03", "2026-12-20 18:00", "2026-02-30", "2027-01-03 - 2026-12-20"],
)  # fmt: skip
def test_dates_that_can_not_be_meant_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="write such as 2026-12-20 - 2027-01-03"):
        dates(line)


def _load(folder: Path, yaml: str = "", **environ: str) -> tuple[str, ...]:
    (folder / "fettle.yaml").write_text(yaml, encoding="utf-8")
    found = load_policy_only(environ, folder / "none", folder / "fettle.yaml").POLICY
    return tuple(rule.name for rule in found.rules)


def test_it_stands_in_the_settings_in_the_environment_or_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("rules: [{name: filed, quorum: 2}]", encoding="utf-8")
    assert _load(tmp_path) == ()
    assert _load(tmp_path, "policy:\n  rules: [{name: tabled, quorum: 2}]\n") == ("tabled",)
    assert _load(tmp_path, POLICY="rules: [{name: told, quorum: 2}]") == ("told",)
    assert _load(tmp_path, f"POLICY_FILE: {tmp_path}/policy.yaml") == ("filed",)


def test_a_file_that_can_not_be_taken_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POLICY and POLICY_FILE are both given: keep one of them"):
        _load(tmp_path, POLICY="rules: []", POLICY_FILE="/x")
    with pytest.raises(ConfigError, match=r"POLICY_FILE is “/none”, which can't be read \(No such file"):
        _load(tmp_path, POLICY_FILE="/none")
    (tmp_path / "bad").write_text("rules: [{name: a}]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^POLICY can't be used\. Rule a: takes nothing away"):
        _load(tmp_path, POLICY_FILE=str(tmp_path / "bad"))
