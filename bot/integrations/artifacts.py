"""Where dumps are kept: one small protocol, spoken by a local folder, S3-compatible storage and Google Drive.

A file goes in by chunks and is there only once it is whole: its size and digest are those that were announced. What a
store says of a file it holds decides, never what was sent. It refuses to overwrite, to list what others made, and to
delete what doesn't carry the mark of the execution that made it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import RejectedError, UnavailableError

CHUNK = 8 * 1024 * 1024
"""Bytes of one piece: above S3's least part (5 MiB), a multiple of Drive's 256 KiB, and small beside our memory."""
TRIES = 4
"""How often one chunk is offered while its store doesn't answer."""
MARK = "fettle-execution"
"""The key under which a store keeps the mark."""


class Upload(Protocol):
    """One file on its way. Left unfinished it is thrown away."""

    async def append(self, chunk: bytes) -> None:
        """Adds the next piece, ``CHUNK`` bytes but for the last. ``UnavailableError``: ask ``held``, go on there."""

    async def held(self) -> int:
        """How many bytes the store has for sure, by its own word."""

    async def finish(self) -> Kept:
        """Makes the file whole; ``RejectedError`` if it isn't what was announced, and then it isn't kept."""

    async def __aenter__(self) -> Self:
        """Itself."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throws away what wasn't finished; never raises for that."""


class Artifacts(Protocol):
    """One store. Raises only errors of ``bot.domain.errors``, each naming the setting to look at."""

    @property
    def place(self) -> str:
        """Its kind and where it is, as ``Kept.store`` has it."""

    async def room(self) -> int | None:
        """How many bytes one more file may have; None where that isn't known."""

    async def begin(self, draft: Draft) -> Upload:
        """Opens a file. Raises where there is no room for all of it, before a byte is sent."""

    @property
    def lends(self) -> bool:
        """Whether it makes links that need no login."""

    async def lend(self, kept: Kept, lasting: timedelta) -> str:
        """A link to what carries the mark that works for whoever has it, for so long; ``RejectedError`` for others."""

    async def find(self, name: str, execution: str) -> Kept | None:
        """The whole file of this name and mark; None where there is none."""

    async def delete(self, kept: Kept) -> bool:
        """Deletes what carries the mark; False where it was gone already. ``RejectedError`` for another's file."""

    async def tidy(self, before: datetime) -> int:
        """Throws away what a process that died left unfinished since before; how many."""

    async def check(self) -> str:
        """A sentence on where files go and whether they can; raises where they can't."""

    async def close(self) -> None:
        """Lets go of connections and threads."""


async def send(upload: Upload, offset: int, chunk: bytes) -> int:
    """Appends a chunk that begins at ``offset``, going on where the store stopped; the offset after it."""
    end, left = offset + len(chunk), chunk
    for attempt in range(1, TRIES + 1):
        try:
            if left:
                await upload.append(left)
        except UnavailableError:
            if attempt == TRIES:
                raise
            held = await upload.held()
            if not offset <= held <= end:
                raise RejectedError(
                    f"The store says that it has {held} bytes of a file of which it was sent {end}.", "offset"
                ) from None
            left = chunk[held - offset :]
        else:
            return end
    raise AssertionError("unreachable")  # the last try returned or raised
