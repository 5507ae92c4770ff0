"""Google Drive's resumable upload and its token server, as far as they are documented: for files of one folder.

Sessions take pieces in order, multiples of 256 KiB but for the last, answer 308 with ``Range`` until the file is whole,
and tell how far they are when asked with ``bytes */N``. A token is given for a statement that the account's key signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

FOLDER = "1AbCdEfGhIjKlMn"
STEP = 256 * 1024


@cache
def _key() -> rsa.RSAPrivateKey:
    """The account's; made when it is first used, for to make one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Drive:
    """The files, and what goes wrong: ``keep`` says how much of each next piece is taken before the line breaks."""

    url: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    sessions: dict[str, tuple[dict[str, Any], bytearray, int]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    given: int = 0
    keep: list[int] = field(default_factory=list)
    busy: int = 0
    lose_last: int = 0
    may_add: bool = True
    elsewhere: str = ""
    spoil: bool = False

    def key_file(self, folder: Path, **changes: str) -> Path:
        """The key that Google gives for a service account."""
        pem = _key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = {
            "type": "service_account", "client_email": "fettle@project.iam.example", "private_key_id": "k1",
            "private_key": pem.decode(), "token_uri": f"{self.url}/token", **changes,
        }  # fmt: skip
        path = folder / "key.json"
        path.write_text(json.dumps(key))
        return path

    async def token(self, request: web.Request) -> web.Response:
        """A token for an hour, if the statement is right."""
        form = await request.post()
        head, claims, signature = str(form["assertion"]).split(".")
        try:
            _key().public_key().verify(
                _decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            told = json.loads(_decoded(claims))
            right = told["aud"] == f"{self.url}/token" and told["exp"] - told["iat"] == 3600
            assert right
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            assert told["scope"] == "https://www.googleapis.com/auth/drive.file"
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.given += 1
        token = f"ya29.{uuid4().hex}"
        self.tokens.add(token)
        return web.json_response({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def refused(self, request: web.Request) -> web.Response | None:
        """An answer instead of what was asked, where something is in its way."""
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return web.json_response({"error": {"code": 401, "message": "Invalid Credentials"}}, status=401)
        if self.busy:
            self.busy -= 1
            return web.json_response({"error": {"code": 503, "message": "Backend Error"}}, status=503)
        return None

    async def begin(self, request: web.Request) -> web.Response:
        """A session."""
        if (no := self.refused(request)) is not None:
            return no
        about = await request.json()
        if about["parents"] != [FOLDER]:
            return web.json_response({"error": {"code": 404, "message": "File not found"}}, status=404)
        if not self.may_add:
            said = "The user does not have sufficient permissions for this file."
            return web.json_response({"error": {"code": 403, "message": said}}, status=403)
        session = uuid4().hex
        self.sessions[session] = (about, bytearray(), int(request.headers["X-Upload-Content-Length"]))
        at = f"{self.elsewhere or self.url}/upload/drive/v3/files?uploadType=resumable&upload_id={session}"
        return web.Response(status=200, headers={"Location": at})

    async def put(self, request: web.Request) -> web.StreamResponse:
        """A piece, or the question how far it is."""
        body = await request.read()
        if (no := self.refused(request)) is not None:
            return no
        found = self.sessions.get(request.query.get("upload_id", ""))
        if found is None:
            return web.Response(status=404)
        about, taken, total = found
        span = request.headers["Content-Range"].removeprefix("bytes ").partition("/")[0]
        if span != "*":
            first, last = (int(one) for one in span.split("-"))
            assert last - first + 1 == len(body)
            assert first == len(taken), "pieces come in order"
            assert last + 1 == total or len(body) % STEP == 0, "pieces are multiples of 256 KiB"
            if self.keep:
                taken += body[: self.keep.pop(0) // STEP * STEP]
                assert request.transport is not None
                request.transport.abort()
                return web.Response(status=500)
            taken += body
        if len(taken) < total:
            headers = {"Range": f"bytes=0-{len(taken) - 1}"} if taken else {}
            return web.Response(status=308, headers=headers)
        done = next((one for one in self.files.values() if one["session"] == id(taken)), None)
        done = done or self.stored(about, bytes(taken), id(taken))
        if self.lose_last:
            self.lose_last -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(done)

    def stored(self, about: dict[str, Any], content: bytes, session: int = 0) -> dict[str, Any]:
        """A file, whole."""
        ref = uuid4().hex
        digest = hashlib.sha256(content + (b"!" if self.spoil else b"")).hexdigest()
        self.contents[ref] = content
        self.files[ref] = {
            "id": ref, "name": about["name"], "size": str(len(content)), "sha256Checksum": digest,
            "webViewLink": f"https://drive.google.com/file/d/{ref}/view", "trashed": False,
            "appProperties": about.get("appProperties", {}), "session": session,
        }  # fmt: skip
        return self.files[ref]

    async def listed(self, request: web.Request) -> web.Response:
        """Files by their mark."""
        if (no := self.refused(request)) is not None:
            return no
        assert f"'{FOLDER}' in parents" in request.query["q"]
        value = request.query["q"].rpartition("value='")[2].partition("'")[0]
        found = [one for one in self.files.values() if value in one["appProperties"].values()]
        return web.json_response({"files": found})

    async def one(self, request: web.Request) -> web.Response:
        """One file, or the folder itself."""
        if (no := self.refused(request)) is not None:
            return no
        ref = request.match_info["ref"]
        if ref == FOLDER:
            return web.json_response({"name": "dumps", "capabilities": {"canAddChildren": self.may_add}})
        if ref not in self.files:
            return web.json_response({"error": {"code": 404, "message": "File not found"}}, status=404)
        if request.method == "DELETE":
            del self.files[ref], self.contents[ref]
            return web.Response(status=204)
        return web.json_response(self.files[ref])

    async def dropped(self, request: web.Request) -> web.Response:
        """A session is given up."""
        self.sessions.pop(request.query.get("upload_id", ""), None)
        return web.Response(status=499)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@asynccontextmanager
async def drive() -> AsyncIterator[Drive]:
    one = Drive()
    app = web.Application(client_max_size=64 * 1024**2)
    app.add_routes([
        web.post("/token", one.token),
        web.post("/upload/drive/v3/files", one.begin), web.put("/upload/drive/v3/files", one.put),
        web.delete("/upload/drive/v3/files", one.dropped),
        web.get("/drive/v3/files", one.listed), web.get("/drive/v3/files/{ref}", one.one),
        web.delete("/drive/v3/files/{ref}", one.one),
    ])  # fmt: skip
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()
