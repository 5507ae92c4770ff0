from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.incident import IncidentState
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.sandbox.slack.validation import check
from bot.slack import ids
from bot.slack.cards import blocks, card, header
from bot.slack.message import Message
from bot.slack.mrkdwn import moment
from tests.unit.slack import card_views as views


def words(message: Message) -> str:
    """All text of the message, as one string."""

    def walk(value: Any) -> list[str]:
        if isinstance(value, Mapping):
            own = [value["text"]] if isinstance(value.get("text"), str) else []
            return own + [text for item in value.values() for text in walk(item)]
        if isinstance(value, list | tuple):
            return [text for item in value for text in walk(item)]
        return []

    return "\n".join(walk(message.blocks))


def buttons(message: Message) -> list[str]:
    """The action ids of the message, in order."""
    return [
        element["action_id"] for block in message.blocks if block["type"] == "actions" for element in block["elements"]
    ]


@pytest.mark.parametrize("state", views.STATES)
def test_slack_takes_every_state(state: str) -> None:
    message = card(views.STATES[state]())
    assert check.message_blocks(list(message.blocks)) == []
    assert "attachments" not in json.dumps(message.blocks)
    assert message.text
    assert "\n" not in message.text


@pytest.mark.parametrize("state", views.STATES)
def test_state_is_told_in_words_beside_the_colour(state: str) -> None:
    told = words(card(views.STATES[state]()))
    assert any(word in told for word in ("Firing", "firing", "Resolved", "Triggered", "Mitigated", "Acknowledged"))


@pytest.mark.parametrize("state", views.STATES)
def test_what_stands_under_the_title_does_not_grow_old_while_the_card_stands(state: str) -> None:
    now = views.STATES[state]()
    later = replace(now, now=now.now + timedelta(minutes=7))
    assert header.state_block(now) == header.state_block(later)


WANTED = {
    "collecting": ([ids.ACKNOWLEDGE, ids.MORE], "evidence is being collected"),
    "proposed": ([ids.APPROVE, ids.REJECT, ids.ACKNOWLEDGE, ids.MORE], "approve restart?"),
    "changeable": ([ids.APPROVE, ids.REJECT, ids.CHANGE, ids.ACKNOWLEDGE, ids.MORE], "approve restart?"),
    "alone": ([ids.APPROVE, ids.REJECT, ids.STOP, ids.ACKNOWLEDGE, ids.MORE], "approve restart?"),
    "no approvers": ([ids.ACKNOWLEDGE, ids.MORE], "approve restart?"),
    "observed": ([ids.ACKNOWLEDGE, ids.MORE], "no action possible"),
    "refused": ([ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.MORE], "no action possible"),
    "being checked": ([ids.ACKNOWLEDGE, ids.MORE], "evidence is in"),
    "nothing fits": ([ids.ACKNOWLEDGE, ids.MORE], "no action proposed"),
    "choose target": ([ids.ACKNOWLEDGE, ids.CHOOSE_TARGET, ids.MORE], "which workload?"),
    "find target": ([ids.ACKNOWLEDGE, ids.FIND_TARGET, ids.MORE], "no action proposed"),
    "other target": ([ids.ACKNOWLEDGE, ids.CHOOSE_TARGET, ids.MORE], "no action proposed"),
    "foreign cluster": ([ids.ACKNOWLEDGE, ids.MORE], "no action proposed"),
    "acknowledged": ([ids.RESOLVE_WITH_REASON, ids.MORE], "evidence is in"),
    "approved": ([ids.MORE], "restart approved"),
    "running": ([ids.MORE], "restart running 4/6"),
    "unanswered": ([ids.MORE], "restart running, not known yet"),
    "refused a right": (
        [ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.RESOLVE_WITH_REASON, ids.MORE],
        "nothing was changed",
    ),
    "soaking": ([ids.MORE], "rolled out, being measured"),
    "passed": ([ids.RESOLVE, ids.KEEP_OPEN, ids.MORE], "PASS"),
    "failed": ([ids.MEASURE_AGAIN, ids.RESOLVE_WITH_REASON, ids.MORE], "FAIL"),
    "inconclusive": ([ids.MEASURE_AGAIN, ids.RESOLVE_WITH_REASON, ids.MORE], "INCONCLUSIVE"),
    "superseded verdict": ([ids.MEASURE_AGAIN, ids.RESOLVE_WITH_REASON, ids.MORE], "superseded"),
    "not applied": (
        [ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.RESOLVE_WITH_REASON, ids.MORE],
        "nothing was changed",
    ),
    "no workload": ([ids.ACKNOWLEDGE, ids.FIND_TARGET, ids.MORE], "no action proposed"),
    "another cluster": ([ids.ACKNOWLEDGE, ids.MORE], "no action proposed"),
    "passed, still firing": ([ids.RESOLVE, ids.KEEP_OPEN, ids.MORE], "PASS, alert still firing"),
    "unknown": ([ids.ACKNOWLEDGE, ids.RESOLVE_WITH_REASON, ids.MORE], "outcome unknown"),
    "rejected": ([ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.MORE], "rejected"),
    "expired": ([ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.MORE], "expired"),
    "superseded": ([ids.REQUEST_AGAIN, ids.ACKNOWLEDGE, ids.MORE], "withdrawn"),
    "resolved": ([ids.MORE], "resolved after 27 min"),
}


