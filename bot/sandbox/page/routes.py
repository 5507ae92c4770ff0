"""The page's HTTP routes on the sandbox's Slack server: the page, its state, its stream, its acts.

Everything answers on loopback to the page itself only: the Host must be a loopback name and a
request of another origin is refused, so that a web site open in the same browser can't press
buttons here. A failing act is answered with a sentence, never with a stack trace.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.page import acts, fragments, mrkdwn
from bot.sandbox.page.drawn import Drawn
from bot.sandbox.page.fragments import Place
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.server import SlackServer

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
# A comment line on the stream now and then, so that a dead connection is noticed by both sides.
HEARTBEAT_SECONDS = 15.0
# Changes within this time are told once: a storm of 500 messages is no storm of 500 fetches.
GATHER_SECONDS = 0.05
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # Pictures from elsewhere are not fetched: opening the page calls nobody.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
_TYPES = {".css": "text/css", ".js": "text/javascript"}
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _is_loopback(host: str) -> bool:
    """Whether a Host header (with or without port) names this machine's loopback."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refusal(request: web.Request) -> str | None:
    """Why a request is not from this page, as a sentence; None if it is."""
    host = request.headers.get("Host", "")
    if not _is_loopback(host):
        return "The sandbox answers on loopback addresses only."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "The sandbox's page takes no requests from other sites."
    # "none" is a person opening the address; pages of other sites say cross-site or same-site.
    fetched = request.headers.get("Sec-Fetch-Site", "none")
    if fetched not in {"none", "same-origin"}:
        return "The sandbox's page takes no requests from other sites."
    if request.method == "POST" and request.content_type != "application/json":
        return "The sandbox's page takes JSON only."
    return None


def _json(answer: dict[str, Any], status: int = 200) -> web.Response:
    body = json.dumps(answer, ensure_ascii=False)
    return web.Response(text=body, status=status, content_type="application/json", headers=_HEADERS)


def _guarded(handler: Handler) -> Handler:
    """The handler behind the check of origin; errors of a person's act become sentences."""

    async def run(request: web.Request) -> web.StreamResponse:
        why = refusal(request)
        if why is not None:
            return _json({"ok": False, "message": why}, 403)
        try:
            return await handler(request)
        except NotThere as error:
            return _json({"ok": False, "message": str(error)})
        except (acts.BadActError, json.JSONDecodeError) as error:
            return _json({"ok": False, "message": f"The page sent a wrong request: {error}"}, 400)
        except web.HTTPException:
            raise
        except Exception as error:
            # The edge of the page: whatever failed, a person reads a sentence and the log the rest.
            log.exception("the sandbox's page failed at %s", request.path)
            sentence = f"The sandbox failed at this ({type(error).__name__}: {error}); see its log."
            return _json({"ok": False, "message": sentence}, 500)

    return run


