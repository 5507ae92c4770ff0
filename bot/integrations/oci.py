"""Any OCI registry by its API: tags page by page, digest and age of an image; by password, token or anonymously.

It asks the listed host and those that it may send us to, nobody else. Tokens are asked for reading one repository,
whatever scope the registry names. Of a next page only the query counts, never its address. It refuses to follow a
redirect but for a blob, without credentials, to a listed host.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

from bot.domain.errors import FettleError, ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.domain.image import DOCKER_HUB, is_digest, is_tag
from bot.integrations import challenge
from bot.integrations.door import Access, Door, Reply
from bot.integrations.published import Published, Tags
from bot.settings_registries import RegistrySetting

PAGE, PAGES, MOST_TAGS = 1000, 30, 20_000
LARGEST, LARGEST_MANIFEST = 4 * 1024 * 1024, 1024 * 1024
HUB_API, HUB_TOKENS = "registry-1.docker.io", "auth.docker.io"
"""Where Docker Hub is really asked."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_KINDS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_CREATED = "org.opencontainers.image.created"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHORTEST, _LONGEST = 60, 300
"""Seconds that a token counts where the registry doesn't say, and at most."""
OLDEST = 2000
"""Images of an earlier year have no true date: builds that can be repeated set it to the beginning of time."""


@dataclass(frozen=True)
class _Held:
    token: str
    until: float


