"""A Google service account: its key file signs a statement, for which Google gives a token that lasts an hour.

It needs the extra ``gdrive`` for the signature alone. The key is read at each renewal, so that one that is replaced
counts; it is never logged, and goes nowhere: only what it signed leaves.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.domain.errors import ConfigError, ForbiddenError, RejectedError
from bot.integrations.door import Access, Door

SCOPE = "https://www.googleapis.com/auth/drive.file"
"""Files that this account made, and no other: what a stolen token could read are dumps."""
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EARLY = timedelta(minutes=5)
WITHIN = 10.0
SETTING = "ARTIFACTS_DRIVE_KEY_FILE"


class ServiceAccount:
    """Tokens of one account."""

    def __init__(self, key_file: Path, clock: Callable[[], datetime]) -> None:
        self._file, self._clock = key_file, clock
        self._token = ""
        self._until: datetime | None = None

    async def token(self) -> str:
        """A token that holds for minutes still. Raises ``ConfigError`` for the file, ``ForbiddenError`` for a no."""
        now = self._clock()
        if self._until is None or now >= self._until - EARLY:
            key = await asyncio.to_thread(self._read)
            statement = await asyncio.to_thread(_signed, key, now)
            self._token, seconds = await self._asked(str(key["token_uri"]), statement)
            self._until = now + timedelta(seconds=seconds)
        return self._token

    def forget(self) -> None:
        """The token was refused: the next question asks for another."""
        self._until = None

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ConfigError([f"{SETTING} is “{self._file}”, which can't be read as JSON."]) from exc
        needed = ("client_email", "private_key", "token_uri")
        if not isinstance(found, dict) or not all(isinstance(found.get(one), str) for one in needed):
            raise ConfigError([f"{SETTING} is “{self._file}”, which is no key of a service account."])
        if urlsplit(found["token_uri"]).scheme not in {"https", "http"}:
            raise ConfigError([f"{SETTING} is “{self._file}”, whose token_uri is no address."])
        return found

    async def _asked(self, uri: str, statement: str) -> tuple[str, float]:
        parts = urlsplit(uri)
        door = Door(Access("Google's token server", "ARTIFACTS_DRIVE", f"{parts.scheme}://{parts.netloc}"))
        try:
            form = {"grant_type": GRANT, "assertion": statement}
            reply = await door.post_form(parts.path, form, within=WITHIN)
            told = await reply.data() if reply.json else {}
        except ValueError as exc:
            raise RejectedError("Google's token server answers what isn't JSON.", "token") from exc
        finally:
            await door.close()
        token = told.get("access_token") if isinstance(told, dict) else None
        if reply.status != 200 or not isinstance(token, str):
            said = str(told.get("error", reply.status)) if isinstance(told, dict) else str(reply.status)
            raise ForbiddenError(f"Google doesn't accept the key in {SETTING} ({said[:60]}).")
        return token, float(told.get("expires_in") or 3600)


def _signed(key: dict[str, Any], now: datetime) -> str:
    """The statement, as RFC 7523 has it, signed with RSA and SHA-256."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - for those alone who have Drive
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - the same
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - the same
    except ImportError as exc:
        raise ConfigError(["ARTIFACTS: drive:// needs the extra gdrive: pip install 'fettle-bot[gdrive]'."]) from exc
    began = int(now.timestamp())
    claims = {
        "iss": key["client_email"], "scope": SCOPE, "aud": key["token_uri"], "iat": began, "exp": began + 3600,
    }  # fmt: skip
    head = {"alg": "RS256", "typ": "JWT", "kid": str(key.get("private_key_id", ""))}
    text = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
    try:
        private = serialization.load_pem_private_key(key["private_key"].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError([f"{SETTING} holds a private_key that can't be used."]) from exc
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ConfigError([f"{SETTING} holds a private_key that isn't RSA."])
    return f"{text}.{_encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
