"""The only caller of the wall clock, so that every other room takes time as an argument and tests can move it.

It refuses naive times and local zones: everything is aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Anything that answers the present moment as an aware UTC time; production passes ``now``."""


def now() -> datetime:
    """The present moment, aware UTC."""
    return datetime.now(UTC)
