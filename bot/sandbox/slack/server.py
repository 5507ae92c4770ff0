"""The Slack-compatible server: puts workspace, Web API, Socket Mode and people together.

It listens on loopback only and holds everything in memory; whoever wants it kept calls
`persist.save`. Point the unmodified client at `api_url` with `bot_token` and `app_token`.
"""

import asyncio
import ipaddress
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.sandbox.listeners import accept_no_more
from bot.sandbox.slack.acting import Acting
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.faults import Faults, SocketOrders
from bot.sandbox.slack.http import Doors, Tokens, guard
from bot.sandbox.slack.manifest import Manifest
from bot.sandbox.slack.models import Call, Json, Message, Reply
from bot.sandbox.slack.rates import Rates
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.workspace import Workspace

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 64 * 1024 * 1024

__all__ = ["NotThere", "Reply", "SlackServer"]


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that listens on loopback; who connects waits until somebody answers there. Port 0 takes a free one.

    ValueError for an address that is not loopback, OSError for a port that is taken.
    """
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"The sandbox listens on loopback only, not on {host}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


class SlackServer:
    """One workspace with one app installed, on one loopback port.

    `manifest` is the content of the app's manifest.yml: it grants the scopes and lists commands,
    shortcuts and events. Without it everything is granted. ``ahead`` are the seconds that its time is ahead of this
    machine's. Routes may be added to `app` before
    `start`.
    """

    def __init__(
        self,
        manifest: Json | None = None,
        *,
        workspace: Workspace | None = None,
        bot_token: str | None = None,
        app_token: str | None = None,
        ahead: Callable[[], float] | None = None,
    ) -> None:
        self.manifest = Manifest.read(manifest)
        self.workspace = workspace or Workspace()
        if ahead is not None:
            self.workspace.clock = lambda: time.time() + ahead()
        self.workspace.people[self.workspace.bot_user_id].name = self.manifest.name.lower()
        self.bot_token = bot_token or f"xoxb-sandbox-{secrets.token_hex(12)}"
        self.app_token = app_token or f"xapp-sandbox-{secrets.token_hex(12)}"
        self.faults = Faults()
        self.sockets = Sockets(self.workspace.app_id, self.faults.sockets)
        self.faults.orders = SocketOrders(self.sockets.disconnect, self.sockets.abort_all, self.sockets.expire_tickets)
        triggers = Triggers(self.workspace.now)
        self._api = Api(
            self.workspace,
            triggers,
            self.sockets,
            self.manifest.scopes,
            lambda: self.url,
        )
        self._events = Events(self._api, self.manifest)
        self._acting = Acting(self._api, self.manifest)
        self._doors = Doors(self._api, Tokens(self.bot_token, self.app_token), self.faults)
        if ahead is not None:
            self._doors.ahead = ahead
            self._doors.rates = Rates(lambda: time.monotonic() + ahead())
        self.app = web.Application(middlewares=[guard(lambda: self._port)], client_max_size=MOST_BODY_BYTES)
        self.app.add_routes(self._doors.routes())
        self._port: int | None = None
        self._host = "127.0.0.1"
        self._runner: web.AppRunner | None = None
        self._listeners: list[socket.socket] = []

    # -- life -----------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0, listener: socket.socket | None = None) -> None:
        """Answer at an address as `listening` takes it, or on a socket that listens already, which is closed by `stop`.

        After `stop` it may be started again, on any port.
        """
        listener = listener or listening(host, port)
        host = listener.getsockname()[0] if host != "localhost" else host
        self._host, self._port = host, listener.getsockname()[1]
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        self._listeners = [listener]
        log.info("the Slack sandbox listens on %s", self.url)

    async def stop(self) -> None:
        """Release what hangs, close every connection and the port."""
        self.faults.clear()
        await asyncio.wait_for(self.sockets.close(), timeout=5)
        if self._runner is not None:
            await accept_no_more(self._listeners)
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """The server's address like http://127.0.0.1:PORT, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def api_url(self) -> str:
        """The `base_url` for the client, with a slash at its end."""
        return f"{self.url}/api/"

    # -- what happened ----------------------------------------------------------------------------

    @property
    def calls(self) -> deque[Call]:
        """The latest Web API calls, oldest first."""
        return self._doors.calls

    @property
    def invalid(self) -> list[Json]:
        """Payloads refused by validation: {method, problems, payload}."""
        return self._api.invalid

    @property
    def unknown_blocks(self) -> set[str]:
        """Types of blocks that this workspace refuses as unknown; add to it what it shall not take."""
        return self._api.unknown_blocks

    @property
    def enforce_rates(self) -> bool:
        """Whether Slack's rate limits are enforced (they are by default)."""
        return self._doors.enforce_rates

    @enforce_rates.setter
    def enforce_rates(self, value: bool) -> None:
        self._doors.enforce_rates = value
        self._doors.rates.forget()

    @property
    def scopes(self) -> frozenset[str] | None:
        """What the app may do; None is everything. Setting it is a reinstallation with other scopes."""
        return self._api.scopes

    @scopes.setter
    def scopes(self, value: frozenset[str] | None) -> None:
        self._api.scopes = value

    def revoke(self, kind: str) -> None:
        """Take the "bot" or the "app" token back: from now on it is `token_revoked`."""
        self._doors.tokens.revoked.add(kind)

    async def wait_connected(self, count: int = 1, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - callers name the limit
        """Wait until the app has `count` Socket Mode connections; TimeoutError otherwise."""
        await self.sockets.wait_connected(count, timeout)

    # -- acting as a person; see `Acting` and `Events` for what each does ---------------------------

    async def press(self, user: str, channel: str | None = None, ts: str | None = None, **how: Any) -> Reply:
        """Press a button: `action_id=` or `text=`, `confirm=`, `view_id=`, `values=`."""
        return await self._acting.press(user, channel, ts, **how)

    async def choose(
        self,
        user: str,
        channel: str | None = None,
        ts: str | None = None,
        action_id: str | None = None,
        value: Any = None,
        **how: Any,
    ) -> Reply:
        """Set a select, overflow, datepicker or checkbox group; in a view with `view_id=`."""
        return await self._acting.choose(user, channel, ts, action_id, value, **how)

    async def options(self, user: str, action_id: str, query: str = "", **where: Any) -> Reply:
        """Type into an external select; `payload["options"]` is what the app offers."""
        return await self._acting.options(user, action_id, query, **where)

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Reply:
        """Type a slash command, e.g. "/restart" with the text "shop/api"."""
        return await self._acting.slash(user, channel, command, text)

    async def shortcut(self, user: str, callback_id: str, channel: str | None = None, ts: str | None = None) -> Reply:
        """Use a global shortcut, or a message's with channel and ts."""
        return await self._acting.shortcut(user, callback_id, channel, ts)

    async def submit(self, user: str, view_id: str, values: Json | None = None) -> Reply:
        """Fill in and submit the modal in front of the person."""
        return await self._acting.submit(user, view_id, values)

    async def close_view(self, user: str, view_id: str) -> Reply:
        """Close the modal in front of the person."""
        return await self._acting.close_view(user, view_id)

    async def post_as(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message as a person."""
        return self._events.post_as(user, channel, text, thread_ts)

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji to a message as a person."""
        self._events.react(user, channel, ts, name)

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """Take an emoji off a message again, as its person."""
        self._events.unreact(user, channel, ts, name)

    async def open_home(self, user: str) -> None:
        """Open the app's home tab as a person."""
        self._events.open_home(user)
