"""What the first look into a container told: processes, tools, folders; and what can be dumped with that.

What isn't known isn't done: a folder in memory is no place for a heap dump, since its pages count against the
container's limit, and a JVM that doesn't catch SIGQUIT would end by it. This module is pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.domain.errors import RequestError
from bot.domain.units import in_bytes
from bot.mitigations.dump_scripts import BY_SIGNAL

QUIT = 1 << 2
"""SIGQUIT in the mask of caught signals."""
IN_MEMORY = frozenset({"tmpfs", "ramfs", "hugetlbfs"})
SHARE = 1.5
"""A heap dump may be larger than the heap: references are written with eight bytes each."""
LEAST = 64 * 1024**2
_LOCKED = (
    "The {} process is there, and the kernel lets nobody else into it: it runs as another user than its pod says, or "
    "with capabilities that a debug container doesn't get."
)
_PATH = re.compile(r"/[A-Za-z0-9/._+@-]{1,500}")


@dataclass(frozen=True)
class Process:
    """One process; ``rss`` in bytes, ``quits`` whether it catches SIGQUIT."""

    kind: str
    pid: int
    uid: int
    rss: int
    quits: bool
    tools: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Folder:
    """Where a file could be written: free bytes, and the mount that it lies in."""

    path: str
    free: int
    mounted: str
    kind: str


@dataclass(frozen=True)
class Found:
    """One container from within; ``tools`` are those of no process."""

    uid: int
    processes: tuple[Process, ...]
    folders: tuple[Folder, ...]
    tools: dict[str, str]
    locked: tuple[str, ...] = ()
    """Kinds of processes that the kernel lets this user not into."""


def read(told: bytes) -> Found:
    """The lines of ``dump_scripts.FIND``; what doesn't look like one is left out."""
    me, processes, folders = 0, {}, {}
    tools: dict[str, str] = {}
    mounts: dict[str, str] = {}
    locked: list[str] = []
    for line in told.decode(errors="replace").splitlines():
        match line.split():
            case ["me", uid] if uid.isdecimal():
                me = int(uid)
            case ["process", kind, pid, uid, rss, caught] if (pid + uid + rss).isdecimal():
                processes[pid] = Process(kind, int(pid), int(uid), int(rss) * 1024, bool(_mask(caught) & QUIT))
            case ["tool", pid, name, at] if _PATH.fullmatch(at):
                (processes[pid].tools if pid in processes else tools).setdefault(name, at)
            case ["locked", kind, _]:
                locked.append(kind)
            case ["mount", kind, at]:
                mounts[at] = kind  # a later mount covers an earlier one
            case ["space", free, mounted, at] if free.isdecimal() and _PATH.fullmatch(at):
                folders[at.rstrip("/")] = (int(free) * 1024, mounted)
    return Found(
        me,
        tuple(processes.values()),
        tuple(_folder(at, free, mounted, mounts) for at, (free, mounted) in folders.items()),
        tools,
        tuple(locked),
    )


def _folder(at: str, free: int, mounted: str, mounts: dict[str, str]) -> Folder:
    """A dash for the mount is the longest that the folder lies in."""
    if mounted == "-":
        inside = [one for one in mounts if one in {"/", at} or at.startswith(f"{one}/")]
        mounted = max(inside, key=len, default="")
    return Folder(at, free, mounted, mounts.get(mounted, ""))


def _mask(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def jvm(found: Found) -> Process:
    """The Java process, the largest where there are several; ``RequestError`` where there is none."""
    javas = [one for one in found.processes if one.kind == "java"]
    if not javas and "java" in found.locked:
        raise RequestError(_LOCKED.format("Java"))
    if not javas:
        raise RequestError("There is no Java process in this container.")
    return max(javas, key=lambda one: one.rss)


@dataclass(frozen=True)
class Way:
    """How a dump is taken: the ``command`` of ``dump_scripts``, of which process, by which program (``jcmd``).

    ``tool`` is that program's path, empty where it takes none.
    """

    command: str
    process: Process
    by: str
    tool: str = ""


def threads_of(found: Found) -> Way:
    """What brings the threads; ``RequestError`` with what the container lacks."""
    if not any(one.kind == "java" for one in found.processes):
        return _python(found)
    process = jvm(found)
    for name in ("jcmd", "jstack"):
        if name in process.tools:
            return Way(f"threads with {name}", process, name, process.tools[name])
    if process.quits:
        return Way(BY_SIGNAL, process, "kill -3")
    raise RequestError(
        f"The container has neither jcmd nor jstack, and its JVM (pid {process.pid}) doesn't catch SIGQUIT (-Xrs?), "
        "so that kill -3 would end it."
    )


def _python(found: Found) -> Way:
    pythons = [one for one in found.processes if one.kind == "python"]
    if not pythons and found.locked:
        raise RequestError(_LOCKED.format("/".join(sorted(set(found.locked)))))
    if not pythons:
        raise RequestError("There is neither a Java nor a Python process in this container.")
    if "py-spy" not in found.tools:
        raise RequestError(
            "The container's process is Python, and there is no py-spy in it. A debug_thread_dump has one."
        )
    process = max(pythons, key=lambda one: one.rss)
    return Way("threads with py-spy", process, "py-spy", found.tools["py-spy"])


def heap_of(found: Found) -> Way:
    """What brings the heap; ``RequestError`` with what the container lacks."""
    process = jvm(found)
    lacking = [name for name in ("sha256sum", "dd") if name not in found.tools]
    if lacking:
        raise RequestError(f"The container has no {' and no '.join(lacking)}, so a dump couldn't be brought out whole.")
    for name in ("jcmd", "jmap"):
        if name in process.tools:
            return Way(f"heap with {name}", process, name, process.tools[name])
    raise RequestError(
        "The container has neither jcmd nor jmap: its image holds a JRE alone. A debug_heap_dump brings its own."
    )


def need(process: Process) -> int:
    """Bytes that a dump of this process may take; its resident memory holds its heap."""
    return int(process.rss * SHARE) + LEAST


def folder_for(found: Found, size: int) -> Folder:
    """A folder on a disk with that much room, else ``RequestError``."""
    on_disk = [one for one in found.folders if one.kind and one.kind not in IN_MEMORY]
    if not on_disk:
        why = "only in memory, which would count against its limit" if found.folders else "nowhere"
        raise RequestError(f"The container may write {why}: there is no place for a heap dump.")
    first = next((one for one in on_disk if one.free >= size), None)
    if first is None:
        best = max(on_disk, key=lambda one: one.free)
        raise RequestError(
            f"A heap dump may take {in_bytes(size)}, and {best.path} has {in_bytes(best.free)} left; "
            "nothing was dumped."
        )
    return first
