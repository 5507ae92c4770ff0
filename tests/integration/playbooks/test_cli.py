"""``fettle playbooks``: what it prints, with which code it ends, and that it needs no token, cluster or store."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts import payload
from bot import playbooks_cli
from bot.domain import recorded
from bot.domain.errors import ConfigError, NotFoundError, RequestError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence, Finding, Suggestion
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.findings import ranked
from bot.playbooks import loader
from bot.playbooks_cli import Asked
from bot.storage import evidence, incidents
from bot.storage.db import Store, Tx
from bot.workflow.intake import IntakeRules, receive
from tests.patience import PATIENT

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
CRASHING = {
    "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-1", "severity": "warning"},
    "startsAt": "2026-11-21T03:07:00Z",
}
MINE = (
    "name: mine\ntitle: Mine\nmatch: {alerts: [KubePodCrashLooping], labels: ['namespace=\"pay\"']}\nevidence: [pods]\n"
    "findings: {crash_loop: [restart, rollback]}\nguards: {deny: [rollback], min_replicas: 2}\n"
)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Settings that name a folder with one playbook."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "mine.yaml").write_text(MINE, encoding="utf-8")
    file = tmp_path / ".env"
    file.write_text(f"PLAYBOOKS_DIR={tmp_path / 'playbooks'}\n", encoding="utf-8")
    return file


def alert(folder: Path, body: Any) -> str:
    file = folder / "alert.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    return str(file)


def explained(
    folder: Path, body: Any, env: Path, capsys: pytest.CaptureFixture[str], **options: Any
) -> list[dict[str, Any]]:
    code = playbooks_cli.explain_alert(Asked(alert(folder, body), **options), env, as_json=True)
    assert code == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_list_names_every_playbook_in_the_order_in_which_they_are_asked(
    env: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert playbooks_cli.list_playbooks(env, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["playbook", "whose", "may", "propose", "for"]
    assert lines[1].split()[:3] == ["mine", "yours", "restart"]
    assert lines[-1].startswith("default")
    assert len(lines) == len(loader.built_in().playbooks) + 2
    assert playbooks_cli.list_playbooks(env, as_json=True) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (rows[0]["name"], rows[0]["whose"], rows[0]["may_propose"]) == ("mine", "yours", ["restart"])


def test_check_says_what_a_right_folder_changes_and_what_of_it_widens(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert playbooks_cli.check(None, env, as_json=False) == 0
    told = capsys.readouterr().out
    assert "All is right" in told
    assert "1 of them from" in told
    assert "widens  mine: new, may propose restart\n" in told
    assert playbooks_cli.check(tmp_path / "playbooks", env, as_json=True) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["right"], row["own"], row["changes"][0]["widens"]) == (True, ["mine"], True)


def test_check_warns_of_what_a_playbook_may_propose_and_lacks_the_evidence_for(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = (
        "name: mine\ntitle: Mine\nmatch: {alerts: [MyCrash]}\nevidence: [pods, events, workload]\n"
        "findings: {crash_loop: [restart], job_failed: [rerun_job]}\n"
    )
    (tmp_path / "playbooks" / "mine.yaml").write_text(mine, encoding="utf-8")
    assert playbooks_cli.check(None, env, as_json=False) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [
        "warning  mine: restart for crash_loop needs the evidence changes: add it.",
        "warning  mine: rerun_job for job_failed needs the evidence jobs: add it.",
    ]
    assert playbooks_cli.check(None, env, as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 2
    (tmp_path / "playbooks" / "mine.yaml").write_text(mine.replace("workload]", "changes, jobs]"), encoding="utf-8")
    assert playbooks_cli.check(None, env, as_json=False) == 0
    assert "warning" not in capsys.readouterr().out


def test_check_ends_with_1_for_a_wrong_folder_and_says_everything(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "playbooks" / "mine.yaml").write_text(f"{MINE}colour: red\nshape: round\n", encoding="utf-8")
    assert playbooks_cli.check(None, env, as_json=False) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", line ")[1].split(":")[0] for line in lines] == ["7", "8"]
    assert playbooks_cli.check(None, env, as_json=True) == 1
    assert len(json.loads(capsys.readouterr().out)["sentences"]) == 2


def test_check_of_no_folder_has_to_be_put_right_first(env: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        playbooks_cli.check(tmp_path / "none", env, as_json=False)


def test_explain_says_which_playbook_and_why_no_other(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert playbooks_cli.explain_alert(Asked(alert(tmp_path, CRASHING)), env, as_json=False) == 0
    told = capsys.readouterr().out
    assert "KubePodCrashLooping · SEV3" in told
    assert "playbook   pod-crash-looping (built-in)" in told
    assert 'not        mine: labels: namespace="pay" doesn\'t hold' in told
    assert "not        default: fits too, and is asked later" in told
    assert "looks for  crash_loop: evict or restart" in told
    assert "looks for  dependency_down: nothing is proposed" in told


def test_explain_takes_what_the_webhook_takes(env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A delivery, a list and one alert; each incident that they would make is explained by itself."""
    other = {"labels": {"alertname": "KubeJobFailed", "namespace": "shop", "job_name": "report"}}
    for body in ({"alerts": [CRASHING, other]}, [CRASHING, other]):
        rows = explained(tmp_path, body, env, capsys)
        assert [row["playbook"] for row in rows] == ["pod-crash-looping", "job-failed"]
    grouped = {"groupKey": "{}:{namespace=shop}", "alerts": [CRASHING, {**CRASHING, "fingerprint": "b"}]}
    (row,) = explained(tmp_path, grouped, env, capsys)
    assert row["alerts"] == ["KubePodCrashLooping"]


