"""Processes for pods: what runs in a pod here is a real program, in namespaces of its own, as a container's is.

It sees no process but its own, has a /tmp of its own and no network, and what it writes is the container's log. No
image is pulled: its programs are this machine's, seen read-only (see ``enclosing``). It needs Linux, ``unshare``,
``nsenter`` and ``setpriv`` (util-linux). It refuses to run anything where it can't be enclosed so.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.sandbox.kubernetes import enclosing

_KEPT = 50_000
_START = 10.0
_READY = f"{enclosing.READY}\n".encode()
_PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
IDLE = ("sleep", "infinity")


REFUSAL = (
    "the sandbox runs no command in this pod: on this machine it can't keep one away from your own files ({why}); "
    "logs, describe and get work"
)


class NoContainerError(RuntimeError):
    """None can be started on this machine; what it says is a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(REFUSAL.format(why=why or "it ended at once"))


class Container:
    """One container that runs: its first process, what it wrote, and a folder that is its /tmp."""

    def __init__(self, process: Process, inside: int, folder: Path, env: Mapping[str, str]) -> None:
        self.process = process
        self.env = env
        self.inside = inside
        self.folder = folder
        self.lines: deque[tuple[float, str]] = deque(maxlen=_KEPT)
        self._reading = asyncio.create_task(self._read())

    @property
    def enter(self) -> tuple[str, ...]:
        """What comes before an argv to run it in there."""
        own = ("--user", "--preserve-credentials") if os.geteuid() else ()
        into = ("nsenter", "--target", str(self.inside), *own, "--mount", "--pid", "--net", "--wd=/", "--")
        return (*into, *enclosing.UNPRIVILEGED)

    @property
    def beside(self) -> tuple[str, ...]:
        """What comes before the argv of another container that sees the processes of this one."""
        own = ("--user", "--preserve-credentials") if os.geteuid() else ()
        into = ("nsenter", "--target", str(self.inside), *own, "--pid", "--net", "--wd=/", "--")
        return (*into, "unshare", "--mount-proc", "--")

    async def _read(self) -> None:
        stdout = self.process.stdout
        while stdout is not None and (line := await stdout.readline()):
            self.lines.append((time.time(), line.decode(errors="replace").rstrip("\n")))

    async def stop(self) -> None:
        """Ends every process in there: the first one's end is theirs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        # A pipe that somebody else still holds would be found by the collector much later.
        self.process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no other way
        shutil.rmtree(self.folder, ignore_errors=True)


class Containers:
    """Those that run, by uid of the pod and name of the container; others begin at their first command."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], Container] = {}

    def of(self, uid: str, name: str) -> Container | None:
        """One that runs, else None."""
        found = self._running.get((uid, name))
        return found if found is not None and found.process.returncode is None else None

    async def start(
        self, uid: str, name: str, argv: Sequence[str] = IDLE, env: Mapping[str, str] | None = None, beside: str = ""
    ) -> Container:
        """Begins a container; its first process is a shell that waits for ``argv``, so that this isn't pid 1.

        ``beside`` is another one of the pod, whose processes it sees, and no file of it but through those.
        """
        target = (self.of(uid, beside) or await self.start(uid, beside)) if beside else None
        folder = Path(tempfile.mkdtemp(prefix="sandbox-container-"))
        own = ("--user", "--map-root-user") if os.geteuid() else ()
        alone = ("unshare", *own, "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--")
        # Nobody's tokens are a pod's: of this machine's environment it gets how programs are found and how they write.
        around = {name: os.environ[name] for name in _PASSED if name in os.environ}
        inside = {"HOME": "/tmp", **around, **(env or {})}  # noqa: S108 - the container's own
        try:
            process = await asyncio.create_subprocess_exec(
                *(target.beside if target is not None else alone),
                sys.executable, "-I", "-S", enclosing.__file__, str(folder), "sh", "-c", '"$@" & wait', "sh", *argv,
                stdout=PIPE, stderr=STDOUT, env=inside,
            )  # fmt: skip
        except FileNotFoundError as error:
            shutil.rmtree(folder)
            raise NoContainerError("unshare and nsenter (util-linux) aren't there") from error
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        said = await asyncio.wait_for(process.stdout.readline(), _START)
        if said != _READY:
            rest = await process.stdout.read()
            await process.wait()
            shutil.rmtree(folder)
            raise NoContainerError((said + rest).decode(errors="replace").strip())
        made = self._running[(uid, name)] = Container(process, _child(process.pid), folder, inside)
        return made

    async def stop(self) -> None:
        """Ends all."""
        for one in list(self._running.values()):
            await one.stop()
        self._running.clear()


def _child(pid: int) -> int:
    """The first process in there, as this machine counts."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else 0
