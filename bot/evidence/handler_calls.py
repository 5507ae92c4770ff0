"""Calls a team's own code: in a thread of its own beside the loop, bounded in what it may give back.

What it gives is read in that thread, where reading may hang or raise too, and is plain JSON afterwards: no object of
foreign code ever reaches the loop. It refuses to let anything that is raised there get out but as a sentence.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.redaction import HIDDEN, names_secret, redact

MOST_BUSY = 4
"""Calls of one handler at once; more than that only come when it hangs."""
MOST, LONGEST, DEEPEST, WHOLE = 40, 1000, 6, 12_000
"""Of what a handler gives: entries of a table or list, characters of a text, levels, characters in all."""

Call = Callable[..., Any]
"""What is called, with what ``given`` makes."""

log = logging.getLogger(__name__)


class Calls:
    """What handlers are doing now, counted by name."""

    def __init__(self) -> None:
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def plain(self, name: str, call: Call, given: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
        """What ``read`` makes of what it returns, as plain JSON; raises ``RequestError`` with a sentence.

        Nothing is awaited beyond the caller's own limit: the thread of one that hangs is left behind and keeps no
        process from ending.
        """
        with self._lock:
            if self._busy[name] >= MOST_BUSY:
                raise RequestError(f"The handler is still busy with {MOST_BUSY} earlier calls; it may hang.")
            self._busy[name] += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            made, problem = _tried(name, call, given, read)
            with self._lock:
                self._busy[name] -= 1
            try:
                loop.call_soon_threadsafe(_settle, future, made, problem)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
                log.debug("handler %s ended too late", name)

        threading.Thread(target=run, name=f"handler-{name}", daemon=True).start()
        return await future


def _settle(future: asyncio.Future[Any], made: Any, problem: str) -> None:
    if future.done():
        return
    if problem:
        future.set_exception(RequestError(problem))
    else:
        future.set_result(made)


def _tried(name: str, call: Call, given: Callable[[], Any], read: Callable[[Any], Any]) -> tuple[Any, str]:
    """What it gives, or a sentence why there is nothing; in the handler's thread, where nothing may get out."""
    try:
        returned = call(given())
        if inspect.iscoroutine(returned):
            returned = asyncio.run(returned)
        text = json.dumps(plain(read(returned)), ensure_ascii=False)
        if len(text) > WHOLE:
            return None, f"The handler returned more than {WHOLE} characters: let it give less."
        made = json.loads(text)  # text of its own making may be a class of its own; this is ours
    except RequestError as error:
        return None, redact(str(error)[:LONGEST])[:300]
    except BaseException as error:  # noqa: BLE001 - foreign code: whatever it raises costs its own line alone
        return None, f"The handler failed: {_said(name, error)}"
    return made, ""


def _said(name: str, error: BaseException) -> str:
    """What was raised, in its own words, as far as those can be had."""
    try:
        log.warning("handler %s failed", name, exc_info=error)
        return redact(f"{type(error).__name__}: {error}"[:LONGEST])[:300]
    except BaseException:  # noqa: BLE001 - an error whose own text raises
        return "it raised an error that can't be shown"


def plain(value: Any, depth: int = 0) -> Any:
    """The same as JSON: bounded, redacted, what is no plain value as its text."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        made: dict[str, Any] = {}
        for key, below in islice(value.items(), MOST):
            name = redact(str(key)[:LONGEST])[:100]
            made[name] = HIDDEN if names_secret(name) else plain(below, depth + 1)
        return made
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one, depth + 1) for one in islice(value, MOST)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else (str if abs(value) < 2**500 else hex)(value)[:LONGEST]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    return redact(str(value)[:LONGEST])


def several(returned: Any, most: int) -> list[Any]:
    """A list of at most ``most`` of what was returned or yielded; a table alone is one of them, None is none."""
    if returned is None:
        return []
    if isinstance(returned, Mapping):
        return [returned]
    if isinstance(returned, str | bytes) or not isinstance(returned, Iterable):
        raise RequestError(f"The handler returned no list but {type(returned).__name__[:60]}.")
    return list(islice(returned, most))
