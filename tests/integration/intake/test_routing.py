"""Where an incident goes by its playbook: severity, channels, mentions, quiet hours; decided at intake."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.severity import Severity
from bot.playbooks import loader, quiet
from bot.playbooks.schema import Quiet

from .door import CHANNEL, Desk, alert, group

MINE = "name: mine\ntitle: Mine\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
NIGHT = "routing: {quiet: {from: '22:00', to: '07:00', zone: Europe/Berlin}}\n"


def by(desk: Desk, folder: Path, more: str) -> None:
    """From now on a playbook of the folder's own is for the alert of these tests."""
    (folder / "mine.yaml").write_text(MINE + more, encoding="utf-8")
    found = loader.load(folder)
    desk.rules = replace(desk.rules, playbooks=lambda: found)


async def outbox(desk: Desk) -> Sequence[tuple[str, str, str, str]]:
    return [tuple(row) for row in await desk.rows("SELECT key, kind, channel, thread_key FROM outbox ORDER BY id")]


async def params(desk: Desk, key: str) -> dict[str, object]:
    ((text,),) = await desk.rows("SELECT params FROM outbox WHERE key = ?", key)
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"severity": "critical"}, Severity.SEV3),
        ({"severity": "none"}, Severity.SEV3),
        ({"priority": "P0"}, Severity.SEV1),
    ],
)
async def test_the_playbooks_severity_counts_instead_of_the_labels_but_p0_stays(
    desk: Desk, tmp_path: Path, labels: dict[str, str], expected: Severity
) -> None:
    by(desk, tmp_path, "severity: SEV3\n")
    await desk.take(group(alert(**labels)))
    assert (await desk.incident()).severity is expected
    assert await desk.rows("SELECT severity FROM alerts") == [(int(expected),)]


async def test_a_playbook_is_chosen_by_what_the_labels_say_not_by_what_it_makes_of_it(
    desk: Desk, tmp_path: Path
) -> None:
    by(desk, tmp_path, "severity: SEV4\npriority: 5\n")
    (tmp_path / "mine.yaml").write_text(
        MINE.replace("]}", "], severity: [SEV2]}") + "severity: SEV3\n", encoding="utf-8"
    )
    found = loader.load(tmp_path)
    desk.rules = replace(desk.rules, playbooks=lambda: found)
    await desk.take(group(alert(pod="a")))
    await desk.take(group(alert(pod="b")), minutes=1)
    assert (await desk.incident()).severity is Severity.SEV3


async def test_the_first_channel_has_the_card_and_the_others_a_line_that_waits_for_it(
    desk: Desk, tmp_path: Path
) -> None:
    by(desk, tmp_path, "routing: {channels: [C0SHOP, C0OPS, C0BOSS]}\n")
    await desk.take(group(alert(pod="a")))
    await desk.take(group(alert(pod="b")), minutes=1)
    assert (await desk.incident()).channel == "C0SHOP"
    assert await outbox(desk) == [
        ("pointer:1:C0OPS", "pointer", "C0OPS", "card:1"),
        ("pointer:1:C0BOSS", "pointer", "C0BOSS", "card:1"),
        ("card:1", "card", "C0SHOP", ""),
    ]


async def test_without_a_channel_of_its_own_the_settings_channel_has_it(desk: Desk, tmp_path: Path) -> None:
    by(desk, tmp_path, "")
    await desk.take(group(alert()))
    assert (await desk.incident()).channel == CHANNEL


async def test_people_are_mentioned_once_in_the_life_of_an_incident(desk: Desk, tmp_path: Path) -> None:
    by(desk, tmp_path, "routing: {mentions: [U0ANA, S0SHOP]}\n")
    await desk.take(group(alert(pod="a")))
    assert await params(desk, "thread:1:mentions") == {
        "text": "INC-1: KubePodCrashLooping (SEV2)", "mentions": ["U0ANA", "S0SHOP"],
    }  # fmt: skip
    await desk.sent()
    await desk.take(group(alert(pod="a", end=5)), minutes=5)
    await desk.take(group(alert(pod="a", start=9)), minutes=9)
    assert "thread:1:mentions" not in await desk.owed()
    assert (await params(desk, "thread:1:reopened:2"))["broadcast"] is True


