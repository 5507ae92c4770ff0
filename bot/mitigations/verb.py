"""What every mitigation is made of: one record of functions and words, so that the workflow knows no verb by name.

A verb's own file fills one in and calls it ``MITIGATION``. This module holds no verb and decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.artifact import Kept
from bot.domain.cluster_user import Needed
from bot.domain.errors import IntegrityError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.integrations.artifacts import Artifacts
from bot.integrations.sources import Sources
from bot.kube.client import Cluster
from bot.kube.objects import PLACES
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import Rights
from bot.mitigations.params import Params

Plan = Callable[[Cluster, TargetState, Params], Awaitable[Params]]
Ready = Callable[[Cluster, WriteRequest], Awaitable[WriteRequest]]


class _Preview(Protocol):
    async def __call__(
        self, cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
    ) -> Preview: ...


class _Request(Protocol):
    def __call__(
        self, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
    ) -> WriteRequest: ...


class _ReadBack(Protocol):
    async def __call__(
        self, cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
    ) -> ReadBack: ...


@dataclass(frozen=True)
class Brought:
    """What an act brought out of the cluster, kept already. ``words`` say how."""

    kept: Kept
    words: str


@dataclass(frozen=True)
class Bringing:
    """An act that writes nothing to the API: it runs fixed commands in a container and keeps what they say.

    ``bring`` does it once and raises only what means that nothing was kept. ``recall`` asks the store after a crash,
    and returns a sentence where it has nothing. ``takes`` is the longest that it may take.
    """

    kind: str
    takes: timedelta
    bring: Callable[[Cluster, Artifacts, WriteRequest], Awaitable[Brought]]
    recall: Callable[[Artifacts, WriteRequest], Awaitable[Brought | str]]


async def _not_written(_cluster: Cluster, _stored: WriteRequest) -> int | None:
    raise IntegrityError("This action brings something; it writes nothing.")


async def _not_read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    del cluster, target, execution_uid, stored
    raise IntegrityError("This action leaves nothing in the cluster that could be read back.")


async def whole(_cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """``ready`` of a request that is stored whole."""
    return stored


def _nothing_asked(_wanted: Params) -> str:
    return ""


def _the_incident_s(target: Target, _wanted: Params) -> Target:
    return target


def _no_undo(_params: Params) -> tuple[Action, Params] | None:
    return None


def _as_they_are(params: Params) -> Params:
    return params


def _takes_over_nothing(_before: Params) -> Params:
    return {}


def _replaces_nothing(_params: Params) -> tuple[str, str] | None:
    return None


def _no_binding(_params: Params) -> Params:
    return {}


@dataclass(frozen=True)
class Mitigation:
    """One verb. ``verb`` is the word on the button, ``headline`` and ``done`` take the target's label and ref.

    ``bare`` stands before the target's label where nothing could be planned and ``press`` alone doesn't read well.
    ``named`` are the words of headline and done that parameters are put in.
    ``asked`` says what is wrong with what a person wrote, before anything is read; empty where nothing is.
    ``aim`` is the object that it is about, given the incident's target and what is wanted: what a finding names may be
    another one (the node under a workload's pods, its claim).
    ``plan`` resolves what was wanted to the parameters that are shown, approved and sent, or raises ``RequestError``
    with the reason why there are none. ``ready`` fills in what the stored request only names, ``apply`` sends it.
    It returns the target's generation after that, None where the answer doesn't tell it.
    ``bringing`` stands in for ``apply`` and ``read_back`` where the act is no write.
    ``undo`` is the inverse action with what it wants, None where there is none; ``inverse`` the sentence for it.
    ``outside`` makes ``plan`` and ``ready`` of a verb that asks more than the cluster. ``replaces`` names the container
    whose image it replaces, with that image. Where ``gives_way`` and nothing can be planned, the next mitigation that
    the playbook lets through is proposed in its place.
    ``follows`` is what it wants as the step after one with these parameters: the same pod, where it is about one.
    ``binding`` is what verification goes by where the template carries no mark of the execution. ``alone`` says why it
    may be done without a person where playbook and settings let it, empty where it never may.
    """

    action: Action
    verb: str
    headline: str
    done: str
    plan: Plan
    preview: _Preview
    request: _Request
    inverse: Callable[[TargetState, Params], str]
    rights: Rights
    role: str
    apply: Callable[[Cluster, WriteRequest], Awaitable[int | None]] = _not_written
    read_back: _ReadBack = _not_read_back
    bringing: Bringing | None = None
    ready: Ready = whole
    outside: Callable[[Sources], tuple[Plan, Ready]] | None = None
    undo: Callable[[Params], tuple[Action, Params] | None] = _no_undo
    binding: Callable[[Params], Params] = _no_binding
    asked: Callable[[Params], str] = _nothing_asked
    follows: Callable[[Params], Params] = _takes_over_nothing
    replaces: Callable[[Params], tuple[str, str] | None] = _replaces_nothing
    aim: Callable[[Target, Params], Target] = _the_incident_s
    named: Callable[[Params], Params] = _as_they_are
    gives_way: bool = False
    press: str = ""
    bare: str = ""
    alone: str = ""

    def reaching(self, sources: Sources) -> Mitigation:
        """The same verb, with the outside systems that it asks."""
        if self.outside is None:
            return self
        plan, ready = self.outside(sources)
        return replace(self, plan=plan, ready=ready)

    def unplanned(self, target: Target) -> str:
        """``Restart Deployment shop/api``, where what it would take isn't known."""
        return f"{self.bare or self.press or self.verb.capitalize()} {target.label}"

    def headline_for(self, target: Target, params: Params) -> str:
        """``Restart Deployment shop/api``."""
        return self.headline.format(label=target.label, ref=target.ref, **self.named(params))

    def done_for(self, target: Target, params: Params) -> str:
        """``Restarted shop/api``."""
        return self.done.format(label=target.label, ref=target.ref, **self.named(params))


_OBJECTS: Mapping[str, str] = {
    "pods": "pod", "horizontalpodautoscalers": "autoscaler", "cronjobs": "cronjob", "persistentvolumeclaims": "claim",
}  # fmt: skip
"""Resource -> the parameter that names the object which an action of that kind is about."""
_OF_NONE = frozenset({"list", "watch"})


def takes(mitigation: Mitigation, target: Target, params: Params) -> tuple[Needed, ...]:
    """Every right that doing this to this target takes, on the very objects as far as they are known beforehand.

    A right on any object of its kind is more than one on a single one: where the name isn't known, more is asked.
    """
    plural = PLACES[target.kind][2] if target.kind in PLACES else ""

    def name(verb: str, resource: str) -> str:
        kind, _, sub = resource.partition("/")
        if verb in _OF_NONE or (verb == "create" and not sub):
            return ""  # what is listed or made has no name yet
        return target.name if kind == plural else str(params.get(_OBJECTS.get(kind, ""), ""))

    return tuple(
        Needed(verb, group, resource, target.namespace, name(verb, resource))
        for verb, group, resource in mitigation.rights.get(target.kind, ())
    )