@dataclass
class Page:
    """The page of one Slack server. `fires` are (name, label) pairs of the bar's alert buttons."""

    server: SlackServer
    fire: acts.Fire | None = None
    hints: Callable[[], list[str]] | None = None
    fires: Sequence[tuple[str, str]] = ()
    commands: Sequence[dict[str, Any]] = ()
    _streams: set[asyncio.Task[Any]] = field(default_factory=set)
    _drawn: Drawn = field(default_factory=Drawn)

    def place(self, request: web.Request) -> Place:
        """Who looks at what, from the query; a first visitor is the first member, in a channel."""
        workspace = self.server.workspace
        asked = request.query.get("user") or request.query.get("as") or ""
        people = [p.id for p in workspace.people.values() if p.kind not in {"bot", "deleted"}]
        if asked and asked not in people:
            raise NotThere(f"There is no person {asked} to act as in this workspace.")
        user = asked or people[0]
        seen = [room.id for room in self._channels(user)] or list(workspace.channels)
        channel = request.query.get("channel") or seen[0]
        if channel not in workspace.channels:
            raise NotThere(f"There is no channel {channel} in this workspace.")
        return Place(user, channel, request.query.get("thread", ""))

    def _channels(self, user: str) -> list[Any]:
        workspace = self.server.workspace
        rooms = [room for room in workspace.channels.values() if not room.is_archived]
        return [room for room in rooms if workspace.may_see(user, room.id)]

    def _hints(self, place: Place) -> list[str]:
        names = fragments.directory(self.server.workspace, place.user)
        return [mrkdwn.to_html(hint, names) for hint in (self.hints() if self.hints else [])]

    def _state(self, place: Place, since: int) -> dict[str, Any]:
        shown = fragments.state(self.server.workspace, place, since=since, drawn=self._drawn)
        return {**shown, "user": place.user, "channel": place.channel, "hints": self._hints(place)}

    async def index(self, request: web.Request) -> web.Response:
        """The whole page, messages included, so that the first paint is the final one."""
        workspace = self.server.workspace
        try:
            place = self.place(request)
        except NotThere as error:
            lost = render("lost.html", sentence=str(error))
            return web.Response(text=lost, status=404, content_type="text/html", headers=_HEADERS)
        room = workspace.channels[place.channel]
        rooms = self._channels(place.user)
        if room not in rooms:
            rooms.append(room)
        state = self._state(place, 0)
        html = render(
            "page.html",
            you=workspace.people[place.user],
            channel={"id": room.id, "name": fragments.room_name(workspace, room), "topic": room.topic},
            thread=place.thread,
            people=fragments.choices_of_people(workspace),
            channels=[{"id": one.id, "label": fragments.room_name(workspace, one)} for one in rooms],
            fires=self.fires if self.fire else (),
            hints=state["hints"],
            state=state,
            commands=list(self.commands),
        )
        return web.Response(text=html, content_type="text/html", headers=_HEADERS)

    async def state(self, request: web.Request) -> web.Response:
        """The fragments as JSON; `since` leaves out the HTML of what the page has already."""
        try:
            since = int(request.query.get("since", "0"))
        except ValueError:
            raise acts.BadActError("since is not a number.") from None
        return _json(self._state(self.place(request), since))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the number of the newest change, whenever there is one."""
        response = web.StreamResponse(
            headers={**_HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        workspace = self.server.workspace
        seen = workspace.last_change
        try:
            await response.write(f"retry: 1000\ndata: {seen}\n\n".encode())
            while True:
                changes = await workspace.wait_change(seen, HEARTBEAT_SECONDS)
                if not changes:
                    await response.write(b": still here\n\n")
                    continue
                await asyncio.sleep(GATHER_SECONDS)
                seen = workspace.last_change
                await response.write(f"data: {seen}\n\n".encode())
        except ConnectionResetError:
            return response
        finally:
            self._streams.discard(task) if task is not None else None

    async def close_streams(self, _app: web.Application) -> None:
        """Ends the open streams, which would otherwise hold up the server's stop."""
        for task in list(self._streams):
            task.cancel()

    async def act(self, request: web.Request) -> web.Response:
        """One act of a person: `POST /page/VERB` with JSON, answered `{"ok", "message", ...}`."""
        body = await request.json()
        if not isinstance(body, dict):
            raise acts.BadActError("an object is wanted.")
        verb = request.match_info["verb"]
        if verb == "fire":
            return _json(await acts.fire(self.fire, body))
        return _json(await acts.ACTS[verb](self.server, body))

    async def file(self, request: web.Request) -> web.Response:
        """An uploaded file's bytes: pictures as such, anything else as a download or plain text."""
        found = self.server.workspace.files.get(request.match_info["file"])
        if found is None or found.content is None:
            raise web.HTTPNotFound(text="There is no such file.")
        kind = _PICTURES.get(Path(found.name).suffix.lower(), "text/plain")
        charset = "utf-8" if kind == "text/plain" else None
        return web.Response(body=found.content, content_type=kind, charset=charset, headers=_HEADERS)

    async def static(self, request: web.Request) -> web.Response:
        """The page's own style sheet and scripts."""
        path = STATIC / request.match_info["name"]
        if path.parent != STATIC or not path.is_file():
            raise web.HTTPNotFound(text="There is no such file.")
        return web.Response(text=path.read_text(), content_type=_TYPES[path.suffix], headers=_HEADERS)


def add_page(
    server: SlackServer,
    *,
    fire: acts.Fire | None = None,
    hints: Callable[[], list[str]] | None = None,
    fires: Sequence[tuple[str, str]] = (("KubePodCrashLooping", "Fire an alert"),),
    commands: Sequence[dict[str, Any]] | None = None,
) -> Page:
    """Adds the page to `server.app`; to be called before `server.start()`.

    `fire(name)` fires the alert of a button of the bar and returns a sentence about it; `fires` are
    those buttons as (name, label). `hints()` returns what to do next, as mrkdwn, one entry a step.
    `commands` are the manifest's slash commands (`command`, `usage_hint`, `description`) for the
    completion; left out, they are the server's manifest's.
    """
    if commands is None:
        commands = list((server.manifest.commands or {}).values())
    page = Page(server, fire, hints, fires, commands)
    router = server.app.router
    router.add_get("/", _guarded(page.index))
    router.add_get("/page/state", _guarded(page.state))
    router.add_get("/page/stream", _guarded(page.stream))
    router.add_get("/page/file/{file}", _guarded(page.file))
    router.add_get("/page/static/{name}", _guarded(page.static))
    verbs = "|".join([*acts.ACTS, "fire"])
    router.add_post(f"/page/{{verb:{verbs}}}", _guarded(page.act))
    server.app.on_shutdown.append(page.close_streams)
    return page
