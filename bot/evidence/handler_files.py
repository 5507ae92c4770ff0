"""Finds handlers at the start: classes in the files of one folder, and those that installed packages register.

A file ``DiskSpaceLow.py`` holds a class ``DiskSpaceLowHandler``; a package registers a class under the alert's name in
the entry points ``fettle.handlers``. Whoever may write there may run code as us, so it refuses a folder or a file that
others, or this process itself, could change; and it refuses to load half of what is there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.domain.errors import ConfigError
from bot.evidence.handlers import METHODS, Handler, Handlers

GROUP = "fettle.handlers"
LARGEST = 1024 * 1024


def load(folder: Path | None = None) -> Handlers:
    """All handlers; raises ``ConfigError`` with a sentence for each thing that is wrong."""
    sentences: list[str] = []
    found = [*_from_folder(folder, sentences)] if folder is not None else []
    found += _from_packages(sentences)
    names = [one.name for one in found]
    sentences += [
        f"There are two handlers for the alert {name}: keep one of them."
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if sentences:
        raise ConfigError(sentences)
    return Handlers(found)


def _from_folder(folder: Path, sentences: list[str]) -> Iterator[Handler]:
    try:
        files = sorted(one for one in folder.iterdir() if one.suffix == ".py" and not one.name.startswith(("_", ".")))
    except OSError as error:
        sentences.append(f"HANDLERS_DIR is “{folder}”, which can't be read ({error.strerror}): name a folder.")
        return
    wrong = [said for path in (folder, *files) if (said := _open_to_others(path))]
    if wrong:
        sentences += wrong
        return
    for file in files:
        try:
            yield _from_file(file)
        except ConfigError as error:
            sentences += error.sentences


def _open_to_others(path: Path) -> str:
    """A sentence when somebody could change it who must not be able to; empty otherwise."""
    mode = path.stat().st_mode
    read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    if read_only:
        return ""  # a ConfigMap is mounted so: its bits say what they like, nobody writes there
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"HANDLERS_DIR: {path} may be written by its group or by everybody: chmod go-w it, it is run as Fettle."
    if os.geteuid() != 0 and os.access(path, os.W_OK):
        return f"HANDLERS_DIR: {path} may be written by Fettle itself: let another user own it, or mount it read-only."
    return ""


def _from_file(file: Path) -> Handler:
    name = file.stem
    source = file.read_bytes()
    if len(source) > LARGEST:
        raise ConfigError([f"{file} is larger than 1 MiB: this is no handler."])
    module = ModuleType(f"fettle_handler_{name}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses and the like look there
    try:
        # Compiled from the very bytes that are hashed, so that the audit names what runs.
        exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 - this is what the setting asks for
    except BaseException as error:  # foreign code, as it is loaded: whatever it raises is a sentence at the start
        raise ConfigError([_not_loaded(file, error)]) from error
    wanted = f"{name}Handler"
    made = getattr(module, wanted, None)
    if made is None:
        raise ConfigError([f"{file} has no class {wanted}: a handler's class is its file's name and “Handler”."])
    return _handler(name, str(file), hashlib.sha256(source).hexdigest(), made)


def _not_loaded(file: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{file} is no Python at line {error.lineno or 1}: {error.msg}."
    if isinstance(error, ModuleNotFoundError):
        return f"{file} needs the module {error.name}, which isn't installed here: install it, or do without."
    return f"{file} can't be loaded ({type(error).__name__}: {' '.join(str(error).split())[:300]})."


def _from_packages(sentences: list[str]) -> Iterator[Handler]:
    for one in entry_points(group=GROUP):
        origin = f"{one.value} of {_package(one)}"
        try:
            made = one.load()
            yield _handler(one.name, origin, hashlib.sha256(origin.encode()).hexdigest(), made)
        except ConfigError as error:
            sentences += error.sentences
        except BaseException as error:  # noqa: BLE001 - foreign code, and whatever it raises is a sentence
            sentences.append(f"The handler {origin} can't be loaded ({type(error).__name__}: {error}).")


def _package(one: EntryPoint) -> str:
    return f"{one.dist.name} {one.dist.version}" if one.dist is not None else "no package"


def _handler(name: str, origin: str, digest: str, made: Any) -> Handler:
    try:
        one = made()
        methods = {method: getattr(one, method, None) for method in METHODS}
    except BaseException as error:  # foreign code, as it is made: the same
        raise ConfigError([f"The handler {origin} can't be made ({type(error).__name__}: {error})."]) from error
    wrong = [method for method, call in methods.items() if call is not None and not callable(call)]
    if wrong:
        raise ConfigError([f"The handler {origin} has {wrong[0]}, which is no method."])
    if all(call is None for call in methods.values()):
        raise ConfigError([f"The handler {origin} has none of the methods {', '.join(METHODS)}: give it one."])
    return Handler(name, origin, digest, **methods)
