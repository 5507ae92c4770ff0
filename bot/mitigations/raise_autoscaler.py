"""Other bounds for the autoscaler of a Deployment or StatefulSet: its minimum and maximum, from numbers to numbers.

The target is the workload, so that nothing else is done to it meanwhile; the request goes to the autoscaler. It tests
the uid, what it scales, and both numbers that were approved; not its resourceVersion, which its status moves on every
15 seconds. Bounds are meant for a while: once they help, putting them back is proposed (``workflow.revert``).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from bot.domain.errors import NotFoundError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import SCALABLE, Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import lists
from bot.kube.client import Cluster
from bot.kube.limits import autoscaler_row
from bot.kube.objects import Json, count, mapping, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.diff import spec_diff
from bot.mitigations.dry_run import Rights, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import JSON_PATCH, must_test_uid, precondition
from bot.mitigations.scale import SCALE_ROLE, number
from bot.mitigations.verb import Mitigation

KIND = "HorizontalPodAutoscaler"
LEAST, MOST = "/spec/minReplicas", "/spec/maxReplicas"
BOUNDS = re.compile(r"(?:(\d{1,4})\s*(?:-|to|\.\.)\s*)?(\d{1,4})", re.IGNORECASE)
NO_BOUNDS = (
    "Which bounds? Write the maximum after the workload, or minimum-maximum: "
    "/incident act raise-autoscaler shop/api 12 (or 3-12)."
)

_ON = ("autoscaling", "horizontalpodautoscalers")
RIGHTS: Rights = dict.fromkeys(SCALABLE, (("get", *_ON), ("list", *_ON), ("patch", *_ON)))
"""Kind of the workload -> the (verb, group, resource) rights that it needs."""


async def plan(_cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """The bounds that are meant: ``most``, and ``least`` where that changes too; raises ``RequestError``."""
    ref, hpa = state.target.ref, state.hpa
    if hpa is None:
        raise RequestError(f"No autoscaler scales {ref}. Scale it itself: /incident act scale {ref} REPLICAS.")
    name, least_now, most_now = hpa
    if wanted.get("autoscaler", name) != name:
        raise RequestError(f"The autoscaler of {ref} is {name}, and {str(wanted['autoscaler'])[:80]} was meant.")
    if state.hpa_owner:
        raise RequestError(
            f"{state.hpa_owner} made the autoscaler {name} and would set its bounds back. Change them there: where "
            "that comes from Git, revert in Git."
        )
    least, most = _meant(wanted, least_now)
    if least > most or most < 1:
        raise RequestError(f"A minimum of {least} and a maximum of {most} are no bounds.")
    if (least, most) == (least_now, most_now):
        raise RequestError(f"The bounds of autoscaler {name} are {least} to {most} already.")
    return {
        "autoscaler": name, "uid": state.hpa_uid, "from_least": least_now, "from_most": most_now, "least": least,
        "most": most,
    }  # fmt: skip


def _meant(wanted: Params, least_now: int) -> tuple[int, int]:
    told = BOUNDS.fullmatch(str(wanted.get("bounds", "")))
    least = number(told[1] if told else wanted.get("least"))
    most = number(told[2] if told else wanted.get("most"))
    if most is None:
        raise RequestError(NO_BOUNDS)
    return (least_now if least is None else least), most


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request: tests on uid, scaled workload and both bounds as approved, then the other bounds.

    ``approved_at`` isn't needed: the same bounds said again change nothing. Raises ``RequestError`` without a uid.
    """
    del approved_at
    target, name, uid = state.target, str(params.get("autoscaler", "")), params.get("uid")
    if not (target.uid and target.namespace and name and uid and execution_uid):
        raise RequestError("A change of bounds needs one exact autoscaler: namespace, name and uid, and an execution.")
    pairs = [(LEAST, params["from_least"], params["least"]), (MOST, params["from_most"], params["most"])]
    body: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": "/spec/scaleTargetRef/kind", "value": target.kind},
        {"op": "test", "path": "/spec/scaleTargetRef/name", "value": target.name},
        *({"op": "test", "path": where, "value": before} for where, before, _ in pairs),
        *({"op": "replace", "path": where, "value": after} for where, before, after in pairs if before != after),
    ]
    return WriteRequest(
        method="PATCH",
        path=path(KIND, target.namespace, name),
        content_type=JSON_PATCH,
        body=body,
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    shown = ""

    async def changes() -> str:
        nonlocal shown
        before = await lists.one(cluster, KIND, state.target.namespace, str(params["autoscaler"]))
        after = await send(cluster, planned, dry_run=True)
        shown = _asks(before)
        return spec_diff(mapping(before, "spec"), mapping(after, "spec"))

    ran = await tried(cluster, state.target, RIGHTS, changes)
    bounds = f"bounds {params['from_least']} to {params['from_most']} → {params['least']} to {params['most']}"
    return ran.preview(
        planned,
        facts=" · ".join(filter(None, (bounds, f"{state.replicas} replicas, {state.ready} ready", shown, ran.words))),
        consequence=consequence(state, params),
        warnings=warnings(state, params),
    )


def _asks(autoscaler: Json) -> str:
    """What it scales by: ``cpu 95 % of 80 %``."""
    return ", ".join(autoscaler_row(autoscaler).metrics[:2])


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text."""
    name, ref = params["autoscaler"], state.target.ref
    sentence = (
        f"Lets autoscaler {name} run {params['least']} to {params['most']} replicas of {ref} instead of "
        f"{params['from_least']} to {params['from_most']}."
    )
    if state.replicas > params["most"]:
        return f"{sentence} It ends {state.replicas - params['most']} of {state.replicas} at once."
    if state.replicas < params["least"]:
        return f"{sentence} It starts {params['least'] - state.replicas} at once."
    return f"{sentence} How many run stays its own to decide."


def warnings(state: TargetState, params: Params) -> tuple[str, ...]:
    """A line each for what a person should know before pressing."""
    lines = []
    if state.hpa_keeper is not None:
        lines.append(f"{state.hpa_keeper.words} keeps the autoscaler and may set the bounds back.")
    if params["most"] > params["from_most"] and state.ready < state.replicas:
        lines.append(f"{state.replicas - state.ready} of {state.replicas} pods aren't ready now.")
    return tuple(lines)


async def apply(cluster: Cluster, stored: WriteRequest) -> None:
    """Sends the stored request once; an autoscaler has no generation to tell.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    await send(cluster, stored)


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the bounds of this execution are in the cluster; they alone tell."""
    del execution_uid
    if stored is None:
        return ReadBack(Applied.CHANGED, None, f"Which bounds were set for {target.label} isn't known any more.")
    name = stored.path.rsplit("/", 1)[-1]
    before = (precondition(stored, LEAST), precondition(stored, MOST))
    after = tuple(_put(stored, where) or was for where, was in zip((LEAST, MOST), before, strict=True))
    try:
        obj = await lists.one(cluster, KIND, target.namespace, name)
    except NotFoundError:
        return ReadBack(Applied.CHANGED, None, f"The autoscaler {name} is gone; whether I changed it can't be told.")
    now = (count(obj, "spec", "minReplicas"), count(obj, "spec", "maxReplicas"))
    same = text(obj, "metadata", "uid") == precondition(stored, "/metadata/uid")
    if same and now == after:
        return ReadBack(Applied.APPLIED, None, f"The bounds of autoscaler {name} are {now[0]} to {now[1]}.")
    if same and now == before:
        return ReadBack(Applied.NOT_APPLIED, None, f"The bounds of autoscaler {name} are as they were.")
    return ReadBack(
        Applied.CHANGED, None, f"The bounds of autoscaler {name} were changed meanwhile; whether by me can't be told."
    )


def _put(stored: WriteRequest, where: str) -> object:
    return next(
        (one.get("value") for one in stored.body if one.get("op") == "replace" and one.get("path") == where), None
    )


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    return (
        f"Meant for a while: {params['from_least']} to {params['from_most']} for {state.target.ref} is proposed again."
    )


def undo(params: Params) -> tuple[Action, Params]:
    """The bounds before."""
    wanted = {"autoscaler": params["autoscaler"], "least": params["from_least"], "most": params["from_most"]}
    return Action.RAISE_AUTOSCALER, wanted


def binding(params: Params) -> Params:
    """The bounds that verification holds it to."""
    return {"autoscaler": params["autoscaler"], "least": params["least"], "most": params["most"]}


def asked(wanted: Params) -> str:
    """Against what can't be bounds: what follows the workload in a command is anybody's text."""
    return "" if BOUNDS.fullmatch(str(wanted.get("bounds", ""))) else NO_BOUNDS


MITIGATION = Mitigation(
    action=Action.RAISE_AUTOSCALER,
    verb="new bounds",
    headline="Let autoscaler {autoscaler} run {least} to {most} replicas of {label} (now {from_least} to {from_most})",
    done="Changed the bounds of {ref} from {from_least} to {from_most} replicas into {least} to {most}",
    press="Change the bounds",
    asked=asked,
    plan=plan,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    undo=undo,
    binding=binding,
    rights=RIGHTS,
    role=SCALE_ROLE,
    alone="it has an inverse: the bounds before",
)
