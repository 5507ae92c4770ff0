"""The page's HTTP routes on the sandbox's Slack server: the page, its state, its stream, its acts.

What comes in passes the door first. The page is drawn here whole, so that the first paint is the final one; from then
on it follows: the stream tells that something changed, the page's script asks for the fragments it lacks.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.page import acts, fragments, home, mrkdwn, sidebar
from bot.sandbox.page.door import HEADERS, answer_html, answer_json, body_of, guarded
from bot.sandbox.page.drawn import Drawn
from bot.sandbox.page.fragments import Have, Place
from bot.sandbox.page.panels.panel import Panel
from bot.sandbox.page.panels.tour import TourBar
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.server import SlackServer

STATIC = Path(__file__).parent / "static"
# A comment line on the stream now and then, so that a dead connection is noticed by both sides.
HEARTBEAT_SECONDS = 15.0
# Changes within this time are told once: a storm of 500 messages is no storm of 500 fetches.
GATHER_SECONDS = 0.05
LOOK_SECONDS = 0.25
"""How often the panels' marks are looked at while a page follows."""
LEAVE_SECONDS = 1.0
_TYPES = {".css": "text/css", ".js": "text/javascript"}
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


@dataclass
class Page:
    """The page of one Slack server. `fires` are (name, label) pairs of the bar's alert buttons.

    `world` tells this workspace from one that answers at the same address later: a page of another one begins anew.
    """

    server: SlackServer
    fire: acts.Fire | None = None
    hints: Callable[[], list[str]] | None = None
    fires: Sequence[tuple[str, str]] = ()
    commands: Sequence[dict[str, Any]] = ()
    panels: Mapping[str, Panel] = field(default_factory=dict)
    tour: TourBar | None = None
    playbill: Panel | None = None
    told: str = ""
    coming: str = ""
    world: str = field(default_factory=lambda: secrets.token_hex(8))
    _leaving: str = ""
    _marks: sidebar.ReadMarks = field(default_factory=sidebar.ReadMarks)
    _streams: dict[asyncio.Task[Any], web.StreamResponse] = field(default_factory=dict)
    _drawn: Drawn = field(default_factory=Drawn)

    def place(self, request: web.Request) -> Place:
        """Who looks at what, from the query; a first visitor is the first member, in a channel."""
        workspace = self.server.workspace
        asked = request.query.get("user") or request.query.get("as") or ""
        people = [p.id for p in workspace.people.values() if p.kind not in {"bot", "deleted"}]
        if asked and asked not in people:
            raise NotThere(f"There is no person {asked} to act as in this workspace.")
        user = asked or people[0]
        seen = [room.id for room in sidebar.channels_of(workspace, user)] or list(workspace.channels)
        channel = request.query.get("channel") or seen[0]
        room = workspace.channels.get(channel)
        if room is not None and room.is_im and user not in room.members:
            # Somebody else's direct message: whoever acts as another person looks at that person's own.
            channel = next((one.id for one in sidebar.direct_of(workspace, user)), seen[0])
        elif room is None and channel != sidebar.HOME:
            raise NotThere(f"There is no channel {channel} in this workspace.")
        return Place(user, channel, request.query.get("thread", ""))

    def _hints(self, place: Place) -> list[str]:
        names = fragments.directory(self.server.workspace, place.user)
        return [mrkdwn.to_html(hint, names) for hint in (self.hints() if self.hints else [])]

    def _state(self, place: Place, have: Have, *, seen: bool) -> dict[str, Any]:
        """The fragments; `seen` means that the person looks at them now."""
        workspace = self.server.workspace
        if place.channel == sidebar.HOME:
            shown = home.state(workspace, place)
        else:
            shown = fragments.state(workspace, place, have, drawn=self._drawn)
            if seen and not shown["unseen"]:
                self._marks.read(workspace, place.user, place.channel)
        return {
            **shown,
            "world": self.world,
            "user": place.user,
            "channel": place.channel,
            "head": sidebar.head(workspace, place, self.server.manifest.raw),
            "sidebar": sidebar.column(workspace, place, self._marks),
            "hints": self._hints(place),
        }

    async def index(self, request: web.Request) -> web.Response:
        """The whole page, messages included, so that the first paint is the final one."""
        workspace = self.server.workspace
        try:
            place = self.place(request)
        except NotThere as error:
            return answer_html(render("lost.html", sentence=str(error)), 404)
        state = self._state(place, Have(), seen=True)
        asked = request.query.get("panel", "")
        shown = self.panels.get(asked) or next(iter(self.panels.values()), None)
        html = render(
            "page.html",
            you=workspace.people[place.user],
            team=workspace.team_name,
            app=sidebar.app_name(workspace),
            thread=place.thread,
            people=fragments.choices_of_people(workspace),
            fires=self.fires if self.fire else (),
            coming=self.coming,
            state=state,
            commands=list(self.commands),
            shortcuts=self._shortcuts(),
            panels=list(self.panels.values()),
            panel=shown,
            panel_asked=asked,
            tour=self.tour,
            playbill=self.playbill,
            world=self.world,
            told=self.told,
        )
        return answer_html(html)

    def _shortcuts(self) -> list[dict[str, str]]:
        """The app's shortcuts as the manifest has them: `callback_id`, `name`, `type`."""
        found = (self.server.manifest.raw.get("features") or {}).get("shortcuts") or []
        return [{key: str(one.get(key, "")) for key in ("callback_id", "name", "type")} for one in found]

    async def state(self, request: web.Request) -> web.Response:
        """The fragments as JSON; `since` and `oldest` leave out what the page has, `older=1` adds what is before."""
        try:
            since = int(request.query.get("since", "0"))
        except ValueError:
            raise acts.BadActError("since is not a number.") from None
        query = request.query
        have = Have(since, query.get("oldest", ""), query.get("older") == "1")
        return answer_json(self._state(self.place(request), have, seen=query.get("seen") == "1"))

    async def panel(self, request: web.Request) -> web.Response:
        """One panel as a fragment; without its HTML where the page has this very one."""
        panel = self._panel(request)
        html = panel.html()
        digest = fragments.digest(html)
        same = request.query.get("have") == digest
        return answer_json({"digest": digest} if same else {"digest": digest, "html": html})

    async def panel_act(self, request: web.Request) -> web.Response:
        """One act in a panel: `POST /page/panel/NAME/VERB` with the form's fields."""
        panel = self._panel(request)
        verb = request.match_info["verb"]
        if verb not in panel.acts:
            raise NotThere(f"There is nothing called {verb} to do in the panel {panel.title}.")
        said = await panel.acts[verb](await self._body(request))
        return answer_json({"ok": True, "message": said, "errors": {}})

    async def _body(self, request: web.Request) -> dict[str, Any]:
        """What an act says; refused where it was meant for a world that is over."""
        body = await body_of(request)
        if body.get("world", self.world) != self.world:
            raise NotThere("That was pressed in a world that is over; nothing was done. The page comes anew.")
        return body

    def _follows(self) -> dict[str, Panel]:
        """All that is drawn anew by its mark: the panels, the bar of a scenario, the choice of one."""
        return {**self.panels, **{one.name: one for one in (self.tour, self.playbill) if one is not None}}

    def _panel(self, request: web.Request) -> Panel:
        found = self._follows().get(request.match_info["name"])
        if found is None:
            raise NotThere(f"There is no panel {request.match_info['name']} here.")
        return found

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the number of the newest change whenever there is one, and which panels changed."""
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams[task] = response
        try:
            await self._tell(response)
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._streams.pop(task, None) if task is not None else None
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        workspace = self.server.workspace
        seen, marks = workspace.last_change, self._panel_marks()
        await response.write(f"retry: 1000\nevent: world\ndata: {self.world}\n\n".encode())
        if self._leaving:
            await response.write(_leave_event(self._leaving))
        told = time.monotonic()
        while True:
            changes = await workspace.wait_change(seen, LOOK_SECONDS if self._follows() else HEARTBEAT_SECONDS)
            if changes:
                await asyncio.sleep(GATHER_SECONDS)
                seen = workspace.last_change
                await response.write(f"data: {seen}\n\n".encode())
            now = self._panel_marks()
            for name in (name for name in now if now[name] != marks[name]):
                await response.write(f"event: panel\ndata: {name}\n\n".encode())
            if changes or now != marks:
                told = time.monotonic()
            elif time.monotonic() - told >= HEARTBEAT_SECONDS:
                await response.write(b": still here\n\n")
                told = time.monotonic()
            marks = now

    def _panel_marks(self) -> dict[str, Hashable]:
        return {name: panel.mark() for name, panel in self._follows().items()}

    async def leave(self, sentence: str) -> None:
        """Every page shows this until another world answers: this one ends now, and that is no failure."""
        self._leaving = sentence
        told = (response.write(_leave_event(sentence)) for response in list(self._streams.values()))
        with contextlib.suppress(TimeoutError):  # a page that reads no more holds nobody up
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.gather(*told, return_exceptions=True)  # who closed their page needs no word

    async def close_streams(self, _app: web.Application) -> None:
        """Ends the open streams, which would otherwise hold up the server's stop."""
        for task in list(self._streams):
            task.cancel()

    async def act(self, request: web.Request) -> web.Response:
        """One act of a person: `POST /page/VERB` with JSON, answered `{"ok", "message", ...}`."""
        body = await self._body(request)
        verb = request.match_info["verb"]
        if verb == "fire":
            return answer_json(await acts.fire(self.fire, body))
        perform = partial(acts.ACTS[verb], self.server, body)
        return answer_json(await (self.tour.acted(verb, body, perform) if self.tour is not None else perform()))

    async def permalink(self, request: web.Request) -> web.Response:
        """A message's address as Slack writes it leads to its channel, and to its thread where it has one."""
        number = request.match_info["number"].removeprefix("p")
        ts = f"{number[:-6]}.{number[-6:]}"
        thread = request.query.get("thread_ts") or ts
        found = self.server.workspace.find_channel(request.match_info["channel"])
        if found is None or self.server.workspace.message(found.id, ts) is None:
            lost = render("lost.html", sentence="There is no such message in this workspace.")
            return answer_html(lost, 404)
        raise web.HTTPFound(f"/?channel={found.id}&thread={thread}")

    async def file(self, request: web.Request) -> web.Response:
        """An uploaded file's bytes: pictures as such, anything else as a download or plain text."""
        found = self.server.workspace.files.get(request.match_info["file"])
        if found is None or found.content is None:
            raise web.HTTPNotFound(text="There is no such file.")
        kind = _PICTURES.get(Path(found.name).suffix.lower(), "text/plain")
        charset = "utf-8" if kind == "text/plain" else None
        return web.Response(body=found.content, content_type=kind, charset=charset, headers=HEADERS)

    async def static(self, request: web.Request) -> web.Response:
        """The page's own style sheet and scripts."""
        path = STATIC / request.match_info["name"]
        if path.parent != STATIC or not path.is_file():
            raise web.HTTPNotFound(text="There is no such file.")
        return web.Response(text=path.read_text(), content_type=_TYPES[path.suffix], headers=HEADERS)


