"""Bugs of debug containers: another image, user or right than was approved, added twice, or what stays left untold."""

from __future__ import annotations

from tests.planted.bug import Bug

JVM = "tests/integration/dumps/test_debug_container.py"
FLOW = "tests/integration/workflow/test_debug_dump.py"
ADMITTED = "tests/deploy/test_debug_admission.py"
IMAGES = "tests/unit/settings/test_debug_images.py"
ADDING = "bot/mitigations/debug_container.py"
POLICY = "deploy/base/debug-admission.yaml"

BUGS = (
    Bug(
        name="debug-image-by-tag",
        why="Whoever can push to the registry runs what they like beside every container.",
        file="bot/settings_artifacts.py",
        old=r'(:[\w.-]{1,128})?@sha256:[0-9a-f]{64}")',
        new=r'(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?")',
        tests=(IMAGES,),
    ),
    Bug(
        name="debug-container-as-root",
        why="What was to look at one process may read and change every file of it.",
        file=ADDING,
        old='        "runAsUser": user,\n',
        new='        "runAsUser": 0,\n',
        tests=(f"{JVM}::test_what_is_added_is_what_was_stored_and_no_more_than_it_takes",),
    ),
    Bug(
        name="image-of-yesterdays-settings",
        why="An image that the team took out of the settings is added all the same.",
        file=ADDING,
        old='    if container["image"] not in images.values():\n',
        new='    if not container["image"]:\n',
        tests=(f"{JVM}::test_an_image_that_the_settings_dont_name_any_more_isnt_added",),
    ),
    Bug(
        name="debug-container-in-another-pod",
        why="A pod of the same name, made since, gets a container that nobody approved for it.",
        file=ADDING,
        old='"patch": {"metadata": {"uid": params["uid"]}, "spec":',
        new='"patch": {"spec":',
        tests=(f"{JVM}::test_another_pod_of_the_name_gets_nothing",),
    ),
    Bug(
        name="what-stays-isnt-told",
        why="The card says that nothing was done, and the pod has a container more.",
        file="bot/workflow/settle.py",
        old="partly(error.so_far, str(error)) if isinstance(error, StoppedError) else refused(",
        new="refused(",
        tests=(f"{FLOW}::test_an_image_that_cant_be_pulled_is_a_failure_that_says_what_stays",),
    ),
    Bug(
        name="policy-takes-any-digest",
        why="A stolen token adds any image that has a digest.",
        file=POLICY,
        old="        variables.images.exists(k, variables.images[k] == c.image))\n",
        new="        true)\n",
        tests=(ADMITTED,),
    ),
    Bug(
        name="policy-lets-privilege-in",
        why="A stolen token has the node.",
        file=POLICY,
        old="        !('privileged' in c.securityContext && c.securityContext.privileged) &&\n",
        new="",
        tests=(ADMITTED,),
    ),
)
