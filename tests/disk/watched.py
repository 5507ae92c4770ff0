"""SQLite's own door to the disk, with somebody at it: every write, sync, truncate and delete is seen, and can fail.

SQLite reaches files through a VFS. This registers a copy of the default one whose methods for changing files ask a
watcher first; all else is the default's own. Bound by ctypes to the very library that ``sqlite3`` uses, so that no
compiler is needed and no line of Fettle is another than in production. The layouts are SQLite's stable C interface.
"""

from __future__ import annotations

import _sqlite3
import contextlib
import ctypes as c
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANT_OPEN = "sqlite3_vfs_find"
JOURNALS = 0x00080000 | 0x00000800  # SQLITE_OPEN_WAL, SQLITE_OPEN_MAIN_JOURNAL
MAIN = 0x00000100  # SQLITE_OPEN_MAIN_DB


@dataclass(frozen=True)
class Op:
    """One change: ``write``, ``truncate`` (``offset`` is the new size), ``sync``, ``delete``, or ``folder``.

    The last is the sync of a folder, which SQLite does with the first sync of each journal or log that it opens: only
    then do names that came or went there outlive a power cut.
    """

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""


class Watcher:
    """Lets everything through; tests override what they need."""

    def before(self, _op: Op) -> int:
        """An SQLite error code to fail with instead of doing it, 0 to go on."""
        return 0

    def after(self, op: Op) -> None:
        """It was done."""


class _File(c.Structure):
    _fields_ = [("methods", c.c_void_p)]


_Write = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_int, c.c_int64)
_Truncate = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_int64)
_Sync = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_int)
_Close = c.CFUNCTYPE(c.c_int, c.c_void_p)
_Open = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_void_p, c.c_int, c.c_void_p)
_Delete = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_int)


class _Methods(c.Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = [
        ("version", c.c_int), ("close", c.c_void_p), ("read", c.c_void_p), ("write", c.c_void_p),
        ("truncate", c.c_void_p), ("sync", c.c_void_p),
        *((f"other{number}", c.c_void_p) for number in range(13)),
    ]  # fmt: skip


class _Vfs(c.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("version", c.c_int), ("file_size", c.c_int), ("longest_path", c.c_int), ("next", c.c_void_p),
        ("name", c.c_char_p), ("data", c.c_void_p), ("open", c.c_void_p), ("delete", c.c_void_p),
        *((f"other{number}", c.c_void_p) for number in range(14)),
    ]  # fmt: skip


def available() -> bool:
    """Whether the library that ``sqlite3`` uses can be reached; not where it was linked in without its names."""
    return hasattr(_library(), CANT_OPEN)


def _library() -> Any:
    library = c.CDLL(getattr(_sqlite3, "__file__", None))
    if hasattr(library, CANT_OPEN):
        library.sqlite3_vfs_find.restype = c.c_void_p
        library.sqlite3_vfs_find.argtypes = [c.c_char_p]
        library.sqlite3_vfs_register.argtypes = [c.c_void_p, c.c_int]
        library.sqlite3_vfs_unregister.argtypes = [c.c_void_p]
    return library


_EVERY: list[Door] = []
"""SQLite keeps bare pointers into them as long as a connection is open: none is ever freed."""


class Door:
    """The watched VFS; ``watcher`` sees the files of ``folder`` that are opened while it is the default."""

    def __init__(self, folder: Path, watcher: Watcher) -> None:
        self.watcher = watcher
        self._folder = os.fsencode(folder) + b"/"
        self._library = _library()
        self._original = _Vfs.from_address(self._library.sqlite3_vfs_find(None))
        self._names: dict[int, str] = {}
        self._unsynced: set[int] = set()
        self._methods: dict[int, _Methods] = {}
        self._kept: list[Any] = [_Open(self._open), _Delete(self._delete)]
        self._vfs = _Vfs()
        c.memmove(c.byref(self._vfs), c.byref(self._original), c.sizeof(_Vfs))
        self._vfs.next = None
        self._vfs.name = b"watched"
        self._vfs.open, self._vfs.delete = (c.cast(one, c.c_void_p) for one in self._kept)

    def put_up(self) -> None:
        """Connections opened from now on go through here."""
        _EVERY.append(self)
        self._library.sqlite3_vfs_register(c.byref(self._vfs), 1)

    def take_down(self) -> None:
        """The default is the old one again; those that are open stay watched until they are closed."""
        self._library.sqlite3_vfs_unregister(c.byref(self._vfs))
        self._library.sqlite3_vfs_register(c.byref(self._original), 1)

    def _open(self, _vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code = _Open(self._original.open)(c.addressof(self._original), name, file, flags, out)
        if code or not name or not flags & (JOURNALS | MAIN):
            return code
        path = c.string_at(name)
        if path.startswith(self._folder):
            opened = _File.from_address(file)
            self._names[file] = os.fsdecode(path)
            if flags & JOURNALS:
                self._unsynced.add(file)
            opened.methods = c.addressof(self._watched(opened.methods))
        return code

    def _watched(self, address: int) -> _Methods:
        """A copy of a table of methods, with ours for what changes a file."""
        if address not in self._methods:
            original, copy = _Methods.from_address(address), _Methods()
            c.memmove(c.byref(copy), c.byref(original), c.sizeof(_Methods))
            write, truncate = _Write(original.write), _Truncate(original.truncate)
            sync, close = _Sync(original.sync), _Close(original.close)

            def on_write(file: int, data: int, size: int, offset: int) -> int:
                op = Op("write", self._names[file], offset, c.string_at(data, size))
                return self._done(op, lambda: write(file, data, size, offset))

            def on_truncate(file: int, size: int) -> int:
                return self._done(Op("truncate", self._names[file], size), lambda: truncate(file, size))

            def on_sync(file: int, flags: int) -> int:
                name = self._names[file]
                code = self._done(Op("sync", name), lambda: sync(file, flags))
                if not code and file in self._unsynced:
                    self._unsynced.discard(file)
                    self.watcher.after(Op("folder", str(Path(name).parent)))
                return code

            def on_close(file: int) -> int:
                self._names.pop(file, None)
                self._unsynced.discard(file)
                return close(file)

            ours = [_Write(on_write), _Truncate(on_truncate), _Sync(on_sync), _Close(on_close)]
            copy.write, copy.truncate, copy.sync, copy.close = (c.cast(one, c.c_void_p) for one in ours)
            self._kept += [*ours, write, truncate, sync, close]
            self._methods[address] = copy
        return self._methods[address]

    def _delete(self, _vfs: int, name: bytes, sync: int) -> int:
        delete = _Delete(self._original.delete)
        if not name.startswith(self._folder):
            return delete(c.addressof(self._original), name, sync)
        op = Op("delete", os.fsdecode(name), sync)
        return self._done(op, lambda: delete(c.addressof(self._original), name, sync))

    def _done(self, op: Op, work: Callable[[], int]) -> int:
        code = self.watcher.before(op) or work()
        if not code:
            self.watcher.after(op)
        return code


@contextlib.contextmanager
def watched(folder: Path, watcher: Watcher) -> Iterator[None]:
    """Databases in ``folder`` that are opened in this block are watched, by this process."""
    door = Door(folder, watcher)
    door.put_up()
    try:
        yield
    finally:
        door.take_down()
