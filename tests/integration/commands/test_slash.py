from __future__ import annotations

import pytest

from bot.domain.mitigation import Action
from bot.domain.severity import Severity
from bot.slack import ids
from tests.integration.commands.conftest import CHANNEL, Office, opened
from tests.integration.commands.test_buttons import pick
from tests.unit.slack import card_views as views


@pytest.mark.parametrize("text", ["", "help", "?", "--help"])
async def test_incident_alone_shows_help(office: Office, text: str) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", text)
    told = await office.answered()
    assert "/incident list: open incidents" in told
    assert "Did you mean" not in told


@pytest.mark.parametrize(
    ("typed", "near"), [("resolv", "resolve"), ("lst", "list"), ("shwo", "show"), ("acknowlege", "ack")]
)
async def test_a_wrong_word_gets_the_nearest_command(office: Office, typed: str, near: str) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", typed)
    told = await office.answered()
    assert told.startswith(f"There is no /incident {typed}. Did you mean /incident {near}?")


@pytest.mark.parametrize("word", ["list", "ls", "incidents", "LIST"])
async def test_list_names_open_incidents_with_their_cards(office: Office, word: str) -> None:
    await office.post(views.view())
    await office.server.slash("U0ANA", CHANNEL, "/incident", word)
    assert await office.answered() == "1 incident open"
    assert "/archives/C0ONCALL/p" in str(office.heard()[-1].blocks)


async def test_nothing_open_is_said(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", "list")
    assert await office.answered() == "No incident is open."
    await office.server.slash("U0ANA", CHANNEL, "/incident", "ack")
    assert await office.answered(count=2) == "No incident is open."


@pytest.mark.parametrize("text", ["show INC-42", "show 42", "INC-42", "details #42", "show"])
async def test_show_tells_the_story(office: Office, text: str) -> None:
    """By number, by reference, or the one that is open in this channel."""
    await office.post(views.view())
    await office.server.slash("U0ANA", CHANNEL, "/incident", text)
    assert "shop/api · KubePodCrashLooping" in await office.answered()
    assert "&lt;!channel&gt;" in str(office.heard()[-1].blocks)


async def test_an_incident_that_does_not_exist_is_said(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", "show INC-7")
    assert await office.answered() == "There is no incident INC-7."


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("ack", ("acknowledge", 42, "U0ANA")),
        ("acknowledge INC-42", ("acknowledge", 42, "U0ANA")),
        ("resolve INC-42 false alarm & noise", ("resolve", 42, "U0ANA", "false alarm & noise")),
        ("close because it is over", ("resolve", 42, "U0ANA", "because it is over")),
        ("break-glass INC-42 nobody can pay", ("break_glass", 12, "U0ANA", "nobody can pay")),
        ("breakglass nobody can pay", ("break_glass", 12, "U0ANA", "nobody can pay")),
    ],
)
async def test_ack_and_resolve(office: Office, text: str, call: tuple[object, ...]) -> None:
    await office.post(views.view())
    await office.server.slash("U0ANA", CHANNEL, "/incident", text)
    assert await office.answered() == f"{call[0]} done."
    assert office.verbs.asked == [call]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("freeze database migration", ("freeze", "U0ANA", "database migration")),
        ('stop "database migration"', ("freeze", "U0ANA", "database migration")),
        ("freeze", ("freeze", "U0ANA", "")),
        ("thaw", ("thaw", "U0ANA")),
        ("unfreeze now", ("thaw", "U0ANA")),
    ],
)
async def test_the_kill_switch_has_a_command(office: Office, text: str, call: tuple[object, ...]) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", text)
    assert await office.answered() == f"{call[0]} done."
    assert office.verbs.asked == [call]


async def test_between_several_incidents_the_person_picks(office: Office) -> None:
    office.verbs.incidents = [views.incident(), views.incident(id=43), views.incident(id=44, channel="C0ELSE")]
    await office.server.slash("U0ANA", CHANNEL, "/incident", "resolve it is over")
    modal = await office.modal()
    assert "Which incident to resolve?" in str(modal.blocks)
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_INCIDENT_PICK: "i:43"})
    assert await office.asked("resolve") == (43, "U0ANA", "it is over")
    assert await office.answered() == "resolve done."


