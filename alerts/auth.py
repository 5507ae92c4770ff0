"""Who may post alerts: bearer or basic, compared in constant time, up to two live secrets each for rotation.

A token may have a name, and speak for some namespaces and clusters alone. Without any secret configured only clients on
loopback are let in. It refuses to say what was wrong.
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
from typing import NamedTuple

from bot.settings import Settings
from bot.settings_webhook import Binding, split

LOOK_AGAIN, LOOK_WITHIN = 1.0, 2.0
"""Least seconds between looks at the files of secrets because of a refusal, and the longest that one is waited for."""


class Guard:
    """Lets requests in by what is in force now: secrets in files are read again when they are replaced."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looked = 0.0
        self._look: asyncio.Task[None] | None = None

    async def admitted(self, authorization: str, client: str) -> Admitted | None:
        """Who may post alerts with this, None for nobody; before one is refused the files are looked at."""
        found = admitted(self._settings, authorization, client)
        if found is not None or not authorization or not self._settings.follows:
            return found
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._looked >= LOOK_AGAIN):
            self._looked = now
            self._look = asyncio.create_task(asyncio.to_thread(self._settings.look_at_files))
        await asyncio.wait({self._look}, timeout=LOOK_WITHIN)
        return admitted(self._settings, authorization, client)


class Admitted(NamedTuple):
    """Somebody who may post; ``binding`` is what their token speaks for, None where that is everything."""

    binding: Binding | None = None


def admitted(settings: Settings, authorization: str, client: str) -> Admitted | None:
    """Who a request with this Authorization header, from this address, is; None who may not post alerts."""
    if settings.webhook_open:
        return Admitted() if is_loopback(client) else None
    scheme, _, rest = authorization.strip().partition(" ")
    named = {binding.name: binding for binding in settings.WEBHOOK_BINDINGS}
    tokens: dict[str, list[str]] = {"": []}
    for token in settings.secret("WEBHOOK_TOKENS").value:
        name, secret = split(token.get_secret_value(), named)
        tokens.setdefault(name, []).append(secret)
    pairs = [pair.get_secret_value() for pair in settings.secret("WEBHOOK_BASIC").value]
    given, whole = rest.strip(), False
    if scheme.lower() == "basic":
        # A sender that can't do bearer gives a token as its password, under any name.
        pair = _pair(rest)
        whole, given = one_of(pair, pairs), pair.partition(":")[2]
    elif scheme.lower() != "bearer":
        return None
    # All are compared, whatever matched before, so that the time tells nothing.
    hits = [name for name, secrets in tokens.items() if one_of(given, secrets)]
    if whole or "" in hits:
        return Admitted()
    return Admitted(named[hits[0]]) if hits else None


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
