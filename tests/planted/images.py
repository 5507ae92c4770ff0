"""Bugs of another image and of a pause: what nobody approved, from elsewhere, or in the middle of a rollout."""

from __future__ import annotations

from tests.planted.bug import Bug

SET_IMAGE = "tests/integration/kube/test_set_image.py"
FLOW = "tests/integration/workflow/test_set_image.py"
HUNG = "tests/unit/policy/test_hung.py"
PULLING = "tests/unit/kube/test_pulling.py"
PAUSE = "tests/integration/workflow/test_pause.py"
PAUSING = "tests/unit/verification/test_pausing.py"
ADMISSION = "tests/deploy/test_admission.py"

BUGS = (
    Bug(
        name="digest-from-memory",
        why="A tag that moved after the approval is told by an answer of before, and another image is run.",
        file="bot/integrations/registries.py",
        old="        if fresh:\n",
        new="        if fresh and not within:\n",
        tests=(f"{SET_IMAGE}::test_a_tag_that_moved_since_the_approval_is_not_sent",),
    ),
    Bug(
        name="digest-not-compared",
        why="Whatever the tag names by now is called confirmed.",
        file="bot/mitigations/set_image.py",
        old="    if found.digest != wanted.digest:\n",
        new="    if not found.digest:\n",
        tests=(SET_IMAGE,),
    ),
    Bug(
        name="image-without-its-digest",
        why="The card shows a digest, and the pods get whatever the tag names when they start.",
        file="bot/mitigations/image_choice.py",
        old='    reference = f"{now.tagged(tag)}@{found.digest}"\n',
        new="    reference = now.tagged(tag)\n",
        tests=(SET_IMAGE,),
    ),
    Bug(
        name="image-of-another-repository",
        why="A handler or a playbook names any image at all, and its tag alone is believed to be what was meant.",
        file="bot/mitigations/image_choice.py",
        old="    if other.place != now.place:\n",
        new="    if not other.place:\n",
        tests=(SET_IMAGE,),
    ),
    Bug(
        name="any-rollout-hangs",
        why="A rollout that hangs on the sidecar is cut into by a change of another container.",
        file="bot/policy/hung.py",
        old="    return replaced in state.hung\n",
        new="    return bool(state.hung)\n",
        tests=(HUNG,),
    ),
    Bug(
        name="image-that-runs-hangs",
        why="One node has no network, and a rollout whose other pods start well is taken for stuck.",
        file="bot/kube/pulling.py",
        old="    return waits and not started\n",
        new="    return waits\n",
        tests=(PULLING,),
    ),
    Bug(
        name="pods-of-before-hang",
        why="Pods of the template before can't pull their image, and the rollout that cures it is cut into.",
        file="bot/kube/pulling.py",
        old=" if _lives(pod) and pod.row.hash == current for part",
        new=" if _lives(pod) for part",
        tests=(PULLING,),
    ),
    Bug(
        name="way-back-not-offered",
        why="The registry is down, and the card shows no button at all while a healthy revision is there.",
        file="bot/workflow/propose.py",
        old="    if draft.preview is None and draft.text.refusal and catalog.CATALOG[Action(action)].gives_way:\n",
        new="    if draft.preview is None and draft.text.refusal and not catalog.CATALOG[Action(action)].gives_way:\n",
        tests=(FLOW,),
    ),
    Bug(
        name="policy-takes-a-port-for-a-tag",
        why="A stolen token runs an image from another port of the registry's host.",
        file="deploy/base/admission.yaml",
        old="        (c.image.split('@')[0].lastIndexOf(':') > c.image.split('@')[0].lastIndexOf('/') ?\n",
        new="        (c.image.split('@')[0].lastIndexOf(':') > 0 ?\n",
        also=(
            (
                "        (o.image.split('@')[0].lastIndexOf(':') > o.image.split('@')[0].lastIndexOf('/') ?\n",
                "        (o.image.split('@')[0].lastIndexOf(':') > 0 ?\n",
            ),
        ),
        tests=(ADMISSION,),
    ),
    Bug(
        name="pause-passes-while-it-goes-on",
        why="The controller orders more pods, and the card says that the rollout is held.",
        file="bot/verification/pausing.py",
        old="    if more > 0:\n",
        new="    if more > state.replicas:\n",
        tests=(PAUSING,),
    ),
    Bug(
        name="pause-passes-before-it-is-seen",
        why="Nobody has taken the pause up, and it is called a success.",
        file="bot/verification/pausing.py",
        old="    seen = state.paused and state.observed_generation >= max(",
        new="    seen = state.paused and state.generation >= max(",
        tests=(PAUSING,),
    ),
    Bug(
        name="resume-counts-the-old-pods",
        why="The pods of the template before are healthy, and a resume passes before one of the new ones exists.",
        file="bot/verification/rollout.py",
        old="        return tuple(pod for pod in living if known and pod.row.hash == known)\n",
        new="        return tuple(living)\n",
        tests=("tests/unit/verification/test_rollout.py", PAUSE),
    ),
    Bug(
        name="resume-of-another-template",
        why="Somebody changed the template after the approval, and what nobody looked at is let go.",
        file="bot/domain/proposal.py",
        old='        "template": state.template_hash,\n        "paused"',
        new='        "paused"',
        tests=(PAUSE, "tests/unit/domain/test_digests.py"),
    ),
    Bug(
        name="pause-opens-replicas",
        why="With pauses switched on, a stolen token scales to zero.",
        file="deploy/base/admission.yaml",
        old="        object.spec.all(k, k == 'template' || (variables.pause && k == 'paused') ||\n",
        new="        object.spec.all(k, k == 'template' || variables.pause ||\n",
        tests=(ADMISSION,),
    ),
)
