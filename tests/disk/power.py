"""A power cut, from what a real process told its disk: what was synced survives, anything else may or may not.

``Recorder`` keeps every change of the watched files in one log, in the order in which they were done. ``Disk`` plays
that log up to a moment and says what the disk held then: all that was synced, and of the rest a part by chance, in
sectors, in any order, as a real disk may have written it. The model refuses to be kind: an unsynced file may be gone.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.disk.watched import Op, Watcher

SECTOR = 512


class Recorder(Watcher):
    """Appends each change to the log at once; what was appended outlives a `kill -9` of this process."""

    def __init__(self, log: Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def after(self, op: Op) -> None:
        """One line of JSON, then the bytes."""
        head = json.dumps([op.kind, op.path, op.offset, len(op.data)]).encode()
        os.write(self._log, head + b"\n" + op.data)


def recorded(log: Path) -> Iterator[tuple[int, Op]]:
    """(size of the log when it was written down, change) for each change; a last one that is cut off is left out."""
    with log.open("rb") as file:
        while line := file.readline():
            if not line.endswith(b"\n"):
                return
            kind, path, offset, size = json.loads(line)
            data = file.read(size)
            if len(data) < size:
                return
            yield file.tell(), Op(kind, path, offset, data)


@dataclass
class _Name:
    """One file name: the bytes that are sure, None while the file isn't, and the changes since the last sync."""

    sure: bytes | None = None
    pending: list[Op] = field(default_factory=list)

    def forget(self) -> None:
        """The folder was synced: what was deleted by then is gone for good."""
        for at in reversed(range(len(self.pending))):
            if self.pending[at].kind == "delete":
                self.sure = None
                del self.pending[: at + 1]
                return


class Disk:
    """The disk of one machine. ``files`` are those that were there, whole and synced, when the log began."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._names = {path: _Name(data) for path, data in files.items()}

    def play(self, op: Op) -> None:
        """The next change."""
        if op.kind == "folder":
            for path, known in self._names.items():
                if path.rpartition(os.sep)[0] == op.path:
                    known.forget()
            return
        name = self._names.setdefault(op.path, _Name())
        if op.kind == "sync":
            name.sure = _applied(name.sure, name.pending, lambda _: True)
            name.pending.clear()
        else:
            name.pending.append(op)
            if op.kind == "delete" and op.offset:  # SQLite asked for the folder to be synced with it
                name.forget()

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """The files after the power went: of what wasn't synced nothing, the first part, or any sectors."""
        return {path: found for path, name in self._names.items() if (found := self._left(name, rng)) is not None}

    @staticmethod
    def _left(name: _Name, rng: random.Random) -> bytes | None:
        kind = rng.choice(["nothing", "nothing", "the first part", "any sectors"])
        if kind == "nothing":
            return name.sure
        if kind == "the first part":
            return _applied(name.sure, name.pending[: rng.randint(0, len(name.pending))], lambda _: True)
        share = rng.random()
        return _applied(name.sure, name.pending, lambda _: rng.random() < share)


def _applied(sure: bytes | None, changes: list[Op], survives: Callable[[Op], bool]) -> bytes | None:
    """The bytes after these changes, each sector of each only if it survives."""
    data = None if sure is None else bytearray(sure)
    for change in changes:
        for part in _sectors(change):
            if not survives(part):
                continue
            if part.kind == "delete":
                data = None
                continue
            data = bytearray() if data is None else data
            if part.kind == "truncate":
                del data[part.offset :]
            end = part.offset + len(part.data)
            data.extend(b"\0" * (end - len(data)))
            data[part.offset : end] = part.data
    return None if data is None else bytes(data)


def _sectors(op: Op) -> Iterator[Op]:
    if op.kind != "write":
        yield op
        return
    at = 0
    while at < len(op.data):
        size = SECTOR - (op.offset + at) % SECTOR
        yield Op(op.kind, op.path, op.offset + at, op.data[at : at + size])
        at += size
