"""The closed list of what Fettle can do, found by key; nothing is ever imported or called by a name from outside."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.mitigation import Action
from bot.mitigations import (
    cordon,
    debug_dump,
    delete_failed_job,
    evict,
    expand_volume,
    heap_dump,
    pause,
    pprof,
    raise_autoscaler,
    rerun_job,
    restart,
    resume,
    rollback,
    scale,
    set_image,
    thread_dump,
)
from bot.mitigations.verb import Mitigation

CATALOG: Mapping[Action, Mitigation] = {
    one.action: one
    for one in (
        restart.MITIGATION,
        rollback.MITIGATION,
        set_image.MITIGATION,
        pause.MITIGATION,
        resume.MITIGATION,
        scale.MITIGATION,
        raise_autoscaler.MITIGATION,
        evict.MITIGATION,
        thread_dump.MITIGATION,
        heap_dump.MITIGATION,
        debug_dump.THREAD_DUMP,
        debug_dump.HEAP_DUMP,
        pprof.GOROUTINE_DUMP,
        pprof.HEAP_PROFILE,
        rerun_job.MITIGATION,
        delete_failed_job.MITIGATION,
        expand_volume.MITIGATION,
        cordon.CORDON,
        cordon.UNCORDON,
    )
}
"""Every action there is; a test holds that it equals ``domain.mitigation.Action``."""
