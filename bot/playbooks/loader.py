"""Reads playbooks: the built-in catalog, and a folder whose playbooks replace built-in ones of the same name.

All that is wrong is said at once. It refuses to load half a folder: a set is whole, or there is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot import yaml_file
from bot.domain.errors import ConfigError
from bot.playbooks import choose, wrong
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Playbook

CATALOG = Path(__file__).parent / "catalog"
SUFFIXES = (".yaml", ".yml")
MAX_FILES = 500


def load(folder: Path | None = None) -> PlaybookSet:
    """The catalog and the folder's own; raises ``ConfigError`` with a sentence for each thing that is wrong."""
    if folder is None:
        return built_in()
    sentences: list[str] = []
    own: dict[str, Playbook] = {}
    for file in files(folder):
        found = _read(file, str(file), sentences)
        if found is not None and found.name in own:
            sentences.append(f"{folder} has two playbooks of the name {found.name}: keep one of the two files.")
        elif found is not None:
            own[found.name] = found
    if sentences:
        raise ConfigError(sentences)
    stock = built_in()
    names = frozenset(own)
    kept = [one for one in stock.playbooks if one.name not in own]
    replaced = frozenset(one.name for one in stock.playbooks) & names
    return choose.ordered([*kept, *own.values()], names, replaced)


@lru_cache(maxsize=1)
def built_in() -> PlaybookSet:
    """The catalog alone."""
    sentences: list[str] = []
    found = [_read(file, file.name, sentences) for file in files(CATALOG)]
    if sentences:
        raise ConfigError(sentences)
    return choose.ordered([one for one in found if one is not None], frozenset())


def restored(content: dict[str, Any]) -> PlaybookSet:
    """The set whose ``content`` this is; raises ``ValueError`` when it says what this release doesn't know."""
    found = [Playbook.model_validate_json(json.dumps(one)) for one in content["playbooks"].values()]
    return choose.ordered(found, frozenset(content["own"]))


def files(folder: Path) -> list[Path]:
    """The playbooks of a folder by name; what begins with a dot and folders in it don't count."""
    try:
        found = sorted(_playbooks_in(folder))
    except OSError as error:
        raise ConfigError([_unreadable(folder, error)]) from error
    if len(found) > MAX_FILES:
        raise ConfigError([f"{folder} has {len(found)} playbooks; more than {MAX_FILES} aren't taken."])
    return found


def text_of(file: Path) -> str | None:
    """What a file says, cut beyond the size that is taken; None when it can't be read as text."""
    try:
        with file.open("rb") as opened:
            return opened.read(yaml_file.MAX_YAML + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def parse(text: str, file: str) -> Playbook:
    """One playbook; raises ``ConfigError`` with sentences that name the file and the line."""
    try:
        found = yaml_file.parse(text)
    except yaml_file.NotPlainError as error:
        raise ConfigError([f"{file}, line {error.line}: it {error}."]) from error
    if not isinstance(found.value, dict):
        raise ConfigError([f"{file}: it holds no table; write name, title, match, evidence and findings."])
    try:
        return Playbook.model_validate_json(json.dumps(found.value))
    except ValidationError as error:
        raise ConfigError(wrong.sentences(error, found, file, Playbook)) from None


def _playbooks_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


def _read(file: Path, shown: str, sentences: list[str]) -> Playbook | None:
    text = text_of(file)
    if text is None:
        sentences.append(f"{shown} can't be read: it must be UTF-8 text that this process may read.")
        return None
    try:
        found = parse(text, shown)
    except ConfigError as error:
        sentences += error.sentences
        return None
    if found.name != file.stem:
        sentences.append(f"{shown}: its name is {found.name}, so the file must be {found.name}.yaml.")
        return None
    return found


def _unreadable(folder: Path, error: OSError) -> str:
    return f"PLAYBOOKS_DIR is “{folder}”, which can't be read ({error.strerror}): name a folder of playbooks."
