"""Who may post alerts: bearer or basic, compared in constant time, up to two live secrets each for rotation.

Without any secret configured only clients on loopback are let in. It refuses to say what was wrong.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import time
from collections.abc import Iterable
from functools import lru_cache

from bot.settings import Settings

LOOK_AGAIN, LOOK_WITHIN = 1.0, 2.0
"""Least seconds between looks at the files of secrets because of a refusal, and the longest that one is waited for."""


class Guard:
    """Lets requests in by what is in force now: secrets in files are read again when they are replaced."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looked = 0.0
        self._look: asyncio.Task[None] | None = None

    async def allowed(self, authorization: str, client: str) -> bool:
        """Whether a request may post alerts; before one is refused the files are looked at."""
        if allowed(self._settings, authorization, client):
            return True
        if not authorization or not self._settings.follows:
            return False
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._looked >= LOOK_AGAIN):
            self._looked = now
            self._look = asyncio.create_task(asyncio.to_thread(self._settings.look_at_files))
        await asyncio.wait({self._look}, timeout=LOOK_WITHIN)
        return allowed(self._settings, authorization, client)


def allowed(settings: Settings, authorization: str, client: str) -> bool:
    """Whether a request with this Authorization header, from this address, may post alerts."""
    if settings.webhook_open:
        return is_loopback(client)
    scheme, _, rest = authorization.strip().partition(" ")
    tokens = [token.get_secret_value() for token in settings.secret("WEBHOOK_TOKENS").value]
    pairs = [pair.get_secret_value() for pair in settings.secret("WEBHOOK_BASIC").value]
    if scheme.lower() == "bearer":
        return one_of(rest.strip(), tokens)
    if scheme.lower() == "basic":
        # A sender that can't do bearer gives a token as its password, under any name.
        pair = _pair(rest)
        return one_of(pair, pairs) | one_of(pair.partition(":")[2], tokens)
    return False


def one_of(given: str, secrets: Iterable[str]) -> bool:
    """Compares with every secret, whatever matched before, so that the time tells nothing."""
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
    return found and bool(given)


@lru_cache(maxsize=256)
def is_loopback(client: str) -> bool:
    """Whether an address is this machine's own; remembered, as the same few senders come again and again."""
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


def _pair(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
