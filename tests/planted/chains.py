"""Bugs of several steps under one approval: what would go on where it must stop, twice, or with nobody asked."""

from __future__ import annotations

from tests.planted.bug import Bug

FLOW = "tests/integration/workflow/test_chains.py"
APPROVED = "tests/integration/workflow/test_chains_approved.py"
CRASHES = "tests/anomalies/test_crashes_between_steps.py"
DIGESTS = "tests/unit/domain/test_steps.py"
WORDS = "tests/unit/domain/test_steps.py"

CHAINS_PY = "bot/workflow/chains.py"
FACTS_PY = "bot/workflow/facts.py"
ENTITLED_PY = "bot/workflow/entitled.py"

BUGS = (
    Bug(
        name="evicted-whatever-came-of-the-dump",
        why="The pod is ended and nothing is kept of what it knew: the dump's verdict was no PASS.",
        file=CHAINS_PY,
        old="    if verdict is not Verdict.PASS or not proposal.left or proposal.halt:\n",
        new="    if not proposal.left or proposal.halt:\n",
        tests=(f"{FLOW}::test_a_verdict_that_is_no_pass_ends_it",),
    ),
    Bug(
        name="stop-is-not-heard",
        why="Somebody pressed Stop, was told that it is stopped, and the pod is evicted.",
        file=CHAINS_PY,
        old=" or not proposal.left or proposal.halt:\n        return False\n    incident",
        new=" or not proposal.left:\n        return False\n    incident",
        tests=(f"{FLOW}::test_anybody_may_stop_what_is_left_and_strangers_may_not",),
    ),
    Bug(
        name="stop-is-not-heard-at-the-claim",
        why="The same where the next step waits for its claim already.",
        file="bot/workflow/execute.py",
        old="    if proposal.halt:\n",
        new="    if proposal.halt and not proposal.step:\n",
        tests=(f"{FLOW}::test_a_step_that_waits_for_its_claim_is_stopped_and_one_that_runs_is_not",),
    ),
    Bug(
        name="digest-of-the-first-step-alone",
        why="What is approved says dump; what follows it could be exchanged afterwards.",
        file="bot/domain/proposal.py",
        old="    if then:\n",
        new="    if not then:\n",
        tests=(DIGESTS,),
    ),
    Bug(
        name="approved-as-the-first-step",
        why="Whoever may approve dumps alone has a pod evicted, against the rule that names others for that.",
        file=ENTITLED_PY,
        old="    return ruled.narrowed(ctx, incident, proposal.actions, reading.target, reading.state)\n",
        new="    return ruled.narrowed(ctx, incident, proposal.actions[:1], reading.target, reading.state)\n",
        tests=(
            f"{APPROVED}::test_a_rule_about_a_later_step_that_came_since_counts_at_the_press_and_at_the_first_claim",
        ),
    ),
    Bug(
        name="own-request-approved-as-the-first-step",
        why="SELF_APPROVE names dumps, and so somebody evicts a pod with nobody else asked.",
        file=ENTITLED_PY,
        old="    for listed, action in product(lists, proposal.actions):\n",
        new="    for listed, action in product(lists, proposal.actions[:1]):\n",
        tests=(f"{APPROVED}::test_ones_own_request_takes_somebody_else_unless_every_step_may_be_self_approved",),
    ),
    Bug(
        name="later-steps-for-ever",
        why="A bot that was down for a day goes on with yesterday's second step.",
        file=FACTS_PY,
        old="        return min(begun + lasts, proposal.decided_at + STEPS_WITHIN)\n",
        new="        return begun + 100 * lasts\n",
        tests=(f"{FLOW}::test_what_happens_between_the_steps_ends_it",),
    ),
    Bug(
        name="an-hour-from-each-step",
        why="Each step gives the approval as long again, and nobody knows any more what they approved.",
        file=FACTS_PY,
        old="        return min(begun + lasts, proposal.decided_at + STEPS_WITHIN)\n",
        new="        return begun + lasts\n",
        tests=(f"{FLOW}::test_an_approval_is_good_for_an_hour_whatever_the_setting_and_the_steps_before",),
    ),
    Bug(
        name="another-pod-is-evicted",
        why="The pod that was dumped goes on, and a healthy one is ended.",
        file="bot/workflow/drafted.py",
        old="        if takes.keys() & wanted.keys():\n",
        new="        if takes.keys():\n",
        tests=(f"{FLOW}::test_the_second_step_begins_once_the_first_has_passed",),
    ),
    Bug(
        name="only-the-first-step-is-asked-of-policy",
        why="A rule forbids evictions, the card offers one all the same, and the dump is taken for nothing.",
        file="bot/workflow/steps.py",
        old="        found += facts.check(tx, ctx, reading, incident, one.action, point, one)\n",
        new="        found += facts.check(tx, ctx, reading, incident, proposal.action, point, proposal)\n",
        tests=(f"{APPROVED}::test_every_step_is_asked_of_policy_before_anybody_may_press",),
    ),
    Bug(
        name="a-change-before-a-change",
        why="A restart, then a rollback of what nobody was shown, under one press.",
        file="bot/domain/mitigation.py",
        old="for one in actions[:-1] if not traits_of(one).looks)",
        new="for one in actions[:-1] if not traits_of(one).kinds)",
        tests=(WORDS, f"{APPROVED}::test_what_can_not_be_steps_of_one_proposal_is_refused"),
    ),
    Bug(
        name="a-restored-store-goes-on",
        why="A copy of last night is put back, and its second step is carried out today.",
        file="bot/restored.py",
        old="proposal, proposal.left, Halt.RESTORED, WHY, now)",
        new="proposal, (), Halt.RESTORED, WHY, now)",
        tests=(f"{APPROVED}::test_a_store_that_was_put_back_goes_on_with_nothing",),
    ),
    Bug(
        name="the-next-step-is-not-owed",
        why="The first step passes, the card says that the next begins, and it never does.",
        file=CHAINS_PY,
        old="    due.owe(tx, Stage.EXECUTE, begun.id, now)\n",
        new="    due.forget(tx, Stage.EXECUTE, begun.id)\n",
        tests=(f"{FLOW}::test_the_second_step_begins_once_the_first_has_passed",),
    ),
    Bug(
        name="a-clock-that-is-set-ends-a-later-step",
        why="The clock of the machine is put right while a dump is taken, and the approval of what follows is over.",
        file="bot/storage/redate.py",
        old='    ("executions", "id", ("created_at",), _OPEN),\n',
        new="",
        tests=(f"{CRASHES}::test_a_clock_that_is_set_between_the_steps_ends_no_approval",),
    ),
)
