"""Which evidence a mitigation can't be suggested without, so that a folder's check can name what a playbook lacks.

Pure; a lack is a warning, never a reason to refuse: the playbook is right, it proposes less than it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Playbook

OF_ACTION = {
    "restart": ("pods", "changes"),
    "rollback": ("changes",),
    "evict": ("pods",),
    "pause": ("workload",),
    "scale": ("autoscalers",),
    "raise_autoscaler": ("autoscalers",),
    "set_image": ("pods",),
    "set_resources": ("pods",),
    "heap_dump": ("pods",),
    "cordon": ("nodes",),
    "expand_volume": ("volumes",),
    "rerun_job": ("jobs",),
    "delete_failed_job": ("jobs",),
}
"""What the findings read before they suggest an action (``findings/cures.py``); others can come without."""
OF_WAY: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("crash_loop", "evict"): OF_ACTION["restart"],
    ("probe_failure", "evict"): OF_ACTION["restart"],
    ("saturation", "scale"): ("workload", "metrics", "autoscalers"),
    ("unschedulable", "scale"): ("changes", "autoscalers"),
    ("quota", "scale"): ("changes", "autoscalers"),
}
"""By cause and action, where the finding asks for something else first: an eviction only where it would suggest a
restart, the former number of replicas only where it is known who changed it."""


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
            needs = OF_WAY.get((cause.partition("/")[0], step.action)) or OF_ACTION.get(step.action, ())
            for source in needs:
                told = f"{playbook.name}: {step.action} for {cause} needs the evidence {source}: add it."
                if source not in playbook.evidence and not step.unsuggested and told not in seen:
                    seen.add(told)
                    yield told
