"""Another image for one container of a Deployment, StatefulSet or DaemonSet: another tag of the same repository.

No image is free: the container's repository stays, and the tag is one that its registry lists. It is written with the
digest that the card shows (``repository:tag@digest``), so that every pod gets what was approved, whenever and wherever
it starts, and a tag that is moved afterwards changes nothing. The digest is asked for again right before the write. The
mark of the execution goes into the template, which is a new one anyway, and so onto the new pods: they are known by it,
as a restart's are. What undoes it is the rollback to the revision that ran before, which is exact and needs no
registry. It refuses to send an image whose digest wasn't confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain import image
from bot.domain.decision import NOTHING_DONE
from bot.domain.errors import IntegrityError, RequestError, WorldChangedError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import count, mapping, text
from bot.kube.pulling import LISTS
from bot.kube.revisions import ordered, read_revisions
from bot.kube.workload import template_hash
from bot.kube.writes import send
from bot.mitigations import image_choice as choice
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import spec_changes, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import annotate, must_test_uid, patch, preconditions, read_mark
from bot.mitigations.restart import MARKED, TEMPLATE
from bot.mitigations.restart_words import facts, held, pace, pods, warnings
from bot.mitigations.rollback import RBAC, RIGHTS
from bot.mitigations.verb import Mitigation, Plan, Ready

CONFIRMING = 3.0
"""Seconds for the digest before it is sent."""
CONTAINER = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def outside(sources: Sources) -> tuple[Plan, Ready]:
    """``plan`` and ``ready``, with the registries that may be asked."""

    async def planned(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
        return await plan(cluster, sources.registries, state, wanted)

    async def confirmed(_cluster: Cluster, stored: WriteRequest) -> WriteRequest:
        return await ready(sources.registries, stored)

    return planned, confirmed


async def plan(cluster: Cluster, registries: Registries | None, state: TargetState, wanted: Params) -> Params:
    """Container, tag and digest that are meant; the tag by ``tag`` or ``image``, else the nearest that there is.

    Raises ``RequestError`` with the reason why there is none, and what a read or the registry raises.
    """
    target = state.target
    found = await reads.parts(cluster, target)
    template = mapping(found.obj, "spec", "template")
    part = choice.chosen(target, state, template, str(wanted.get("container") or ""))
    there = await choice.there(registries, target, part, wanted)
    rows = read_revisions(target.kind, found.obj, found.revisions, found.pods)
    at = next((i for i, row in enumerate(rows) if row.current), None)
    uid = text(ordered(found.obj, found.revisions)[at], "metadata", "uid") if at is not None else ""
    return {
        "container": part.name,
        "where": part.where,
        "at": part.at,
        "tag": there.tag,
        "image": there.reference,
        "from_image": part.image,
        "digest": there.digest,
        "made_at": there.made_at,
        "rule": there.rule,
        "short": there.short,
        "from_short": choice.short(part.image),
        "from": rows[at].revision if at is not None else "",
        "from_uid": uid,
        "template": template_hash(part.with_image(template, there.reference)),
    }


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request: tests on uid, generation, the container's name and its image, then image and mark.

    ``approved_at`` isn't needed: the image says itself which it is. Raises ``RequestError`` without a uid or an image.
    """
    del approved_at
    new = image.parse(str(params.get("image", "")))
    if not (new.tag and new.digest) or params.get("where") not in LISTS or not params.get("container"):
        raise RequestError("A change of image needs one exact container, tag and digest.")
    at = f"/spec/template/spec/{params['where']}/{int(params['at'])}"
    body = [
        *preconditions(state, execution_uid, "change of image"),
        {"op": "test", "path": f"{at}/name", "value": params["container"]},
        {"op": "test", "path": f"{at}/image", "value": params["from_image"]},
        {"op": "replace", "path": f"{at}/image", "value": params["image"]},
        *annotate(TEMPLATE, {EXECUTION_ID: execution_uid}, there=bool(state.template_annotations)),
    ]
    return patch(state.target, body, execution_uid)


async def ready(registries: Registries | None, stored: WriteRequest) -> WriteRequest:
    """The same request, if the tag still has the digest that was approved; else ``WorldChangedError``."""
    wanted = image.parse(_image_in(stored))
    if registries is None:
        raise RequestError(f"REGISTRIES is empty by now, so the digest can't be confirmed. {NOTHING_DONE}")
    found = await registries.published(wanted, wanted.tag, within=CONFIRMING, fresh=True)
    if found is None:
        raise WorldChangedError(f"Tag {wanted.tag} isn't in {wanted.place} any more. {NOTHING_DONE}")
    if found.digest != wanted.digest:
        raise WorldChangedError(
            f"Tag {wanted.tag} of {wanted.place} is {image.short(found.digest)} now, and {image.short(wanted.digest)} "
            f"was approved. {NOTHING_DONE}"
        )
    return stored


