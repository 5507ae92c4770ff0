"""The server that others start: TLS on loopback, tokens, kubeconfigs, the log of requests.

It refuses to listen on anything but loopback.
"""

import asyncio
import ipaddress
import logging
import socket
from collections import deque
from contextlib import suppress
from typing import Any

import yaml
from aiohttp import web

from bot.sandbox.kubernetes import certificate, scenery
from bot.sandbox.kubernetes.access import Access
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.containers import Containers
from bot.sandbox.kubernetes.executing import Executing
from bot.sandbox.kubernetes.faults import Faults
from bot.sandbox.kubernetes.gateway import Gateway, Record
from bot.sandbox.kubernetes.proxying import Proxying
from bot.sandbox.listeners import accept_no_more

_KEPT = 5_000
_BODY_LIMIT = 3 * 1024 * 1024
log = logging.getLogger(__name__)


class ClusterServer:
    """A Kubernetes-compatible API server.

    `ready_after` is in seconds from a pod's creation to Ready, `time_scale` multiplies the other
    built-in durations. `requests` is a bounded log, `faults` the switches, `cluster` the state.
    """

    def __init__(
        self, name: str = "sandbox", *, ready_after: float = 1.0, time_scale: float = 1.0,
        nodes: int = 3, bot_user: str = "system:serviceaccount:fettle:bot",
    ) -> None:  # fmt: skip
        self.name = name
        self.cluster = Cluster(name, ready_after=ready_after, time_scale=time_scale, nodes=nodes)
        self.access = Access(bot_user=bot_user)
        # The bot's own namespace: its lease lives there, and it must never act on it.
        self.cluster.apply(scenery.namespace(bot_user.split(":")[2]))
        self.faults = Faults()
        self.faults.watches = self.cluster.store.expire_watches
        self.requests: deque[Record] = deque(maxlen=_KEPT)
        self._gateway = Gateway(self.cluster, self.access, self.faults)
        self._certificate = certificate.of_this_process()
        self._web: web.Server | None = None
        self._socket: asyncio.Server | None = None
        self._controllers: asyncio.Task[None] | None = None
        self.host, self.port = "127.0.0.1", 0

    @property
    def bot_token(self) -> str:
        """The bearer token of the bot's service account."""
        return self.access.bot_token

    @property
    def admin_token(self) -> str:
        """The bearer token of the administrator."""
        return self.access.admin_token

    @property
    def url(self) -> str:
        """Where the API is served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    @property
    def ca_pem(self) -> str:
        """The certificate to trust, in PEM."""
        return self._certificate.pem

    @property
    def containers(self) -> Containers:
        """The processes that run for pods."""
        return self._gateway.containers

    @property
    def executing(self) -> Executing:
        """What ran in them, and how their connections break."""
        return self._gateway.executing

    @property
    def proxying(self) -> Proxying:
        """Who listens on which port of which pod."""
        return self._gateway.proxying

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, listener: socket.socket | None = None) -> None:
        """Serve on loopback; port 0 takes a free one. ValueError for any other address.

        With a ``listener`` there, which stays open when this ends.
        """
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"{host} is not a loopback address")
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        where: dict[str, Any] = {"host": "127.0.0.1" if host == "localhost" else host, "port": port}
        if listener is not None:
            where = {"sock": listener.dup()}
        self._socket = await asyncio.get_running_loop().create_server(
            self._web, ssl=self._certificate.context(), **where
        )
        self.host, self.port = self._socket.sockets[0].getsockname()[:2]
        self._controllers = asyncio.create_task(self.cluster.run())

    async def stop(self) -> None:
        """Close all connections and stop the controllers."""
        if self._controllers is not None:
            self._controllers.cancel()
            with suppress(asyncio.CancelledError):
                await self._controllers
        if self._socket is not None:
            await accept_no_more(self._socket.sockets)
            self._socket.close()
        if self._web is not None:
            await self._web.shutdown(timeout=0.5)
        await self.containers.stop()
        await self.executing.stop()
        await self.proxying.stop()
        if self._socket is not None:
            await self._socket.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request._client_max_size = _BODY_LIMIT  # noqa: SLF001 - the low-level server has no option for it
        seen = Record(
            request.method,
            request.path,
            dict(request.query),
            request.headers.get("User-Agent", ""),
            time=self.cluster.clock.now(),
        )
        self.requests.append(seen)
        return await self._gateway.answer(request, seen)

    def kubeconfig(self, who: str = "bot") -> str:
        """A kubeconfig in YAML for the `bot` or the `admin`."""
        token = {"bot": self.bot_token, "admin": self.admin_token}[who]
        cluster = {"server": self.url, "certificate-authority-data": self._certificate.data}
        context = {"cluster": self.name, "user": who, "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": who, "user": {"token": token}}],
            "contexts": [{"name": self.name, "context": context}],
            "current-context": self.name,
        }
        return yaml.safe_dump(config, sort_keys=False)

    def deny(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """Take a right from the bot: its requests are refused and its access reviews say no."""
        self.access.deny(verb, resource, namespace)

    def allow(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """Give a right to the bot, or give one back."""
        self.access.allow(verb, resource, namespace)

    def expire_pages(self) -> None:
        """Let every continue token of before expire, as time does in reality."""
        self._gateway.reading.expire_pages()
