"""A press is never answered with silence: what Slack doesn't take at once is told again, until it is too late."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from bot.domain.answer import Answer
from bot.sandbox.slack.models import Message
from bot.slack import answers, ids
from bot.slack.modals import Place
from commands import front, late
from commands.front import CUT_OFF
from tests.integration.commands.conftest import CHANNEL, Office
from tests.unit.slack import card_views as views


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "AGAIN", (0.05, 0.1, 0.2))


async def refused(office: Office) -> list[Message]:
    """Ana presses Approve, which the verb refuses; what she has been told since."""
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("Only @sre-oncall may.", ok=False)
    assert (await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)).acked
    await office.asked("approve")
    return office.heard("U0ANA")


@pytest.mark.parametrize("fault", ["429", "503", "fatal_error", "cut off"])
async def test_what_slack_does_not_take_at_once_is_told_a_little_later_and_once(office: Office, fault: str) -> None:
    faults = office.server.faults
    if fault == "429":
        faults.rate_limit("response_url", 0, times=2)
    elif fault in {"503", "fatal_error"}:
        faults.error("response_url", int(fault) if fault == "503" else fault, times=2)
    else:
        faults.drop_before("response_url", times=2)
    await refused(office)
    assert "Only @sre-oncall may." in await office.answered()
    await office.until(lambda: not office.front.insisting)
    assert len(office.heard("U0ANA")) == 1


async def test_who_could_not_be_asked_for_is_told_to_press_again_once_slack_answers(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.server.faults.error("*", 503)
    assert (await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)).acked
    await office.until(lambda: office.front.insisting)
    office.server.faults.clear()
    assert "I couldn't ask Slack who you are, so nothing was done. Press again." in await office.answered()


async def test_what_slack_never_takes_is_given_up_and_stays_in_the_log(office: Office) -> None:
    office.server.faults.error("response_url", 503)
    with structlog.testing.capture_logs() as logs:
        await refused(office)
        await office.until(lambda: office.front.insisting)
        await office.until(lambda: not office.front.insisting)
    assert office.heard("U0ANA") == []
    (told,) = [line for line in logs if line["event"] == "an answer did not arrive"]
    assert "Only @sre-oncall may." in told["text"]


async def test_an_answer_that_waits_holds_no_stop_up_and_is_in_the_log(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "AGAIN", (60.0,))
    office.server.faults.error("response_url", 503)
    await refused(office)
    await office.until(lambda: office.front.insisting)
    await office.until(lambda: not office.front.busy)
    with structlog.testing.capture_logs() as logs:
        await office.front.drain(5)
    assert not office.front.insisting
    assert [line["error"] for line in logs] == ["Fettle is stopping."]


NOBODY = "I couldn't ask Slack who you are, so nothing was done. Press again."


async def unheard(office: Office, act: Callable[[], Awaitable[Any]]) -> None:
    """Something that is asked for while Slack answers nothing; then Slack is back, and the answer waits."""
    office.server.faults.error("*", 503)
    assert (await act()).acked
    await office.until(lambda: office.front.insisting)
    office.server.faults.clear()


def pressing(office: Office, ts: str) -> Callable[[], Awaitable[Any]]:
    return lambda: office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)


def restarting(office: Office, workload: str) -> Callable[[], Awaitable[Any]]:
    return lambda: office.server.slash("U0ANA", CHANNEL, "/restart", workload)


def lost(logs: list[Any]) -> list[str]:
    return [line["error"] for line in logs if line["event"] == "an answer did not arrive"]


async def test_what_comes_late_says_what_it_answers_and_when_that_was(office: Office) -> None:
    await unheard(office, pressing(office, await office.post(views.STATES["proposed"]())))
    said = await office.answered()
    assert re.fullmatch(r"Late, to your press of \d\d:\d\d:\d\d UTC: " + re.escape(NOBODY), said)
    shown = office.heard()[-1].blocks[0]["text"]["text"]
    assert re.fullmatch(r"Late, to your press of <!date\^\d+\^\{time_secs\}\|\d\d:\d\d:\d\d UTC>:", shown)


async def test_a_late_answer_to_a_command_names_the_command(office: Office) -> None:
    await unheard(office, restarting(office, "shop/api"))
    assert (await office.answered()).startswith("Late, to your command /restart of ")


async def test_a_waiting_answer_makes_way_for_a_newer_press_on_the_same_card(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """“Nothing was done. Press again.” must not come after the second press went through."""
    monkeypatch.setattr(late, "AGAIN", (30.0,))
    ts = await office.post(views.STATES["proposed"]())
    with structlog.testing.capture_logs() as logs:
        await unheard(office, pressing(office, ts))
        assert (await pressing(office, ts)()).acked
        await office.asked("approve")
        await office.until(lambda: not office.front.insisting)
    assert lost(logs) == [late.NEWER]
    assert office.heard() == []


async def test_a_waiting_answer_makes_way_for_the_same_command_and_for_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "AGAIN", (30.0,))
    await unheard(office, restarting(office, "shop/api"))
    await restarting(office, "shop/cart")()
    assert "restart done" in await office.answered()
    assert len(office.front.insisting) == 1
    await restarting(office, "shop/api")()
    await office.until(lambda: not office.front.insisting)


async def test_one_person_s_press_leaves_another_s_answer_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "AGAIN", (30.0,))
    ts = await office.post(views.STATES["proposed"]())
    await unheard(office, pressing(office, ts))
    await office.server.press("U0BO", CHANNEL, ts, action_id=ids.APPROVE)
    await office.asked("approve")
    assert len(office.front.insisting) == 1


async def test_a_form_s_waiting_answer_makes_way_for_a_press_on_the_card_it_came_from(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "AGAIN", (30.0,))
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.REJECT)
    modal = await office.modal()
    await unheard(office, lambda: office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "no"}))
    await pressing(office, ts)()
    await office.until(lambda: not office.front.insisting)


async def test_an_answer_that_is_ready_after_a_newer_press_does_not_begin_to_wait(office: Office) -> None:
    """The first press was slow, the second is through: the first one's refusal has nothing left to say."""
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("Only @sre-oncall may.", ok=False)
    office.verbs.held = first = asyncio.Event()
    await pressing(office, ts)()
    await office.asked("approve")
    office.verbs.held = None
    office.verbs.answers.clear()
    with structlog.testing.capture_logs() as logs:
        await pressing(office, ts)()
        await office.until(lambda: len(office.verbs.asked) == 2 and len(office.front._running) == 1)
        office.verbs.answers["approve"] = Answer("Only @sre-oncall may.", ok=False)
        office.server.faults.error("response_url", 503)
        first.set()
        await office.until(lambda: not office.front.busy)
    assert lost(logs) == [late.NEWER]
    assert not office.front.insisting


