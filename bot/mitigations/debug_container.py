"""A debug container beside one that lacks tools: added to a running pod, its image named by digest in the settings.

It runs as the target's own user and sees its processes, for so long as a dump takes; then it ends, and stays listed in
the pod until that is gone. It gets no capability that the target's user lacks, no volume, no variable and no token of
its own. It refuses any other image, command or user, and a target whose user isn't known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.domain.decision import NOTHING_DONE
from bot.domain.errors import FettleError, OutcomeUnknownError, RequestError, StoppedError, WorldChangedError
from bot.domain.execution import WriteRequest
from bot.kube import ephemeral
from bot.kube.client import Cluster
from bot.kube.objects import path
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.params import Params

COMMAND = ("sleep", "1800")
"""It ends by itself: nothing can take it out of the pod."""
STARTS_WITHIN, LOOKS_EVERY = 120.0, 1.0
"""Seconds for the pull and the start, and between two looks."""
MERGE = "application/strategic-merge-patch+json"
KINDS = ("jvm", "python")


def chosen(images: Mapping[str, str], wanted: Params, fit: tuple[str, ...]) -> tuple[str, str]:
    """(kind, image) of those that fit, the one named or the first; ``RequestError`` where the settings have none."""
    named = str(wanted.get("kind", ""))
    if named and named not in fit:
        raise RequestError(f"There is no debug image “{named[:30]}” for this. Write one of {', '.join(fit)}.")
    kind = next((one for one in ([named] if named else fit) if one in images), "")
    if not kind:
        raise RequestError(
            f"DEBUG_IMAGES names no image for {named or ' or '.join(fit)}: set it, by digest "
            f"({named or fit[0]}=registry.example/tools@sha256:…), and start again."
        )
    return kind, images[kind]


async def user_of(cluster: Cluster, namespace: str, params: Params) -> dict[str, int]:
    """As whom it has to run: attaching to a process takes its own user. ``RequestError`` where that isn't known."""
    found = await cluster.get(path("Pod", namespace, str(params["pod"])))
    who = ephemeral.runs_as(found, str(params["container"]))
    if who is None:
        raise RequestError(
            f"As which user container {params['container']} of {params['pod']} runs isn't known, and a debug container "
            "has to run as the same: set runAsUser in its security context."
        )
    user, group = who
    return {"user": user, **({"group": group} if group is not None else {})}


def addition(params: Params, execution_uid: str) -> dict[str, Any]:
    """What is stored of it: its name and the exact patch, which only adds."""
    name, user = f"fettle-{execution_uid[:20]}", int(params["user"])
    security: dict[str, Any] = {
        "runAsUser": user,
        **({"runAsGroup": int(params["group"])} if "group" in params else {}),
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "seccompProfile": {"type": "RuntimeDefault"},
        # The kernel lets nobody with fewer capabilities into a process: root's own are the runtime's usual ones.
        **({"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}} if user else {}),
    }
    container = {
        "name": name,
        "image": params["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": list(COMMAND),
        "targetContainerName": params["container"],
        "securityContext": security,
    }
    return {"name": name, "patch": {"metadata": {"uid": params["uid"]}, "spec": {"ephemeralContainers": [container]}}}


def request(stored: WriteRequest) -> WriteRequest:
    """The write that adds it, from the stored dump."""
    body = stored.body
    return WriteRequest(
        method="PATCH",
        path=f"{path('Pod', body['namespace'], body['pod'])}/ephemeralcontainers",
        content_type=MERGE,
        body=body["debug"]["patch"],
        query={"fieldManager": FIELD_MANAGER},
        execution=stored.execution,
    )


def still_named(images: Mapping[str, str], stored: WriteRequest) -> None:
    """Raises ``WorldChangedError`` unless the settings still name the image that was approved."""
    (container,) = stored.body["debug"]["patch"]["spec"]["ephemeralContainers"]
    if container["image"] not in images.values():
        raise WorldChangedError(f"DEBUG_IMAGES doesn't name the image any more that was approved. {NOTHING_DONE}")


async def add(cluster: Cluster, stored: WriteRequest) -> None:
    """Adds it once and waits until it runs. ``StoppedError`` where it was added and doesn't run."""
    body, name = stored.body, stored.body["debug"]["name"]
    where = (body["namespace"], body["pod"], body["uid"], name)
    try:
        await send(cluster, request(stored))
    except OutcomeUnknownError as error:
        if not (await ephemeral.added(cluster, *where)).there:
            raise RequestError(f"{error} The debug container isn't in the pod. Nothing was dumped.") from error
    why = ""
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                now = await ephemeral.added(cluster, *where)
                if now.runs:
                    return
                why = now.why
                if now.over:
                    break
                await asyncio.sleep(LOOKS_EVERY)
    except TimeoutError:
        why = f"It didn't start within {STARTS_WITHIN:g} s. {why}"
    except FettleError as error:
        why = str(error)
    raise StoppedError(f"The debug container doesn't run, so nothing was dumped. {why}", so_far(stored))


def so_far(stored: WriteRequest) -> str:
    """What is in the pod from now on, for whatever stops after it."""
    return f"adding the debug container {stored.body['debug']['name']} to {stored.body['pod']}, where it stays"
