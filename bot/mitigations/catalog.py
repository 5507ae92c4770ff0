"""The closed list of what Fettle can do, found by key; nothing is ever imported or called by a name from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube.client import Cluster
from bot.mitigations import restart, rollback
from bot.mitigations.applied import ReadBack
from bot.mitigations.params import Params


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
class Mitigation:
    """One verb. ``verb`` is the word on the button, ``headline`` and ``done`` take the target's label and ref.

    ``plan`` resolves what was wanted to the parameters that are shown, approved and sent, or raises ``RequestError``
    with the reason why there are none. ``ready`` fills in what the stored request only names, ``apply`` sends it.
    ``undo`` is the inverse action with what it wants, None where there is none; ``inverse`` the sentence for it.
    ``binding`` is what verification goes by where the template carries no mark of the execution. ``alone`` says why it
    may be done without a person where playbook and settings let it, empty where it never may.
    """

    action: Action
    verb: str
    headline: str
    done: str
    plan: Callable[[Cluster, TargetState, Params], Awaitable[Params]]
    preview: _Preview
    request: _Request
    ready: Callable[[Cluster, WriteRequest], Awaitable[WriteRequest]]
    apply: Callable[[Cluster, WriteRequest], Awaitable[int]]
    read_back: _ReadBack
    inverse: Callable[[TargetState, Params], str]
    undo: Callable[[Params], tuple[Action, Params] | None]
    binding: Callable[[Params], Params]
    rights: Mapping[str, tuple[tuple[str, str, str], ...]]
    role: str
    press: str = ""
    alone: str = ""

    def headline_for(self, target: Target, params: Params) -> str:
        """``Restart Deployment shop/api``."""
        return self.headline.format(label=target.label, ref=target.ref, **params)

    def done_for(self, target: Target, params: Params) -> str:
        """``Restarted shop/api``."""
        return self.done.format(label=target.label, ref=target.ref, **params)


async def _whole(_cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    return stored


CATALOG: Mapping[Action, Mitigation] = {
    Action.RESTART: Mitigation(
        action=Action.RESTART,
        verb="restart",
        headline="Restart {label}",
        done="Restarted {ref}",
        plan=restart.plan,
        preview=restart.preview,
        request=restart.request,
        ready=_whole,
        apply=restart.apply,
        read_back=restart.read_back,
        inverse=restart.inverse,
        undo=lambda _params: None,
        binding=lambda _params: {},
        rights=restart.RIGHTS,
        role=restart.RBAC,
        alone="harmless: the template stays as it is, and pods are replaced at the workload's own pace",
    ),
    Action.ROLLBACK: Mitigation(
        action=Action.ROLLBACK,
        verb="rollback",
        headline="Roll back {label} to rev {revision} ({images})",
        done="Rolled back {ref} to rev {revision}",
        press="Roll back",
        plan=rollback.plan,
        preview=rollback.preview,
        request=rollback.request,
        ready=rollback.ready,
        apply=rollback.apply,
        read_back=rollback.read_back,
        inverse=rollback.inverse,
        undo=rollback.undo,
        binding=rollback.binding,
        rights=rollback.RIGHTS,
        role=rollback.RBAC,
        alone="it has an inverse: the revision that ran before",
    ),
}
"""Every action there is; a test holds that it equals ``domain.mitigation.Action``."""
