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
from bot.mitigations import restart
from bot.mitigations.applied import ReadBack


class _Preview(Protocol):
    async def __call__(
        self, cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str
    ) -> Preview: ...


class _Request(Protocol):
    def __call__(self, state: TargetState, *, approved_at: datetime, execution_uid: str) -> WriteRequest: ...


class _ReadBack(Protocol):
    async def __call__(
        self, cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
    ) -> ReadBack: ...


@dataclass(frozen=True)
class Mitigation:
    """One verb. ``verb`` is the word on the button, ``headline`` and ``done`` take the target's label and ref."""

    action: Action
    verb: str
    headline: str
    done: str
    preview: _Preview
    request: _Request
    apply: Callable[[Cluster, WriteRequest], Awaitable[int]]
    read_back: _ReadBack
    inverse: Callable[[TargetState], str]
    rights: Mapping[str, tuple[tuple[str, str, str], ...]]
    role: str

    def headline_for(self, target: Target) -> str:
        """``Restart Deployment shop/api``."""
        return self.headline.format(label=target.label, ref=target.ref)

    def done_for(self, target: Target) -> str:
        """``Restarted shop/api``."""
        return self.done.format(label=target.label, ref=target.ref)


CATALOG: Mapping[Action, Mitigation] = {
    Action.RESTART: Mitigation(
        action=Action.RESTART,
        verb="restart",
        headline="Restart {label}",
        done="Restarted {ref}",
        preview=restart.preview,
        request=restart.request,
        apply=restart.apply,
        read_back=restart.read_back,
        inverse=restart.inverse,
        rights=restart.RIGHTS,
        role=restart.RBAC,
    ),
}
"""Every action there is; a test holds that it equals ``domain.mitigation.Action``."""
