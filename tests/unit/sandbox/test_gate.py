"""The gate of a scenario that somebody watches: what holds, what goes by itself, whose act counts as the step."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.scenarios import race
from bot.sandbox.scenarios.checks import must_be_unheard
from bot.sandbox.scenarios.gate import Gate
from bot.sandbox.scenarios.schema import Step
from bot.sandbox.scenarios.steps import Player
from bot.sandbox.scenarios.transcript import Transcript
from bot.sandbox.slack.models import Message, Reply, View
from bot.sandbox.slack.workspace import Workspace
from bot.sandbox.slack_room import CardHandle, UnmetError
from bot.sandbox.world import World
from tests.patience import PATIENT

LIST = {"slash": {"by": "ana", "line": "/incident list"}}
REASON = {"submit": {"by": "ana", "values": {"Reason": "a drill"}}}
LOOK = {"told": {"to": "ana", "containing": "INC"}}
SHOWN = {"view": {"by": "ana", "containing": ["frozen"]}}
BOTH = {"press": {"button": "Approve", "by": ["ana", "li"]}}
APPROVE = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve restart"}}


def _gate(*steps: Any) -> Gate:
    return Gate([Step.model_validate(one) for one in steps], Workspace())


@asynccontextmanager
async def _at(gate: Gate, at: int, folder: Path) -> AsyncIterator[asyncio.Task[bool]]:
    """The step's turn has come; the task says whether the player is to carry it out."""
    player = Player(World(folder), Transcript())
    turn = asyncio.create_task(gate.turn(at, gate.steps[at], player))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENT):
        yield turn


async def _act(gate: Gate, verb: str, *, ok: bool = True, **body: str) -> None:
    async def perform() -> dict[str, Any]:
        return {"ok": ok}

    await gate.acted(verb, body, perform)


async def test_it_holds_before_what_is_done_until_a_step_and_never_before_a_look(tmp_path: Path) -> None:
    gate = _gate(LIST, LOOK)
    async with _at(gate, 0, tmp_path) as turn:
        await asyncio.sleep(0.1)
        assert gate.waiting
        assert not turn.done()
        assert gate.step()
        assert await turn
    assert not gate.step(), "nothing waits, so nothing is let go, and the next step isn't either"
    async with _at(gate, 1, tmp_path) as turn:
        assert await turn


async def test_only_the_very_act_of_the_step_by_its_person_that_was_taken_counts_as_it(tmp_path: Path) -> None:
    gate = _gate(LIST)
    async with _at(gate, 0, tmp_path) as turn:
        await _act(gate, "slash", user="U0ANA", text="/incident show 1")
        await _act(gate, "slash", user="U0BO", text="/incident list")
        await _act(gate, "slash", ok=False, user="U0ANA", text="/incident list")
        assert gate.by_viewer == set()
        assert not turn.done()
        await _act(gate, "slash", user="U0ANA", text="/incident list ")
        assert not await turn, "the player does nothing"
    assert gate.by_viewer == {0}


async def test_a_press_that_must_reach_nobody_counts_once_it_did(tmp_path: Path) -> None:
    gate = _gate({"press": {"button": "Approve", "by": "ana", "unheard": True}})
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Approve restart"}}
    message = Message("C0ONCALL", "1.0", "U0FETTLE", blocks=[{"type": "actions", "elements": [button]}])
    async with _at(gate, 0, tmp_path) as turn:
        assert gate._player is not None
        gate._player.card = CardHandle(gate._player.world.slack, message)
        await _act(gate, "press", user="U0ANA", ts="1.0", action_id="go")
        assert gate.by_viewer == set(), "it was heard, which the scenario says it isn't"
        await _act(gate, "press", ok=False, user="U0ANA", ts="1.0", action_id="go")
        assert not await turn


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(error="dispatch_failed"), "no app is there that hears it"),
        (Reply(error="operation_timed_out"), "the app didn't answer in time"),
        (Reply(acked=True), ""),
        (Reply(error="not_confirmed"), ""),
    ],
)
def test_only_what_slack_says_of_a_deaf_app_is_unheard(reply: Reply, said: str) -> None:
    if said:
        assert must_be_unheard("ana", reply) == f"Slack tells @ana that {said}"
    else:
        with pytest.raises(UnmetError, match="should have reached nobody"):
            must_be_unheard("ana", reply)


