"""The connection to one cluster: raw JSON in and out, a time limit on every call, own retries only for reads.

The typed Kubernetes models are refused here: validating a list of 500 pods blocks the loop for seconds. Writes go
through ``send_once`` and are never repeated, neither here nor by the client behind our back (it is told not to).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from bot.domain.errors import (
    ClusterUnavailableError,
    ConfigError,
    FettleError,
    NotFoundError,
    RejectedError,
)
from bot.kube import kubeconfig as credentials
from bot.kube.answers import Answer, Text, at_most, parse, parse_object
from bot.kube.config_memory import ConfigMemory
from bot.kube.errors import connection_error, retry_after, status_error
from bot.kube.pace import RELAXED_PER_SECOND, Allowance, Pace
from bot.kube.shared import CROWD, KEPT, Shared
from bot.network import untrusted, why

Json = dict[str, Any]
CrashPoint = Callable[[str], None]
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


class Cluster:
    """One API server. ``relaxed`` is the lane of evidence (``rate`` calls a second in all); the default doesn't wait.

    Every call raises only errors of ``bot.domain.errors``. ``crash_point`` is called with ``before:write`` and
    ``after:write`` around a write that acts, so that tests can stop the process there.
    """

    def __init__(
        self, api: ApiClient, *, timeout: float, user_agent: str, name: str = "", context: str = "",
        rate: float = RELAXED_PER_SECOND,
    ) -> None:  # fmt: skip
        self.user_agent = user_agent
        self.timeout = timeout
        self.name = name
        self.context = context
        self.crash_point: CrashPoint | None = None
        self.shared = Shared()
        self.configs = ConfigMemory()
        self._api: Any = api  # its methods carry no types
        self._pace = Pace(rate)
        self._urgent = True
        self._shares = False
        self._rank = 0
        self._allowance: Allowance | None = None
        self._reload: Reload | None = None
        self._uid: list[str] = []

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None,
        context: str | None,
        timeout: float,  # noqa: ASYNC109 - the limit of each later call, not of this one
        user_agent: str,
        rate: float = RELAXED_PER_SECOND,
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
        cluster = cls(api, timeout=timeout, user_agent=user_agent, name=names[0], context=names[1], rate=rate)

        async def reload() -> None:
            await credentials.load(configuration, kubeconfig, context)

        cluster._reload = reload
        return cluster

    @property
    def relaxed(self) -> Cluster:
        """The same cluster in the slow lane: for evidence, pickers, and whatever nobody's action waits for."""
        return self.slow_lane()

    def slow_lane(self, rank: int = 0, allowance: Allowance | None = None, *, shares: bool = True) -> Cluster:
        """The slow lane again: where calls wait for their turn the lower ``rank`` goes first.

        Without ``allowance`` the one of this lane goes on to count. Without ``shares`` all is asked anew.
        """
        return self._twin(_urgent=False, _shares=shares, _rank=rank, _allowance=allowance or self._allowance)

    def recent(self) -> Cluster:
        """The fast lane, but what was asked seconds ago, by evidence too, isn't asked again.

        For showing what could be done. What decides is read afresh, by the cluster itself.
        """
        return self._twin(_urgent=True, _shares=True)

    def _twin(self, **changes: Any) -> Cluster:
        twin = object.__new__(Cluster)
        twin.__dict__ = {**self.__dict__, **changes}
        return twin

    def age(self, path: str) -> float:
        """Seconds since an object was asked for that this lane would give without asking; 0 where it would ask."""
        return self.shared.age((path, ()), within=self._kept_for) if self._shares else 0.0

    @property
    def _kept_for(self) -> float | None:
        """How old an answer may be in this lane; None leaves that to the crowd."""
        return KEPT if self._urgent else None

    def crowded(self, namespace: str) -> bool:
        """Whether so many targets of a namespace are looked at together that its whole lists are the cheaper ones."""
        return not self._urgent and self.shared.crowd(namespace) >= CROWD

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

    async def get(self, path: str, query: Mapping[str, str] | None = None, *, keep: bool = True) -> Json:
        """One object or one page; read again up to twice on 429, 5xx and lost connections, all within ``timeout``.

        In the slow lane equal questions asked within seconds share one answer: don't change what is returned. Without
        ``keep`` only while it is on its way.
        """
        return await self._shared((path, tuple(sorted((query or {}).items()))), "GET", path, query, None, keep=keep)

    async def _shared(
        self, key: Hashable, method: str, path: str, query: Mapping[str, str] | None, body: Any, *, keep: bool = True
    ) -> Json:
        if not self._shares:
            return parse(await self._read(method, path, query, body))

        async def read() -> tuple[Json, int]:
            answer = await self._read(method, path, query, body)
            return parse(answer), len(answer.body)

        return await self.shared.ask(key, read, keep=keep, within=self._kept_for)

    async def text(self, path: str, query: Mapping[str, str], most: int) -> Text:
        """A GET whose answer is text (logs), at most ``most`` bytes of it; asked once, never shared.

        Refusals are answers here: what a log's 400 or 500 means is for the caller. Raises ``ForbiddenError``,
        ``ClusterUnavailableError`` for 429 and for no answer at all.
        """
        status, body, headers = await self.raw(path, query, most + 1)
        if status in {401, 403, 429}:
            self._told_to_wait(status, headers)
            raise status_error("GET", path, status, body, headers, acts=False)
        return Text(status, body[:most].decode(errors="replace"), cut=len(body) > most)

    async def raw(
        self, path: str, query: Mapping[str, str], most: int, within: float = 0.0, agent: str = ""
    ) -> tuple[int, bytes, dict[str, str]]:
        """(status, the first ``most`` bytes, headers) of a GET, asked once, whatever it is answered."""
        limit = aiohttp.ClientTimeout(total=within) if within else None
        async with self._turn():
            try:
                async with (
                    asyncio.timeout(within or self.timeout),
                    self._open("GET", path, query, None, accept="*/*", limit=limit, agent=agent) as answer,
                ):
                    return answer.status, await at_most(answer, most), dict(answer.headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise connection_error(error, acts=False) from error

    async def lines(self, path: str, query: Mapping[str, str], silence: float) -> AsyncGenerator[Json, None]:
        """The JSON objects of an answer that doesn't end (a watch), until the server ends it.

        ``silence`` seconds without a line end it too: a connection that died says nothing. It waits for its turn and
        then holds no place in the lane. Who reads closes it, or the connection stays open. Raises as ``get`` does.
        """
        async with self._turn():
            pass
        limit = aiohttp.ClientTimeout(total=None, sock_connect=self.timeout, sock_read=silence)
        try:
            async with self._open("GET", path, query, None, limit=limit) as answer:
                if answer.status >= 400:
                    body, headers = await at_most(answer, 65_536), dict(answer.headers)
                    self._told_to_wait(answer.status, headers)
                    raise status_error("GET", path, answer.status, body, headers, acts=False)
                async for line in answer.content:
                    if line.strip():
                        yield parse_object(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # ValueError: a line without end
            raise connection_error(error, acts=False) from error

    async def review(self, path: str, body: Json) -> Json:
        """A POST that asks and stores nothing (access reviews); repeated and shared like a read."""
        return await self._shared((path, repr(body)), "POST", path, None, body)

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
        if acts:
            self.shared.forget()  # before and not after: its answer may be lost
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._call(method, path, query, body, content_type, agent)
        except aiohttp.ClientConnectorError as error:
            raise connection_error(error, acts=acts, refused=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise connection_error(error, acts=acts) from error
        if answer.status >= 400:
            raise status_error(method, path, answer.status, answer.body, answer.headers, acts=acts)
        return parse(answer)

    @asynccontextmanager
    async def socket(
        self, path: str, query: Sequence[tuple[str, str]], protocols: tuple[str, ...], agent: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket below ``path``, opened once within ``timeout``; only ``bot.kube.execs`` calls this.

        Raises aiohttp's errors, ``WSServerHandshakeError`` for a refusal: what they mean there is for the caller.
        """
        _, url, headers, _, _ = await self._api.param_serialize(
            "GET", path, query_params=list(query), auth_settings=["BearerToken"]
        )
        headers["User-Agent"] = agent
        rest = self._api.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()  # noqa: SLF001 - as the client's own WsApiClient does
        limit = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with asyncio.timeout(self.timeout):
            opened = await rest.pool_manager.ws_connect(
                url.replace("http", "ws", 1), headers=headers, protocols=protocols, timeout=limit, proxy=rest.proxy,
                proxy_headers=rest.proxy_headers,
            )  # fmt: skip
        async with opened:
            yield opened

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A place in this lane for one call, paid from the allowance."""
        async with self._pace.lane(urgent=self._urgent, rank=self._rank):
            if self._allowance is not None:
                self._allowance.spend()
            yield

    async def _read(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Answer:
        """An answer below 400, asked for up to three times; waiting for a place doesn't count into ``timeout``."""
        loop, left = asyncio.get_running_loop(), self.timeout
        problem: FettleError = ClusterUnavailableError("The API server can't be reached.")
        for attempt in range(READ_TRIES):
            wait = 0.1 * 4**attempt
            async with self._turn():
                began = loop.time()
                try:
                    async with asyncio.timeout(left):
                        answer = await self._call(method, path, query or {}, body, "application/json", self.user_agent)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    if isinstance(error, TimeoutError):
                        raise connection_error(error, acts=False) from error
                    problem = connection_error(error, acts=False)
                    problem.__cause__ = error
                    answer = None
                left -= loop.time() - began
            if answer is not None:
                if answer.status < 400:
                    return answer
                self._told_to_wait(answer.status, answer.headers)
                problem = status_error(method, path, answer.status, answer.body, answer.headers, acts=False)
                if answer.status == 401 and attempt == 0 and self._reload is not None:
                    await self._reload()  # a token of an exec plugin or a mounted file has run out
                    continue
                if answer.status not in RETRIED:
                    raise problem
                wait = max(wait, retry_after(answer.headers) or 0.0)
            if attempt + 1 == READ_TRIES or wait >= left:  # knocking sooner than asked would make it worse
                break
            await asyncio.sleep(wait)
            left -= wait
        raise problem

    def _told_to_wait(self, status: int, headers: Mapping[str, str]) -> None:
        if status == 429:
            self._pace.slower(retry_after(headers))

    async def _call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str, agent: str
    ) -> Answer:
        async with self._open(method, path, query, body, content_type=content_type, agent=agent) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, query: Mapping[str, str], body: Any, *, content_type: str = "application/json",
        agent: str = "", accept: str = "application/json", limit: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:  # fmt: skip
        _, url, headers, payload, _ = await self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": accept, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        headers["User-Agent"] = agent or self.user_agent  # set last: the client's default header would overwrite ours
        opened = await self._api.rest_client.request(
            method, url, headers=headers, body=payload, _request_timeout=limit or self.timeout
        )
        async with opened.response as response:
            yield response
