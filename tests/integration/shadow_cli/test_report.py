"""``fettle shadow report`` reads what is stored, beside a running bot, on both databases."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot import clock, shadow_cli
from bot.domain.audit import AuditNote
from bot.domain.errors import ConfigError
from bot.domain.incident import IncidentEvent
from bot.domain.proposal import SYSTEM, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import audit, incidents, proposals
from bot.storage.db import Store, Tx

API = Target("Deployment", "shop", "api", "u-1")
Opener = Callable[..., Store]


def incident(tx: Tx, number: int, outcome: str, *, days: int = 1, by: str = SYSTEM, playbook: str = "crash") -> None:
    """One incident with its proposal, resolved and looked back at; an empty outcome leaves it open."""
    now = clock.now() - timedelta(days=days)
    made = incidents.add(
        tx, key=f"k{number}", title="t", alertname="KubePodCrashLooping", namespace="shop", severity=Severity.SEV3,
        now=now, channel="C1", target=API, playbook=playbook,
    )  # fmt: skip
    for requested_by in (by, "person:1"):
        proposals.add(
            tx, made.id, action="restart", target=API, params={}, digest="", state=ProposalState.RECORDED,
            text=ProposalText("Restart", "Restarted"), requested_by=requested_by, now=now, expires_at=None, quorum=1,
            approvers=(), baseline={},
        )  # fmt: skip
    if not outcome:
        return
    incidents.move(tx, made.id, IncidentEvent.RESOLVE, now)
    did = [{"action": "rollback", "what": "back to \x1b[31m1.4.1", "by": "kubectl rollout", "at": ""}]
    detail = {"proposal": 1, "proposed": "restart", "did": did if outcome == "else" else [], "reason": ""}
    tx.audit(AuditNote("incident:aftermath:seen", SYSTEM, f"incident:{made.id}", outcome, made.id, detail), now)


@pytest.fixture
def url(store_url: str, open_store: Opener) -> str:
    """A database with incidents, and the bot that still has it open."""

    def story(tx: Tx) -> None:
        for number, outcome in enumerate(("same", "else", "nothing", "unread", "approved", "")):
            incident(tx, number, outcome)
        incident(tx, 10, "same", days=40)
        incident(tx, 11, "else", by="person:2", playbook="calm")

    open_store(store_url).transact_now(story)
    return store_url


def test_the_report_counts_by_playbook_and_lists_what_was_done_otherwise(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shadow_cli.report(url, "30d", "", as_json=False) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert out.startswith("7 incidents of alerts since ")
    assert ["crash", "6", "6", "1", "1", "1", "1", "1", "1", "1", "of", "2", "(50", "%)"] in lines
    assert ["calm", "1", "1", "0", "1", "0", "0", "0", "0", "0", "of", "1", "(0", "%)"] in lines
    assert "INC-2  crash  proposed restart, people did rollback: back to \N{REPLACEMENT CHARACTER}[31m1.4.1 by" in out
    assert "crash: too little to say. People acted by themselves in 2 of its 6 incidents" in out


def test_json_says_the_same_and_narrows_to_a_playbook_and_a_time(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shadow_cli.report(url, "60d", "crash", as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    (crash,) = told["playbooks"]
    assert (crash["incidents"], crash["same"], crash["else"], crash["acted"]) == (7, 2, 1, 3)
    assert crash["agreement"] == pytest.approx(2 / 3)
    assert [one["incident"] for one in told["disagreements"]] == [2]
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    assert shadow_cli.report(url, tomorrow, "", as_json=False) == 0
    assert capsys.readouterr().out.startswith("No incident of alerts began since ")


def test_what_is_wrong_is_a_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="“yesterday” is no time"):
        shadow_cli.report(url, "yesterday", "", as_json=False)
    with pytest.raises(ConfigError, match="playbook “clam”; there are calm, crash"):
        shadow_cli.report(url, "30d", "clam", as_json=False)


def test_nothing_is_written(url: str, open_store: Opener) -> None:
    before = open_store(url, lock=False).read_now(audit.head)
    shadow_cli.report(url, "30d", "", as_json=True)
    assert open_store(url, lock=False).read_now(audit.head) == before


def test_what_the_retention_erased_still_counts(
    url: str, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(url, lock=False)
    store.transact_now(lambda tx: tx.execute("DELETE FROM audit_details"))
    shadow_cli.report(url, "30d", "crash", as_json=False)
    out = capsys.readouterr().out
    assert "1 of 2 (50 %)" in out
    assert "proposed restart, people did (erased by the retention)" in out
