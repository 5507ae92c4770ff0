"""Bugs in how long and how closely new pods are watched, and in whose change it is that is watched."""

from tests.planted.bug import Bug

MEASURE, ROLLOUT, RESTARTS = (f"bot/verification/{name}.py" for name in ("measure", "rollout", "restarts"))
UNIT_RESTARTS = "tests/unit/verification/test_restarts.py"
UNIT_ROLLOUT = "tests/unit/verification/test_rollout.py"
ASSESS = "tests/unit/verification/test_assess.py"
SHAPES = "tests/integration/workflow/test_verify_shapes.py"

LOG_COUNTS = "bot/workflow/log_counts.py"

BUGS = (
    Bug(
        name="errors-without-a-before",
        why="A Loki that was silent at the claim makes whatever comes afterwards a pass.",
        file=LOG_COUNTS,
        old="        return replace(check, than_before=ThanBefore.NO_WORSE)\n",
        new="        return replace(check, below=math.inf)\n",
        tests=("tests/integration/workflow/test_log_counts.py",),
    ),
    Bug(
        name="errors-of-the-old-pods-count",
        why="Errors of before the rollout's end are taken for those after it, and a restart that helped fails.",
        file=LOG_COUNTS,
        old="        settle=seconds,\n",
        new="        settle=1,\n",
        tests=("tests/integration/workflow/test_log_counts.py",),
    ),
    Bug(
        name="readiness-lost-between-two-looks",
        why="A pod that isn't ready every few seconds passes, as long as it is ready whenever somebody looks.",
        file=MEASURE,
        old="        since, anew, unmade = (at, odd, at) if odd else (since, anew, unmade)\n",
        new="        anew = odd or anew\n",
        tests=(ASSESS, SHAPES),
    ),
    Bug(
        name="pods-added-late-need-no-soak",
        why="An autoscaler took the new pod away and adds others: they pass on the soak of the one that is gone.",
        file=MEASURE,
        old="        if held is not None and since is not None and held > since:\n",
        new="        if held is not None and since is not None and held > at:\n",
        tests=("tests/unit/verification/test_replicas.py",),
    ),
    Bug(
        name="another-strategy-beside-an-autoscaler",
        why="Somebody sets OnDelete while an autoscaler moves the count: taken for the autoscaler's, and passes.",
        file=ROLLOUT,
        old='    same = same and bound.strategy in {"", state.strategy}\n',
        new="",
        tests=("tests/unit/verification/test_replicas.py",),
    ),
    Bug(
        name="another-pod-of-the-same-name",
        why="A pod of a StatefulSet that is made anew again and again has no restarts, and passes.",
        file=RESTARTS,
        old='    return mark if mark.get("uid", pod.uid) == pod.uid else {}\n',
        new="    return mark\n",
        tests=(UNIT_RESTARTS, ASSESS),
    ),
    Bug(
        name="somebodys-restart-beside-an-autoscaler",
        why="A restart by hand under an autoscaler is taken for ours, and its pods for those that we looked at.",
        file=ROLLOUT,
        old='    if bound.restarted_at not in {None, state.template_annotations.get(RESTARTED_AT, "")}:\n',
        new="    if bound.restarted_at == RESTARTED_AT:\n",
        tests=(UNIT_ROLLOUT, SHAPES),
    ),
    Bug(
        name="restart-mark-not-kept",
        why="The claim doesn't remember what its write makes of the template's mark: any restart then looks like ours.",
        file="bot/workflow/execute.py",
        old="    baseline[measure.RESTARTED] = measure.restarts_at(state, request)\n",
        new="",
        tests=(f"{SHAPES}::test_beside_an_autoscaler_somebody_elses_restart_supersedes_too",),
    ),
    Bug(
        name="nothing-tried-passes",
        why="A restart of a StatefulSet whose partition keeps every pod is called good: no pod was restarted.",
        file=ROLLOUT,
        old="    if not need:\n        return Check(NAME, CheckState.UNMEASURED",
        new="    if need < 0:\n        return Check(NAME, CheckState.UNMEASURED",
        also=(
            (
                "    return need > 0 and counted(state) and ready >= need\n",
                "    return counted(state) and ready >= need\n",
            ),
        ),
        tests=(UNIT_ROLLOUT,),
    ),
    Bug(
        name="what-still-ends-is-none",
        why="Scaled to zero, and what hangs in its end goes on working on the database.",
        file="bot/verification/replicas.py",
        old="    done = done and not ending\n",
        new="",
        also=(("    if ending and not fresh:\n", "    if ending and fresh:\n"),),
        tests=("tests/unit/verification/test_replicas.py",),
    ),
    Bug(
        name="a-nodes-clock-is-trusted",
        why="A node whose clock is minutes behind says that its pods have been ready for long.",
        file=RESTARTS,
        old="    if soak.unmade is not None and at - soak.unmade < soak.length:\n",
        new="    if soak.unmade is not None and at < soak.unmade:\n",
        tests=(UNIT_RESTARTS,),
    ),
    Bug(
        name="an-older-answer-is-somebodys-change",
        why="A read from before our own write bears no mark of ours: it ends as if somebody had taken over.",
        file=ROLLOUT,
        old='    if bound.generation is not None and state.generation < bound.generation:\n        return ""',
        new='    if bound.generation is not None and state.generation < 0:\n        return ""',
        tests=(UNIT_ROLLOUT,),
    ),
    Bug(
        name="endpoints-not-asked",
        why="Pods are ready, no traffic reaches them, and the restart is called good.",
        file="bot/verification/measure.py",
        old="    if action == Action.PAUSE or not served.due(measured):\n",
        new="    if action or not served.due(measured):\n",
        tests=(f"{SHAPES}::test_pods_that_no_traffic_reaches_are_no_pass_and_the_service_is_named",),
    ),
)
