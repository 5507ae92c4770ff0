"""Bugs in what a team leaves observe mode by: an agreement that isn't one, acts of nobody's, looks without end."""

from tests.planted.bug import Bug

SEEN = "bot/kube/aftermath.py"
LOOK = "tests/integration/workflow/test_look_back.py"
ADDED = "tests/unit/domain/test_shadow.py"
REPORT = "tests/integration/shadow_cli/test_report.py"

BUGS = (
    Bug(
        name="doing-nothing-agrees",
        why="What resolved by itself counts for the proposal: every playbook looks fit to act.",
        file="bot/domain/shadow.py",
        old='        Outcome.NOTHING: "nothing",\n',
        new='        Outcome.NOTHING: "same",\n',
        tests=(ADDED, REPORT),
    ),
    Bug(
        name="any-act-agrees",
        why="People rolled back, Fettle would have restarted, and the report calls it the same.",
        file="bot/domain/aftermath.py",
        old="any(act.action == action for act in acts)",
        new="any(act.action for act in acts)",
        tests=(ADDED, LOOK),
    ),
    Bug(
        name="percent-of-all-incidents",
        why="The percentage rests on incidents in which nobody did anything.",
        file="bot/domain/shadow.py",
        old="        return self.same + self.other\n",
        new="        return self.proposed\n",
        tests=(ADDED, REPORT),
    ),
    Bug(
        name="acts-from-before-the-proposal-count",
        why="A restart of an hour ago, which did not help, counts as an agreement.",
        file=SEEN,
        old="    if not at or at == before.restarted_at or _ours(obj, before):\n",
        new="    if not at or _ours(obj, before):\n",
        tests=(LOOK,),
    ),
    Bug(
        name="autoscaler-taken-for-a-person",
        why="The autoscaler's size is told as what people did.",
        file=SEEN,
        old="    if before.scaled and not by_hand:\n",
        new="    if before.scaled and by_hand:\n",
        tests=(LOOK,),
    ),
    Bug(
        name="fettles-own-restart-taken-for-a-persons",
        why="Fettle's restart agrees with Fettle's proposal.",
        file="bot/domain/aftermath.py",
        old="    if executed:\n",
        new="    if executed and not acts:\n",
        tests=(ADDED,),
    ),
    Bug(
        name="looks-back-for-ever",
        why="A cluster that is gone is asked each minute, for each incident that ever was.",
        file="bot/workflow/look_back.py",
        old="        if work.attempts < TRIES:\n",
        new="        if work.attempts:\n",
        tests=(LOOK,),
    ),
    Bug(
        name="looks-back-at-what-is-open-again",
        why="The incident was reopened; half an answer is written down as the whole one.",
        file="bot/workflow/look_back.py",
        old="    if incident.open or proposal is None or before is None",
        new="    if proposal is None or before is None",
        also=(("not due.done(tx, work) or incidents.get(tx, work.subject).open:", "not due.done(tx, work):"),),
        tests=(LOOK,),
    ),
)
