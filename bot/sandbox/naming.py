"""What somebody who names a scenario or a breakage that there isn't may have meant. It refuses to choose for them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

FILES = (".yaml", ".yml")
"""How the name of a scenario's file ends."""
LIST = "`fettle sandbox --list` shows them."


def no_scenario(name: str, known: Collection[str]) -> str:
    """Why nothing of this name can be played, and what can be."""
    beside = [f"{name}{ending}" for ending in FILES if Path(f"{name}{ending}").is_file()]
    return f"There is no scenario {name}: {_meant(name, known, beside)}"


def no_breakage(name: str, known: Collection[str], scenarios: Collection[str]) -> str:
    """Why the cluster can't be broken so, and how it can be."""
    if name in scenarios:
        return f"{name} is a scenario, no breakage: `fettle sandbox --scenario {name}` plays it."
    return f"There is no breakage {name}: {_meant(name, known, [])}"


def _meant(name: str, known: Collection[str], files: list[str]) -> str:
    near = files or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else LIST
