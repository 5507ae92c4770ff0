"""Every bug that is planted, and the copy of the tree that it is planted in.

Whoever mends a mistake that no test saw adds it here with its test: in the module of its room, a text that stands once
in the source, what somebody might write instead, and whom it would hurt.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.planted import (
    acting,
    alerts,
    autonomy,
    chains,
    debugging,
    dumps,
    extensions,
    guards,
    images,
    metrics,
    people,
    pins,
    playbooks,
    policy,
    process,
    profiles,
    registries,
    rules,
    scaling,
    shadow,
    silences,
    slack,
    soaks,
    store,
    telling,
    things,
    verdicts,
)
from tests.planted.bug import Bug

ROOT = Path(__file__).resolve().parents[2]
BUGS: tuple[Bug, ...] = (
    *alerts.BUGS, *store.BUGS, *policy.BUGS, *acting.BUGS, *verdicts.BUGS, *slack.BUGS, *process.BUGS, *playbooks.BUGS,
    *metrics.BUGS, *registries.BUGS, *extensions.BUGS, *shadow.BUGS, *autonomy.BUGS,
    *rules.BUGS, *images.BUGS, *silences.BUGS, *scaling.BUGS, *dumps.BUGS, *things.BUGS, *people.BUGS, *soaks.BUGS,
    *debugging.BUGS, *chains.BUGS, *guards.BUGS, *profiles.BUGS, *pins.BUGS, *telling.BUGS,
)  # fmt: skip

ELSEWHERE = frozenset({".git", ".venv", ".env", "fettle.yaml", "build", "data", "dist"})
"""What lies in the root and is no part of the tree; somebody's tokens least of all."""
CACHES = (
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
    ".coverage*",
)


def copy_to(folder: Path) -> None:
    """The tree as it stands, uncommitted changes included."""
    caches = shutil.ignore_patterns(*CACHES)

    def left_out(parent: str, names: list[str]) -> set[str]:
        return caches(parent, names) | (ELSEWHERE & set(names) if Path(parent) == ROOT else set())

    shutil.copytree(ROOT, folder, ignore=left_out, ignore_dangling_symlinks=True)
    # Tests start programs of the environment by its path.
    (folder / ".venv").symlink_to(ROOT / ".venv")
