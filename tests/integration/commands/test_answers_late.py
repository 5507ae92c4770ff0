"""A press is never answered with silence: what Slack doesn't take at once is told again, until it is too late."""

import asyncio

import pytest
import structlog

from bot.domain.answer import Answer
from bot.sandbox.slack.models import Message
from bot.slack import ids
from commands import front
from tests.integration.commands.conftest import CHANNEL, Office
from tests.unit.slack import card_views as views


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "AGAIN", (0.05, 0.1, 0.2))


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
        faults.rate_limit("response_url", 1, times=2)
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
    monkeypatch.setattr(front, "AGAIN", (60.0,))
    office.server.faults.error("response_url", 503)
    await refused(office)
    await office.until(lambda: office.front.insisting)
    await office.until(lambda: not office.front.busy)
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as logs:
        await office.front.drain(5)
    assert not office.front.insisting
    assert [line["error"] for line in logs] == ["Fettle is stopping."]
