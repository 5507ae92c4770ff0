"""Who is on call by PagerDuty, over real HTTP: read with a key, page by page, and each failure a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bot import doctor_oncall
from bot.app_manifest import manifest
from bot.doctor_table import Level
from bot.domain.errors import FettleError, UnavailableError
from bot.domain.oncall import Shift
from bot.integrations.pagerduty_oncall import FAR, OnCalls
from bot.roster import Roster
from bot.sandbox.slack.server import SlackServer
from bot.secret_file import Secret
from bot.settings import Settings, load
from bot.slack.client import SlackClient
from tests.integration.oncall.pagerduty import KEY, Stub, pagerduty
from tests.patience import PATIENT

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(days=1)


def settings(tmp_path: Path, stub: Stub, oncall: str = "pagerduty: PABC123", **more: str) -> Settings:
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k", "ONCALL": oncall,
        "PAGERDUTY_API_TOKEN": KEY, "PAGERDUTY_API_URL": stub.url, **more,
    }  # fmt: skip
    return load(environ, tmp_path / "none", tmp_path / "none")


async def nobody(_email: str) -> str:
    raise AssertionError("Slack isn't asked for whom the table names")


async def shifts(made: Settings, at: datetime = NOW, by_email: object = nobody) -> tuple[Shift, ...]:
    roster = Roster(made, by_email)  # type: ignore[arg-type]
    try:
        return await roster.shifts("oncall", at)
    finally:
        await roster.close()


async def test_both_sides_of_a_handover_are_read_and_found_by_the_table(tmp_path: Path) -> None:
    table = "{pagerduty: PABC123, users: {PANA: U0ANA, PLI11: U0LI}}"
    async with pagerduty() as stub:
        stub.put("PABC123", "PANA", "", NOW - timedelta(days=1), SOON)
        stub.put("PABC123", "PLI11", "", SOON, LATER)
        stub.put("PXYZ999", "PBO22", "", NOW, LATER)
        found = await shifts(settings(tmp_path, stub, table))
        (asked,) = stub.asked
    assert found == (Shift("U0ANA", NOW - timedelta(days=1), SOON), Shift("U0LI", SOON, LATER))
    assert asked.query.getall("include[]") == ["users"]
    assert asked.query["since"].startswith("2026-11-26T08:00:00")


async def test_several_schedules_and_pages_are_one_list(tmp_path: Path) -> None:
    users = ", ".join(f"PUSER{number}: U0USER{number}" for number in range(5))
    async with pagerduty() as stub:
        stub.page = 2
        for number in range(5):
            stub.put("PABC123" if number < 3 else "PXYZ999", f"PUSER{number}", "", NOW, LATER)
        found = await shifts(settings(tmp_path, stub, f"{{pagerduty: [PABC123, PXYZ999], users: {{{users}}}}}"))
    assert {one.slack_id for one in found} == {f"U0USER{number}" for number in range(5)}


async def test_somebody_who_is_always_on_call_has_no_end(tmp_path: Path) -> None:
    async with pagerduty() as stub:
        stub.put("PABC123", "PANA", "", None, None)
        (found,) = await shifts(settings(tmp_path, stub, "{pagerduty: PABC123, users: {PANA: U0ANA}}"))
    assert (found.slack_id, found.until) == ("U0ANA", FAR)


FAULTS: dict[int | str, str] = {
    401: "Its key is wrong or was taken back: look at PAGERDUTY_API_TOKEN.",
    403: "Its key may not read schedules: look at PAGERDUTY_API_TOKEN.",
    404: "PagerDuty knows no schedule PABC123 (404): look at ONCALL, and at PAGERDUTY_API_URL.",
    400: "refuses to tell who is on call by PABC123 (400: Not so; x). Look at ONCALL.",
    429: "PagerDuty answers 429 for now.",
    500: "PagerDuty answers 500 for now.",
    503: "PagerDuty answers 503 for now.",
    302: "PAGERDUTY_API_URL",
    "hang": "PagerDuty didn't answer within 0.3 s.",
    "html": "not as its REST API does: is PAGERDUTY_API_URL its address?",
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_each_failure_is_a_sentence_without_the_key(fault: int | str) -> None:
    async with pagerduty() as stub:
        stub.fault = fault
        door = OnCalls(stub.url, Secret("PAGERDUTY_API_TOKEN", SecretStr(KEY)))
        with pytest.raises(FettleError) as failed:
            await door.on_call("PABC123", NOW, LATER, within=0.3 if fault == "hang" else PATIENT)
        await door.close()
    assert FAULTS[fault] in str(failed.value)
    assert KEY not in str(failed.value)
    if fault == 429:
        assert isinstance(failed.value, UnavailableError)
        assert failed.value.retry_after == 7


async def test_a_key_that_was_replaced_in_its_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("u+old")
    async with pagerduty() as stub:
        stub.put("PABC123", "PANA", "", NOW, LATER)
        made = settings(
            tmp_path, stub, "{pagerduty: PABC123, users: {PANA: U0ANA}}", PAGERDUTY_API_TOKEN="",
            PAGERDUTY_API_TOKEN_FILE=str(file),
        )  # fmt: skip
        file.write_text(KEY)
        assert len(await shifts(made)) == 1


async def test_nobody_on_call_is_said(tmp_path: Path) -> None:
    async with pagerduty() as stub:
        stub.put("PABC123", "PANA", "", SOON, LATER)
        with pytest.raises(FettleError, match=r"names nobody on call now by PABC123.*escalation policy"):
            await shifts(settings(tmp_path, stub, "{pagerduty: PABC123, users: {PANA: U0ANA}}"))


@pytest.mark.parametrize("scope", [True, False])
async def test_people_are_found_in_slack_by_their_address(tmp_path: Path, scope: bool) -> None:
    slack = SlackServer(yaml.safe_load(manifest(emails=scope)))
    await slack.start()
    client = await SlackClient.connect(slack.bot_token, slack.api_url, 2.0)
    try:
        async with pagerduty() as stub:
            stub.put("PABC123", "PANA", "ana@example.test", NOW, LATER)
            stub.put("PABC123", "PZOE", "zoe@elsewhere.test", NOW, LATER)
            made = settings(tmp_path, stub)
            if not scope:
                with pytest.raises(FettleError, match=r"users:read\.email"):
                    await shifts(made, by_email=client.by_email)
                return
            found = await shifts(made, by_email=client.by_email)
            assert [one.slack_id for one in found] == ["U0ANA"], "whom Slack doesn't know is nobody"
            stub.duties = [one for one in stub.duties if one[1] == "PZOE"]
            with pytest.raises(FettleError, match=r"PagerDuty's user PZOE: add PZOE: U... to users") as failed:
                await shifts(made, by_email=client.by_email)
            assert "zoe@" not in str(failed.value)
    finally:
        await client.close()
        await slack.stop()


async def test_the_doctor_says_who_is_on_call_or_why_nobody_is(tmp_path: Path) -> None:
    slack = SlackServer(yaml.safe_load(manifest(emails=True)))
    await slack.start()
    client = await SlackClient.connect(slack.bot_token, slack.api_url, 2.0)
    now = datetime.now(UTC)
    day = timedelta(days=1)
    try:
        await client.whoami()
        async with pagerduty() as stub:
            stub.put("PABC123", "PANA", "ana@example.test", now - day, now + day)
            made = settings(tmp_path, stub, APPROVERS="oncall")
            (row,) = await doctor_oncall.rows(client, made)
            assert (row.level, "@ana is on call until" in row.sentence) == (Level.OK, True)
            assert "PABC123 primary (PABC123)" in row.sentence
            (_, unused) = await doctor_oncall.rows(client, settings(tmp_path, stub))
            assert (unused.level, "No list of approvers names oncall" in unused.sentence) == (Level.WARN, True)
            stub.put("PABC123", "PGUS", "gus@example.test", now - day, now + day)
            guest = [one for one in await doctor_oncall.rows(client, made) if "@gus" in one.sentence]
            assert [one.level for one in guest] == [Level.WARN]
            del stub.schedules["PABC123"]
            (row,) = await doctor_oncall.rows(client, made)
            assert (row.level, "knows no schedule PABC123 (404)" in row.sentence) == (Level.FAIL, True)
            stub.fault = 401
            (row,) = await doctor_oncall.rows(client, made)
            assert "Its key is wrong" in row.sentence
            assert "nobody may approve by it" in row.sentence
    finally:
        await client.close()
        await slack.stop()