async def test_an_act_while_the_step_before_is_looked_at_counts_when_its_turn_comes(tmp_path: Path) -> None:
    gate = _gate(LOOK, REASON, LIST)
    async with _at(gate, 0, tmp_path) as turn:
        assert await turn
    await _act(gate, "submit", user="U0ANA")
    async with _at(gate, 1, tmp_path) as turn:
        assert not await turn
    async with _at(gate, 2, tmp_path) as turn:
        await asyncio.sleep(0.1)
        assert not turn.done(), "the one after it holds again"
        gate.step()
        assert await turn


async def test_the_player_waits_for_an_act_that_the_viewer_has_begun(tmp_path: Path) -> None:
    """Else both would press, and the second press would be refused."""
    gate = _gate(LIST)
    taken = asyncio.Event()

    async def perform() -> dict[str, Any]:
        await taken.wait()
        return {"ok": True}

    async with _at(gate, 0, tmp_path) as turn:
        acting = asyncio.create_task(gate.acted("slash", {"user": "U0ANA", "text": "/incident list"}, perform))
        await asyncio.sleep(0)
        gate.play()
        assert not gate.step()
        await asyncio.sleep(0.1)
        assert not turn.done()
        taken.set()
        await acting
        assert not await turn


def _dialog(workspace: Workspace, words: str) -> None:
    """A modal in front of Ana."""
    text = {"type": "section", "text": {"type": "mrkdwn", "text": words}}
    body = {"blocks": [text], "title": {"text": "A word"}}
    workspace.views["V1"] = View("V1", "U0ANA", "modal", body, "1", "V1")
    workspace.view_stacks["U0ANA"] = ["V1"]


async def test_closing_the_dialog_that_must_be_seen_is_the_step_and_closing_another_is_not(tmp_path: Path) -> None:
    """Else whoever reads a dialog and closes it would spoil the scenario: the player would wait for it in vain."""
    workspace = Workspace()
    gate = Gate([Step.model_validate(SHOWN)], workspace)
    async with _at(gate, 0, tmp_path) as turn:
        _dialog(workspace, "One moment")
        await _act(gate, "close", user="U0ANA")
        _dialog(workspace, "Fettle is *frozen*")
        await _act(gate, "close", user="U0BO")
        assert not turn.done()
        await _act(gate, "close", user="U0ANA")
        assert not await turn


class _Button(CardHandle):
    """A card with one button; the sandbox's Slack writes down who pressed it for whom nobody did on the page."""

    pressed: list[str]

    async def press(self, words: str, by: str, *, confirm: bool = True) -> Reply:
        assert (words, confirm) == ("Approve restart", True)
        self.pressed.append(by)
        return Reply(acked=True)


@asynccontextmanager
async def _racing(folder: Path) -> AsyncIterator[tuple[Gate, _Button, asyncio.Task[bool]]]:
    """A gate at two people's press, with the card in front of them."""
    gate, player = _gate(BOTH), Player(World(folder), Transcript())
    blocks = [{"type": "actions", "block_id": "acts", "elements": [APPROVE]}]
    message = Message(channel="C0ONCALL", ts="1.000001", user="U0FETTLE", text="", blocks=blocks)
    player.card = card = _Button(player.world.slack, message)
    card.pressed = []
    turn = asyncio.create_task(gate.turn(0, gate.steps[0], player))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENT):
        yield gate, card, turn


def _approving(gate: Gate, user: str, made: list[str], *, ok: bool = True) -> asyncio.Task[dict[str, Any]]:
    async def perform() -> dict[str, Any]:
        made.append(user)
        return {"ok": ok, "of": user}

    body = {"user": user, "ts": "1.000001", "action_id": "approve"}
    return asyncio.create_task(gate.acted("press", body, perform))