async def test_a_new_incident_is_declared_in_a_modal(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", "new checkout <is> slow & sad")
    modal = await office.modal()
    refused = await office.server.submit("U0ANA", modal.id, {ids.BLOCK_SERVICE: "api"})
    assert list(refused.errors.values()) == ["A workload needs its namespace."]
    await office.server.options("U0ANA", ids.PICK_NAMESPACE, "shop")
    values = {ids.BLOCK_SEVERITY: "SEV2", ids.BLOCK_NAMESPACE: "shop", ids.BLOCK_SERVICE: "api"}
    await office.server.submit("U0ANA", modal.id, values)
    assert await office.asked("declare") == ("U0ANA", "checkout <is> slow & sad", Severity.SEV2, "shop", "api")
    assert await office.answered() == "declare done."


async def test_restart_by_name(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/restart", "deploy/api -n shop")
    assert await office.asked("restart") == ("U0ANA", "deploy/api -n shop")
    assert await office.answered() == "restart done."


async def test_restart_alone_opens_pickers(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/restart", "")
    await pick(office)
    assert await office.asked("restart") == ("U0ANA", "StatefulSet/shop/db")
    assert await office.answered() == "restart done."


async def test_verify_answers_with_its_checks(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/verify", "shop/api")
    assert await office.answered() == "Deployment shop/api: pass."
    assert "✓ *rollout* 6/6 available" in str(office.heard()[-1].blocks)


@pytest.mark.parametrize(("command", "text"), [("/verify", ""), ("/verify", "help"), ("/restart", "help")])
async def test_commands_explain_themselves(office: Office, command: str, text: str) -> None:
    await office.server.slash("U0ANA", CHANNEL, command, text)
    assert f"{command} shop/api" in await office.answered()
    assert office.verbs.asked == []


async def test_with_a_suffix_its_own_commands_are_heard_and_help_names_them() -> None:
    """The workspace has this app's commands alone; every text that teaches a command teaches the suffixed one."""
    async with opened("eu") as office:
        await office.server.slash("U0ANA", CHANNEL, "/incident-eu", "help")
        assert "/incident-eu show" in await office.answered()
        await office.server.slash("U0ANA", CHANNEL, "/restart-eu", "help")
        assert "/restart-eu shop/api" in await office.answered(count=2)
        await office.server.slash("U0ANA", CHANNEL, "/verify-eu", "")
        assert "/verify-eu shop/api" in await office.answered(count=3)


@pytest.mark.parametrize(
    ("typed", "workload", "revision"),
    [
        ("shop/api", "shop/api", ""),
        ("shop/api 41", "shop/api", "41"),
        ("shop/api rev41", "shop/api", "41"),
        ("shop/api to rev 41", "shop/api", "41"),
        ("shop/api revision 41", "shop/api", "41"),
        ("shop/api --to-revision=41", "shop/api", "41"),
        ("shop/api revive-1", "shop/api", "revive-1"),
        ("deployment/api -n shop", "deployment/api -n shop", ""),
        ("deployment/api -n shop 41", "deployment/api -n shop", "41"),
        ("sts api 41 -n shop", "sts api -n shop", "41"),
        ("shop/api 41;rm -rf", "shop/api", "41;rm -rf"),
    ],
)
async def test_a_rollback_takes_a_workload_as_it_is_named_anywhere(
    office: Office, typed: str, workload: str, revision: str
) -> None:
    """The answer to a name of two workloads says "statefulset/api -n shop", so that has to be understood."""
    await office.server.slash("U0ANA", CHANNEL, "/incident", f"act rollback {typed}")
    wanted = {"revision": revision} if revision else {}
    assert await office.asked("act") == ("U0ANA", Action.ROLLBACK, workload, wanted)


async def test_what_follows_then_is_asked_for_with_it(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", "act thread-dump shop/api then evict api-0")
    assert await office.asked("act") == (
        "U0ANA", Action.THREAD_DUMP, "shop/api", {}, ("evict", {"pod": "api-0"}),
    )  # fmt: skip


async def test_a_wrong_word_after_then_gets_help_and_asks_for_nothing(office: Office) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", "act thread-dump shop/api then evct")
    told = await office.answered()
    assert "There is no action evct. Did you mean evict?" in told
    assert "then evict: a dump, and what follows it if it was kept, under one approval" in told
