"""The one way out to HTTP systems besides Slack and the cluster: one configured address, and a limit on everything.

Time, size and answers are bounded here, and whatever goes wrong becomes an error of the domain with a sentence that
names the setting to look at. It refuses to follow redirects, since credentials would go along to wherever they point,
and refuses every address but the configured one: nothing is ever fetched from a URL that came in an alert.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.domain.errors import ConfigError, FettleError, ForbiddenError, RejectedError, UnavailableError
from bot.network import untrusted, why
from bot.secret_file import Secret

CONNECT = 2.0
"""Seconds to reach an address; one that swallows packets must not cost a collector its whole deadline."""
AT_ONCE = 8
"""Connections to one system, whatever number of incidents asks."""
LARGEST = 8 * 1024 * 1024
BIG = 256 * 1024
"""Bytes from which JSON is read in a thread, so that the loop goes on turning."""
TENANT = "X-Scope-OrgID"
UNKNOWN, RATE_LIMITED = 401, 429

Params = Mapping[str, str]


log = logging.getLogger(__name__)


class _StrangerError(ForbiddenError):
    """Whoever answered doesn't know what was shown."""


@dataclass(frozen=True)
class Access:
    """Where a system is and how it lets us in; ``setting`` is the prefix of its settings, for sentences.

    ``ca_named`` is what its authority's file is called in them, where that isn't the prefix and ``_CA_FILE``.
    ``scheme`` stands before the token, with what parts them.
    """

    name: str
    setting: str
    url: str
    token: Secret | SecretStr | None = None
    basic: Secret | SecretStr | None = None
    ca_file: Path | None = None
    tenant: str = ""
    ca_named: str = ""
    scheme: str = "Bearer "
    accept: str = "application/json"

    @property
    def authority(self) -> str:
        """The setting of its certificate authority."""
        return self.ca_named or f"{self.setting}_CA_FILE"


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status; ``retry_after`` in seconds where it was named.

    ``headers`` by their names in small letters, repeated ones joined by commas.
    """

    status: int
    body: bytes
    json: bool
    retry_after: float | None = None
    headers: Params = field(default_factory=dict)

    async def data(self) -> Any:
        """The body's JSON; raises ``ValueError``."""
        try:
            if len(self.body) < BIG:
                return json.loads(self.body)
            return await asyncio.to_thread(json.loads, self.body)
        except RecursionError as exc:  # brackets by the thousand are no answer either
            raise ValueError("nested too deeply") from exc