def test_explain_as_json_tells_every_other_playbook_and_each_way(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"labels": {**CRASHING["labels"], "namespace": "pay", "severity": "critical"}}  # type: ignore[dict-item]
    (row,) = explained(tmp_path, body, env, capsys)
    assert (row["playbook"], row["own"], row["severity"]) == ("mine", True, "SEV2")
    assert row["findings"]["crash_loop"] == [
        {"mitigation": "restart", "against": ""},
        {"mitigation": "rollback", "against": "the playbook denies it"},
    ]
    assert len(row["not"]) == len(loader.built_in().playbooks)


def test_what_is_never_posted_says_so(env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"labels": {"alertname": "Watchdog", "severity": "none"}}
    assert playbooks_cli.explain_alert(Asked(alert(tmp_path, body)), env, as_json=False) == 0
    assert "never posted" in capsys.readouterr().out


def test_an_alert_cannot_repaint_the_terminal(env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"labels": {"alertname": "\x1b[2J\x1b[31mAll fine\u202e", "namespace": "shop"}}
    assert playbooks_cli.explain_alert(Asked(alert(tmp_path, body)), env, as_json=False) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told


@pytest.mark.parametrize("body", [{"alerts": []}, [7, None]], ids=["none", "poison"])
def test_explain_without_a_usable_alert_ends_with_1(
    body: Any, env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert playbooks_cli.explain_alert(Asked(alert(tmp_path, body)), env, as_json=False) == 1
    assert "no alert that could be used" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[", "{}", '{"now": "yesterday", "target": null, "alerts": [], "evidence": {}}'])
def test_a_file_that_is_no_snapshot_is_a_sentence(content: str, env: Path, tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises((ConfigError, RequestError), match=r"no JSON|no recorded snapshot"):
        playbooks_cli.explain_alert(Asked(alert(tmp_path, CRASHING), snapshot=file), env, as_json=False)


def snapshot() -> Snapshot:
    pods = {"pods": [{"name": "api-1", "phase": "Running", "ready": False, "restarts": 7}], "total": 1}
    workload = {"workload": {"kind": "Deployment", "namespace": "shop", "name": "api", "replicas": 3}}
    return Snapshot(
        now=NOW,
        alerts=(AlertSeen({"alertname": "KubePodCrashLooping"}, {"summary": "It crashes."}, NOW),),
        target=Target("Deployment", "shop", "api", "uid-1"),
        evidence={
            "pods": Evidence("pods", EvidenceStatus.OK, "0/1 ready", NOW, pods),
            "workload": Evidence("workload", EvidenceStatus.OK, "3 wanted", NOW, workload),
            "events": Evidence("events", EvidenceStatus.FAILED, "events unavailable", NOW, {}, "No answer within 8 s."),
        },
    )


def test_a_snapshot_is_read_back_as_it_was_recorded() -> None:
    made = snapshot()
    again = recorded.load(json.loads(json.dumps(recorded.dump(made))))
    assert again == made
    assert again.failed("events")
    assert again.workload is not None
    assert again.workload.replicas == 3


def test_what_a_recorded_incident_leads_to_is_shown_with_what_is_not_proposed(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The findings are given here: what they find is their own tests' matter."""
    finding = Finding(
        Cause.OOM_KILLED, "The container is out of memory.", Confidence.MEDIUM, (),
        suggestions=(
            Suggestion(
                "set_resources", {"container": "api", "limits": "1Gi"}, "it is small", "kubectl set resources api"
            ),
            Suggestion("rollback", {}, "it may clear it", "kubectl rollout undo deployment/api"),
        ),
    )  # fmt: skip
    monkeypatch.setattr(ranked, "rank", lambda _seen: (finding,))
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(recorded.dump(snapshot())), encoding="utf-8")
    code = playbooks_cli.explain_alert(Asked(alert(tmp_path, CRASHING), snapshot=file), env, as_json=False)
    told = capsys.readouterr().out
    assert code == 0
    assert "found      oom_killed, confidence medium: The container is out of memory." in told
    assert "proposed   rollback: It may clear it." in told
    assert (
        "advice     Set resources would be better, but Fettle can't do this yet. By hand: kubectl set resources api"
        in told
    )
    assert "against    set_resources: Fettle can't do this yet." in told
    (row,) = explained(tmp_path, CRASHING, env, capsys, snapshot=file)
    assert row["proposed"]["action"] == "rollback"
    assert row["found"][0]["cause"] == "oom_killed"
    assert row["weighed"][0] == {"mitigation": "set_resources", "against": "Fettle can't do this yet."}


def _put(tx: Tx) -> int:
    """An incident with one alert and the evidence of ``snapshot``, and evidence of an earlier episode."""
    group = payload.parse(json.dumps(CRASHING).encode())
    (number,) = receive(tx, group, NOW, IntakeRules("C0ONCALL")).incidents
    made = snapshot()
    incidents.update(tx, number, NOW, target=made.target)
    for one in made.evidence.values():
        evidence.put(tx, number, one)
    evidence.put(tx, number, Evidence("logs", EvidenceStatus.OK, "old", NOW - timedelta(days=1), {"logs": []}))
    return number


def test_an_incident_of_the_store_is_explained_and_recorded(
    env: Path, sqlite_url: str, open_store: Callable[..., Store], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Beside the running bot; what is recorded says the same again."""
    number = open_store(sqlite_url).transact_now(_put)
    env.write_text(f"{env.read_text()}DATABASE_URL={sqlite_url}\n", encoding="utf-8")
    finding = Finding(Cause.CRASH_LOOP, "It exits with 1.", Confidence.LOW, (), no_help="Look at its last words.")
    asked: list[Snapshot] = []
    monkeypatch.setattr(ranked, "rank", lambda given: asked.append(given) or (finding,))
    kept = tmp_path / "kept.json"
    assert playbooks_cli.explain_alert(Asked(incident=number, save=kept), env, as_json=True) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["playbook"], row["severity"], row["why"]) == ("pod-crash-looping", "SEV3", "Look at its last words.")
    assert set(asked[0].evidence) == {"pods", "events", "workload"}
    assert asked[0].names == ("KubePodCrashLooping",)
    assert asked[0].since == datetime(2026, 11, 21, 3, 7, tzinfo=UTC)
    assert playbooks_cli.explain_alert(Asked(snapshot=kept), env, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == row
    assert asked[1] == asked[0]
    with pytest.raises(ConfigError, match="can't be written"):
        playbooks_cli.explain_alert(Asked(incident=number, save=kept), env, as_json=True)
    with pytest.raises(NotFoundError):
        playbooks_cli.explain_alert(Asked(incident=number + 1), env, as_json=True)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(), Asked("a.json", incident=3), Asked(incident=3, snapshot=Path("s.json")),
        Asked("a.json", save=Path("s.json")), Asked(snapshot=Path("s.json"), save=Path("t.json")),
    ],
    ids=["nothing", "two", "incident and snapshot", "nothing to save", "saved already"],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_sentence(asked: Asked, env: Path) -> None:
    with pytest.raises(ConfigError, match="--incident"):
        playbooks_cli.explain_alert(asked, env, as_json=False)


def bad_rollout() -> Snapshot:
    """The new pods crash at start, the old ones are well: as collectors would tell it."""
    crashed = {
        "name": "app", "image": "api:1.4.2", "restarts": 6, "state": "waiting", "reason": "CrashLoopBackOff",
        "last_exit": 1, "last_reason": "Error", "last_started_at": "2026-11-21T03:11:58Z",
        "last_finished_at": "2026-11-21T03:12:00Z",
    }  # fmt: skip
    pods = [
        {
            "name": "api-2-b", "phase": "Running", "ready": False, "restarts": 6, "waiting": "CrashLoopBackOff",
            "terminated": "Error", "exit_code": 1, "terminated_at": "2026-11-21T03:12:00Z", "hash": "h2",
            "created_at": "2026-11-21T03:00:10Z", "containers": [crashed],
        },
        {"name": "api-1-a", "phase": "Running", "ready": True, "restarts": 0, "hash": "h1"},
    ]  # fmt: skip
    data: dict[str, dict[str, Any]] = {
        "pods": {"pods": pods, "total": 2},
        "events": {"events": []},
        "logs": {
            "logs": [{"pod": "api-2-b", "container": "app", "previous": True, "lines": 1, "tail": ["KeyError: 'A'"]}]
        },
        "changes": {
            "changes": [{"kind": "template", "what": "image", "at": "2026-11-21T03:00:00Z", "revision": "42"}],
            "revisions": [
                {"revision": "42", "created_at": "2026-11-21T03:00:00Z", "current": True, "replicas": 1, "hash": "h2"},
                {"revision": "41", "created_at": "2026-11-10T03:00:00Z", "healthy": True, "ready": 1, "hash": "h1"},
            ],
        },
    }
    evidence = {source: Evidence(source, EvidenceStatus.OK, "", NOW, one) for source, one in data.items()}
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-2-b"}
    started = datetime(2026, 11, 21, 3, 7, tzinfo=UTC)
    return Snapshot(NOW, (AlertSeen(labels, {}, started),), Target("Deployment", "shop", "api", "u"), evidence)


def test_a_recorded_bad_rollout_is_found_and_its_rollback_is_proposed(
    env: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the findings as they are: no restart is proposed for what a restart can't cure."""
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(recorded.dump(bad_rollout())), encoding="utf-8")
    assert playbooks_cli.explain_alert(Asked(snapshot=file), env, as_json=True) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["playbook"], row["found"][0]["cause"]) == ("pod-crash-looping", "bad_rollout")
    assert (row["proposed"]["action"], row["proposed"]["params"]) == ("rollback", {"revision": "41"})
    assert row["proposed"]["by_hand"] == "kubectl -n shop rollout undo deployment/api --to-revision=41"


def run(*words: str, folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the program itself, as a person starts it
        [sys.executable, "-m", "bot", "playbooks", *words], cwd=folder, input=stdin, capture_output=True, text=True,
        check=False, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, timeout=PATIENT,
    )  # fmt: skip


def test_the_program_works_without_tokens_and_takes_standard_input(env: Path) -> None:
    told = run("explain", "-", "--json", folder=env.parent, stdin=json.dumps(CRASHING))
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["playbook"] == "pod-crash-looping"


def test_the_program_ends_with_2_for_a_file_that_is_not_there_and_1_for_a_wrong_folder(env: Path) -> None:
    missing = run("explain", "missing.json", folder=env.parent)
    assert missing.returncode == 2
    assert "missing.json can't be read (No such file or directory)" in missing.stderr
    (env.parent / "playbooks" / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    wrong = run("check", folder=env.parent)
    assert wrong.returncode == 1
    assert "title is missing" in wrong.stderr
    assert not wrong.stdout


def test_explain_tells_what_may_be_done_without_an_approval(
    tmp_path: Path, env: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that the settings have to say so too."""
    file = tmp_path / "playbooks" / "mine.yaml"
    file.write_text(f"{MINE}approval: {{none: {{hourly: 1, delay: 2m}}}}\n", encoding="utf-8")
    body = {**CRASHING, "labels": {**CRASHING["labels"], "namespace": "pay"}}
    playbooks_cli.explain_alert(Asked(alert(tmp_path, body)), env, as_json=False)
    told = capsys.readouterr().out
    assert "it may act without an approval, once an hour at most, 120 s after it said so" in told
    assert "if AUTONOMY_ACTIONS names the action" in told
