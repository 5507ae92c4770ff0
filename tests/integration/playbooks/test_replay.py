"""Recorded notifications make the incidents that they made, and each gets its playbook; nobody is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot import replay_cli
from bot.domain.errors import ConfigError

WEEK = Path(__file__).parents[2] / "captures" / "week.jsonl"
AT = "2026-11-21T03:07:00Z"


def alert(name: str = "KubePodCrashLooping", **labels: str) -> dict[str, Any]:
    return {"status": "firing", "labels": {"alertname": name, "namespace": "shop", **labels}, "startsAt": AT}


def played(
    lines: list[Any], folder: Path, capsys: pytest.CaptureFixture[str], expected: int = 0, **settings: str
) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """Rows of incidents, the counts, what was said of lines that can't be used."""
    file = folder / "notes.jsonl"
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), encoding="utf-8")
    env = folder / ".env"
    env.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    assert replay_cli.main(file, env, None, as_json=True) == expected
    told = capsys.readouterr()
    *rows, counts = [json.loads(line) for line in told.out.splitlines()]
    return rows, counts, told.err


def test_a_recorded_week_makes_its_episodes_and_each_incident_has_its_playbook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    *lines, last = WEEK.read_text(encoding="utf-8").splitlines()
    rows, counts, _ = played(lines, tmp_path, capsys)
    assert sum(row["episodes"] for row in rows) == json.loads(last)["episodes"]
    assert counts["deliveries"] == len(lines)
    assert counts["incidents"] == len(rows)
    expected = {
        "HighErrorRate": "service-errors", "HighLatency": "service-latency", "KubePodNotReady": "pod-not-ready",
        "KubeDeploymentReplicasMismatch": "deployment-replicas-mismatch",
    }  # fmt: skip
    assert {(row["alert"], row["playbook"]) for row in rows} == set(expected.items())


def test_a_line_may_be_the_notification_alone_and_has_the_time_of_its_alerts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, _, _ = played([{"alerts": [alert()]}, alert("KubeJobFailed", job_name="report")], tmp_path, capsys)
    assert [(row["alert"], row["playbook"]) for row in rows] == [
        ("KubePodCrashLooping", "pod-crash-looping"), ("KubeJobFailed", "job-failed"),
    ]  # fmt: skip
    assert rows[0]["at"] == "2026-11-21T03:07:00+00:00"


def test_the_settings_that_decide_in_the_intake_decide_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reopen window and the table of severities are those of the settings."""
    resolved = {**alert(severity="page"), "status": "resolved", "endsAt": "2026-11-21T03:20:00Z"}
    again = {**alert(severity="page"), "startsAt": "2026-11-21T03:40:00Z"}
    lines = [
        {"at": AT, "body": alert(severity="page")}, {"at": "2026-11-21T03:20:10Z", "body": resolved},
        {"at": "2026-11-21T03:40:10Z", "body": again},
    ]  # fmt: skip
    rows, _, _ = played(lines, tmp_path, capsys, SEVERITY_MAP="page=SEV2")
    assert [(row["severity"], row["episodes"]) for row in rows] == [("SEV2", 2)]
    rows, _, _ = played(lines, tmp_path, capsys, REOPEN_WINDOW="10m")
    assert [(row["severity"], row["episodes"]) for row in rows] == [("SEV4", 1), ("SEV4", 1)]


def test_what_cannot_be_used_is_told_with_its_line_and_the_rest_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "{no json", {"at": "yesterday", "body": alert()}, {"body": {"alerts": []}}, {"at": AT, "body": 7}, "",
        {"alerts": [{"labels": {"alertname": "A"}}]}, {"at": AT, "body": alert()},
        {"alerts": [{"labels": {"a": "b"}}, 7]},
    ]  # fmt: skip
    rows, counts, said = played(lines, tmp_path, capsys, expected=1)
    numbers = [int(line.split("line ")[1].split(":")[0]) for line in said.splitlines()]
    assert numbers == [1, 2, 3, 4, 6]
    assert (counts["unusable"], counts["quarantined"], len(rows)) == (5, 1, 2)


def test_a_clock_that_goes_back_does_not_reorder_what_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"at": "2026-11-21T04:00:00Z", "body": alert()}, {"at": AT, "body": alert("KubeJobFailed", job_name="a")}]
    rows, _, _ = played(lines, tmp_path, capsys)
    assert [row["at"] for row in rows] == ["2026-11-21T04:00:00+00:00"] * 2


def test_people_read_a_line_for_each_incident_and_a_count_for_each_playbook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notes.jsonl"
    body = {"alerts": [alert("\x1b[2JEvil"), alert("\x1b[2JEvil", pod="b")]}
    file.write_text(json.dumps({"at": AT, "body": body}), encoding="utf-8")
    assert replay_cli.main(file, tmp_path / ".env", None, as_json=False) == 0
    told = capsys.readouterr().out
    assert "INC-1  SEV3" in told
    assert "Evil in shop, 2 alerts: default, triggered" in told
    assert "1 notifications, 2 alerts (0 seen before, 0 quarantined): 1 incidents." in told
    assert "     1  default" in told
    assert "\x1b" not in told


def test_a_folder_of_playbooks_is_tried_on_what_really_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "mine.yaml").write_text(
        "name: mine\ntitle: Mine\nmatch: {alerts: [HighLatency], severity: [SEV2]}\nevidence: [pods]\n",
        encoding="utf-8",
    )
    assert (
        replay_cli.main(WEEK, tmp_path / ".env", tmp_path / "playbooks", as_json=True) == 1
    )  # its last line is no note
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()[:-1]]
    mine = {(row["alert"], row["severity"]) for row in rows if row["playbook"] == "mine"}
    assert mine == {("HighLatency", "SEV2")}


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        replay_cli.main(tmp_path / "none", tmp_path / ".env", None, as_json=False)
