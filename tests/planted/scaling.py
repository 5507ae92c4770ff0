"""Bugs in scaling and evicting: too much at once, another pod than was meant, asked twice, or told as done."""

from tests.planted.bug import Bug

SCALE, EVICT = "bot/mitigations/scale.py", "bot/mitigations/evict.py"
RADIUS = "bot/policy/blast_radius.py"
EXECUTE_PY = "bot/workflow/execute.py"
SCALED, EVICTED = "tests/integration/workflow/test_scale.py", "tests/integration/workflow/test_evict.py"
SCALES, EVICTS = "tests/integration/kube/test_scale.py", "tests/integration/kube/test_evict.py"
AT_ONCE = "tests/unit/policy/test_blast_radius.py"
CHECKS = "tests/unit/verification/test_replicas.py"
ADMITTED = "tests/deploy/test_admission_verbs.py"

BUGS = (
    Bug(
        name="evicted-by-name-alone",
        why="A pod that was replaced meanwhile is evicted again, because it has the same name.",
        file=EVICT,
        old='            "deleteOptions": {"preconditions": {"uid": uid}},\n',
        new='            "deleteOptions": {},\n',
        tests=(EVICTS,),
    ),
    Bug(
        name="a-bare-pod-is-evicted",
        why="A pod that no controller made never comes back.",
        file=EVICT,
        old="    found = next((pod for pod in living if pod.row.name == name), None)\n",
        new="    found = await reads.pod(cluster, target.namespace, name)\n",
        tests=(f"{EVICTS}::test_a_pod_that_the_workload_did_not_make_is_never_taken",),
    ),
    Bug(
        name="an-ending-pod-counts-as-not-evicted",
        why="A crash while a pod ends slowly: it is told as not evicted, and another one goes.",
        file=EVICT,
        old="    if pod.uid != _uid(stored) or pod.deleting:\n",
        new="    if pod.uid != _uid(stored):\n",
        tests=(EVICTS,),
    ),
    Bug(
        name="any-wait-is-asked-again",
        why="An overloaded API server is asked for the same eviction until the approval ends.",
        file=EXECUTE_PY,
        old="    except BudgetHoldsError as error:\n",
        new="    except ClusterUnavailableError as error:\n",
        also=(("    BudgetHoldsError,\n", "    ClusterUnavailableError,\n"),),
        tests=(EVICTED,),
    ),
    Bug(
        name="every-429-is-a-budget",
        why="What isn't a clear no of a disruption budget is taken for one.",
        file="bot/kube/errors.py",
        old="        if held := _budget(detail):\n",
        new="        if held := _budget(detail) or message:\n",
        tests=("tests/unit/kube/test_errors.py",),
    ),
    Bug(
        name="held-back-without-a-new-claim",
        why="What waits for a budget stays claimed: it is read back as failed, and nobody asks again.",
        file=EXECUTE_PY,
        old='    due.owe(tx, Stage.EXECUTE, execution_id, now + HELD_AGAIN, {"waiting": True})\n',
        new="",
        tests=(f"{EVICTED}::test_a_budget_that_holds_is_waited_for_and_shown",),
    ),
    Bug(
        name="alerts-on-the-same-budget-ignored",
        why="A pod goes while another workload under its budget is down already.",
        file="bot/workflow/facts.py",
        old="undo=undo, ending=ending, firing=firing",
        new="undo=undo, ending=ending",
        tests=(f"{EVICTED}::test_what_fires_elsewhere_on_the_same_budget_is_waited_for",),
    ),
    Bug(
        name="number-not-tested",
        why="Somebody scaled it a second ago, and their number is lost.",
        file=SCALE,
        old='            {"op": "test", "path": REPLICAS, "value": before or None},',
        new='            {"op": "test", "path": "/metadata/name", "value": target.name},',
        tests=(SCALES,),
    ),
    Bug(
        name="scaled-uid-not-tested",
        why="Deleted and made anew meanwhile: another object is scaled.",
        file=SCALE,
        old="    must_test_uid(stored)\n",
        new="",
        tests=(f"{SCALES}::test_a_request_without_its_precondition_is_never_sent",),
    ),
    Bug(
        name="more-than-doubled",
        why="A number with a typing error takes the whole cluster.",
        file=RADIUS,
        old="GROWTH = 2\n",
        new="GROWTH = 20\n",
        tests=(AT_ONCE,),
    ),
    Bug(
        name="to-zero-without-permission",
        why="All of a workload is stopped by one press.",
        file=RADIUS,
        old="    elif after == 0 and not bounds.to_zero:\n",
        new="    elif after == 0 and before == 0:\n",
        tests=(AT_ONCE,),
    ),
    Bug(
        name="autoscaler-is-fought",
        why="The number is set back by the autoscaler a moment later, and the verdict is about that.",
        file=RADIUS,
        old="    if state.hpa is not None and not traits_of(action).autoscaled:\n",
        new="    if state.hpa is None and not traits_of(action).autoscaled and not params:\n",
        tests=(AT_ONCE,),
    ),
    Bug(
        name="an-old-pod-takes-the-place",
        why="A pod that was well all along is taken for the new one.",
        file="bot/verification/eviction.py",
        old='        if pod.uid != binding["uid"] and (pod.row.name == name or pod.row.name not in before)\n',
        new='        if pod.uid != binding["uid"]\n',
        tests=(CHECKS,),
    ),
    Bug(
        name="passes-while-the-old-pod-ends",
        why="The pod that was to go is still there, and the verdict is PASS.",
        file="bot/verification/eviction.py",
        old='    gone = all(pod.uid != binding["uid"] for pod in found.pods)\n',
        new='    gone = all(pod.uid != binding["uid"] or pod.deleting for pod in found.pods)\n',
        tests=(CHECKS,),
    ),
    Bug(
        name="anothers-number-passes",
        why="Somebody else's scaling is verified as ours.",
        file="bot/verification/replicas.py",
        old="    if state.target.uid == verification.target.uid and state.replicas != to:\n",
        new="    if state.target.uid == verification.target.uid and state.replicas > to + 99:\n",
        tests=(CHECKS,),
    ),
    Bug(
        name="a-moving-count-fails",
        why="An autoscaler does its work, and the new bounds are undone for it.",
        file="bot/verification/replicas.py",
        old="    if moving:\n",
        new="    if moving and not state.replicas:\n",
        tests=(CHECKS,),
    ),
    Bug(
        name="old-bounds-proposed-without-a-look",
        why="Bounds that somebody set since are proposed to be lowered.",
        file="bot/workflow/revert.py",
        old="    return state is not None and state.hpa == meant and state.hpa_uid == ",
        new="    return state is not None and meant is not None and state.hpa_uid == ",
        tests=(SCALED,),
    ),
    Bug(
        name="bounds-lowered-while-a-question-waits",
        why="What a person is asked is taken off the card by a proposal that had time.",
        file="bot/workflow/revert.py",
        old="    return any(one.state is ProposalState.PENDING for one in found)\n",
        new="    return any(one.state is ProposalState.APPROVED and one.quorum < 0 for one in found)\n",
        tests=(SCALED,),
    ),
    Bug(
        name="undo-held-by-the-rollout-it-ends",
        why="New pods that never get ready are why it is undone, and why it can't be.",
        file="bot/policy/guardrails.py",
        old="and not of.rolling_out and not state.paused and not facts.undo:\n",
        new="and not of.rolling_out and not state.paused:\n",
        tests=("tests/unit/policy/test_guardrails.py",),
    ),
    Bug(
        name="policy-scales-to-zero",
        why="A stolen token stops every workload of the namespace.",
        file="deploy/base/admission.yaml",
        old="('replicas' in object.spec && object.spec.replicas >= 1)\n",
        new="(!('replicas' in object.spec) || object.spec.replicas >= 0)\n",
        tests=(ADMITTED,),
    ),
    Bug(
        name="evicting-is-on-at-first",
        why="Whoever applies the files has given the right without saying so.",
        file="deploy/base/admission.yaml",
        old='  evict: "false"\n',
        new='  evict: "true"\n',
        tests=(ADMITTED,),
    ),
)
