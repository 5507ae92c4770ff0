"""What the API server itself answers before anything is done: which rights are held, and what its dry run says.

Nothing is stored in the cluster. A refused dry run is no exception: the card says why, and there is nothing to approve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.domain.errors import FettleError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Preview
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import mapping
from bot.kube.writes import send
from bot.mitigations.diff import spec_diff

Rights = Mapping[str, tuple[tuple[str, str, str], ...]]
"""Kind of the target -> the (verb, group, resource or resource/subresource) rights that acting on it takes."""


@dataclass(frozen=True)
class DryRun:
    """``diff`` is what would change, lines of plain text; ``problem`` what is against it, "" where nothing is.

    ``passing`` says that the problem may pass, so that another try may go well.
    """

    rights: Mapping[str, bool]
    diff: str = ""
    problem: str = ""
    passing: bool = False

    @property
    def words(self) -> str:
        """For the line of facts."""
        return "dry run refused" if self.problem else "dry run ok"

    def preview(
        self, request: WriteRequest, *, facts: str, consequence: str, warnings: tuple[str, ...] = (), diff: str = ""
    ) -> Preview:
        """What the card shows before anyone presses; ``diff`` where the verb knows itself what changes."""
        return Preview(
            request=request,
            diff=diff or self.diff,
            facts=facts,
            consequence=consequence,
            warnings=warnings,
            problem=self.problem,
            passing=self.passing,
            rights=self.rights,
        )


async def tried(
    cluster: Cluster, target: Target, rights: Rights, changes: Callable[[], Awaitable[str]] | None = None
) -> DryRun:
    """The rights, then ``changes``: it sends the dry run and returns what that would change.

    What has no dry run has its rights alone. Never raises for the cluster's sake.
    """
    held: dict[str, bool] = {}
    try:
        held = await rights_on(cluster, target, rights)
        return DryRun(held, await changes() if changes is not None else "")
    except FettleError as error:
        return DryRun(held, problem=str(error), passing=error.retry)


async def sent(cluster: Cluster, planned: WriteRequest) -> str:
    """``changes`` of a verb that knows them itself: no lines, or raises what the dry run raises."""
    await send(cluster, planned, dry_run=True)
    return ""


async def spec_changes(cluster: Cluster, target: Target, planned: WriteRequest) -> str:
    """``changes`` of a workload: its spec as it is, against that of the dry run's answer."""
    before = await reads.workload(cluster, target)
    after = await send(cluster, planned, dry_run=True)
    return spec_diff(mapping(before, "spec"), mapping(after, "spec"))


async def rights_on(cluster: Cluster, target: Target, rights: Rights) -> dict[str, bool]:
    """``{"patch deployments.apps": True}`` of all that acting on this target takes; raises what a review raises."""
    asked = rights[target.kind]
    held = await asyncio.gather(*(reads.may(cluster, right, target.namespace) for right in asked))
    return {
        f"{verb} {resource}.{group}".rstrip("."): holds
        for (verb, group, resource), holds in zip(asked, held, strict=True)
    }