async def test_what_begins_to_wait_while_a_stop_is_awaited_ends_with_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A press that the stop lets finish, and one that it cuts off: no answer of theirs wakes on a closed session."""
    monkeypatch.setattr(late, "AGAIN", (30.0,))
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("Only @sre-oncall may.", ok=False)
    office.verbs.held = first = asyncio.Event()
    await pressing(office, ts)()
    await office.asked("approve")
    office.verbs.held = asyncio.Event()
    await office.server.press("U0BO", CHANNEL, ts, action_id=ids.APPROVE)
    await office.until(lambda: len(office.verbs.asked) == 2)
    office.server.faults.error("response_url", 503)

    async def wait(tasks: Collection[asyncio.Task[Any]], *, timeout: float) -> Any:  # noqa: ASYNC109 - as asyncio's
        if timeout == 0.5:  # so long, on a machine that has nothing else to do
            first.set()
            await office.until(lambda: sum(not one.done() for one in tasks) == 1)
        return await asyncio.wait(tasks, timeout=timeout)

    monkeypatch.setattr(front, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait}))
    with structlog.testing.capture_logs() as logs:
        await office.front.drain(0.5)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "answer-again"]
    texts = [line["text"] for line in logs if line.get("error") == late.STOPPING]
    assert texts == ["Only @sre-oncall may.", CUT_OFF]


async def test_a_used_up_address_is_left_for_the_channel(office: Office) -> None:
    """An address takes five answers, and what is pressed and sent in one modal shares it."""
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.REJECT)
    modal = await office.modal()
    address = Place.unpacked(modal.body["private_metadata"]).response_url
    for number in range(5):
        await office.slack.respond(address, answers.said(f"{number}"))
    office.verbs.answers["deny"] = Answer("Only @sre-oncall may.", ok=False)
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "no"})
    assert await office.answered(count=6) == "Only @sre-oncall may."


async def test_what_slack_refuses_for_good_is_not_told_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the address nor in the channel: to insist would be of no use."""
    monkeypatch.setattr(late, "AGAIN", (0.05, 30.0))
    office.server.faults.error("response_url", 503, times=1)
    office.server.faults.error("response_url", "expired_url")
    office.server.faults.error("chat.postEphemeral", "not_in_channel")
    with structlog.testing.capture_logs() as logs:
        await refused(office)
        await office.until(lambda: lost(logs))
    assert "not_in_channel" in lost(logs)[0]


async def test_an_answer_is_told_again_no_sooner_than_slack_asks(office: Office) -> None:
    office.server.faults.rate_limit("response_url", 1, times=1)
    begun = asyncio.get_running_loop().time()
    await refused(office)
    await office.answered()
    assert asyncio.get_running_loop().time() - begun >= 1.0
