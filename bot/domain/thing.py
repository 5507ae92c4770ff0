"""What matters of a target that is no workload: a Job and its CronJob, a node, a volume claim.

Words, numbers and names alone; a CronJob's template isn't kept, since its environment may hold what is secret. It
refuses to judge: that is for policy.
"""

from __future__ import annotations

from dataclasses import dataclass

RERUN = "fettle/rerun"
"""Annotation of a CronJob: ``safe`` says that its Job may run again at any time."""
DELETE = "fettle/delete"
"""Annotation of a Job that no CronJob made: ``safe`` says that its record isn't needed once it failed."""
SAFE = "safe"


@dataclass(frozen=True)
class CronSeen:
    """A CronJob.

    ``content`` is the hash of its Job's template. ``active`` are the names of its runs that haven't ended.
    ``fleeting`` is whether a run may be gone as soon as it ended, so that its absence proves nothing. ``run`` is the
    name of its newest run with how that went, ``seconds`` the longest that a run may take, None without a limit.
    """

    name: str
    uid: str
    content: str
    safe: bool = False
    suspended: bool = False
    concurrency: str = "Allow"
    schedule: str = ""
    active: tuple[str, ...] = ()
    fleeting: bool = False
    run: str = ""
    seconds: int | None = None
    going: bool = False


@dataclass(frozen=True)
class JobSeen:
    """A Job; ``result`` is complete, failed or empty while it runs, ``disposable`` what its own annotation says."""

    result: str
    active: int = 0
    disposable: bool = False
    reason: str = ""


@dataclass(frozen=True)
class NodeSeen:
    """A node. ``control_plane`` says by what it is one, empty for a worker.

    ``others`` counts other nodes that are ready and take any pod, up to what was looked at; None when they couldn't be
    listed.
    """

    unschedulable: bool
    ready: bool | None = None
    control_plane: str = ""
    others: int | None = None


@dataclass(frozen=True)
class ClaimSeen:
    """A volume claim. ``request`` and ``capacity`` are bytes, ``written`` is the request as it stands in the claim.

    ``expandable`` is what its class allows, None when that couldn't be read. ``resizing`` names the condition under
    which it grows already. ``template`` is the StatefulSet whose claim template it was made of.
    """

    phase: str
    written: str
    request: float
    capacity: float
    storage_class: str = ""
    expandable: bool | None = None
    resizing: str = ""
    template: str = ""


@dataclass(frozen=True)
class Thing:
    """What there is of it; ``going`` is whether it is being deleted."""

    job: JobSeen | None = None
    cron: CronSeen | None = None
    node: NodeSeen | None = None
    claim: ClaimSeen | None = None
    going: bool = False
