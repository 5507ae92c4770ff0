"""How much larger a volume may become in one action: never smaller, at most doubled. Pure."""

from __future__ import annotations

MOST = 2.0
"""Times its present size; what isn't enough is asked for again, after somebody has looked."""


def against(present: float, wanted: float) -> str:
    """Why a volume of ``present`` bytes may not become one of ``wanted``, a sentence; empty when it may."""
    if present <= 0:
        return "How large the volume is isn't known, so nobody can say how large it may become."
    if wanted <= present:
        return "A volume can only become larger, and that isn't larger than it is."
    if wanted > present * MOST:
        return "In one action a volume at most doubles. Ask for less; it may grow again after its verdict."
    return ""