@pytest.mark.parametrize("state", WANTED)
def test_buttons_stand_only_where_they_do_something(state: str) -> None:
    message = card(views.STATES[state]())
    expected, page = WANTED[state]
    assert buttons(message) == expected
    assert page in message.text


SENTENCES = {
    "proposed": ["🔴 SEV2 · shop/api · KubePodCrashLooping · INC-42", "*Proposed*  *Restart Deployment shop/api*"],
    "alone": ["*Without an approval*, from <!date^", "the playbook api-crash lets Fettle do it. Stop prevents that."],
    "approved by a playbook": ["approved by playbook api-crash"],
    "requested by a person": ["Requested by <@U0BO>"],
    "no approvers": ["Nobody may approve, because no approvers are configured."],
    "observed": ["*Would propose*  restart Deployment shop/api", "Policy would allow it.", "MODE=observe"],
    "refused": ["Policy would deny, because: shop is not allowed."],
    "choose target": ["Deployment shop/api, Deployment shop/web", "Choose the target"],
    "nothing fits": ["*No proposal*, because: the alert is none that a restart helps."],
    "owned by an operator": ["*No proposal*, because: Rollout shop/api owns these pods;"],
    "foreign cluster": ["prod-2"],
    "being checked": ["What could help is being checked."],
    "no workload": ["*No proposal*, because: The labels lead to no workload."],
    "another cluster": ["*No proposal*, because: the alert comes from cluster prod-2"],
    "passed, still firing": ["🟡", "*PASS*", "The alert is still firing."],
    "running": ["🟠", "approved by <@U0ANA>", "▓▓▓▓░░ 4/6 updated, 4 ready"],
    "unanswered": ["not known yet: The API server answered 503 to a write. It is looked up, not sent again."],
    "refused a right": ["It was not applied.\nThe cluster was asked."],
    "soaking": ["watching for 2 min, until <!date^"],
    "passed": ["🟢", "*Restarted shop/api*", "*PASS*", "(soak 2 min)", "✓ *rollout* 6/6 available"],
    "failed": ["🔴", "*FAIL*", "✗ *restarts* 2 restarts of new pods · expected none for 2 min"],
    "inconclusive": ["🟡", "*INCONCLUSIVE*", "not measured: Prometheus answered no data", "Look before resolving."],
    "not applied": ["*FAILED*", "It was not applied.", "The target changed"],
    "unknown": ["🟡", "*UNKNOWN*", "A person has to look."],
    "rejected": ["*Rejected*", "by <@U0BO>", "known deploy"],
    "expired": ["*Expired*", "Nothing was done."],
    "resolved": ["🟢", "after 27 min", "*Restarted shop/api*", "All alerts are resolved."],
    "resolved alone": ["No action was taken by Fettle.", "Reason: false alarm"],
    "reopened": ["Reopened, firing", "2nd time"],
    "declared": ["🔵", "Checkout is slow", "by <@U0ANA>"],
    "late": ["delivery delayed by 90 s".replace("90 s", "1 min 30 s"), "soak 5 s", "*INC-41*", "was deleted"],
}