class OciRegistry:
    """One registry; opened at the first question. Raises only errors of ``bot.domain.errors``."""

    def __init__(self, setting: RegistrySetting) -> None:
        self._setting = setting
        self.name = f"Registry {setting.host}"
        hub = setting.host == DOCKER_HUB
        at = HUB_API if hub else setting.host
        self._listed = {setting.host, at, *setting.also, *([HUB_TOKENS] if hub else [])}
        self._origin = f"{'http' if setting.insecure else 'https'}://{at}"
        self._doors: dict[str, Door] = {}
        self._tokens: dict[str, _Held] = {}
        self._by_password = False

    async def close(self) -> None:
        """Closes the connections."""
        for door in self._doors.values():
            await door.close()
        self._doors.clear()

    async def tags(self, repository: str, *, within: float) -> Tags:
        """All tags; what is no tag is left out. ``NotFoundError`` where there is no such repository."""
        end = _now() + within
        found: dict[str, None] = {}
        params: dict[str, str] = {"n": str(PAGE)}
        for _ in range(PAGES):
            reply = await self._ask("GET", f"/v2/{repository}/tags/list", repository, end, params=params)
            if reply.status == 404:
                raise NotFoundError(f"{self.name} has no repository {repository}.")
            body = await self._json(reply)
            names = body.get("tags") or []
            found |= dict.fromkeys(one for one in names if isinstance(one, str) and is_tag(one))
            following = _next(reply.headers.get("link", ""))
            if following is None or following == params:
                return Tags(tuple(found))
            if len(found) >= MOST_TAGS:
                break
            params = following
        return Tags(tuple(found), cut=True)

    async def published(self, repository: str, reference: str, *, within: float) -> Published | None:
        """The image under a tag or a digest; its age is left out where the registry gives it not at once."""
        end = _now() + within
        path = f"/v2/{repository}/manifests"
        reply = await self._ask("HEAD", f"{path}/{reference}", repository, end, accept=_KINDS)
        if reply.status == 404:
            return None
        digest = reply.headers.get("docker-content-digest", "")
        if reply.status != 200 or not is_digest(digest):
            raise RejectedError(f"{self.name} answers {reply.status} without a digest: is it a registry?", "no_digest")
        try:
            made = await self._made_at(repository, digest, end)
        except FettleError:  # it is an ornament: the digest says which image it is
            made = ""
        return Published(digest, made)

    async def check(self, *, within: float) -> str:
        """A sentence on how it lets us in; raises where it doesn't."""
        reply = await self._ask("GET", "/v2/", "", _now() + within)
        if reply.status != 200:
            raise RejectedError(f"{self.name} answers {reply.status} at /v2/: is it a registry of images?", "no_api")
        known = self._setting.user or self._setting.token
        return f"{self.name} answers{' and accepts the credentials' if known else '; it is asked without credentials'}."

    async def _made_at(self, repository: str, digest: str, end: float) -> str:
        """When it was built, by its own word: an annotation, or else the configuration of one of its platforms."""
        manifest = await self._content(repository, "manifests", digest, end)
        if not (said := _instant(_dig(manifest, "annotations", _CREATED))):
            parts = manifest.get("manifests")
            if isinstance(parts, list):
                manifest = await self._content(repository, "manifests", _of_a_platform(parts), end)
            said = _instant(_dig(manifest, "annotations", _CREATED))
        if not said:
            config = await self._content(repository, "blobs", str(_dig(manifest, "config", "digest")), end)
            said = _instant(config.get("created"))
        return said

    async def _content(self, repository: str, kind: str, digest: str, end: float) -> Mapping[str, Any]:
        """What a digest names, as JSON; refused where it is something else."""
        if not is_digest(digest):
            raise RejectedError(f"{self.name} names a part of the image by no digest.", "no_digest")
        path = f"/v2/{repository}/{kind}/{digest}"
        reply = await self._ask("GET", path, repository, end, accept=_KINDS, largest=LARGEST_MANIFEST)
        if reply.status in _REDIRECTS and kind == "blobs":
            reply = await self._elsewhere(path, reply, end)
        algorithm, _, value = digest.partition(":")
        if reply.status != 200 or hashlib.new(algorithm, reply.body).hexdigest() != value:
            raise RejectedError(f"{self.name} doesn't give what the digest {digest} names.", "other_content")
        return _table(reply.body)

    async def _elsewhere(self, path: str, reply: Reply, end: float) -> Reply:
        """A blob where the registry says that it lies; whoever keeps it there gets no credentials."""
        to = urljoin(f"{self._origin}{path}", reply.headers.get("location", ""))
        at = challenge.place(to, self._listed, insecure=self._setting.insecure, of=self.name, what="a blob")
        door = self._door(at.origin)
        return await door.exchange("GET", at.path, {}, at.params, within=_left(end), largest=LARGEST_MANIFEST)

    async def _ask(
        self,
        method: str,
        path: str,
        repository: str,
        end: float,
        *,
        accept: str = "application/json",
        params: Mapping[str, str] | None = None,
        largest: int = LARGEST,
    ) -> Reply:
        """One question, a second time with what a 401 asked for; statuses that mean something to callers come back."""
        scope = f"repository:{repository}:pull" if repository else ""
        door = self._door(self._origin)
        reply = None
        for again in (False, True):
            headers = {"Accept": accept, **self._shown(scope)}
            reply = await door.exchange(method, path, headers, params or {}, within=_left(end), largest=largest)
            shown = headers.get("Authorization", "")
            if reply.status != 401 or again or not await self._let_in(reply, shown, scope, end):
                break
        assert reply is not None  # noqa: S101 - the loop ran
        if reply.status in {401, 403}:
            raise ForbiddenError(self._refused(reply.status, repository))
        if reply.status >= 500 or reply.status == 408:
            raise UnavailableError(f"{self.name} answers {reply.status} for now.", reply.retry_after)
        if reply.status in _REDIRECTS and "/blobs/" not in path:
            raise RejectedError(f"{self.name} answers with a redirect ({reply.status}), which isn't followed.", "moved")
        return reply

    def _shown(self, scope: str) -> dict[str, str]:
        """What lets us in, as far as it is known already."""
        setting = self._setting
        if setting.token is not None:
            return {"Authorization": f"Bearer {setting.token.get_secret_value()}"}
        held = self._tokens.get(scope)
        if held is not None and held.until > _now():
            return {"Authorization": f"Bearer {held.token}"}
        return self._basic() if self._by_password else {}

    def _basic(self) -> dict[str, str]:
        if self._setting.password is None:
            return {}
        password = self._setting.password.get_secret_value()
        return {"Authorization": aiohttp.encode_basic_auth(self._setting.user, password, encoding="utf-8")}

    async def _let_in(self, reply: Reply, shown: str, scope: str, end: float) -> bool:
        """Gets what a 401 to what we have ``shown`` asks for; whether it is worth to ask again."""
        said = challenge.read(reply.headers.get("www-authenticate", ""))
        for held in (self._setting.token, self._setting.password):
            if held is not None:  # its file may hold another by now
                await asyncio.to_thread(held.look, whatever=True)
        if self._setting.token is not None:
            return shown != self._shown(scope)["Authorization"]
        if said.bearer:
            self._tokens.pop(scope, None)
            self._tokens[scope] = await self._token(said, scope, end)
            return True
        if said.basic and self._setting.password is not None:
            self._by_password = True
            return shown != self._basic()["Authorization"]
        return False

    async def _token(self, said: challenge.Challenge, scope: str, end: float) -> _Held:
        """A token for reading this repository, from the server that the registry names, if that is listed."""
        at = challenge.place(said.realm, self._listed, insecure=self._setting.insecure, of=self.name, what="a token")
        params = {
            **at.params,
            **({"service": said.service} if said.service else {}),
            **({"scope": scope} if scope else {}),
        }
        door = self._door(at.origin)
        reply = await door.exchange("GET", at.path, self._basic(), params, within=_left(end), largest=LARGEST_MANIFEST)
        if reply.status in {400, 401, 403}:
            raise ForbiddenError(self._refused(reply.status, scope.removeprefix("repository:").removesuffix(":pull")))
        if reply.status >= 500:
            raise UnavailableError(f"The token server of {self._setting.host} answers {reply.status} for now.")
        body = _table(reply.body) if reply.status == 200 else {}
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RejectedError(
                f"The token server of {self._setting.host} answers {reply.status} without a token.", "none"
            )
        lasts = body.get("expires_in")
        seconds = lasts if isinstance(lasts, int) and not isinstance(lasts, bool) and lasts > 0 else _SHORTEST
        if len(self._tokens) > 100:
            self._tokens.clear()
        return _Held(token, _now() + min(seconds, _LONGEST) * 0.8)

    def _refused(self, status: int, repository: str) -> str:
        what = f" for {repository}" if repository else ""
        setting = self._setting
        if setting.token is not None:
            return f"{self.name} doesn't accept its token_file{what} ({status}): look at it in REGISTRIES."
        if setting.user:
            return f"{self.name} doesn't accept user {setting.user}{what} ({status}): look at its password_file."
        return (
            f"{self.name} lets nobody in without credentials{what} ({status}), or doesn't have it: "
            "give it user and password_file in REGISTRIES."
        )

    async def _json(self, reply: Reply) -> Mapping[str, Any]:
        """The body of a good answer; anything else as a sentence."""
        if reply.status != 200:
            raise RejectedError(f"{self.name} answers {reply.status}: {_told(reply.body)}.", f"http_{reply.status}")
        try:
            body = await reply.data()
        except ValueError:
            body = None
        if not isinstance(body, Mapping) or not isinstance(body.get("tags"), list | None):
            raise RejectedError(f"{self.name} answers, but not as a registry does.", "no_registry")
        return body

    def _door(self, origin: str) -> Door:
        if origin not in self._doors:
            setting = self._setting
            # The authority is the registry's: who stands behind another of the listed hosts is known by it too.
            access = Access(
                self.name,
                "REGISTRIES",
                origin,
                ca_file=setting.ca_file,
                ca_named=f"ca_file of {setting.host} in REGISTRIES",
            )
            self._doors[origin] = Door(access)
        return self._doors[origin]


