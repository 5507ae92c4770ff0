"""Which evidence a mitigation can't be suggested without, so that a folder's check can name what a playbook lacks.

Pure; a lack is a warning, never a reason to refuse: the playbook is right, it proposes less than it says.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Playbook

OF_ACTION = {
    "restart": ("pods", "changes"),
    "rollback": ("changes",),
    "evict": ("pods",),
    "pause": ("workload",),
    "rerun_job": ("jobs",),
    "delete_failed_job": ("jobs",),
}
"""What the findings read before they suggest an action (``findings/cures.py``); others can come without."""
AS_A_RESTART = frozenset({("crash_loop", "evict"), ("probe_failure", "evict")})
"""Findings that suggest an eviction only where they would suggest a restart."""


def lacking(found: PlaybookSet) -> Iterator[str]:
    """A sentence for each mitigation of the operator's own playbooks that its evidence keeps from being proposed."""
    for playbook in found.playbooks:
        if playbook.name in found.own:
            yield from lacks(playbook)


def lacks(playbook: Playbook) -> Iterator[str]:
    """A sentence for each mitigation that this playbook's evidence keeps from being proposed."""
    seen: set[str] = set()
    for cause, steps in playbook.findings.items():
        for step in steps:
            needs = OF_ACTION.get(step.action, ())
            if (cause.partition("/")[0], step.action) in AS_A_RESTART:
                needs = OF_ACTION["restart"]
            for source in needs:
                told = f"{playbook.name}: {step.action} for {cause} needs the evidence {source}: add it."
                if source not in playbook.evidence and not step.unsuggested and told not in seen:
                    seen.add(told)
                    yield told
