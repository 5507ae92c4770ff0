"""Suggestions with the command line that does the same by hand, and when a restart may be among them.

Values in command lines are quoted for a shell. It refuses to decide whether an action is allowed or exists; a
suggestion that Fettle can't carry out is shown as advice.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bot.domain.finding import Suggestion
from bot.domain.target import RESTARTABLE, Target
from bot.findings.case import Case
from bot.findings.phrases import number_of, span
from bot.findings.rollouts import FOLLOWS
from bot.findings.sick import How, Sick

MUTATING = frozenset({
    "restart", "rollback", "scale", "evict", "set_image", "set_resources", "cordon", "rerun_job", "expand_volume",
    "raise_autoscaler", "pause", "delete_failed_job",
})  # fmt: skip
"""Actions that change the cluster; dumps only read."""

ROLLS_BACK = frozenset(RESTARTABLE)
"""Kinds whose template has revisions."""


def kubectl(target: Target | None, *words: str) -> str:
    """``kubectl -n shop rollout restart deployment/api``."""
    namespace = ["-n", target.namespace] if target is not None and target.namespace else []
    return shlex.join(["kubectl", *namespace, *words])


def _named(target: Target | None) -> str:
    return f"{target.kind.lower()}/{target.name}" if target is not None else "KIND/NAME"


def restart(case: Case, reason: str) -> tuple[Suggestion, ...]:
    """A rolling restart, unless ``no_restart`` knows better."""
    if no_restart(case):
        return ()
    line = kubectl(case.target, "rollout", "restart", _named(case.target))
    return (Suggestion("restart", {}, reason, line),)


def no_restart(case: Case) -> str:
    """Why a restart isn't for this case, whatever the cause; empty when nothing speaks against it.

    It starts the same template again, so it needs a workload with running pods whose template wasn't changed less than
    30 minutes before the first failure, and it must be known that it wasn't.
    """
    if case.target is None or case.target.kind not in RESTARTABLE:
        return "the alerts lead to no workload that can be restarted"
    if not any(pod.phase == "Running" for pod in case.living):
        return "no pod of it is known to run"
    if case.changes is None:
        unasked = "changes" not in case.snapshot.evidence
        reason = ": the playbook's evidence doesn't name changes" if unasked else ""
        return f"it isn't known whether the template was changed lately{reason}"
    rollout = case.rollout
    if rollout is not None and rollout.follows and (rollout.gap is not None or case.now - rollout.at < FOLLOWS):
        since = span(case.now - rollout.at)
        return f"the failure follows a change of the pod template {since} ago; a restart would start the same template"
    return ""


def rollback(case: Case, reason: str) -> tuple[Suggestion, ...]:
    """Back to the last healthy revision; nothing where no older one is known."""
    rollout, target = case.rollout, case.target
    known = rollout is not None and (rollout.before is not None or rollout.old_ready > 0)
    if target is None or target.kind not in ROLLS_BACK or rollout is None or not known:
        return ()
    revision = rollout.before.revision if rollout.before is not None else ""
    numbered = [f"--to-revision={revision}"] if revision.isdigit() else []
    line = kubectl(target, "rollout", "undo", _named(target), *numbered)
    return (Suggestion("rollback", {"revision": revision} if revision else {}, reason, line),)


def pause(case: Case, reason: str) -> tuple[Suggestion, ...]:
    """The rollout kept where it is; nothing where none is known to be under way, or it is held already."""
    target, seen = case.target, case.workload
    if target is None or target.kind != "Deployment" or seen is None or seen.paused:
        return ()
    if seen.strategy == "Recreate" or not 0 < seen.updated < seen.replicas:
        return ()
    return (Suggestion("pause", {}, reason, kubectl(target, "rollout", "pause", _named(target))),)


def evict(case: Case, sick: Sequence[Sick], reason: str) -> tuple[Suggestion, ...]:
    """The first of these pods away, so that another takes its place; by hand it is deleted, which asks no budget."""
    if not sick:
        return ()
    name = sick[0].pod.name
    return (Suggestion("evict", {"pod": name}, reason, kubectl(case.target, "delete", "pod", name)),)


def evict_all(case: Case, sick: Sequence[Sick], reason: str) -> tuple[Suggestion, ...]:
    """All pods that crash again and again away, a quarter at most at once; one alone is ``evict``."""
    if len(sick) < 2 or any(one.how is not How.CRASH for one in sick):
        return evict(case, sick, reason)
    names = [one.pod.name for one in sick]
    return (Suggestion("evict", {"pod": "crash-looping"}, reason, kubectl(case.target, "delete", "pod", *names)),)


def scale(case: Case, replicas: int, reason: str) -> tuple[Suggestion, ...]:
    """Another number of replicas; nothing where an autoscaler owns it or may, it would be set back."""
    if case.target is None or case.target.kind not in {"Deployment", "StatefulSet"} or case.autoscalers != ():
        return ()
    line = kubectl(case.target, "scale", _named(case.target), f"--replicas={replicas}")
    return (Suggestion("scale", {"replicas": replicas}, reason, line),)


def set_image(case: Case, container: str, image: str, reason: str) -> tuple[Suggestion, ...]:
    """Another image for one container."""
    line = kubectl(case.target, "set", "image", _named(case.target), f"{container or '*'}={image}")
    return (Suggestion("set_image", {"container": container, "image": image}, reason, line),)


def set_resources(case: Case, container: str, limit: str, reason: str) -> tuple[Suggestion, ...]:
    """Another limit for one container, such as ``memory=768Mi``."""
    chosen = ["-c", container] if container else []
    line = kubectl(case.target, "set", "resources", _named(case.target), *chosen, f"--limits={limit}")
    return (Suggestion("set_resources", {"container": container, "limits": limit}, reason, line),)


def one_or_all(case: Case, sick: Sequence[Sick], reason: str) -> tuple[Suggestion, ...]:
    """One ill pod among healthy ones is evicted, several are restarted together."""
    if no_restart(case):
        return ()
    if len(sick) == 1 and len(case.living) > 1:
        return (*evict(case, sick, reason), *restart(case, reason))
    return (*restart(case, reason), *evict(case, sick, f"{reason}; {number_of(1, 'pod')} first"))
