"""Refuses a second bot on the same SQLite file, in a sentence that names the first one.

An advisory lock on ``FILE.lock`` is held as long as the store is open; the kernel drops it with the process, so
that nothing has to be cleaned up after a crash. It refuses to guard readers: ``audit`` and ``freeze`` don't take it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bot.domain.errors import ConfigError


class LockFile:
    """The held lock; ``release`` is idempotent."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the database at ``path``; raises ``ConfigError`` if another process holds it."""
        self._file = path.with_name(path.name + ".lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._file.seek(0)
            holder = self._file.read(32).strip() or "another process"
            self._file.close()
            who = f"the process with pid {holder}" if holder.isdecimal() else holder
            sentence = f"The database {path} is in use by {who}. Stop that one first."
            raise ConfigError([sentence]) from exc
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would let two processes lock two files."""
        self._file.close()