class Door:
    """One system; opened at the first question, so that nothing is asked and nothing can fail at the start."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession | None = None
        self._free = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, path: str, params: Params | None = None, *, within: float, largest: int = LARGEST, anew: bool = False
    ) -> Reply:
        """GET ``path`` below the configured address; ``within`` seconds from when it is asked to the last byte.

        ``anew`` leaves the connection behind: the next question may reach another one of several behind an address.
        """
        headers = {"Connection": "close"} if anew else {}
        return await self._ask("GET", path, within, largest, params=dict(params or {}), headers=headers)

    async def post_form(self, path: str, form: Params, *, within: float, largest: int = LARGEST) -> Reply:
        """POST a form: a question that is too long for an address."""
        return await self._ask("POST", path, within, largest, data=dict(form))

    async def post_json(self, path: str, body: Mapping[str, Any], *, within: float, largest: int = LARGEST) -> Reply:
        """POST JSON: for a system that is told something."""
        return await self._ask("POST", path, within, largest, json=dict(body))

    async def delete(self, path: str, *, within: float) -> Reply:
        """DELETE: for what this program itself made there."""
        return await self._ask("DELETE", path, within, LARGEST)

    async def exchange(
        self, method: str, path: str, headers: Params, params: Params, *, within: float, largest: int = LARGEST,
        body: bytes | None = None,
    ) -> Reply:  # fmt: skip
        """The answer as it came: a protocol of its own deals with refusals, and refuses redirects or checks them."""
        more = {"headers": dict(headers), "params": dict(params)} | ({} if body is None else {"data": io.BytesIO(body)})
        return await self._ask(method, path, within, largest, plain=True, **more)

    async def _ask(
        self, method: str, path: str, within: float, largest: int, *, plain: bool = False, **more: Any
    ) -> Reply:
        # The wait for a free place is ours, not the other system's: its time begins when it is asked.
        async with self._free, self._translating(within), asyncio.timeout(within):
            try:
                answer, body = await self._once(method, path, largest, more, plain=plain)
            except _StrangerError as stranger:
                # Tokens in files are replaced under us: the one in the file now may be another than was refused.
                if not await self._read_again():
                    raise
                log.debug("asked again with what the file holds now: %s", stranger)
                answer, body = await self._once(method, path, largest, more, plain=plain)
        headers = {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
        wait = _seconds(answer.headers.get("Retry-After", ""))
        reply = Reply(answer.status, body, answer.content_type.endswith("json"), wait, headers)
        if reply.status == RATE_LIMITED or (reply.status >= 500 and not reply.json):
            raise UnavailableError(f"{self.access.name} answers {reply.status} for now.", reply.retry_after)
        return reply

    async def _once(
        self, method: str, path: str, largest: int, more: Mapping[str, Any], *, plain: bool
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        url, asked = f"{self.access.url}{path}", {**more, "headers": {**self._shown(), **more.get("headers", {})}}
        async with self._opened().request(method, url, allow_redirects=False, **asked) as answer:
            if not plain:
                self._refuse_redirect(answer)
                self._refuse_strangers(answer)
            return answer, await self._bounded(answer, largest)

    def _shown(self) -> dict[str, str]:
        """What lets us in, as it is now."""
        token, basic = _now(self.access.token), _now(self.access.basic)
        if basic is not None:
            user, _, password = basic.get_secret_value().partition(":")
            return {"Authorization": aiohttp.encode_basic_auth(user, password, encoding="utf-8")}
        return {"Authorization": f"{self.access.scheme}{token.get_secret_value()}"} if token is not None else {}

    async def _read_again(self) -> bool:
        """Whether a file holds another secret than was shown."""
        shown = self._shown()
        for one in (self.access.token, self.access.basic):
            if isinstance(one, Secret):
                await asyncio.to_thread(one.look, whatever=True)
        return self._shown() != shown

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            access = self.access
            headers = {"User-Agent": "fettle", "Accept": access.accept}
            if access.tenant:
                headers[TENANT] = access.tenant
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=AT_ONCE, ssl=self._trust()),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        if self.access.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self.access.ca_file))
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it holds no certificate"
            sentence = f"{self.access.authority} is “{self.access.ca_file}”, which can't be used ({reason})."
            raise ConfigError([sentence]) from exc

    def _refuse_redirect(self, answer: aiohttp.ClientResponse) -> None:
        if 300 <= answer.status < 400:
            # The place it points to is not repeated: it came from outside, and may hold a session's secret.
            raise RejectedError(
                f"{self.access.name} answers with a redirect ({answer.status}), which isn't followed: set "
                f"{self.access.setting}_URL to the address behind it.",
                "redirect",
            )

    def _refuse_strangers(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status in {401, 403, 407}:
            setting = self.access.setting
            kind = _StrangerError if answer.status == UNKNOWN else ForbiddenError
            raise kind(
                f"{self.access.name} refuses us ({answer.status}): look at {setting}_TOKEN, {setting}_BASIC and "
                f"{setting}_TENANT."
            )

    async def _bounded(self, answer: aiohttp.ClientResponse, largest: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > largest:
                raise RejectedError(
                    f"{self.access.name}'s answer is larger than {largest // (1024 * 1024)} MiB: ask for less.",
                    "too_large",
                )
            parts.append(part)
        return b"".join(parts)

    @asynccontextmanager
    async def _translating(self, within: float) -> AsyncIterator[None]:
        name = self.access.name
        try:
            yield
        except FettleError:
            raise
        except TimeoutError as exc:
            raise UnavailableError(f"{name} didn't answer within {round(within, 1) or within:g} s.") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            advice = f" Name its authority in {self.access.authority}." if untrusted(exc) else ""
            told = f"{name} can't be reached at {self.access.url}: {why(exc)}.{advice}"
            raise UnavailableError(told) from exc


def _now(secret: Secret | SecretStr | None) -> SecretStr | None:
    found: SecretStr | None = secret.value if isinstance(secret, Secret) else secret
    return found


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 6 else None
