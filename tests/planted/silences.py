"""Bugs in silencing: too wide, too long, twice, by anybody, or called set or ended when nobody knows."""

from tests.planted.bug import Bug

STAGE = "bot/workflow/silencing.py"
WATCH = "bot/workflow/silence_watch.py"
ASKED = "bot/workflow/silences.py"
MATCHERS = "bot/domain/matchers.py"
WORK = "tests/integration/workflow/test_silencing.py"
UNKNOWN = "tests/integration/workflow/test_silencing_unknown.py"
ENDS = "tests/integration/workflow/test_silencing_ends.py"
UNIT = "tests/unit/domain/test_matchers.py"

BUGS = (
    Bug(
        name="silence-measured-again-never-looks",
        why="Measure again takes the verdict back, and nothing looks: the card says for ever that it is being checked.",
        file=WATCH,
        old="""    due.owe(tx, Stage.SILENCE, silence.id, now, {"gone": 0, "good": 0})


async def watch""",
        new="""    due.forget(tx, Stage.SILENCE, silence.id)


async def watch""",
        tests=(f"{UNKNOWN}::test_what_was_inconclusive_is_measured_again_by_whoever_asks",),
    ),
    Bug(
        name="silence-unknown-is-failed",
        why="The answer got lost, the silence holds, and the card says that there is none; nothing ends it.",
        file=STAGE,
        old="        await ctx.store.transact(silences.note, silence.id, str(error))\n"
        "        return  # the row is owed already: it is looked for when the request can't arrive any more\n",
        new="        await ctx.store.transact(_not_set, silence.id, str(error), ctx.clock(), lane=Lane.PRESS)\n"
        "        return\n",
        tests=(f"{UNKNOWN}::test_a_lost_answer_is_looked_for_and_nothing_is_sent_again",),
    ),
    Bug(
        name="silence-looked-for-too-early",
        why="A request that is still on its way is called not set, arrives, and holds for hours.",
        file=STAGE,
        old="now + timedelta(seconds=WITHIN) + ARRIVAL_MARGIN, params",
        new="now, params",
        tests=(f"{UNKNOWN}::test_it_is_not_looked_for_while_the_request_may_still_arrive",),
    ),
    Bug(
        name="silence-freeze-read-once",
        why="The kill switch is turned on between the claim and the request, and the silence is set all the same.",
        file=STAGE,
        old="    if against:\n        await ctx.store.transact(_not_set, silence.id, against,",
        new="    if False:\n        await ctx.store.transact(_not_set, silence.id, against,",
        tests=(f"{WORK}::test_a_freeze_between_the_claim_and_the_request_stops_it",),
    ),
    Bug(
        name="silence-ended-while-frozen",
        why="Nothing is to be changed, and Fettle goes on changing what Alertmanager holds.",
        file=STAGE,
        old="    return policy.may_write(ctx.settings.MODE, freeze.on, freeze.sentence).sentence\n\n\ndef _may_end",
        new='    return ""\n\n\ndef _may_end',
        tests=(f"{ENDS}::test_what_is_frozen_is_not_ended_and_told_until_it_may_be",),
    ),
    Bug(
        name="silence-outlives-its-incident",
        why="The incident is resolved, the next one on the same alerts pages nobody.",
        file="bot/workflow/close.py",
        old="    quiet.incident_ended(tx, incident.id, now)\n",
        new="",
        tests=(f"{ENDS}::test_it_ends_when_the_alerts_end",),
    ),
    Bug(
        name="silence-end-wanted-is-forgotten",
        why="The incident ended while nobody knew whether the silence was set; once it is known, it holds for hours.",
        file=WATCH,
        old="    if wanted_by:\n        silences.end(tx, silence_id, wanted_by, why)\n",
        new="",
        tests=(f"{ENDS}::test_an_end_that_is_wanted_before_it_is_known_to_be_set_comes_when_it_is",),
    ),
    Bug(
        name="silence-not-listed-is-over",
        why="One of two Alertmanagers doesn't know the silence yet; it is called over, and never ended.",
        file=WATCH,
        old="if seen.listed and not seen.holding else 0",
        new="if not seen.holding else 0",
        tests=(f"{UNKNOWN}::test_an_alertmanager_that_lost_what_it_knew_makes_it_unknown_not_over",),
    ),
    Bug(
        name="silence-passes-at-one-look",
        why="One of several Alertmanagers says that it holds, and the others page.",
        file=WATCH,
        old="    if good >= LOOKS:\n        return Verdict.PASS\n",
        new="    if good:\n        return Verdict.PASS\n",
        tests=(f"{WORK}::test_one_good_look_is_no_verdict",),
    ),
    Bug(
        name="silence-unmeasured-passes",
        why="Alertmanager doesn't answer, and the card says that the alerts are quiet.",
        file=WATCH,
        old="silences.measured(tx, silence_id, Verdict.INCONCLUSIVE, (unseen,), silence.ids)",
        new="silences.measured(tx, silence_id, Verdict.PASS, (unseen,), silence.ids)",
        tests=(f"{UNKNOWN}::test_an_alertmanager_that_falls_silent_makes_it_inconclusive_and_the_card_says_so",),
    ),
    Bug(
        name="silence-of-strangers",
        why="Alerts of another workload are quiet too, and nobody was shown that.",
        file=ASKED,
        old="    if strangers:\n",
        new="    if False:\n",
        tests=(f"{WORK}::test_what_would_hide_another_workload_is_refused",),
    ),
    Bug(
        name="silence-not-as-shown",
        why="Other alerts are silenced than the person saw in the form.",
        file=ASKED,
        old="    if wish.digest != made.digest or incident",
        new="    if incident",
        tests=(f"{WORK}::test_other_alerts_than_were_shown_are_another_silence",),
    ),
    Bug(
        name="silence-by-anybody",
        why="Whoever is in the channel turns the pager off.",
        file=ASKED,
        old="    decision += guards.may(tx, ctx, incident, principal, narrowing)\n",
        new="",
        tests=(f"{WORK}::test_who_is_no_approver_is_told_whom_to_ask",),
    ),
    Bug(
        name="silence-unquoted",
        why="A dot in a pod's name matches any letter, and a label value of .* silences everything.",
        file=MATCHERS,
        old='    return _META.sub(r"\\\\\\g<0>", text)\n',
        new="    return text\n",
        tests=(UNIT,),
    ),
    Bug(
        name="silence-lost-sight-of-the-object",
        why="Alerts that name their objects in different labels are matched by alertname and namespace alone.",
        file=MATCHERS,
        old="    _sees_all(alerts, kept.keys())\n",
        new="",
        tests=(UNIT,),
    ),
    Bug(
        name="silence-without-matchers-covers-all",
        why="An empty set of matchers means everything.",
        file=MATCHERS,
        old="    return bool(every) and all(",
        new="    return all(",
        tests=(UNIT,),
    ),
    Bug(
        name="silence-tells-a-secret",
        why="A label that holds a password is sent on, shown in the form and kept in the audit.",
        file=MATCHERS,
        old="    return redact(value) == value and redact(shown) == shown\n",
        new="    return bool(shown)\n",
        tests=(UNIT,),
    ),
)
