"""Spans of time as a scenario says them (``10m``, ``1h30m``, ``90s``, or seconds) and as a caption tells them."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {"h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+)([hms])")
_WORDS = ((3600, "hour"), (60, "minute"), (1, "second"))


def seconds(value: Any) -> Any:
    """The seconds of a span; what is no text is left to whoever checks numbers. Raises ``ValueError``."""
    if not isinstance(value, str):
        return value
    parts = _PART.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError("write a span such as 90s, 10m or 1h30m")
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def told(span: float) -> str:
    """``10 minutes``, ``1 minute and 30 seconds``."""
    left, parts = round(span), []
    for size, word in _WORDS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    return " and ".join(parts) or f"{span:g} seconds"
