"""The playbooks in force, and the look at their folder that may bring others: the old set stays when the new is wrong.

A look only *finds* a set; whoever asked puts it in force with ``take``, after it was audited. A folder that is being
written is left alone until it stands still for one look, so that half a file never counts. It refuses to read anything
but the one folder of the settings.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.playbooks import loader
from bot.playbooks.choose import PlaybookSet

Signature = tuple[tuple[str, int, int, int], ...]
"""Name, time of the last change (of content or rights), size and inode of every file."""


class Shelf:
    """The set in force. ``look`` may run in a thread beside the loop; what others read is replaced as a whole."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads the folder; raises ``ConfigError`` with all that is wrong in it."""
        self._folder = folder
        self._looking = threading.Lock()
        self._seen, self._taken = _signature(folder), _signature(folder)
        self._current = loader.load(folder)
        self._problems: tuple[str, ...] = ()

    @property
    def current(self) -> PlaybookSet:
        """The set in force."""
        return self._current

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong in the folder now, a sentence each; empty while the folder says what is in force."""
        return self._problems

    def status(self) -> Mapping[str, object]:
        """How it stands, for machines: numbers and sentences, no names of people."""
        found = self._current
        return {
            "playbooks": len(found.playbooks),
            "own": len(found.own),
            "hash": found.hash,
            "problems": list(self._problems),
        }

    def look(self) -> PlaybookSet | None:
        """The set that the folder holds now, if it is whole and another than that in force."""
        if self._folder is None:
            return None
        with self._looking:
            return self._look(self._folder)

    def take(self, found: PlaybookSet) -> None:
        """Puts a set in force that ``look`` found."""
        self._current = found
        self._problems = ()

    def _look(self, folder: Path) -> PlaybookSet | None:
        try:
            now = _signature(folder)
            still, self._seen = now == self._seen, now
            if now == self._taken:
                self._problems = ()  # a folder that was gone is back as it was
                return None
            if not still:
                return None
            found = loader.load(folder)
            if _signature(folder) != now:
                return None  # written while it was read
        except ConfigError as error:
            self._problems = tuple(error.sentences)
            return None
        if found.hash != self._current.hash:
            return found
        self._problems, self._taken = (), now
        return None


def _signature(folder: Path | None) -> Signature:
    if folder is None:
        return ()
    made = []
    for file in loader.files(folder):
        try:
            found = file.stat()
        except OSError:  # gone meanwhile: the next look tells
            continue
        made.append((file.name, found.st_ctime_ns, found.st_size, found.st_ino))
    return tuple(made)