def _leave_event(sentence: str) -> bytes:
    return f"event: leaving\ndata: {' '.join(sentence.split())}\n\n".encode()


def add_page(
    server: SlackServer,
    *,
    fire: acts.Fire | None = None,
    hints: Callable[[], list[str]] | None = None,
    fires: Sequence[tuple[str, str]] = (("KubePodCrashLooping", "Fire an alert"),),
    commands: Sequence[dict[str, Any]] | None = None,
    panels: Sequence[Panel] = (),
    tour: TourBar | None = None,
    playbill: Panel | None = None,
    told: str = "",
    coming: str = "",
) -> Page:
    """Adds the page to `server.app`; to be called before `server.start()`.

    `fire(name)` fires the alert of a button of the bar and returns a sentence about it; `fires` are
    those buttons as (name, label). `hints()` returns what to do next, as mrkdwn, one entry a step.
    `commands` are the manifest's slash commands (`command`, `usage_hint`, `description`) for the
    completion; left out, they are the server's manifest's. `panels` stand beside Slack, in this order. `tour` is the
    bar of the scenario that plays, `playbill` where another one is chosen, `told` a sentence for whoever opens it.
    `coming` says, where there is nothing yet, what will be by itself.
    """
    if commands is None:
        commands = list((server.manifest.commands or {}).values())
    page = Page(
        server, fire, hints, fires, commands, {panel.name: panel for panel in panels}, tour, playbill, told, coming
    )
    router = server.app.router
    router.add_get("/", guarded(page.index))
    router.add_get("/page/state", guarded(page.state))
    router.add_get("/page/stream", guarded(page.stream))
    router.add_get("/page/panel/{name}", guarded(page.panel))
    router.add_post("/page/panel/{name}/{verb}", guarded(page.panel_act))
    router.add_get("/page/file/{file}", guarded(page.file))
    router.add_get("/page/static/{name}", guarded(page.static))
    router.add_get(r"/archives/{channel}/{number:p\d{7,}}", guarded(page.permalink))
    verbs = "|".join([*acts.ACTS, "fire"])
    router.add_post(f"/page/{{verb:{verbs}}}", guarded(page.act))
    server.app.on_shutdown.append(page.close_streams)
    return page
