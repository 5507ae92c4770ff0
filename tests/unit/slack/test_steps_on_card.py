"""Several steps under one approval, drawn: what each would do, which are done, which aren't and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.execution import ExecutionState, Standing
from bot.domain.proposal import Halt, ProposalState, ProposalText, Step
from bot.domain.verification import Verdict
from bot.sandbox.slack.validation import check
from bot.slack import ids, modals
from bot.slack.cards import CardView, card
from bot.slack.mrkdwn import DASH
from tests.unit.slack import card_views as views
from tests.unit.slack.test_card_states import buttons, words
from tests.unit.slack.test_hostile_text import HOSTILE, marked

DUMP = ProposalText(
    "Take a heap dump of pod api-1 (Deployment shop/api)", "Took a heap dump of pod api-1 (shop/api)", "heap dump",
    facts="pod api-1 · container api · nothing is restarted",
)  # fmt: skip
EVICT = ProposalText(
    "Evict pod api-1 of Deployment shop/api", "Evicted pod api-1 of shop/api", "evict",
    facts="1 of 6 pods, 5 ready · no disruption budget · dry run ok",
)  # fmt: skip
STEPS = (Step("heap_dump", {"pod": "api-1"}, DUMP), Step("evict", {"pod": "api-1", "uid": "u"}, EVICT))
WHOLE = ProposalText(
    f"{DUMP.headline}, then evict pod api-1 of Deployment shop/api", "", "heap dump, then evict",
    consequence="Writes the heap. Then, if that passes: ends pod api-1.", rationale="It shows what fills the memory.",
)  # fmt: skip


def offered(state: ProposalState = ProposalState.PENDING, **changes: Any) -> Any:
    return views.proposal(state, action="heap_dump", text=WHOLE, steps=STEPS, **changes)


def proposed() -> CardView:
    return views.view(proposals=(offered(),))


def dumping(**changes: Any) -> CardView:
    """The first step is under way."""
    run = views.execution(action="heap_dump", intent_at=views.NOW)
    return replace(
        views.running(), proposals=(offered(ProposalState.APPROVED, **changes),), execution=run, verification=None
    )


def evicting(
    state: ExecutionState = ExecutionState.PENDING, verdict: Verdict | None = None, **changes: Any
) -> CardView:
    """The first step has passed, the second is this far."""
    first = views.execution(ExecutionState.SUCCEEDED, action="heap_dump", in_flight=False)
    run = views.execution(state, id=6, step=1, action="evict", in_flight=state is not ExecutionState.FAILED, **changes)
    told = views.verification(verdict) if verdict else None
    return replace(dumping(), execution=run, verification=told, earlier=((first, views.verification(Verdict.PASS)),))


def stopped(halt: Halt, why: str) -> CardView:
    found = evicting(ExecutionState.FAILED, outcome="Writes are frozen.", standing=Standing.UNTOUCHED)
    return replace(found, proposals=(offered(ProposalState.APPROVED, halt=halt, stopped=why),))


DRAWN = {
    "proposed": (proposed, [
        "*Proposed*  *Heap dump, then evict: shop/api*", "*1*  Take a heap dump of pod api-1", "nothing is restarted",
        "*2*  Evict pod api-1", "dry run ok", "Each begins only if the one before it passes",
    ]),
    "the first runs": (dumping, [
        "… *1*  Take a heap dump", "… *2*  Evict pod api-1 of Deployment shop/api · if step 1 passes",
    ]),
    "the second waits": (evicting, [
        "✓ *1*  Took a heap dump of pod api-1 (shop/api) · PASS", "… *2*  Evict pod api-1",
    ]),
    "the second is measured": (lambda: evicting(ExecutionState.SUCCEEDED, Verdict.MEASURING), [
        "… *2*  Evicted pod api-1 of shop/api · being measured",
    ]),
    "both passed": (lambda: evicting(ExecutionState.SUCCEEDED, Verdict.PASS), [
        "✓ *1*  Took a heap dump", "✓ *2*  Evicted pod api-1 of shop/api · PASS",
    ]),
    "the second failed": (lambda: evicting(ExecutionState.SUCCEEDED, Verdict.FAIL), [
        "✓ *1*  Took", "✗ *2*  Evicted pod api-1 of shop/api · FAIL",
    ]),
    "frozen between": (lambda: stopped(Halt.FAILED, "not applied: Writes are frozen."), [
        "✓ *1*  Took", "✗ *2*  Evict pod api-1", "Writes are frozen.",
    ]),
    "stopped by a person": (lambda: dumping(halt=Halt.PERSON, stopped="a person stopped it"), [
        f"{DASH} *2*  Evict pod api-1", "not done", "Stopped there: a person stopped it.",
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_the_card_says_which_steps_are_done_and_which_are_not(name: str) -> None:
    made, sentences = DRAWN[name]
    message = card(made())
    assert check.message_blocks(list(message.blocks)) == []
    told = words(message)
    for sentence in sentences:
        assert sentence in told, told


def test_what_is_left_can_be_stopped_as_long_as_something_is_left() -> None:
    assert ids.STOP in buttons(card(dumping()))
    assert ids.STOP in buttons(card(evicting()))
    assert ids.STOP not in buttons(card(evicting(ExecutionState.RUNNING, intent_at=views.NOW)))
    assert ids.STOP not in buttons(card(dumping(halt=Halt.PERSON, stopped="a person stopped it")))
    assert ids.STOP not in buttons(card(views.running())), "a proposal of one step has nothing left"


def test_a_reason_that_the_outcome_says_already_is_not_said_again() -> None:
    told = words(card(stopped(Halt.FAILED, "not applied: Writes are frozen.")))
    assert told.count("Writes are frozen.") == 1


def test_a_step_that_is_unknown_is_no_success() -> None:
    told = words(card(evicting(ExecutionState.UNKNOWN)))
    assert "✓ *2*" not in told
    assert "*UNKNOWN*" in told


def test_more_has_every_step_and_how_long_the_approval_is_good_for() -> None:
    text = replace(WHOLE, policy="Needs 1 of 2 approvers · a later step begins within 15 min of the verdict before it")
    shown = str(modals.more(views.incident(), (replace(offered(), text=text),), ()))
    for sentence in ("Take a heap dump of pod api-1", "Evict pod api-1", "dry run ok", "within 15 min of the verdict"):
        assert sentence in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_pod_breaks_it(name: str) -> None:
    text = HOSTILE[name]
    flooded = ProposalText(text, text, text, text, text, text)
    steps = (Step("heap_dump", {}, flooded), Step("heap_dump", {}, flooded), Step("evict", {}, flooded))
    for view in (proposed(), dumping(stopped=text), evicting(), evicting(ExecutionState.FAILED, outcome=text)):
        message = card(
            replace(view, proposals=(replace(view.proposals[0], steps=steps, text=flooded, approvers=("U0ANA",)),))
        )
        drawn = "\n".join(marked(message.blocks))
        assert check.message_blocks(list(message.blocks)) == []
        for mark in ("<!channel", "<!here", "<@U0EVE", "<!subteam", "<https://evil", "\u202e", "\x00"):
            assert mark not in drawn
