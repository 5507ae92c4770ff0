"""What is for the sandbox alone, a short soak and a clock that is moved, and the refusal of both anywhere else.

It refuses to believe one sign: Slack, the cluster's name and the API server's address all have to be a sandbox's
before a clock is moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from bot.settings import Settings
from bot.settings_values import is_loopback

CLUSTER = "fettle-sandbox"
"""The kubeconfig's cluster name that the sandbox writes."""
SHORT_SOAK = (
    "VERIFY_SOAK and VERIFY_SOAK_CRASHLOOP must be at least 30s: a shorter soak measures nothing, "
    "and only the sandbox's cluster may use one."
)
MOVED = (
    "--sandbox-clock is for a bot that the sandbox starts: Slack and the cluster must be the sandbox's, on loopback. "
    "Start without it."
)


class Moved(Protocol):
    """Time that is let pass at once; ``ahead`` are the seconds that were so far, ``asked`` those that are to be now."""

    ahead: float
    asked: float

    def listen(self, wake: Callable[[], None]) -> None:
        """Begins to listen in the running loop; ``wake`` is called when time is to pass."""

    async def let(self) -> None:
        """What is asked for passes; returns when the rest of the world has followed."""


def refused(settings: Settings, cluster: str, server: str, moved: Moved | None) -> list[str]:
    """A sentence for each of the two that is used where it mustn't be; ``server`` is the API server's URL."""
    ours = cluster == CLUSTER
    local = is_loopback(urlsplit(server).hostname or "")
    sentences = [SHORT_SOAK] if settings.short_soak and not ours else []
    if moved is not None and (settings.slack_is_real or not ours or not local):
        sentences.append(MOVED)
    return sentences
