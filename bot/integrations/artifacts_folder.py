"""Dumps in a folder of this machine: a volume of its own with a cap, so that no dump takes the database's disk.

Each file has a note beside it (``NAME.json``) that says who made it and what it must be; without one nothing is
deleted. A file under way ends in ``.part``. It refuses to keep what would pass the cap or leave the disk full.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from bot.domain.artifact import FOLDER, Draft, Kept
from bot.domain.errors import ForbiddenError, RejectedError, UnavailableError
from bot.domain.units import in_bytes
from bot.integrations.artifacts import MARK

T = TypeVar("T")

SPARE = 64 * 1024 * 1024
"""Bytes that stay free on the disk whatever comes."""


class Folder:
    """Files directly below one folder, which is made at the first use, for this account alone."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder.absolute()
        self._most = most

    @property
    def place(self) -> str:
        """``folder /data/artifacts``."""
        return f"{FOLDER} {self._folder}"

    async def close(self) -> None:
        """Nothing is open between two calls."""

    async def check(self) -> str:
        """Whether it can be written, and how much of the cap is taken."""
        used = await self._run(self._checked)
        return f"Dumps go to {self._folder}; {in_bytes(used)} of {in_bytes(self._most)} are taken."

    async def room(self) -> int | None:
        """What the cap and the disk leave."""
        return await self._run(self._room)

    async def begin(self, draft: Draft) -> _Filling:
        """Makes the ``.part``; raises where it wouldn't fit."""
        return await self._run(lambda: self._begun(draft))

    @property
    def lends(self) -> bool:
        """It makes none."""
        return False

    async def lend(self, kept: Kept, lasting: timedelta) -> str:  # noqa: ARG002 - the protocol's
        """Refused."""
        raise RejectedError("A folder has no links.", "link")

    async def find(self, name: str, execution: str) -> Kept | None:
        """By its note; a file whose size isn't the noted one isn't whole."""
        return await self._run(lambda: self._found(name, execution))

    async def delete(self, kept: Kept) -> bool:
        """The file, then its note: what is interrupted between the two is found again."""
        return await self._run(lambda: self._deleted(kept))

    async def tidy(self, before: datetime) -> int:
        """``.part`` files that nobody writes to any more."""
        return await self._run(lambda: self._tidied(before.timestamp()))

    def path(self, name: str) -> Path:
        """Where a file of this name lies; ``RejectedError`` for a name that leaves the folder."""
        if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
            raise RejectedError(f"“{name}” is no name of an artifact.", "name")
        return self._folder / name

    def _checked(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = self._folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
        return self._used()

    def _used(self) -> int:
        return sum(one.stat().st_size for one in self._folder.iterdir() if one.is_file())

    def _room(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return max(0, min(self._most - self._used(), shutil.disk_usage(self._folder).free - SPARE))

    def _begun(self, draft: Draft) -> _Filling:
        path = self.path(draft.name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = self._used()
        if used + draft.size > self._most:
            raise RejectedError(
                f"{self._folder} has no room: {in_bytes(draft.size)} more than {in_bytes(used)} would pass "
                f"ARTIFACTS_MAX ({in_bytes(self._most)}). Delete old ones (fettle artifacts list), or raise it.",
                "cap",
            )
        free = shutil.disk_usage(self._folder).free
        if draft.size + SPARE > free:
            raise RejectedError(
                f"The disk of {self._folder} has {in_bytes(free)} left, and {in_bytes(draft.size)} would fill it.",
                "disk",
            )
        if path.exists():
            raise RejectedError(f"{path} is there already; nothing is overwritten.", "exists")
        part = path.with_name(f"{path.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        return _Filling(self, draft, path, part, os.fdopen(descriptor, "wb", buffering=0))

    def _found(self, name: str, execution: str) -> Kept | None:
        path = self.path(name)
        note = _note_of(path)
        if note is None or note.get(MARK) != execution or not path.is_file():
            return None
        size, sha256 = int(note.get("size", -1)), str(note.get("sha256", ""))
        return self.kept(name, size, sha256, execution) if path.stat().st_size == size else None

    def kept(self, name: str, size: int, sha256: str, execution: str) -> Kept:
        """As it is recorded; the link is the path."""
        return Kept(self.place, name, name, size, sha256, execution, str(self._folder / name))

    def _deleted(self, kept: Kept) -> bool:
        path = self.path(kept.ref)
        note = _note_of(path)
        if note is None and not path.exists():
            return False
        if note is None or note.get(MARK) != kept.execution:
            raise RejectedError(f"{path} doesn't carry Fettle's mark any more; it isn't deleted.", "mark")
        path.unlink(missing_ok=True)
        _beside(path).unlink(missing_ok=True)
        return True

    def _tidied(self, before: float) -> int:
        left = [one for one in self._folder.glob("*.part") if one.is_file() and one.stat().st_mtime < before]
        for one in left:
            one.unlink(missing_ok=True)
        return len(left)

    async def _run(self, call: Callable[[], T]) -> T:
        return await _translated(call, self._folder)


class _Filling:
    """A ``.part`` that grows; the digest is taken on the way."""

    def __init__(self, folder: Folder, draft: Draft, path: Path, part: Path, file: IO[bytes]) -> None:
        self._folder, self._draft, self._path, self._part, self._file = folder, draft, path, part, file
        self._digest = hashlib.sha256()
        self._size = 0

    async def append(self, chunk: bytes) -> None:
        """A piece that could be written in part only leaves the file as it was before it."""
        await _translated(lambda: self._written(chunk), self._path.parent)

    async def held(self) -> int:
        """What was written."""
        return self._size

    async def finish(self) -> Kept:
        """Onto the disk for sure, then under its name, its note first."""
        return await _translated(self._finished, self._path.parent)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _written(self, chunk: bytes) -> None:
        if self._size + len(chunk) > self._draft.size:
            raise RejectedError(f"{self._draft.name} is longer than announced ({self._draft.size} bytes).", "size")
        try:
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.seek(self._size)
            self._file.truncate()
            raise
        self._digest.update(chunk)
        self._size += len(chunk)

    def _finished(self) -> Kept:
        draft = self._draft
        if self._size != draft.size or self._digest.hexdigest() != draft.sha256:
            raise RejectedError(f"{draft.name} isn't what left the container: size or SHA-256 differ.", "digest")
        os.fsync(self._file.fileno())
        note = {**draft.facts, MARK: draft.execution, "size": draft.size, "sha256": draft.sha256}
        beside = _beside(self._path)
        beside.write_text(json.dumps(note, sort_keys=True), encoding="utf-8")
        beside.chmod(0o600)
        self._part.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._folder.kept(draft.name, draft.size, draft.sha256, draft.execution)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _note_of(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(_beside(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


async def _translated(call: Callable[[], T], folder: Path) -> T:
    try:
        return await asyncio.to_thread(call)
    except PermissionError as exc:
        raise ForbiddenError(f"{folder} (ARTIFACTS_DIR) can't be written: {exc.strerror}.") from exc
    except OSError as exc:
        raise UnavailableError(f"{folder} (ARTIFACTS_DIR) can't be used: {exc.strerror}.") from exc
