from __future__ import annotations

import asyncio

import pytest

from bot.domain.answer import Answer
from bot.domain.errors import StoreUnavailableError
from bot.domain.incident import IncidentState
from bot.domain.verification import Verdict
from bot.slack import ids
from bot.slack.cards.buttons import kept_blocks
from bot.slack.message import Message
from commands.asked import Asked
from tests.integration.commands.conftest import CHANNEL, Office
from tests.patience import PATIENT
from tests.unit.slack import card_views as views

PRESSES = {
    ids.APPROVE: ("proposed", ("approve", 12, "U0ANA")),
    ids.STOP: ("alone", ("stop", 12, "U0ANA")),
    ids.REQUEST_AGAIN: ("expired", ("request_again", 12, "U0ANA")),
    ids.ACKNOWLEDGE: ("proposed", ("acknowledge", 42, "U0ANA")),
    ids.MEASURE_AGAIN: ("inconclusive", ("measure_again", 42, "U0ANA")),
    ids.RESOLVE: ("passed", ("resolve", 42, "U0ANA", "")),
    ids.KEEP_OPEN: ("passed", ("keep_open", 42, "U0ANA")),
}


@pytest.mark.parametrize("action_id", PRESSES)
async def test_a_press_is_one_verb_by_the_person_who_pressed(office: Office, action_id: str) -> None:
    """A success says nothing by itself: the card is edited."""
    state, call = PRESSES[action_id]
    ts = await office.post(views.STATES[state]())
    reply = await office.server.press("U0ANA", CHANNEL, ts, action_id=action_id)
    assert reply.acked
    await office.asked(call[0])
    assert office.verbs.asked == [call]
    assert office.heard() == []


async def test_a_refusal_is_told_to_the_person_alone(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("Only <@S0SRE> may approve restarts in shop", ok=False, incident_id=42)
    await office.server.press("U0BO", CHANNEL, ts, action_id=ids.APPROVE)
    assert await office.answered("U0BO") == "Only &lt;@S0SRE&gt; may approve restarts in shop."
    assert office.heard("U0ANA") == []


@pytest.mark.parametrize("way", ["button", "command"])
async def test_a_link_to_a_dump_is_drawn_for_one_person_and_is_in_no_text(office: Office, way: str) -> None:
    """The text of an answer that doesn't arrive goes to the log; the block that holds the link doesn't."""
    url = "https://dumps.example.com/e1.hprof?X-Amz-Expires=3600&X-Amz-Signature=5e1f"
    office.verbs.answers["lend"] = Answer("Dump 3: this link works until 04:12 UTC", incident_id=42, link=url)
    if way == "button":
        message = Message("kept", kept_blocks("Heap dump kept.", 3))
        ts = await office.slack.post(CHANNEL, message, key="thread:42:artifact:3")
        await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.ARTIFACT_LINK)
    else:
        await office.server.slash("U0ANA", CHANNEL, "/incident", "dump 3")
    assert await office.answered("U0ANA") == "Dump 3: this link works until 04:12 UTC."
    assert office.verbs.asked == [("lend", 3, "U0ANA")]
    assert f"<{url.replace('&', '&amp;')}|Download>" in str(office.heard("U0ANA")[-1].blocks)
    assert office.heard("U0BO") == []


@pytest.mark.parametrize("typed", ["dump", "dump x", "dump 0", "dump 3 4", "dump 99999999999"])
async def test_a_dump_that_isnt_named_by_its_number_is_asked_for_again(office: Office, typed: str) -> None:
    await office.server.slash("U0ANA", CHANNEL, "/incident", typed)
    assert "/incident dump 3" in await office.answered("U0ANA")
    assert office.verbs.asked == []