def _next(link: str) -> dict[str, str] | None:
    """The query of the next page; None on the last one."""
    found = re.search(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?', link[:4096])
    return dict(parse_qsl(urlsplit(found[1]).query)) or None if found else None


def _of_a_platform(parts: list[Any]) -> str:
    """The digest of one image of an index: linux/amd64 if it is there, else the first that is for a platform."""
    rows = [one for one in parts if isinstance(one, Mapping)]
    named = [one for one in rows if _dig(one, "platform", "architecture") not in {None, "unknown"}]
    usual = [one for one in named if _dig(one, "platform", "architecture") == "amd64"]
    return str(next(iter((*usual, *named, *rows)), {}).get("digest"))


def _dig(table: Mapping[str, Any], *keys: str) -> Any:
    found: Any = table
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _table(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a body; empty for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _told(body: bytes) -> str:
    """The registry's own word for what is wrong."""
    errors = _table(body).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    said = " ".join(str(_dig(first, key) or "") for key in ("code", "message")) if isinstance(first, Mapping) else ""
    return " ".join(said.split())[:200].rstrip(".") or "it doesn't say why"


def _instant(text: Any) -> str:
    """A time in UTC; empty for anything else, and for one that nobody meant."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is None or at.year < OLDEST:
            return ""
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _left(end: float) -> float:
    """Seconds until then; raises when there are none."""
    left = end - _now()
    if left <= 0:
        raise UnavailableError("The registry took too long over the questions before.")
    return left
