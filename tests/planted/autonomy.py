"""Bugs in acting without a person: done untold, unstopped, too often, or on what a person should have looked at."""

from tests.planted.bug import Bug

ALONE = "bot/workflow/alone.py"
RULES = "bot/workflow/autonomy.py"
POLICY = "bot/policy/autonomy.py"
WORK = "tests/integration/workflow/test_autonomy.py"
UNIT = "tests/unit/policy/test_autonomy.py"

BUGS = (
    Bug(
        name="alone-untold",
        why="Slack is away, nobody can know of it or stop it, and Fettle acts all the same.",
        file=ALONE,
        old='    if outbox.posted(tx, f"thread:{incident.id}:{_told(proposal)}") is None:\n'
        "        due.later(tx, work, now + LOOK)\n        return None\n",
        new="",
        tests=(f"{WORK}::test_without_a_message_in_the_thread_nothing_is_done",),
    ),
    Bug(
        name="alone-at-once",
        why="The delay in which somebody could stop it is over before it begins.",
        file=ALONE,
        old='now + timedelta(seconds=int(work.params["delay"]))',
        new="now",
        tests=(f"{WORK}::test_it_acts_after_the_delay_and_says_before_and_after_by_whose_word",),
    ),
    Bug(
        name="alone-not-asked-again",
        why="Settings and playbook took it back during the delay, and it is done.",
        file=ALONE,
        old="    decision += autonomy.still(tx, ctx, proposal, name, now, reading.state)\n",
        new="",
        tests=(f"{WORK}::test_what_is_against_it_when_the_delay_is_over_leaves_it_to_people",),
    ),
    Bug(
        name="alone-past-the-guards",
        why="Writes are frozen or the breaker is open, and what nobody approved is granted.",
        file=ALONE,
        old="facts.check(tx, ctx, reading, incident, proposal.action, guardrails.Point.APPROVE, proposal)\n",
        new="Decision()\n",
        tests=(f"{WORK}::test_what_is_against_it_when_the_delay_is_over_leaves_it_to_people",),
    ),
    Bug(
        name="alone-stop-forgets-nothing",
        why="Somebody pressed Stop, was told that it is stopped, and it is done.",
        file=ALONE,
        old="    due.forget(tx, Stage.ACT_ALONE, proposal.id)\n    autonomy.stop(tx, incident)\n",
        new="",
        tests=(f"{WORK}::test_anybody_may_stop_it_and_then_it_waits_for_people",),
    ),
    Bug(
        name="alone-stopped-for-one-proposal",
        why="The next look at the same incident acts, though somebody stopped it.",
        file=ALONE,
        old="    autonomy.stop(tx, incident)\n",
        new="",
        tests=(f"{WORK}::test_who_stopped_it_is_not_asked_again_in_this_incident",),
    ),
    Bug(
        name="alone-at-the-claim-by-anybody",
        why="The playbook's word counts at the claim whatever the playbook says by then.",
        file="bot/workflow/entitled.py",
        old="            if not alone.allowed:\n                return alone\n",
        new="",
        tests=(f"{WORK}::test_the_claim_asks_the_same_again",),
    ),
    Bug(
        name="alone-again-and-again",
        why="What was left to people once is done without them when it is offered again.",
        file="bot/workflow/propose.py",
        old='alone=plan.alone if "requested_by" not in params else None',
        new="alone=plan.alone",
        tests=(f"{WORK}::test_a_target_that_changed_is_offered_to_people_afresh",),
    ),
    Bug(
        name="alone-when-half-sure",
        why="A finding of medium confidence is enough to act at night with nobody awake.",
        file=POLICY,
        old="    elif case.confidence is not Confidence.HIGH:\n",
        new="    elif case.confidence is Confidence.LOW:\n",
        tests=(UNIT,),
    ),
    Bug(
        name="alone-without-limit",
        why="A playbook that allows one act an hour does two.",
        file=POLICY,
        old="len(recent) >= case.hourly:",
        new="len(recent) > case.hourly:",
        tests=(UNIT,),
    ),
    Bug(
        name="alone-though-people-are-named",
        why="A team wrote on its workload whom to ask, and nobody is asked.",
        file=RULES,
        old="    return autonomy.check(case, now) + _annotated(state) + wanted\n",
        new="    return autonomy.check(case, now) + wanted\n",
        tests=(f"{WORK}::test_what_is_against_it_when_the_delay_is_over_leaves_it_to_people",),
    ),
)
