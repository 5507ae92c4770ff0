"""Whether the live view fits where the output goes. It refuses to draw anything, and to import what draws."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

WITHOUT_PLACE = frozenset({"", "dumb", "unknown"})
"""Terminals that can't put anything in place."""


def is_fit(stream: TextIO, *, plain: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """A terminal at which somebody looks: no pipe, no CI's log, none that can't draw or has no room for the signs."""
    if plain or environment.get("CI") or environment.get("TERM", "") in WITHOUT_PLACE:
        return False
    return stream.isatty() and "utf" in (stream.encoding or "").lower()
