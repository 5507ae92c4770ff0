"""A token server as registries send their clients to: password in, a signed token for reading out."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bot.sandbox.kubernetes.certificate import Certificate

SERVICE, ISSUER = "real-registry", "test-issuer"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class TokenServer:
    """``users`` may read all of ``repositories``; nobody else anything. ``asked`` are the queries that came."""

    certificate: Certificate
    users: dict[str, str]
    repositories: set[str]
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    lasts: int = 60
    key: str = "token"

    def token(self, *access: dict[str, Any]) -> str:
        """A token that the real registry takes: ES256, with the certificate that it knows."""
        der = self.certificate.pem.split("-----")[2].replace("\n", "")
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "test", "exp": now + 300, "nbf": now - 10, "iat": now - 10,
            "jti": uuid4().hex, "access": list(access),
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
        signed = ".".join(_part(json.dumps(one).encode()) for one in (header, claims))
        key = serialization.load_pem_private_key(self.certificate.key_pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    async def answer(self, request: web.Request) -> web.Response:
        """One question for a token."""
        self.asked.append(dict(request.query))
        self.shown.append(request.headers.get("Authorization", ""))
        scheme, _, shown = self.shown[-1].partition(" ")
        user, _, password = base64.b64decode(shown).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if user and self.users.get(user) != password:
            return web.json_response({"details": "incorrect username or password"}, status=401)
        kind, _, rest = request.query.get("scope", "").partition(":")
        repository, _, actions = rest.rpartition(":")
        granted = actions.split(",") if user and repository in self.repositories else []
        access = [{"type": kind, "name": repository, "actions": granted}] if granted else []
        return web.json_response({self.key: self.token(*access), "expires_in": self.lasts})


@asynccontextmanager
async def serving(server: TokenServer) -> AsyncIterator[TokenServer]:
    """The server on loopback for the length of a block."""
    app = web.Application()
    app.router.add_get("/auth", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"{site.name}/auth"
    try:
        yield server
    finally:
        await runner.cleanup()
