"""The only caller of the machine's clocks, so that every other room takes time as an argument and tests can move it.

It refuses naive times and local zones: everything is aware UTC. A running bot's time is ``Steady``: it passes, and it
never jumps by itself when somebody sets the machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
"""Anything that answers the present moment as an aware UTC time; production passes a ``Steady``."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now() -> datetime:
    """The present moment by the machine's clock, aware UTC."""
    return datetime.now(UTC)


def since_boot() -> float:
    """Seconds since this machine was booted, its sleep included; nobody can set this clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Which boot ``since_boot`` counts from; "" where the machine doesn't say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Steady:
    """A clock that goes on from where the machine's clock stood, at the pace of ``since_boot``.

    ``step`` tells by how much the machine's clock was set since. Whoever follows it moves what is stored first, so that
    no wait becomes longer, no soak shorter and no approval older than it is (``workflow.timekeeping``).
    """

    def __init__(self, wall: Clock = now, pace: Callable[[], float] = since_boot, boot: str | None = None) -> None:
        self._wall = wall
        self._pace = pace
        self.boot = boot_id() if boot is None else boot
        self.base = self.wall_base()
        """The time at which ``pace`` was zero, as this clock counts."""

    def __call__(self) -> datetime:
        """The present moment."""
        return self.base + timedelta(seconds=self._pace())

    def wall_base(self) -> datetime:
        """What ``base`` would be by the machine's clock now."""
        return self._wall() - timedelta(seconds=self._pace())

    def step(self) -> timedelta:
        """How far the machine's clock is ahead of this one; negative if it was set back."""
        return self.wall_base() - self.base


def moved(ahead: Callable[[], float]) -> Steady:
    """A clock that is so many seconds ahead of the machine's: a sandbox lets time pass for the bot that it started.

    Both of its clocks are, so that this is no machine whose clock was set.
    """
    return Steady(lambda: now() + timedelta(seconds=ahead()), lambda: since_boot() + ahead())
