"""Bugs in whose word counts: the approver's own rights in the cluster, and who is on call."""

from tests.planted.bug import Bug

VOUCHING = "bot/workflow/vouching.py"
JUDGED = "bot/policy/cluster_rights.py"
REVIEWS = "bot/kube/reviews.py"
RIGHTS = "tests/integration/workflow/test_own_rights.py"
TAKES = "tests/unit/mitigations/test_takes.py"
USERS = "tests/unit/settings/test_cluster_users.py"
ONCALL = "tests/integration/workflow/test_oncall.py"
PAGERDUTY = "tests/integration/oncall/test_pagerduty.py"
ROTA = "tests/unit/policy/test_rota.py"

BUGS = (
    Bug(
        name="own-rights-first-alone",
        why="One right of several is enough, so that whoever may look at a workload may have it restarted.",
        file=JUDGED,
        old="    if not needed or lacking:",
        new="    if not needed or len(lacking) == len(needed):",
        tests=(f"{RIGHTS}::test_who_may_not_is_refused_by_account_right_and_namespace",),
    ),
    Bug(
        name="own-rights-none-asked-is-all-allowed",
        why="An action whose rights aren't known is allowed to everybody.",
        file=JUDGED,
        old="    if not needed or lacking:",
        new="    if lacking:",
        tests=(f"{RIGHTS}::test_answers_older_than_five_seconds_count_for_nothing",),
    ),
    Bug(
        name="own-rights-unanswered-is-yes",
        why="While the API server is down nobody's rights are asked, and every approver may do everything.",
        file=JUDGED,
        old="    if vouched.problem is not None:",
        new="    if vouched.problem is not None and vouched.reviews:",
        tests=(f"{RIGHTS}::test_an_api_server_that_does_not_answer_about_people_refuses",),
    ),
    Bug(
        name="own-rights-old-answers",
        why="An answer of minutes ago lets somebody act whose right was taken away since.",
        file=JUDGED,
        old="    if now - vouched.at > MAX_AGE:",
        new="    if now - vouched.at > 60 * MAX_AGE:",
        tests=(f"{RIGHTS}::test_answers_older_than_five_seconds_count_for_nothing",),
    ),
    Bug(
        name="own-rights-at-the-press-alone",
        why="Whose right is taken away after the press has the act carried out all the same.",
        file="bot/workflow/execute.py",
        old="    decision += vouching.still(tx, ctx, proposal, reading)\n",
        new="",
        tests=(f"{RIGHTS}::test_a_right_taken_away_between_press_and_claim_stops_it",),
    ),
    Bug(
        name="own-rights-of-the-last-one",
        why="Of two who have to approve only the last one is asked about at the claim.",
        file=VOUCHING,
        old="    named = rests_on(tx, proposal)\n    wanted,",
        new="    named = rests_on(tx, proposal)[-1:]\n    wanted,",
        tests=(f"{RIGHTS}::test_of_a_quorum_each_is_asked_at_the_press_and_at_the_claim",),
    ),
    Bug(
        name="own-rights-not-of-who-breaks-the-glass",
        why="Breaking the glass becomes a way round the cluster's rights.",
        file="bot/workflow/breaking.py",
        old="    against = vouching.may(ctx, proposal, readings[0], principal) if against.allowed else against\n",
        new="",
        tests=(f"{RIGHTS}::test_breaking_the_glass_overrides_no_right_and_takes_it",),
    ),
    Bug(
        name="own-rights-of-any-subresource",
        why="Whoever may patch a Deployment is asked about that instead of its scale, or the other way round.",
        file=REVIEWS,
        old='    resource, _, sub = needed.resource.partition("/")',
        new='    resource, sub = needed.resource.partition("/")[0], ""',
        tests=(f"{RIGHTS}::test_exactly_the_action_s_own_rights_are_asked_with_the_object_s_name",),
    ),
    Bug(
        name="own-rights-on-another-object",
        why="The right on any object of that name is asked, and not on the pod that is evicted.",
        file="bot/mitigations/verb.py",
        old="        return target.name if kind == plural else",
        new="        return target.name if kind else",
        tests=(f"{RIGHTS}::test_exactly_the_action_s_own_rights_are_asked_with_the_object_s_name",),
    ),
    Bug(
        name="two-people-one-cluster-user",
        why="One person with two Slack accounts is two different people to a quorum.",
        file="bot/settings_cluster_users.py",
        old="    if twice:\n",
        new="    if len(twice) > 1:\n",
        tests=(USERS,),
    ),
    Bug(
        name="on-call-by-the-last-reading",
        why="For up to three minutes after the handover who went off shift may approve, and who came may not.",
        file="bot/workflow/entitled.py",
        old="    on_call = oncall.on_at(tx, at)\n    return {",
        new="    read = [v for _, v, _ in people.groups(tx).values() if v]\n"
        "    on_call = oncall.on_at(tx, max(read, default=at))\n    return {",
        tests=(f"{ONCALL}::test_whoever_is_on_call_at_the_press_counts_to_the_second_of_the_handover",),
    ),
    Bug(
        name="on-call-at-the-claim-and-not-at-the-press",
        why="An approval is void because the shift ended in the seconds until it is carried out.",
        file="bot/workflow/entitled.py",
        old="        then = groups_of(tx, pressed_at.get(who, now))",
        new="        then = groups_of(tx, now)",
        tests=(f"{ONCALL}::test_an_approval_stands_though_the_shift_ends_before_it_is_carried_out",),
    ),
    Bug(
        name="on-call-shift-ends-inclusive",
        why="At the handover two people are on call, and one of them went home.",
        file="bot/storage/oncall.py",
        old="ShiftRow.since <= at, ShiftRow.until > at",
        new="ShiftRow.since <= at, ShiftRow.until >= at",
        tests=(f"{ONCALL}::test_whoever_is_on_call_at_the_press_counts_to_the_second_of_the_handover",),
    ),
    Bug(
        name="on-call-people-frozen-into-the-proposal",
        why="Who was on call when it was proposed is written into it, and who is at the press may not approve.",
        file="bot/policy/approvers.py",
        old="        left = tuple(dict.fromkeys((*(both or schedules), *theirs, *ours))) if left else ()",
        new="        left = tuple(dict.fromkeys((*both, *theirs, *ours))) if left else ()",
        tests=(f"{ONCALL}::test_both_lists_have_to_name_the_person",),
    ),
    Bug(
        name="on-call-failure-counts-as-a-reading",
        why="PagerDuty is down for hours, and who was on call yesterday may approve all the while.",
        file="bot/groups.py",
        old="people.group_failed, group, str(error), self._ctx.clock())",
        new="people.refreshed, group, self._ctx.clock(), str(error))",
        tests=(f"{ONCALL}::test_a_reading_older_than_three_minutes_denies_and_says_why",),
    ),
    Bug(
        name="on-call-history-thrown-away",
        why="The next reading forgets who was on call at the press, and the approved action isn't carried out.",
        file="bot/storage/oncall.py",
        old="        tx.run(ShiftRow.delete().where(mine, ShiftRow.since >= now))",
        new="        tx.run(ShiftRow.delete().where(mine))",
        tests=(f"{ONCALL}::test_an_approval_stands_though_the_shift_ends_before_it_is_carried_out",),
    ),
    Bug(
        name="pagerduty-first-page-alone",
        why="Of many on call only those of the first page may approve.",
        file="bot/integrations/pagerduty_oncall.py",
        old='            if not body.get("more") or not rows:',
        new="            if rows:",
        tests=(f"{PAGERDUTY}::test_several_schedules_and_pages_are_one_list",),
    ),
    Bug(
        name="pagerduty-of-another-schedule",
        why="Whoever is on call for anything approves for everything.",
        file="bot/integrations/pagerduty_oncall.py",
        old='            "schedule_ids[]": schedule, "include[]"',
        new='            "schedule_ids[]": "", "include[]"',
        tests=(PAGERDUTY,),
    ),
    Bug(
        name="rotation-counts-from-the-epoch",
        why="The first on the list takes over in some week, and not in the one that stands in the settings.",
        file="bot/policy/rota.py",
        old="        turn = ((day - first).days // step) % len(rotation.people)",
        new="        turn = (day.toordinal() // step) % len(rotation.people)",
        tests=(ROTA,),
    ),
    Bug(
        name="rotation-in-utc",
        why="The handover comes an hour early in winter and two in summer.",
        file="bot/policy/rota.py",
        old="    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)",
        new="    return wall.replace(tzinfo=UTC) if zone else wall",
        tests=(ROTA,),
    ),
)