def _image_in(stored: WriteRequest) -> str:
    """The one image that the request sets; ``IntegrityError`` unless it is one, by tag and digest."""
    written: list[Mapping[str, Any]] = [one for one in stored.body if one.get("op") == "replace"]
    named = str(written[0].get("value")) if len(written) == 1 else ""
    if not str(written[0].get("path") if written else "").endswith("/image") or "@" not in named:
        raise IntegrityError("The stored request sets no image by tag and digest; it isn't sent.")
    return named


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: spec_changes(cluster, state.target, planned))
    return ran.preview(
        planned,
        facts=f"{_about(params, approved_at)} · {facts(state, ran.words)}",
        consequence=consequence(state, params),
        warnings=(*_by_rule(params), *held(state), *warnings(state)),
    )


def _about(params: Params, now: datetime) -> str:
    """``tag 1.4.2 is sha256:ab12cd34ef56, 3 days old``."""
    return f"tag {params['tag']} is {image.short(str(params['digest']))}{_age(str(params.get('made_at', '')), now)}"


def _age(made_at: str, now: datetime) -> str:
    if not made_at:
        return ", its age isn't told"
    minutes = max(0, int((now - datetime.fromisoformat(made_at).astimezone(UTC)).total_seconds() // 60))
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f", {minutes // size} {word}{'' if minutes // size == 1 else 's'} old"
    return ", just made"


def _by_rule(params: Params) -> tuple[str, ...]:
    return (f"Nobody named the tag {params['tag']}: it is {params['rule']}.",) if params.get("rule") else ()


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text: ``Replaces api:1.4.3 by api:1.4.2 (sha256:ab12…) in container api on 6 pods, ...``."""
    return (
        f"Replaces {params['from_short']} by {params['short']} ({image.short(str(params['digest']))}) in container "
        f"{params['container']} of {pods(state.replicas)}, {pace(state)}. Nothing else of the template changes."
    )


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the request that ``ready`` confirmed, once; returns the target's generation after it.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    _image_in(stored)
    return count(await send(cluster, stored), "metadata", "generation")


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by the mark in the template."""
    return await read_mark(cluster, target, execution_uid, stored, "change of image", *MARKED)


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    if not params.get("from_uid"):
        return f"The revision of {state.target.ref} that runs now isn't known to the cluster, so nothing returns to it."
    return f"If it doesn't help: return {state.target.ref} to rev {params['from']} ({params['from_short']})."


def undo(params: Params) -> tuple[Action, Params] | None:
    """The rollback to what ran before: the very template, of which nothing has to be in a registry."""
    return (Action.ROLLBACK, {"uid": params["from_uid"]}) if params.get("from_uid") else None


def binding(params: Params) -> Params:
    """Its pods carry the mark of the execution; the template's hash is what an autoscaler's change must leave."""
    return {"template": params["template"]}


def replaces(params: Params) -> tuple[str, str] | None:
    """The container and the image that it has now."""
    named = str(params.get("container", "")), str(params.get("from_image", ""))
    return named if all(named) else None


NO_TAG = (
    "What follows the workload is no tag. Write a tag that its registry has: /incident act set-image shop/api 1.4.2."
)


def asked(wanted: Params) -> str:
    """Against a tag or a container that can't be one: what follows the workload in a command is anybody's text."""
    if wanted.get("more"):
        return "A change of image takes a tag and, where there are several, a container, and nothing else."
    if wanted.get("tag") and not image.is_tag(str(wanted["tag"])):
        return choice.NO_TAG
    if wanted.get("container") and not CONTAINER.fullmatch(str(wanted["container"])):
        return "What follows the tag is no container's name."
    return ""


async def _without_registries(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    return await plan(cluster, None, state, wanted)


async def _unconfirmed(_cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    return await ready(None, stored)


MITIGATION = Mitigation(
    action=Action.SET_IMAGE,
    verb="set image",
    headline="Set the image of {label} to {short}",
    done="Set the image of {ref} to {short}",
    press="Set image",
    bare="Set another image of",
    asked=asked,
    plan=_without_registries,
    ready=_unconfirmed,
    outside=outside,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    undo=undo,
    binding=binding,
    replaces=replaces,
    gives_way=True,
    rights=RIGHTS,
    role=RBAC,
)
