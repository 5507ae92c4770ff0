"""The steps of one proposal: what each would do, which are done and with what verdict, which are not and why."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.execution import Execution
from bot.domain.proposal import Halt, Proposal
from bot.domain.verification import Verdict, Verification
from bot.slack.cards import blocks
from bot.slack.cards.view import CardView, Phase, executed_proposal, phase_of
from bot.slack.message import Block
from bot.slack.mrkdwn import DASH, moment, safe, sentence

_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.MEASURING: "…"}
RULE = "Each begins only if the one before it passes; at the first that doesn't I stop and ask anew."


def planned(proposal: Proposal) -> list[str]:
    """A line for each step before anybody pressed; nothing where there is one."""
    if not proposal.steps:
        return []
    rows = []
    for number, step in enumerate(proposal.steps, 1):
        facts = f"\n      {safe(step.text.facts, 200)}" if step.text.facts else ""
        rows.append(f"*{number}*  {safe(step.text.headline, 160)}{facts}")
    return [*rows, RULE]


def step_blocks(view: CardView) -> list[Block]:
    """What became of each step of the proposal that is carried out; nothing where it has one."""
    proposal = executed_proposal(view)
    if proposal is None or not proposal.steps:
        return []
    return [blocks.section("\n".join(_lines(view, proposal)), 1800)]


def unbegun(view: CardView) -> bool:
    """Whether a step is left that a person could still stop."""
    proposal, run = executed_proposal(view), view.execution
    if proposal is None or run is None or not proposal.steps or proposal.halt or phase_of(view) is not Phase.RUNNING:
        return False
    return bool(proposal.left) or run.intent_at is None


def _lines(view: CardView, proposal: Proposal) -> Iterator[str]:
    runs = {run.step: (run, check) for run, check in view.earlier}
    if view.execution is not None:
        runs[view.execution.step] = (view.execution, view.verification)
    over = bool(proposal.halt) or phase_of(view) is not Phase.RUNNING
    for number in range(len(proposal.steps)):
        yield _row(view, proposal, number, runs.get(number), over=over)
    if proposal.halt not in {Halt.NONE, Halt.FAILED}:  # how a step failed stands on the card already
        yield f"Stopped there: {sentence(safe(proposal.stopped, 400))}"


def _row(
    view: CardView, proposal: Proposal, number: int, ran: tuple[Execution, Verification | None] | None, *, over: bool
) -> str:
    text = proposal.steps[number].text
    named, done = f"*{number + 1}*  {safe(text.headline, 160)}", f"*{number + 1}*  {safe(text.done, 160)}"
    if ran is None:
        return f"{DASH} {named} · not done" if over else f"… {named} · if step {number} passes"
    run, check = ran
    if check is None:
        return f"… {named}" if run.in_flight else f"✗ {named} · {run.state}"
    if check.verdict is Verdict.MEASURING:
        return f"… {done} · being measured"
    at = f" {moment(check.settled_at, view.now)}" if check.settled_at else ""
    return f"{_MARKS.get(check.verdict, DASH)} {done} · {str(check.verdict).upper()}{at}"