async def test_an_expired_proposal_can_be_asked_for_again_from_the_refusal(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    expired = Answer("This proposal has expired. Nothing was done.", ok=False, incident_id=42, proposal_id=12)
    office.verbs.answers["approve"] = expired
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    await office.answered()
    said = office.heard()[-1]
    await office.server.press("U0ANA", CHANNEL, said.ts, action_id=ids.REQUEST_AGAIN)
    assert await office.asked("request_again") == (12, "U0ANA")


async def test_an_approval_that_needs_a_reason_asks_for_it_with_what_would_be_done(office: Office) -> None:
    ts = await office.post(views.STATES["ruled"]())
    office.verbs.answers["approve"] = Answer("The policy wants a reason.", ok=False, asks_reason=True)
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    modal = await office.modal()
    assert "Restart Deployment shop/api" in str(modal.body)
    office.verbs.answers.clear()
    held = await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "   "})
    assert held.errors == {ids.BLOCK_REASON: "Say why, for the audit."} or held.error == "invalid_input"
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "the fix is in"})
    await office.until(lambda: office.verbs.asked[-1] == ("approve", 12, "U0ANA", "the fix is in"))
    assert office.heard() == []


async def test_changing_asks_for_the_value_and_shows_the_one_that_stands(office: Office) -> None:
    ts = await office.post(views.STATES["changeable"]())
    office.verbs.offered = views.proposal(action="rollback", params={"revision": "41"})
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.CHANGE)
    modal = await office.modal()
    assert "'initial_value': '41'" in str(modal.blocks)
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_VALUE: "40"})
    assert await office.asked("change") == (12, "U0ANA", "40")


async def test_breaking_the_glass_asks_why_under_what_holds_it_up(office: Office) -> None:
    ts = await office.post(views.STATES["held up"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.BREAK_GLASS)
    modal = await office.modal()
    assert "Restart Deployment shop/api" in str(modal.body)
    assert "The channel is told who, what and why" in str(modal.body)
    held = await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "   "})
    assert held.errors == {ids.BLOCK_REASON: "Say why, for the channel and the audit."} or held.error == "invalid_input"
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "nobody can pay"})
    assert await office.asked("break_glass") == (12, "U0ANA", "nobody can pay")
    assert await office.answered() == "break_glass done."


async def test_a_press_that_a_window_refuses_offers_to_break_the_glass(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("The freeze window weekend is on.", ok=False, incident_id=42, held=12)
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    await office.answered()
    await office.server.press("U0ANA", CHANNEL, office.heard()[-1].ts, action_id=ids.BREAK_GLASS)
    modal = await office.modal()
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "nobody can pay"})
    assert await office.asked("break_glass") == (12, "U0ANA", "nobody can pay")


async def test_rejecting_asks_for_a_reason(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.REJECT)
    modal = await office.modal()
    held = await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "   "})
    assert held.errors == {ids.BLOCK_REASON: "Say why, for the card and the audit."} or held.error == "invalid_input"
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "a known deploy"})
    assert await office.asked("deny") == (12, "U0ANA", "a known deploy")


async def test_resolving_without_a_pass_asks_for_a_reason(office: Office) -> None:
    ts = await office.post(views.STATES["failed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.RESOLVE_WITH_REASON)
    modal = await office.modal()
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "mended by hand"})
    assert await office.asked("resolve") == (42, "U0ANA", "mended by hand")


