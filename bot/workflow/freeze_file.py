"""Whether the file that freezes all writes exists, asked without ever waiting long for the answer.

The file may lie on a network mount, and one that hangs holds whoever asks for as long as it likes: the store's thread
and the loop must never be that one. A thread of its own asks, one question after the other; who doesn't get an answer
in time knows nothing, which denies. This module refuses to decide what the file means.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import cache
from pathlib import Path
from queue import SimpleQueue

WITHIN = 1.0
"""Seconds that an answer may take; a healthy file system needs a thousandth of one."""

Question = tuple[asyncio.AbstractEventLoop, "asyncio.Future[bool | None]"]


async def present(file: Path | None) -> bool | None:
    """Whether it is there, by a look that began after this call; None when that can't be told within ``WITHIN``."""
    if file is None:
        return False
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool | None] = loop.create_future()
    _asker(file).put((loop, answer))
    try:
        async with asyncio.timeout(WITHIN):
            return await answer
    except TimeoutError:
        return None


@cache
def _asker(file: Path) -> SimpleQueue[Question]:
    """The questions for one file; its thread is a daemon, so that a mount that hangs can't hold up the end either."""
    questions: SimpleQueue[Question] = SimpleQueue()
    threading.Thread(target=_answer, args=(file, questions), name="freeze-file", daemon=True).start()
    return questions


def _answer(file: Path, questions: SimpleQueue[Question]) -> None:
    while True:
        loop, answer = questions.get()
        if answer.done():
            continue  # whoever asked has given up while the mount hung
        found = look(file)
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, answer, found)


def _deliver(answer: asyncio.Future[bool | None], found: bool | None) -> None:
    if not answer.done():
        answer.set_result(found)


def look(file: Path) -> bool | None:
    """Blocking. A folder that is gone is a mount that is gone: whether the file would be there can't be told."""
    try:
        file.stat()
    except FileNotFoundError:
        return False if file.parent.is_dir() else None
    except OSError:
        return None
    return True
