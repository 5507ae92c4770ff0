"""The HTTP side: guarding the door, running Web API calls, uploads and response URLs.

Loopback only: the Host header must name this server, so that a page elsewhere cannot reach it by
rebinding a name. Tokens that look real are refused, and the log says so without the token.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from aiohttp import web

from bot.sandbox.slack import responses
from bot.sandbox.slack.api.args import Args, for_log, read
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.api.registry import METHODS, Method
from bot.sandbox.slack.errors import ApiError, RateLimitedError
from bot.sandbox.slack.faults import Fault, Faults
from bot.sandbox.slack.models import Call, Json
from bot.sandbox.slack.rates import Rates

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HTML_5XX = "<!DOCTYPE html><html><head><title>Server Error</title></head><body>Oops</body></html>"
KEPT_CALLS = 5_000


def _hosts(port: int | None) -> set[str]:
    return {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}


def guard(port: Callable[[], int | None]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware that refuses foreign Host and Origin headers with 403."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = _hosts(port())
        origin = request.headers.get("Origin")
        if request.headers.get("Host", "").lower() not in hosts:
            return web.Response(status=403, text="This server answers to loopback names only.")
        if origin is not None and origin.lower().removeprefix("http://") not in hosts:
            return web.Response(status=403, text="This server is not for other pages.")
        return await handler(request)

    return check


@dataclass
class Tokens:
    """The two tokens of the installed app; `revoked` holds the kinds that were taken back."""

    bot: str
    app: str
    revoked: set[str] = field(default_factory=set)

    def check(self, given: str, wanted: str) -> None:
        """Raise unless `given` is the token of the `wanted` kind ("bot" or "app")."""
        if not given:
            raise ApiError("not_authed")
        kinds = {self.bot: "bot", self.app: "app"}
        kind = kinds.get(given)
        if kind is None:
            if given.startswith(("xox", "xapp-")) and "-sandbox-" not in given[:14]:
                log.warning("A token that looks real was sent to the sandbox; it is refused.")
            raise ApiError("invalid_auth")
        if kind in self.revoked:
            raise ApiError("token_revoked")
        if kind != wanted:
            raise ApiError("not_allowed_token_type")


class Dropped(Exception):  # noqa: N818 - an order to hang up, not an error
    """Reset the connection instead of answering."""


@dataclass
class Doors:
    """The routes of the Web API and what belongs to it."""

    api: Api
    tokens: Tokens
    faults: Faults
    rates: Rates = field(default_factory=Rates)
    ahead: Callable[[], float] = lambda: 0.0  # seconds that this workspace's time is ahead of the machine's
    enforce_rates: bool = True
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the application."""
        out = [web.route(verb, "/api/{method}", self.web_api) for verb in ("GET", "POST")]
        out.append(web.post("/upload/v1/{secret}", self.upload))
        out.append(web.post("/actions/{team}/{number}/{secret}", self.response_url))
        out.append(web.get("/files-pri/{file}/{name}", self.download))
        out.append(web.get("/link", self.api.sockets.handle))
        return out

    async def web_api(self, request: web.Request) -> web.StreamResponse:
        """One Web API call: faults, then arguments, token, scope, rate, and the method itself."""
        name = request.match_info["method"]
        started, at = time.monotonic(), time.time()
        # The body is read before any fault: a slow call must be done although the client left.
        args, unreadable = await _arguments(request)

        async def run() -> Json:
            if unreadable is not None:
                raise unreadable
            out = self._run(name, args)
            if request.content_type == "application/json" and not request.charset:
                out.setdefault("warning", "missing_charset")
            return out

        response, error = await self._answered(request, name, run)
        ms = (time.monotonic() - started) * 1000
        status = response.status if response is not None else 0
        self.calls.append(Call(name, for_log(args.values), at, error is None, error, status, ms))
        if response is None:
            return self._hang_up(request)
        self._head(response, args)
        return response

    def _head(self, response: web.Response, args: Args) -> None:
        """What Slack tells in headers: what the token may do, and what time it is."""
        if args.token == self.tokens.bot and self.api.scopes is not None:
            response.headers["X-OAuth-Scopes"] = ",".join(sorted(self.api.scopes))
        if off := self.faults.clock_off + self.ahead():
            response.headers["Date"] = formatdate(time.time() + off, usegmt=True)

    def _run(self, name: str, args: Args) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise ApiError("unknown_method", req_method=name)
        if method.token:
            self.tokens.check(args.token, method.token)
        if method.scopes:
            self.api.require(*method.scopes)
        self._spend(name, method, args)
        return {"ok": True, **method.run(self.api, args)}

    def _spend(self, name: str, method: Method, args: Args) -> None:
        if not self.enforce_rates or not method.tier:
            return
        channel = args.text("channel") if method.per_channel else None
        wait = self.rates.spend(name, method.tier, channel)
        if wait is not None:
            raise RateLimitedError(wait)

    async def _answered(
        self, request: web.Request, name: str, run: Callable[[], Awaitable[Json]]
    ) -> tuple[web.Response | None, str | None]:
        """The response and its error code; no response means that the connection is reset."""
        try:
            after = await self._before(name)
            body = await run()
            for fault in after:
                await self._after(fault)
        except RateLimitedError as error:
            return _ratelimited(error), error.code
        except ApiError as error:
            if isinstance(error.extra.get("html"), int):
                return _html(error.extra["html"]), error.code
            return web.json_response({"ok": False, "error": error.code, **error.extra}), error.code
        except Dropped:
            log.debug("%s is dropped on order", request.path)
            return None, "dropped"
        return web.json_response(body), None

    async def _before(self, name: str) -> list[Fault]:
        """Carry out the faults that come before processing; those that come after."""
        after = []
        for fault in self.faults.take(name):
            if fault.kind in ("drop_after", "hang_after"):
                after.append(fault)
            elif fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "rate_limit":
                raise RateLimitedError(fault.retry_after)
            elif fault.kind == "error" and isinstance(fault.error, int):
                raise ApiError(f"http_{fault.error}", html=fault.error)
            elif fault.kind == "error":
                raise ApiError(str(fault.error))
            elif fault.kind == "hang":
                await self.faults.hold()
                raise Dropped
            elif fault.kind == "drop_before":
                raise Dropped
        return after

    async def _after(self, fault: Fault) -> None:
        """The call is processed; the answer is never sent."""
        if fault.kind == "hang_after":
            await self.faults.hold()
        raise Dropped

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if isinstance(request.transport, asyncio.Transport):
            request.transport.abort()
        return web.Response(status=500)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, raw or as a form's `file` (or `filename`) part."""

        async def run() -> Json:
            item_id = self.api.uploads.pop(request.match_info["secret"], None)
            if item_id is None:
                raise ApiError("invalid_upload_url", html=404)
            item = self.api.workspace.files[item_id]
            item.content = await _bytes(request)
            if len(item.content) != item.size:
                raise ApiError("length_mismatch", html=400)
            self.api.workspace.changed("file")
            return {"size": item.size}

        response, error = await self._answered(request, "upload", run)
        if response is None:
            return self._hang_up(request)
        if error is not None:
            return response
        return web.Response(text="OK")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes, for whoever has the bot token."""
        header = request.headers.get("Authorization", "")
        item = self.api.workspace.files.get(request.match_info["file"].rpartition("-")[2])
        if header != f"Bearer {self.tokens.bot}":
            return web.Response(status=403, text="not authed")
        if item is None or item.content is None:
            return web.Response(status=404, text="no such file")
        return web.Response(body=item.content, content_type="application/octet-stream")

    async def response_url(self, request: web.Request) -> web.StreamResponse:
        """An answer to an interaction; "ok" as text, or 404 when the address is over."""
        args, unreadable = await _arguments(request)

        async def run() -> Json:
            if unreadable is not None:
                raise unreadable
            secret = f"{request.match_info['number']}/{request.match_info['secret']}"
            target = self.api.triggers.use_response(secret)
            responses.answer(self.api, target, args.values)
            return {}

        response, error = await self._answered(request, "response_url", run)
        if response is None:
            return self._hang_up(request)
        if error in ("expired_url", "used_url"):
            return web.json_response({"ok": False, "error": error}, status=404)
        if error is not None:
            return response
        return web.Response(text="ok")


async def _arguments(request: web.Request) -> tuple[Args, ApiError | None]:
    try:
        return await read(request), None
    except ApiError as error:
        return Args({}), error


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return part.file.read()
    return b""


def _ratelimited(error: RateLimitedError) -> web.Response:
    headers = {"Retry-After": str(error.retry_after)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _html(status: int) -> web.Response:
    return web.Response(status=status, text=HTML_5XX, content_type="text/html")
