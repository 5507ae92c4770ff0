"""The two HTTP listeners: alerts and health on one, metrics and status on the other. Own sockets, no signal handlers.

The socket is bound first, so that a port in use is a sentence and port 0 tells its number. It refuses to redirect.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from bot.domain.errors import ConfigError
from bot.settings import Settings

STOP_WITHIN = 3


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the program drains by itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the program."""
        yield


class Servers:
    """Binds, starts and stops both listeners."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._bound: list[socket.socket] = []
        self.intake_url = ""
        self.metrics_url = ""

    def bind(self) -> None:
        """Takes both addresses; ``ConfigError`` with all that is wrong with them and with the TLS files.

        Who connects from now on waits until ``start``; ``close`` gives the addresses back.
        """
        settings = self._settings
        wrong = tls_problems(settings.TLS_CERT, settings.TLS_KEY)
        for name, host, port in (
            ("LISTEN", settings.LISTEN_HOST, settings.LISTEN_PORT),
            ("METRICS", settings.METRICS_HOST, settings.METRICS_PORT),
        ):
            try:
                self._bound.append(_bind(name, host, port))
            except ConfigError as error:
                wrong += error.sentences
        if wrong:
            self.close()
            raise ConfigError(wrong)

    def close(self) -> None:
        """Gives back addresses that nothing serves."""
        for sock in self._bound:
            sock.close()
        self._bound.clear()

    async def start(self, intake: ASGIApp, metrics: ASGIApp) -> None:
        """Serves on both addresses; takes them first if ``bind`` didn't, with its errors."""
        if not self._bound:
            self.bind()
        (doors, inner), self._bound = self._bound, []
        self.intake_url = await self._serve(intake, doors, tls=True)
        self.metrics_url = await self._serve(metrics, inner, tls=False)

    async def _serve(self, app: ASGIApp, sock: socket.socket, *, tls: bool) -> str:
        settings = self._settings
        secure = tls and settings.TLS_CERT is not None
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=STOP_WITHIN,
            ssl_certfile=settings.TLS_CERT if secure else None,
            ssl_keyfile=settings.TLS_KEY if secure else None,
        )
        config.load()
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[sock]), name="http")
        self._running.append((server, task))
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.01)
        host, port = sock.getsockname()[:2]
        return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Takes no new connections and lets running requests end."""
        for server, _ in self._running:
            server.should_exit = True
        tasks = [task for _, task in self._running]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN + 2)


def tls_problems(cert: Path | None, key: Path | None) -> list[str]:
    """A sentence for each file that isn't there or can't be read, or one for the pair."""
    wrong = []
    for name, file in (("TLS_CERT", cert), ("TLS_KEY", key)):
        try:
            if file is not None:
                Path(file).open("rb").close()
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            wrong.append(f"{name}: {file} can't be read ({reason}): name a PEM file that Fettle's user may read.")
    if wrong or cert is None:
        return wrong
    try:
        # An empty password, or a key that has one would be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return [f"TLS_KEY: {key} isn't the key of the certificate in {cert}: name the two that were made together."]
        return [f"TLS_CERT or TLS_KEY can't be used: {error}. Both are PEM files, the key without a password."]
    except OSError as error:
        return [f"TLS_CERT or TLS_KEY can't be used: {error}. Both are PEM files, the key without a password."]
    return []


def _bind(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=1024)
        # Accepted sockets inherit it. asyncio sets it only on sockets made with the protocol's number, which these are
        # not, and without it an answer on a kept connection waits 40 ms for the sender's delayed acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, OverflowError) as error:
        raise ConfigError([_unbound(name, host, port, error)]) from error
    return sock


def _unbound(name: str, host: str, port: int, error: OSError | OverflowError) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        advice = f"Stop that one (a second Fettle?), or choose another {name}_PORT."
        return f"{name}_PORT: {host}:{port} is in use by another program. {advice}"
    if number == errno.EADDRNOTAVAIL:
        return f"{name}_HOST: this machine has no address {host}. Listen on one that it has, or on 0.0.0.0."
    if number == errno.EACCES:
        return f"{name}_PORT: this user may not listen on {port}. Choose a port from 1024 up."
    why = os.strerror(number).lower() if number else str(error)
    return f"{name}_HOST:{name}_PORT {host}:{port} can't be listened on ({why}). Choose another address or port."
