"""``WWW-Authenticate`` of a registry: whether it wants a password or a token, and from where the token comes. Pure.

It refuses a token server that nobody listed: the password would go to wherever a registry, or who stands in its place,
points.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from bot.domain.errors import RejectedError, RequestError
from bot.domain.image import host

LONGEST = 4096
_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)(?=\s|$)", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_PARAMETER = re.compile(r'([a-z_]{1,40})\s*=\s*(?:"([^"]*)"|([^\s",]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for; without ``bearer`` and ``basic`` it asks for nothing that is known here."""

    basic: bool = False
    bearer: bool = False
    realm: str = ""
    service: str = ""


@dataclass(frozen=True)
class Place:
    """An address that was checked: its origin, and what stands behind it."""

    origin: str
    path: str
    params: dict[str, str] = field(default_factory=dict)


def read(header: str) -> Challenge:
    """The challenges of one or more joined headers; the first of each kind counts."""
    text = header[:LONGEST]
    bare = _QUOTED.sub(lambda one: "_" * len(one[0]), text)  # a scheme's name in quotes is none
    found = list(_SCHEME.finditer(bare))
    basic = any(one[1].lower() == "basic" for one in found)
    for at, one in enumerate(found):
        if one[1].lower() == "bearer":
            end = found[at + 1].start() if at + 1 < len(found) else len(text)
            said = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(text[one.end() : end])}
            return Challenge(basic, bearer=True, realm=said.get("realm", ""), service=said.get("service", ""))
    return Challenge(basic)


def place(address: str, listed: Collection[str], *, insecure: bool, of: str, what: str) -> Place:
    """Where ``address`` leads, if its host is ``listed``; raises ``RejectedError`` with the option to write else.

    Plain HTTP is taken from a registry that is ``insecure`` alone.
    """
    try:
        parts = urlsplit(address)
        at = host(parts.netloc)
    except (ValueError, RequestError):
        raise RejectedError(f"{of} sends us for {what} to an address that is none.", "bad_place") from None
    if at not in listed:
        raise RejectedError(
            f"{of} sends us for {what} to {at}, which isn't listed: give it also={at} in REGISTRIES if that is right.",
            "elsewhere",
        )
    if parts.scheme != "https" and not (insecure and parts.scheme == "http"):
        raise RejectedError(f"{of} sends us for {what} to {at} without TLS, which isn't followed.", "no_tls")
    return Place(f"{parts.scheme}://{parts.netloc}", parts.path or "/", dict(parse_qsl(parts.query)))