async def test_a_storm_is_counted_in_each_channel_for_itself(desk: Desk, tmp_path: Path) -> None:
    by(desk, tmp_path, "routing: {channels: [C0SHOP]}\n")
    await desk.take(group(*(alert(deployment=f"api-{number}") for number in range(15))))
    await desk.take(group(alert("KubeJobFailed", job_name="report"), key="other"))
    found = await desk.incidents()
    assert [one.channel for one in found if one.digest_id] == ["C0SHOP"] * 4
    assert (found[-1].channel, found[-1].digest_id) == (CHANNEL, None)


async def test_in_quiet_hours_it_stands_in_the_digest_mentions_nobody_and_wakes_when_they_end(
    desk: Desk, tmp_path: Path
) -> None:
    by(desk, tmp_path, "severity: SEV3\nrouting: {mentions: [U0ANA], quiet: {from: '22:00', to: '07:00', zone: UTC}}\n")
    await desk.take(group(alert(pod="a")))
    assert (await desk.incident()).digest_id == 1
    assert (await desk.owed(), await desk.stages()) == ({"digest:1"}, {("wake", 1)})
    ((due_at,),) = await desk.rows("SELECT due_at FROM due")
    assert due_at.startswith("2026-11-21T07:00:00")


@pytest.mark.parametrize(("severity", "hours"), [("SEV2", 0), ("SEV3", 12)])
async def test_what_is_grave_or_comes_by_day_has_its_card_at_once(
    desk: Desk, tmp_path: Path, severity: str, hours: int
) -> None:
    by(desk, tmp_path, f"severity: {severity}\n" + NIGHT)
    await desk.take(group(alert()), minutes=hours * 60)
    assert (await desk.incident()).digest_id is None
    assert await desk.stages() == {("investigate", 1)}


async def test_a_graver_alert_takes_it_out_of_the_quiet_digest(desk: Desk, tmp_path: Path) -> None:
    by(desk, tmp_path, "severity: SEV3\n" + NIGHT)
    await desk.take(group(alert(pod="a")))
    await desk.take(group(alert(pod="b", priority="P0")), minutes=1)
    incident = await desk.incident()
    assert (incident.severity, incident.digest_id) == (Severity.SEV1, None)
    assert {"card:1", "digest:1"} <= await desk.owed()


async def test_a_card_that_reopens_in_quiet_hours_says_so_in_its_thread_alone(desk: Desk, tmp_path: Path) -> None:
    by(desk, tmp_path, "severity: SEV3\nrouting: {quiet: {from: '03:20', to: '07:00', zone: UTC}}\n")
    await desk.take(group(alert(pod="a")))
    await desk.sent()
    await desk.take(group(alert(pod="a", end=5)), minutes=5)
    await desk.take(group(alert(pod="a", start=9)), minutes=9)
    assert (await params(desk, "thread:1:reopened:2"))["broadcast"] is False


@pytest.mark.parametrize(
    ("hours", "local", "end"),
    [
        (("22:00", "07:00"), "2026-11-21T21:59", None),
        (("22:00", "07:00"), "2026-11-21T22:00", "2026-11-22T06:00"),
        (("22:00", "07:00"), "2026-11-22T06:59", "2026-11-22T06:00"),
        (("22:00", "07:00"), "2026-11-22T07:00", None),
        (("12:00", "13:30"), "2026-11-21T12:30", "2026-11-21T12:30"),
        (("22:00", "07:00"), "2026-10-24T23:00", "2026-10-25T06:00"),  # the night that is an hour longer
        (("22:00", "07:00"), "2026-03-28T23:00", "2026-03-29T05:00"),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall(hours: tuple[str, str], local: str, end: str | None) -> None:
    """``local`` is a time in Berlin, ``end`` in UTC."""
    kept = Quiet.model_validate({"from": hours[0], "to": hours[1], "zone": "Europe/Berlin"})
    found = quiet.until(kept, datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")))
    assert (found and found.strftime("%Y-%m-%dT%H:%M")) == end
