"""A real Alertmanager is silenced: matchers hold for hostile values and no others, and it ends with the incident."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import matchers
from bot.domain.alert import Alert, AlertGroup, AlertStatus
from bot.domain.mitigation import Action, Notice
from bot.domain.owed import Stage
from bot.domain.silence import SilenceState
from bot.domain.verification import Verdict
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.sources import Sources
from bot.sandbox.ports import free_port
from bot.sandbox.world import World, WorldOptions
from bot.storage import silences
from bot.workflow import intake
from bot.workflow.sweep import Sweep
from tests.integration.alertmanager.real import PROGRAM, RealAlertmanager, running
from tests.integration.workflow.floor import Floor

pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.timeout(540),
    pytest.mark.skipif(
        PROGRAM is None,
        reason="NO ALERTMANAGER: prometheus-alertmanager is missing, no real one was heard (apt-get install it)",
    ),
]
HOSTILE = [
    "api-0", "api.0", "a|b", "(a)", "[a-z]+", "^a$", "a{2}", 'say "hi"', "back\\slash", "new\nline", "tab\t.", "é.*",
    ".*", 'a b,c="d"', "$HOME", "`id`", "\u202eabc", "<!channel>", "x" * 900, "'; DROP TABLE silences; --",
]  # fmt: skip
LABELS = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "api", "severity": "critical"}


def ends_at(hours: float = 1.0) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def body(made: tuple[matchers.Matcher, ...]) -> dict[str, Any]:
    now = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "matchers": [one.body() for one in made], "startsAt": now.isoformat(), "endsAt": ends_at(),
        "createdBy": "test", "comment": "[fettle x]",
    }  # fmt: skip


@asynccontextmanager
async def client_of(real: RealAlertmanager) -> AsyncIterator[Alertmanager]:
    client = Alertmanager(Access("Alertmanager", "ALERTMANAGER", real.url))
    try:
        yield client
    finally:
        await client.close()


async def silenced(client: Alertmanager) -> dict[str, bool]:
    held = await client.alerts(within=5)
    return {json.dumps(dict(one.labels), sort_keys=True): bool(one.silenced_by) for one in held}


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_one_value_and_alternatives_cover_themselves_and_no_neighbour(tmp_path: Path, value: str) -> None:
    """As an equality, and as one of two alternatives: each alert of ours is quiet, each neighbour loud."""
    async with running(tmp_path, f"http://127.0.0.1:{free_port()}", "token") as real, client_of(real) as client:
        for ours in ([value], [value, f"{value}-2"]):
            mine = [{**LABELS, "pod": one, "many": str(len(ours))} for one in ours]
            others = [
                {**LABELS, "pod": other, "many": str(len(ours))}
                for other in ("api-9", f"{value}x", f"x{value}", "aXb", "")
            ]
            others += [{**one, "namespace": "pay"} for one in mine] + [{**one, "alertname": "Other"} for one in mine]
            await real.fire(*mine, *others, starts_at=datetime.now(UTC))
            made = matchers.build(mine)
            ended = await client.set_silence(body(made), within=5)
            found = await silenced(client)
            quiet = {labels for labels, is_quiet in found.items() if is_quiet}
            assert quiet == {json.dumps(one, sort_keys=True) for one in mine}
            await client.end_silence(ended, within=5)
            await client.end_silence(ended, within=5)  # again is no error
            assert not any((await silenced(client)).values())


async def test_what_it_never_had_is_no_error_to_end(tmp_path: Path) -> None:
    async with running(tmp_path, f"http://127.0.0.1:{free_port()}", "token") as real, client_of(real) as client:
        await client.end_silence("11111111-1111-1111-1111-111111111111", within=5)


async def test_set_read_back_and_ended_by_the_look_that_finds_the_alert_gone(tmp_path: Path, floor: Floor) -> None:
    """From the form to the end, the resolve never told by anybody: what is silenced is not notified."""
    floor._offset = timedelta(0)  # two clocks that differ by an hour are another law
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART, Notice.SILENCE))
    async with running(tmp_path, f"http://127.0.0.1:{free_port()}", "token") as real, client_of(real) as client:
        floor.switch(sources=Sources(alertmanager=client))
        began = datetime.now(UTC)
        await real.fire(LABELS, starts_at=began)
        (held,) = await client.alerts(within=5)
        rules = intake.IntakeRules.of(floor.ctx.settings, floor.ctx.channel)
        alert = Alert(held.fingerprint, AlertStatus.FIRING, dict(held.labels), {}, held.starts_at)
        receipt = await floor.store.transact(intake.receive, AlertGroup("g", (alert,)), floor.now(), rules)
        incident = await floor.incident(receipt.incidents[0])
        sweep = Sweep(floor.ctx)
        await sweep.look()
        ana = await floor.person("ana")
        shown = await floor.verbs.silence_preview(incident.id, ana)
        assert (shown.refusal, shown.own) == ("", 1)
        assert (await floor.verbs.silence(incident.id, ana, timedelta(hours=1), "deploying", shown.digest)).ok
        await looked(floor)
        silence = await floor.store.read(silences.get, 1)
        assert (silence.state, silence.verdict) == (SilenceState.ACTIVE, Verdict.PASS)
        assert [one.ends_at for one in await client.silences(within=5)] == [
            silence.ends_at.replace(microsecond=silence.ends_at.microsecond // 1000 * 1000)
        ]
        await real.resolve(LABELS, starts_at=began)
        for _ in range(10):
            floor.advance(60)
            await sweep.look()
        assert not (await floor.incident(incident.id)).open
        await looked(floor)
        assert (await floor.store.read(silences.get, 1)).state is SilenceState.ENDED
        assert await client.silences(within=5) == ()


async def looked(floor: Floor) -> None:
    """What is owed of silences, several times."""
    for _ in range(8):
        await floor.run(Stage.SILENCE)
        floor.advance(1)


async def test_a_running_fettle_silences_what_a_real_alertmanager_sends_and_is_told_of_no_more(tmp_path: Path) -> None:
    """The whole program: card, form, silence, quiet, and the end when a person resolves."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = {"ALERTMANAGER_URL": url, "ALLOWED_ACTIONS": "restart,silence"}
    async with World(tmp_path, WorldOptions(settings=settings)) as world:
        await world.start_bot()
        webhook = world.alertmanager.url
        async with running(tmp_path, webhook, world.webhook_token, url=url) as real, client_of(real) as client:
            labels: Mapping[str, str] = {
                "alertname": "KubeDeploymentReplicasMismatch", "namespace": "shop", "deployment": "api",
                "severity": "warning",
            }  # fmt: skip
            await real.fire(labels, starts_at=datetime.now(UTC))
            card = await world.slack.expect_card("shop/api", buttons=["Silence…"], within=60)
            await card.click("Silence…", by="ana")
            await world.slack.expect_view("ana", 'deployment="api"', within=20)
            await world.slack.submit("ana", {"Why": "the node is being replaced"})
            await card.expect("Silenced until", "read back", buttons=["Unsilence"], within=60)
            (one,) = await client.silences(within=5)
            assert "the node is being replaced" in one.comment
            await card.click("Acknowledge", by="ana")
            await card.expect(buttons=["Resolve with reason"], within=30)
            await card.click("Resolve with reason", by="ana")
            await world.slack.submit("ana", {"Reason": "replaced"})
            await card.expect("Resolved", within=60)
            await world.slack.expect_thread(card, "No longer silenced", within=60)
            assert await client.silences(within=5) == ()
