"""Dumps of a process whose image lacks the tools: by those of a debug container beside it, else as any other dump.

Adding a container to a pod can't be undone, so these are actions of their own: with their own role, allowed by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from bot.domain.errors import FettleError, RequestError, StoppedError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE
from bot.integrations.artifacts import Artifacts
from bot.integrations.sources import Sources
from bot.kube.client import Cluster
from bot.mitigations import debug_container, dumps, heap_dump, thread_dump
from bot.mitigations.dry_run import sent, tried
from bot.mitigations.dump_scripts import BESIDE
from bot.mitigations.params import Params
from bot.mitigations.verb import Bringing, Brought, Mitigation, Plan, Ready

RIGHTS = dict.fromkeys(RESTARTABLE, (*dumps.RIGHTS["Deployment"], ("patch", "", "pods/ephemeralcontainers")))

RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-debug
rules:
  - apiGroups: [""]
    resources: [pods/exec]
    verbs: [get, create]
  - apiGroups: [""]
    resources: [pods/ephemeralcontainers]
    verbs: [patch]
"""
"""The role; without deploy/base/debug-admission.yaml it adds any container to any pod there."""

TAKES = dumps.TAKES + timedelta(seconds=debug_container.STARTS_WITHIN)
THREADS = (f"{BESIDE}find", f"{BESIDE}threads with jcmd", "threads with py-spy")
HEAP = (f"{BESIDE}find", f"{BESIDE}heap with jcmd", "read", "remove")
WORDS = {"heap": "a heap dump", "threads": "a thread dump"}


def _outside(fit: tuple[str, ...], sources: Sources) -> tuple[Plan, Ready]:
    """``plan`` and ``ready``, with the images of the settings."""
    images: Mapping[str, str] = sources.debug_images

    async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
        kind, image = debug_container.chosen(images, wanted, fit)
        params = await dumps.plan(cluster, state, wanted)
        who = await debug_container.user_of(cluster, state.target.namespace, params)
        return {**params, **who, "kind": kind, "image": image}

    async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
        debug_container.still_named(images, stored)
        return await dumps.ready(cluster, stored)

    return plan, ready


async def _without_images(_cluster: Cluster, _state: TargetState, _wanted: Params) -> Params:
    raise RequestError("DEBUG_IMAGES isn't known here.")


def _request(
    what: str, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> WriteRequest:
    """The exact commands, the container, and the patch that adds another one beside it."""
    del approved_at
    if not params.get("image") or "user" not in params:
        raise RequestError("A debug container needs one exact image and user.")
    kind, names = (heap_dump.KIND, HEAP) if what == "heap" else (thread_dump.KIND, THREADS)
    planned = dumps.request(state, params, execution_uid, kind, names)
    planned.body["debug"] = debug_container.addition(params, execution_uid)
    return planned


async def _preview(
    what: str, cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run of the patch."""
    planned = _request(what, state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: sent(cluster, debug_container.request(planned)))
    repository, _, digest = str(params["image"]).partition("@")
    return ran.preview(
        planned,
        diff=f"+ ephemeral container {planned.body['debug']['name']}\n+   image {params['image']}\n"
        f"+   user {params['user']}, beside {params['container']}, {' '.join(debug_container.COMMAND)}",
        facts=f"pod {params['pod']} · beside {params['container']} · {repository}@{digest[:19]} as user "
        f"{params['user']} · nothing is restarted · {ran.words}",
        consequence=f"Adds a debug container to {params['pod']} and takes {WORDS[what]} from there. It stays listed "
        "until the pod is gone: irreversible. The process stands still while it is dumped.",
        warnings=_warnings(what, params),
    )


def _warnings(what: str, params: Params) -> tuple[str, ...]:
    lines = ["A debug container can't be taken out of a pod again; it ends after 30 min and is gone with the pod."]
    if what == "heap":
        lines.append("A liveness probe that fails while the JVM stands still restarts the container.")
        lines.append("A heap dump holds whatever the process knows, passwords and customers' data too.")
    if not params["user"]:
        lines.append("The container runs as root, and so does the debug container, with root's usual capabilities.")
    return tuple(lines)


async def _bring(what: str, cluster: Cluster, store: Artifacts, stored: WriteRequest) -> Brought:
    """Adds the container, then dumps once; whatever fails after the first is told with what stays."""
    await debug_container.add(cluster, stored)
    taken = heap_dump.bring if what == "heap" else thread_dump.bring
    try:
        done = await taken(cluster, store, stored)
    except FettleError as error:
        raise StoppedError(str(error), debug_container.so_far(stored)) from error
    return Brought(done.kept, f"{done.words}, from a debug container")


async def _recall(store: Artifacts, stored: WriteRequest) -> Brought | str:
    """As of any dump; the container may have been added."""
    found = await dumps.recall(store, stored)
    if isinstance(found, str):
        return f"{found} The debug container {stored.body['debug']['name']} may be in the pod, until that is gone."
    return found


def _inverse(state: TargetState, params: Params) -> str:
    del state
    return f"A debug container can't be taken out again: it is gone when pod {params['pod']} is (evict it)."


def _mitigation(action: Action, what: str, fit: tuple[str, ...]) -> Mitigation:
    noun = f"{what.removesuffix('s')} dump"
    return Mitigation(
        action=action,
        verb=f"debug container and {noun}",
        headline=f"Add a debug container to pod {{pod}} ({{label}}) and take a {noun}",
        done=f"Took a {noun} of pod {{pod}} ({{ref}}) from a debug container",
        press=f"Debug {noun}",
        asked=dumps.asked,
        follows=dumps.follows,
        plan=_without_images,
        ready=dumps.ready,
        outside=partial(_outside, fit),
        preview=partial(_preview, what),
        request=partial(_request, what),
        bringing=Bringing(noun, TAKES, partial(_bring, what), _recall),
        inverse=_inverse,
        binding=dumps.binding,
        rights=RIGHTS,
        role=RBAC,
    )


THREAD_DUMP = _mitigation(Action.DEBUG_THREAD_DUMP, "threads", debug_container.KINDS)
HEAP_DUMP = _mitigation(Action.DEBUG_HEAP_DUMP, "heap", ("jvm",))