async def test_a_refusal_after_a_modal_reaches_the_person(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["deny"] = Answer("Already approved by ana.", ok=False)
    await office.server.press("U0BO", CHANNEL, ts, action_id=ids.REJECT)
    modal = await office.modal("U0BO")
    await office.server.submit("U0BO", modal.id, {ids.BLOCK_REASON: "no"})
    assert await office.answered("U0BO") == "Already approved by ana."


async def test_a_candidate_is_chosen_by_a_hash_that_the_store_resolves(office: Office) -> None:
    ts = await office.post(views.STATES["choose target"]())
    value = ids.incident_target_value(42, views.WEB.key)
    await office.server.choose("U0ANA", CHANNEL, ts, ids.CHOOSE_TARGET, value)
    assert await office.asked("choose_target") == (42, views.WEB.key, "U0ANA")


async def test_a_candidate_that_is_none_any_more_is_refused(office: Office) -> None:
    ts = await office.post(views.STATES["choose target"]())
    office.verbs.incidents = [views.incident(target=None)]
    value = ids.incident_target_value(42, views.WEB.key)
    await office.server.choose("U0ANA", CHANNEL, ts, ids.CHOOSE_TARGET, value)
    assert "no candidate of INC-42 any more" in await office.answered()


async def test_a_target_is_found_with_pickers(office: Office) -> None:
    ts = await office.post(views.STATES["find target"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.FIND_TARGET)
    await pick(office)
    assert await office.asked("choose_target") == (42, "StatefulSet/shop/db", "U0ANA")


async def pick(office: Office) -> None:
    modal = await office.modal()
    offered = await office.server.options("U0ANA", ids.PICK_NAMESPACE, "sh")
    assert [option["value"] for option in (offered.payload or {})["options"]] == ["shop", "shipping"]
    await office.server.choose("U0ANA", action_id=ids.PICK_NAMESPACE, value="shop", view_id=modal.id)
    await office.until(lambda: any(b["block_id"] == f"{ids.BLOCK_WORKLOAD}:shop" for b in modal.blocks))
    offered = await office.server.options("U0ANA", ids.PICK_WORKLOAD, "")
    assert [option["text"]["text"] for option in (offered.payload or {})["options"]] == [
        "Deployment api",
        "StatefulSet db",
    ]
    await office.server.submit("U0ANA", modal.id, {f"{ids.BLOCK_WORKLOAD}:shop": "StatefulSet/shop/db"})


async def test_more_shows_policy_and_story_without_paging_anyone(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.MORE)
    modal = await office.modal()
    told = str(modal.blocks)
    assert "Restart Deployment shop/api" in told
    assert "&lt;!channel&gt;" in told
    assert "+ kubectl.kubernetes.io/restartedAt" in told


@pytest.mark.parametrize(
    ("user", "flag"), [("U0GUS", "restricted"), ("U0MALLORY", "stranger")], ids=["guest", "stranger"]
)
async def test_who_may_not_press_is_flagged_for_policy(office: Office, user: str, flag: str) -> None:
    """The listener decides nothing: it hands the flag on, and the verb refuses and audits."""
    office.server.workspace.add_member(CHANNEL, user)
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("Guests may not approve.", ok=False)
    await office.server.press(user, CHANNEL, ts, action_id=ids.APPROVE)
    await office.answered(user)
    assert getattr(office.verbs.people[-1], flag)


async def test_what_slack_says_of_a_person_is_asked_once_a_minute(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    for _ in range(3):
        await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.ACKNOWLEDGE)
    await office.until(lambda: len(office.verbs.asked) == 3)
    assert sum(call.method == "users.info" for call in office.server.calls) == 1
    assert len(office.verbs.people) == 3


async def test_what_slack_said_of_a_person_counts_for_a_minute_and_no_longer(office: Office) -> None:
    """Whoever was dismissed a minute ago is asked for again, and flagged."""
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.ACKNOWLEDGE)
    await office.until(lambda: len(office.verbs.people) == 1)
    office.server.workspace.people["U0ANA"].kind = "deleted"
    known = office.front.identities._known
    at, person = known["U0ANA"]
    known["U0ANA"] = (at - 61, person)
    await office.front.identities.principal(Asked("U0ANA"))
    assert [each.deleted for each in office.verbs.people] == [False, True]


async def test_a_control_of_an_older_version_is_never_ignored_in_silence(office: Office) -> None:
    element = {"type": "button", "action_id": "rollback_v0", "text": {"type": "plain_text", "text": "Roll back"}}
    ts = await office.slack.post(CHANNEL, Message("old", [{"type": "actions", "elements": [element]}]), key="old")
    office.verbs.incidents = [views.incident()]
    office.verbs.cards[42] = (CHANNEL, ts)
    await office.server.press("U0ANA", CHANNEL, ts, action_id="rollback_v0")
    assert await office.answered() == "This control is out of date; nothing was done."
    assert f"archives/{CHANNEL}/p{ts.replace('.', '')}" in str(office.heard()[-1].blocks)
    assert await office.asked("refused") == ("U0ANA", "press rollback_v0", "the control is out of date")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreUnavailableError("disk full"), "Fettle's database takes no write"),
        (RuntimeError("secret detail"), "Something failed inside Fettle"),
    ],
    ids=["known", "unknown"],
)
async def test_a_failing_verb_is_told_and_bolt_never_sees_it(office: Office, error: Exception, told: str) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.broken["approve"] = error
    reply = await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    assert reply.acked
    said = await office.answered()
    assert told in said
    assert "secret detail" not in said