async def test_presses_of_two_pages_are_made_together_and_the_step_is_done_when_both_were(tmp_path: Path) -> None:
    made: list[str] = []
    async with _racing(tmp_path) as (gate, card, turn):
        first = _approving(gate, "U0ANA", made)
        await asyncio.sleep(0.1)
        assert made == [], "the first waits for the second, else it would be over before that one begins"
        gate.play()
        assert not gate.step()
        assert not turn.done()
        second = _approving(gate, "U0LI", made)
        assert [(await one)["of"] for one in (first, second)] == ["U0ANA", "U0LI"]
        assert sorted(made) == ["U0ANA", "U0LI"]
        assert not await turn, "the player presses for nobody"
        assert card.pressed == []


async def test_who_presses_alone_has_the_others_press_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(race, "TOGETHER", 0.05)
    made: list[str] = []
    async with _racing(tmp_path) as (gate, card, turn):
        assert (await _approving(gate, "U0LI", made))["ok"]
        assert made == ["U0LI"]
        assert card.pressed == ["ana"]
        assert not await turn
    assert gate.by_viewer == {0}


async def test_a_press_of_two_that_was_not_taken_leaves_the_step_undone(tmp_path: Path) -> None:
    made: list[str] = []
    async with _racing(tmp_path) as (gate, _, turn):
        await asyncio.gather(_approving(gate, "U0ANA", made), _approving(gate, "U0LI", made, ok=False))
        assert gate.by_viewer == set()
        assert not turn.done()
        turn.cancel()


async def test_a_message_counts_in_its_place_and_with_its_words_alone(tmp_path: Path) -> None:
    for thread, place in ((False, ""), (True, "1.0")):
        gate = _gate({"post": {"by": "li", "text": "failing over", "thread": thread}})
        async with _at(gate, 0, tmp_path) as turn:
            assert gate._player is not None
            gate._player.card = CardHandle(gate._player.world.slack, Message("C0ONCALL", "1.0", "U0FETTLE"))
            await _act(gate, "post", user="U0ANA", text="failing over", thread_ts=place)
            await _act(gate, "post", user="U0LI", text="failing", thread_ts=place)
            await _act(gate, "post", user="U0LI", text="failing over", thread_ts="" if place else "1.0")
            assert gate.by_viewer == set()
            await _act(gate, "post", user="U0LI", text="failing over ", thread_ts=place)
            assert not await turn


async def test_an_emoji_counts_on_the_message_that_says_so_put_on_or_taken_off(tmp_path: Path) -> None:
    for away in (False, True):
        gate = _gate({"react": {"by": "ana", "to": "failing over", "away": away}})
        space = gate._workspace
        other, said = (
            Message("C0ONCALL", ts, "U0LI", text=text) for ts, text in (("1.0", "hi"), ("2.0", "failing over"))
        )
        for one in (other, said):
            space.post(one)
        async with _at(gate, 0, tmp_path) as turn:
            pin = {"user": "U0ANA", "channel": "C0ONCALL", "name": "pushpin"}
            said.reactions = {} if away else {"pushpin": ["U0ANA"]}
            await _act(gate, "react", **pin, ts="2.0")  # the other way round
            said.reactions = {"pushpin": ["U0ANA"]} if away else {}
            await _act(gate, "react", **pin, ts="1.0")
            await _act(gate, "react", **{**pin, "name": "eyes"}, ts="2.0")
            await _act(gate, "react", **{**pin, "user": "U0BO"}, ts="2.0")
            await _act(gate, "react", **pin, ts="9.0")
            assert gate.by_viewer == set()
            await _act(gate, "react", **pin, ts="2.0")
            assert not await turn


async def test_a_shortcut_counts_by_its_name_on_the_message_that_says_so(tmp_path: Path) -> None:
    gate = _gate({"shortcut": {"by": "ana", "name": "Add to incident timeline", "to": "failing over"}})
    for ts, text in (("1.0", "hi"), ("2.0", "failing over")):
        gate._workspace.post(Message("C0ONCALL", ts, "U0LI", text=text))
    async with _at(gate, 0, tmp_path) as turn:
        chosen = {"user": "U0ANA", "channel": "C0ONCALL", "callback_id": "note_message", "ts": "2.0"}
        for other in ({"ts": "1.0"}, {"ts": "9.0"}, {"user": "U0BO"}, {"callback_id": "declare_from_message"}):
            await _act(gate, "shortcut", **{**chosen, **other})
        assert gate.by_viewer == set()
        await _act(gate, "shortcut", **chosen)
        assert not await turn
