"""The connection to one cluster: raw JSON in and out, a time limit on every call, own retries only for reads.

The typed Kubernetes models are refused here: validating a list of 500 pods blocks the loop for seconds. Writes go
through ``send_once`` and are never repeated, neither here nor by the client behind our back (it is told not to).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from bot.domain.errors import ClusterUnavailableError, ConfigError, FettleError, NotFoundError, RejectedError
from bot.kube import kubeconfig as credentials
from bot.kube.errors import connection_error, retry_after, status_error
from bot.kube.pace import Pace
from bot.network import untrusted, why

Json = dict[str, Any]
CrashPoint = Callable[[str], None]
Question = tuple[str, tuple[tuple[str, str], ...]]
Reload = Callable[[], Awaitable[None]]

READ_TRIES = 3
PAGE = 500
RETRIED = frozenset({429, 500, 502, 503, 504})
"""Answers after which a read is tried again; a write never is."""


@dataclass(frozen=True)
class Identity:
    """Which cluster this is. ``uid`` is the uid of kube-system; ``name`` and ``context`` come from the kubeconfig."""

    name: str
    context: str
    server: str
    version: str
    uid: str


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Cluster:
    """One API server. ``relaxed`` is the lane of evidence (under ten calls a second); the default doesn't wait.

    Every call raises only errors of ``bot.domain.errors``. ``crash_point`` is called with ``before:write`` and
    ``after:write`` around a write that acts, so that tests can stop the process there.
    """

    def __init__(self, api: ApiClient, *, timeout: float, user_agent: str, name: str = "", context: str = "") -> None:
        self.user_agent = user_agent
        self.timeout = timeout
        self.name = name
        self.context = context
        self.crash_point: CrashPoint | None = None
        self._api: Any = api  # its methods carry no types
        self._pace = Pace()
        self._urgent = True
        self._reload: Reload | None = None
        self._uid: list[str] = []
        self._flying: dict[Question, asyncio.Task[Json]] = {}

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None,
        context: str | None,
        timeout: float,  # noqa: ASYNC109 - the limit of each later call, not of this one
        user_agent: str,
    ) -> Cluster:
        """Loads credentials; the first call goes out later.

        ``kubeconfig`` is a path; None means in-cluster, or the client's default file when not in a pod. Raises
        ``ConfigError`` with a sentence when the file or the context can't be used.
        """
        configuration = Configuration()
        configuration.retries = None  # a GET that is retried behind our back turns one second into four
        names = await credentials.load(configuration, kubeconfig, context)
        try:
            api = ApiClient(configuration)
        except (OSError, ValueError) as error:  # TLS errors are OSErrors
            raise credentials.unusable_certificates(kubeconfig, error) from error
        api.user_agent = user_agent
        cluster = cls(api, timeout=timeout, user_agent=user_agent, name=names[0], context=names[1])

        async def reload() -> None:
            await credentials.load(configuration, kubeconfig, context)

        cluster._reload = reload
        return cluster

    @property
    def relaxed(self) -> Cluster:
        """The same cluster in the slow lane: for evidence, pickers, and whatever nobody's action waits for."""
        twin = object.__new__(Cluster)
        twin.__dict__ = {**self.__dict__, "_urgent": False}
        return twin

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._api.configuration.host)

    async def close(self) -> None:
        """Closes the connections; idempotent."""
        await self._api.close()

    async def uid(self) -> str:
        """The uid of the namespace kube-system, asked once."""
        if not self._uid:
            found = await self.get("/api/v1/namespaces/kube-system")
            self._uid.append(str(found["metadata"]["uid"]))
        return self._uid[0]

    async def identity(self) -> Identity:
        """Version and identity; raises ``ClusterUnavailableError``, ``ForbiddenError`` or ``ConfigError``.

        The last one is for an address at which no API server answers, or one that the kubeconfig doesn't vouch for.
        """
        try:
            version = await self.get("/version")
            uid = await self.uid()
        except (NotFoundError, RejectedError) as error:
            sentence = f"KUBECONFIG: {self.server} is reached, but it is no API server. Is its address right?"
            raise ConfigError([sentence]) from error
        except ClusterUnavailableError as error:
            if error.__cause__ is None or not untrusted(error.__cause__):
                raise
            sentence = (
                f"KUBECONFIG: {self.server} was reached, but {why(error.__cause__)}. "
                "Put the cluster's certificate authority into the kubeconfig."
            )
            raise ConfigError([sentence]) from error
        return Identity(self.name, self.context, self.server, str(version.get("gitVersion", "")), uid)

    async def date(self) -> datetime | None:
        """The API server's clock, to the second; None where it doesn't say."""
        try:
            async with asyncio.timeout(self.timeout):
                told = await self._call("GET", "/version", {}, None, "application/json", self.user_agent)
            return parsedate_to_datetime(told.headers.get("Date", ""))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """One object or one page; read again up to twice on 429, 5xx and lost connections, all within ``timeout``.

        In the slow lane equal questions asked at the same time share one answer: don't change what is returned.
        """
        if self._urgent:
            return await self._read("GET", path, query, None)
        key = (path, tuple(sorted((query or {}).items())))
        task = self._flying.get(key)
        if task is None:
            task = self._flying[key] = asyncio.create_task(self._read("GET", path, query, None))
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)  # one asker's deadline must not cost the others their answer

    async def review(self, path: str, body: Json) -> Json:
        """A POST that asks and stores nothing (access reviews); repeated like a read."""
        return await self._read("POST", path, None, body)

    async def pages(self, path: str, query: Mapping[str, str] | None = None, page: int = PAGE) -> AsyncIterator[Json]:
        """The items of a list, page by page; a namespace that doesn't exist lists empty, as the API server says."""
        token = ""
        while True:
            asked = {**(query or {}), "limit": str(page), **({"continue": token} if token else {})}
            found = await self.get(path, asked)
            for item in found.get("items") or []:
                yield item
            token = str((found.get("metadata") or {}).get("continue") or "")
            if not token:
                return

    async def items(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        """All items of a list."""
        return [item async for item in self.pages(path, query)]

    async def send_once(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str, *, acts: bool, agent: str
    ) -> Json:
        """One write, never repeated; only ``bot.kube.writes`` calls this. ``acts`` is false for a dry run."""
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._call(method, path, query, body, content_type, agent)
        except aiohttp.ClientConnectorError as error:
            raise connection_error(error, acts=acts, refused=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise connection_error(error, acts=acts) from error
        if answer.status >= 400:
            raise status_error(method, path, answer.status, answer.body, answer.headers, acts=acts)
        return _parse(answer)

    def _landed(self, key: Question, done: asyncio.Task[Json]) -> None:
        self._flying.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at, or asyncio complains when every asker has gone

    async def _read(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Json:
        async with self._pace.lane(urgent=self._urgent):
            try:
                async with asyncio.timeout(self.timeout):
                    return await self._read_tries(method, path, query or {}, body)
            except TimeoutError as error:
                raise connection_error(error, acts=False) from error

    async def _read_tries(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Json:
        problem: FettleError = ClusterUnavailableError("The API server can't be reached.")
        for attempt in range(READ_TRIES):
            wait = 0.1 * 4**attempt
            try:
                answer = await self._call(method, path, query, body, "application/json", self.user_agent)
            except (aiohttp.ClientError, OSError) as error:
                if isinstance(error, TimeoutError):
                    raise
                problem = connection_error(error, acts=False)
                problem.__cause__ = error
            else:
                if answer.status < 400:
                    return _parse(answer)
                problem = status_error(method, path, answer.status, answer.body, answer.headers, acts=False)
                if answer.status == 401 and attempt == 0 and self._reload is not None:
                    await self._reload()  # a token of an exec plugin or a mounted file has run out
                    continue
                if answer.status not in RETRIED:
                    raise problem
                wait = max(wait, min(retry_after(answer.headers) or 0.0, 2.0))
            if attempt + 1 < READ_TRIES:
                await asyncio.sleep(wait)
        raise problem

    async def _call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str, agent: str
    ) -> _Answer:
        _, url, headers, payload, _ = await self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        headers["User-Agent"] = agent  # set last: the client's default header would overwrite ours
        response = await self._api.rest_client.request(
            method, url, headers=headers, body=payload, _request_timeout=self.timeout
        )
        return _Answer(response.status, dict(response.headers), await response.read())


def _parse(answer: _Answer) -> Json:
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise ClusterUnavailableError("The API server's answer isn't JSON; is the address right?") from error
    if not isinstance(value, dict):
        raise ClusterUnavailableError("The API server's answer isn't an object; is the address right?")
    return value