async def test_the_ack_does_not_wait_for_the_work(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.held = asyncio.Event()
    reply = await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    assert reply.acked, "while the work is still to be done"
    assert office.heard() == []
    office.verbs.held.set()
    await office.until(lambda: not office.front.busy)


async def test_a_duplicated_envelope_asks_twice_and_the_store_decides(office: Office) -> None:
    ts = await office.post(views.judged(Verdict.PASS, IncidentState.MITIGATED))
    office.server.faults.duplicate_next_envelope()
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.RESOLVE)
    await office.until(lambda: len(office.verbs.asked) == 2)


async def test_a_form_of_an_older_version_is_never_ignored_in_silence(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.REJECT)
    modal = await office.modal()
    modal.body["callback_id"] = "view_of_yesterday"
    await office.server.submit("U0ANA", modal.id, {ids.BLOCK_REASON: "no"})
    assert "This form is out of date" in await office.answered()
    assert office.verbs.asked == []


async def test_an_answer_that_slack_refuses_ends_quietly(office: Office) -> None:
    """The work is done all the same, and the log keeps the words."""
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.answers["approve"] = Answer("No.", ok=False)
    office.server.faults.error("response_url", 500)
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    await office.asked("approve")
    office.server.faults.clear()
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    assert await office.answered() == "No."


async def test_a_press_while_slack_limits_the_rate_says_so_and_when_to_press_again(office: Office) -> None:
    ts = await office.post(views.STATES["proposed"]())
    office.server.faults.rate_limit("users.info", 2, times=None)
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    said = "I couldn't ask Slack who you are (429, too many requests), so nothing was done. Press again in 2 s."
    assert await office.answered() == said


async def test_a_press_while_slack_knows_nobody_says_that_nothing_was_done(office: Office) -> None:
    """The next press asks again; the refusal is audited."""
    ts = await office.post(views.STATES["proposed"]())
    office.server.faults.error("users.info", 503)
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    assert await office.answered() == "I couldn't ask Slack who you are, so nothing was done. Press again."
    [(verb, user, asked, _)] = office.verbs.asked
    assert (verb, user, asked) == ("unidentified", "U0ANA", f"press {ids.APPROVE}")


async def test_what_was_acknowledged_is_waited_for_and_whoever_is_cut_off_is_told(office: Office) -> None:
    """Slack sends nothing twice that was acknowledged."""
    ts = await office.post(views.STATES["proposed"]())
    office.verbs.held = asyncio.Event()
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    await office.asked("approve")
    draining = asyncio.create_task(office.front.drain(PATIENT))
    await asyncio.sleep(0)
    office.verbs.held.set()
    await draining
    assert not office.front._running
    assert office.heard() == []
    office.verbs.held = asyncio.Event()
    await office.server.press("U0ANA", CHANNEL, ts, action_id=ids.APPROVE)
    await office.until(lambda: len(office.verbs.asked) == 2)
    await office.front.drain(0.05)
    assert (await office.answered()).startswith("Fettle was stopped before this was finished.")
