"""``pods/exec`` over a WebSocket (v4 and v5.channel.k8s.io): a real process, its output by channel, its status last.

What runs is a program of this machine and not of the pod's image: it sees the system's folders read-only, no home, no
network and no process but the container's, and writes to the container's /tmp alone (see ``containers``). Where this
machine can't enclose it so, it isn't run. It refuses terminals and stdin, in a sentence: nothing here types.
"""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.kubernetes import debugging, logs, status
from bot.sandbox.kubernetes.containers import Containers, NoContainerError
from bot.sandbox.kubernetes.wire import Json, dump

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
OLD = "the sandbox speaks to kubectl exec over WebSockets alone, as kubectl 1.31 and newer do"
SILENT = "the sandbox runs a command and takes no input for it: leave out -i and -t"
_OUT, _ERR, _STATUS = b"\x01", b"\x02", b"\x03"
_PIECE = 32 * 1024
_NOT_FOUND = 127


@dataclass(frozen=True)
class Command:
    """What is to run where; ``uid`` is the pod's, ``beside`` the container whose processes it sees."""

    uid: str
    container: str
    argv: tuple[str, ...]
    beside: str = ""


class Executing:
    """Runs what is asked in the containers of one cluster.

    ``cuts`` holds after how many bytes of output each next connection breaks; the process goes on, as it does in
    reality. ``ran`` are the commands of this server's life.
    """

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self.cuts: list[int] = []
        self.ran: list[tuple[str, ...]] = []
        self._alone: list[asyncio.Task[None]] = []

    def check(self, request: web.BaseRequest, pod: Json) -> Command:
        """The command of a request that can be served, or the error that the real server answers."""
        upgrade = request.headers.get("Upgrade", "").lower()
        # Whoever is refused a WebSocket tries SPDY next, and shows what that one was told.
        if upgrade and {request.query.get(name) for name in ("stdin", "tty")} & {"true", "1"}:
            raise status.not_emulated(SILENT)
        if upgrade.startswith("spdy"):
            raise status.not_emulated(OLD)
        if upgrade != "websocket":
            raise status.bad_request("Upgrade request required")
        argv = tuple(request.query.getall("command", []))
        if not argv:
            raise status.bad_request("you must specify at least 1 command for the container")
        entry = logs.choose(pod, request.query.get("container", ""))
        if "running" not in entry["state"]:
            raise status.bad_request(f"container {entry['name']} is not running")
        added = {one["name"]: str(one.get("targetContainerName", "")) for one in debugging.listed(pod)}
        return Command(pod["metadata"]["uid"], str(entry["name"]), argv, added.get(entry["name"], ""))

    async def answer(self, request: web.BaseRequest, command: Command) -> web.WebSocketResponse:
        """Speaks until the process ended or the client went away."""
        socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, timeout=1.0)
        await socket.prepare(request)
        uid, container, argv = command.uid, command.container, command.argv
        running = self._containers.of(uid, container)
        try:
            running = running or await self._containers.start(uid, container, beside=command.beside)
        except NoContainerError as refused:
            # Who is refused before reads no sentence: a client of WebSockets has no body of the answer.
            with contextlib.suppress(ConnectionError):
                await socket.send_bytes(_STATUS + dump(_not_begun(str(refused))))
                await socket.close()
            return socket
        self.ran.append(argv)
        process = await asyncio.create_subprocess_exec(
            *running.enter, *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=running.env
        )
        cut = self.cuts.pop(0) if self.cuts else None
        try:
            told = await self._spoken(request, socket, process, argv, cut)
            await socket.send_bytes(_STATUS + dump(told))
        except (ConnectionError, asyncio.CancelledError):
            self._alone.append(asyncio.create_task(self._left(process)))
            raise
        finally:
            with contextlib.suppress(ConnectionError):
                await socket.close()
        return socket

    async def _spoken(
        self, request: web.BaseRequest, socket: web.WebSocketResponse, process: Process, argv: tuple[str, ...],
        cut: int | None,
    ) -> Json:  # fmt: skip
        left = [cut]
        said = bytearray()

        async def pump(stream: asyncio.StreamReader | None, channel: bytes) -> None:
            while stream is not None and (piece := await stream.read(_PIECE)):
                if channel == _ERR:
                    said.extend(piece)
                if left[0] is not None:
                    left[0] -= len(piece)
                    if left[0] <= 0 and request.transport is not None:
                        request.transport.abort()
                        raise ConnectionResetError("cut")
                await socket.send_bytes(channel + piece)

        await asyncio.gather(pump(process.stdout, _OUT), pump(process.stderr, _ERR))
        return _ended(await process.wait(), argv, bytes(said))

    async def _left(self, process: Process) -> None:
        """A client that went away ends no process: it goes on, and ends when it writes to nobody."""
        for number in (1, 2):
            pipe = process._transport.get_pipe_transport(number)  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
            if pipe is not None:
                pipe.close()
        await process.wait()

    async def stop(self) -> None:
        """Waits for what goes on without a client; its container has ended before."""
        await asyncio.gather(*self._alone)


def _not_begun(why: str) -> Json:
    message = f"Internal error occurred: {why}"
    return {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}


def _ended(code: int, argv: tuple[str, ...], said: bytes) -> Json:
    """The status object of the last channel."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    if code == _NOT_FOUND and said.startswith(b"setpriv: failed to execute"):
        return _not_begun(
            "error executing command in container: failed to exec in container: failed to "
            f'start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: "{argv[0]}": '
            "executable file not found in $PATH"
        )
    what = f"error executing command {list(argv)}, exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {what}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