@pytest.mark.parametrize("state", SENTENCES)
def test_card_says(state: str) -> None:
    told = words(card(views.STATES[state]()))
    for sentence in SENTENCES[state]:
        assert sentence in told


@pytest.mark.parametrize(
    "state", [name for name in views.STATES if name not in {"passed", "resolved", "resolved alone"}]
)
def test_only_a_pass_or_a_resolve_is_green(state: str) -> None:
    assert "🟢" not in words(card(views.STATES[state]()))


@pytest.mark.parametrize("state", [name for name in views.STATES if name != "being checked"])
def test_hope_stands_only_while_a_proposal_can_come(state: str) -> None:
    view = views.STATES[state]()
    told = words(card(view))
    may_come = view.incident.target is not None and not view.proposals and view.incident.open
    assert "being checked" not in told or may_come


def test_a_reason_why_nothing_comes_is_said_once() -> None:
    assert words(card(views.STATES["no workload"]())).count("lead to no workload") == 1


def test_what_fires_anew_after_a_pass_is_red() -> None:
    """The old alert may take minutes to clear; one that began after the measurement is a new trouble."""
    passed = views.STATES["passed, still firing"]()
    assert passed.verification is not None
    later = passed.verification.started_at + timedelta(minutes=1)
    message = card(replace(passed, alerts=replace(passed.alerts, since=later)))
    assert "🔴" in words(message)
    assert "It fires again since then." in words(message)
    assert "PASS, but it fires again" in message.text


def test_pods_are_told_with_the_time_they_were_read() -> None:
    late = replace(views.STATES["proposed"](), now=views.NOW + timedelta(hours=1))
    footer = card(late).blocks[-1]["elements"][0]["text"]
    assert f"pods at {moment(views.NOW, late.now)}: 3/6 ready" in footer
    assert f"as of {moment(late.now, late.now)}" in footer


def test_a_question_after_a_pass_takes_the_green_away() -> None:
    passed = views.judged(Verdict.PASS)
    again = views.proposal(ProposalState.PENDING, id=13)
    message = card(
        views.view(proposals=(*passed.proposals, again), execution=passed.execution, verification=passed.verification)
    )
    told = words(message)
    assert "🔴" in told
    assert "*PASS*" in told
    assert buttons(message)[0] == ids.APPROVE


def test_undecided_failure_offers_the_next_proposal_with_its_own_approval() -> None:
    failed = views.judged(Verdict.FAIL)
    again = views.proposal(id=13)
    message = card(
        views.view(proposals=(*failed.proposals, again), execution=failed.execution, verification=failed.verification)
    )
    assert buttons(message)[:2] == [ids.APPROVE, ids.REJECT]
    assert message.text.endswith("FAIL, look now · approve restart?")


def test_buttons_carry_opaque_ids_alone() -> None:
    """Nothing of what a press does can be read from, or changed by, the payload."""
    for build in views.STATES.values():
        for block in card(build()).blocks:
            for element in block.get("elements", ()):
                if element.get("type") == "button":
                    assert element["value"] in {"p:12", "i:42"}


def test_approve_asks_with_the_consequence() -> None:
    message = card(views.view(proposals=(views.proposal(),)))
    row = next(block for block in message.blocks if block.get("block_id") == ids.BLOCK_PROPOSAL)
    asked = row["elements"][0]["confirm"]
    assert asked["title"]["text"] == "Restart shop/api?"
    assert asked["text"]["text"] == (
        "Restarts 6 pods of shop/api, 25 % at a time. Then it is measured; the verdict comes on this card."
    )
    assert (asked["confirm"]["text"], asked["deny"]["text"]) == ("Restart", "Not now")


