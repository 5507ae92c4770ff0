"""What is shipped beside the program and holds in the sandbox too: the Slack app's manifest and the cluster roles.

It refuses to invent either: without the files there is no manifest, and no role.
"""

from __future__ import annotations

from typing import Any

import yaml

from bot.sandbox.bot_process import ROOT

ACTS = {
    "fettle-patch": {"restart", "rollback", "set_image", "pause", "resume"},
    "fettle-scale": {"scale", "raise_autoscaler"},
    "fettle-evict": {"evict"},
    "fettle-exec": {"thread_dump", "heap_dump"},
    "fettle-pprof": {"goroutine_dump", "heap_profile"},
    "fettle-debug": {"debug_thread_dump", "debug_heap_dump"},
    "fettle-rerun": {"rerun_job"},
    "fettle-delete-job": {"delete_failed_job"},
    "fettle-expand": {"expand_volume"},
    "fettle-cordon": {"cordon", "uncordon"},
}
"""Shipped role -> the actions that it is for; one that is for none here is bound as it is."""


def manifest() -> dict[str, Any] | None:
    """The app's manifest, from the project's root or from within an installed package; None without one."""
    for path in (ROOT / "manifest.yml", ROOT / "bot" / "manifest.yml"):
        if path.is_file():
            found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
            return found
    return None


def roles() -> dict[str, list[dict[str, Any]]]:
    """The rules of the shipped roles by their names, from the project's root or an installed package; {} without."""
    for path in (ROOT / "deploy" / "rbac.yaml", ROOT / "bot" / "rbac.yaml"):
        if path.is_file():
            found = yaml.safe_load_all(path.read_text(encoding="utf-8"))
            return {one["metadata"]["name"]: one["rules"] for one in found if one and one["kind"] == "ClusterRole"}
    return {}
