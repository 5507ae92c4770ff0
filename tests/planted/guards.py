"""Bugs that take a whole kind of guard away, for one verb or for all: the table of all guards and verbs sees them."""

from tests.planted.bug import Bug

TABLE = "tests/integration/guards/test_guards.py"
FORBIDDEN = "tests/integration/guards/test_forbidden.py"
FACTS = "bot/workflow/facts.py"
GUARDRAILS = "bot/policy/guardrails.py"

BUGS = (
    Bug(
        name="dry-run-only-told",
        why="The card of a volume, a node, a Job or a debug container says that the dry run is ok, and nobody asked.",
        file="bot/mitigations/dry_run.py",
        old='    await send(cluster, planned, dry_run=True)\n    return ""\n',
        new='    return ""\n',
        tests=("tests/integration/workflow/test_dry_runs_of_verbs.py",),
    ),
    Bug(
        name="how-much-at-once-not-asked",
        why="Everything is scaled to zero, and evictions don't wait for the pods that end already.",
        file=FACTS,
        old="    decision += _radius(tx, ctx, reading, action, wanted, undo=how.undo)\n",
        new="",
        tests=(TABLE,),
    ),
    Bug(
        name="policy-of-yaml-not-asked",
        why="The freeze window before the holidays is on, and Fettle restarts.",
        file=FACTS,
        old=(
            "    decision += ruled.check(tx, ctx, incident, action, reading.target, reading.state, now, "
            "undo=how.undo)\n"
        ),
        new="",
        tests=(TABLE,),
    ),
    Bug(
        name="nodes-have-no-guards",
        why="The last node that takes pods is cordoned, and nothing starts anywhere.",
        file=GUARDRAILS,
        old="        reasons += node_policy.check(action, state, facts.nodes, now)\n",
        new="",
        tests=(TABLE,),
    ),
    Bug(
        name="things-have-no-guards",
        why="A Job that runs well is deleted, and one that nobody called safe is run a second time.",
        file=GUARDRAILS,
        old="else things.check(action, state)\n",
        new="else []\n",
        tests=(TABLE,),
    ),
    Bug(
        name="owner-not-asked",
        why="A Rollout's Deployment is restarted under its feet, and its controller puts it back.",
        file=GUARDRAILS,
        old="    if state.owner:\n",
        new="    if state.owner and not target.uid:\n",
        tests=(TABLE,),
    ),
    Bug(
        name="run-beside-the-same-cronjob's",
        why="Two failed runs of one CronJob are both repeated, and the invoices go out twice.",
        file=FACTS,
        old='.params.get("cronjob_uid") == cron.uid:\n',
        new='.params.get("cronjob") == cron.uid:\n',
        tests=(TABLE,),
    ),
    Bug(
        name="role-of-nodes-forgotten",
        why="The 403 of a cordon names no role, and nobody knows what to bind.",
        file="bot/kube/errors.py",
        old='    ("patch", "nodes"): "fettle-cordon",\n',
        new="",
        tests=(FORBIDDEN,),
    ),
    Bug(
        name="press-of-the-second-loses-the-first",
        why="The same person presses twice, and a volume grows by one pair of eyes.",
        file="bot/workflow/decide.py",
        old="    if any(one.principal == principal.id for one in proposals.approvals(tx, proposal.id)):\n",
        new="    if any(one.principal == principal.name for one in proposals.approvals(tx, proposal.id)):\n",
        tests=(TABLE,),
    ),
    Bug(
        name="a-part-is-told-as-nothing",
        why="One pod is gone, and the card says that nothing was done: nobody looks at the gap.",
        file="bot/domain/decision.py",
        old='.replace(NOTHING_DONE, "Nothing more was done.")',
        new="",
        tests=("tests/integration/workflow/test_evict_set.py",),
    ),
)