@pytest.mark.parametrize(("consequence", "told"), [(100, (True, True)), (200, (False, True)), (260, (False, False))])
def test_the_question_says_what_comes_after_it_as_far_as_slack_lets_it(
    consequence: int, told: tuple[bool, bool]
) -> None:
    """The whole consequence always; that it is measured comes before whether it can be undone."""
    given = views.proposal()
    undo = "A restart can't be undone, and needn't be: the template stays."
    text = replace(given.text, consequence="x" * consequence, undo=undo)
    message = card(views.view(proposals=(replace(given, text=text),)))
    row = next(block for block in message.blocks if block.get("block_id") == ids.BLOCK_PROPOSAL)
    asked = row["elements"][0]["confirm"]["text"]["text"]
    assert asked.startswith("x" * consequence)
    assert (undo in asked, "Then it is measured" in asked) == told
    assert check.message_blocks(list(message.blocks)) == []


def test_asking_again_for_what_a_person_rejected_is_not_the_button_to_press() -> None:
    styles = {
        state: element.get("style")
        for state in ("rejected", "expired", "refused")
        for block in card(views.STATES[state]()).blocks
        for element in block.get("elements", ())
        if element.get("action_id") == ids.REQUEST_AGAIN
    }
    assert styles == {"rejected": None, "expired": "primary", "refused": None}


def test_a_reason_is_said_once() -> None:
    told = words(card(views.STATES["owned by an operator"]()))
    assert told.count("Rollout shop/api owns these pods") == 1


def test_a_declared_incident_without_target_does_not_pretend_to_collect() -> None:
    told = words(card(views.view(incident=views.incident(declared_by="person:1", target=None, investigated_at=None))))
    assert "being collected" not in told


def test_what_does_not_fit_is_cut_from_the_small_print_first() -> None:
    """Title, state and buttons stay, whatever else has to go."""
    from bot.slack.cards.card import _fit  # noqa: PLC0415 - a guard behind the caps of the parts

    head = [blocks.header("t"), blocks.section("state")]
    row = blocks.actions("b", [blocks.button(ids.MORE, "More", "i:1")])
    many = [block for _ in range(6) for block in (blocks.section("x" * 2500), blocks.context("y" * 1900))]
    kept = _fit([*head, *many, row])
    assert kept[:2] == head
    assert kept[-1] == row
    assert blocks.characters(kept) <= blocks.MESSAGE_CHARACTERS
    assert sum(block["type"] == "section" for block in kept) > 3


def test_an_unknown_way_of_closing_is_shown_as_it_is() -> None:
    closed = views.incident(state=IncidentState.RESOLVED, resolved_at=views.NOW, resolution="by magic")
    assert "by magic" in words(card(views.view(incident=closed)))


def test_a_resolved_card_tells_of_an_action_without_a_verdict() -> None:
    closed = views.incident(state=IncidentState.RESOLVED, resolved_at=views.NOW, resolution="person")
    made = views.running()
    for verification, told in ((made.verification, "running · 4/6 updated"), (None, "running")):
        shown = views.view(
            incident=closed, proposals=made.proposals, execution=made.execution, verification=verification
        )
        assert told in words(card(shown))


def test_more_people_than_may_approve_is_said_rather_than_waited_for() -> None:
    alone = views.proposal(quorum=2, approvers=("U0ANA",))
    told = words(card(views.view(proposals=(alone,))))
    assert "Needs 2 people, and only <@U0ANA> may approve" in told


def test_a_card_with_something_to_approve_says_that_writes_are_frozen_by_whom_and_why() -> None:
    frozen = ("person:7", "database migration", views.NOW - timedelta(minutes=3))
    view = replace(views.STATES["proposed"](), frozen=frozen, people={"person:7": "U0LI"})
    told = words(card(view))
    assert "Writes are frozen" in told
    assert "<@U0LI>: “database migration”" in told
    assert "frozen" not in words(card(views.STATES["proposed"]()))


def test_what_has_no_pods_to_count_is_told_in_words() -> None:
    """A Job, a node or a claim has no numbers of a rollout; the same words stand where those would."""
    view = views.STATES["running"]()
    assert view.verification is not None
    told = replace(view.verification, progress={"told": "nightly-1 is running for 40 s"})
    message = card(replace(view, verification=told))
    assert "running · nightly-1 is running for 40 s" in words(message)
    assert "updated" not in words(message)
    soaking = replace(told, rolled_out_at=view.now)
    assert "done · nightly-1 is running for 40 s · watching for" in words(card(replace(view, verification=soaking)))
