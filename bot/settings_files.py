"""Where settings stand: the environment, ``.env``, ``fettle.yaml`` and the files that ``NAME_FILE`` names.

It finds values and says what is wrong with files and names; it refuses to know what a value means, and it never
repeats one, because it may be a secret.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from dotenv.parser import parse_stream

from bot.yaml_file import MAX_YAML, PlainLoader

NEAR_ENOUGH = 0.84
"""Likeness from which a name in ``.env`` is a setting with a typing error; such a file may hold others' names too."""


@dataclass(frozen=True)
class Found:
    """Values by name, the stronger source on top; ``unreadable`` is about whole files, ``wrong`` about names in them.

    ``secret_files`` are the files in which a secret stands, by the setting (or the file's own name).
    """

    values: dict[str, Any] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    secret_files: dict[str, Path] = field(default_factory=dict)


def found(
    environ: Mapping[str, str], env_file: Path, yaml_file: Path, names: Collection[str], secret: Collection[str]
) -> Found:
    """Everything that is given: the environment wins over ``env_file``, that over ``yaml_file``."""
    told = Found()
    known = _known(names, secret)
    layers = ((yaml_file, _from_yaml(yaml_file, known, told)), (env_file, _from_dotenv(env_file, known, told)))
    for path, layer in (*layers, (None, environ)):
        for name in names:
            direct, file = layer.get(name), layer.get(f"{name}_FILE") if name in secret else None
            if file and direct:
                told.wrong.append(f"{name} and {name}_FILE are both given: keep one of them.")
            elif file:
                told.secret_files[name] = Path(str(file)).expanduser()
                direct = _from_file(name, str(file), told.wrong)
            elif direct and path and name in secret:
                told.secret_files[str(path)] = path
            if direct not in (None, ""):
                told.values[name] = direct
    return told


def absent(env_file: Path) -> str:
    """That the file of settings was looked for and isn't there; empty where it is."""
    if env_file.exists():
        return ""
    folder = env_file.absolute().parent
    example = f"{env_file.name}.example"
    way = "go to the folder that holds it, or name it with --env-file"
    if (folder / example).is_file():
        way = f"cp {example} {env_file.name}, chmod 600 {env_file.name}, then fill it in (README, step 3)"
    return f"There is no {env_file.name} in {folder}: {way}."


def nearly_known(given: Iterable[str], names: Collection[str], secret: Collection[str]) -> list[str]:
    """A sentence for each name that no setting has, but that is nearly one."""
    known = _known(names, secret)
    near = ((name, _nearest(name, known, NEAR_ENOUGH)) for name in sorted(set(given) - set(known)))
    return [f"{name} is no setting: did you mean {meant}?" for name, meant in near if meant]


def _known(names: Collection[str], secret: Collection[str]) -> list[str]:
    return [*names, *(f"{name}_FILE" for name in sorted(secret))]


def _nearest(name: str, known: list[str], cutoff: float) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def _text(path: Path, told: Found) -> str:
    """The text of a settings file; empty where there is none, or where a sentence says why it can't be read."""
    if path.is_dir():
        told.unreadable.append(f"{path} is a folder: settings are read from a file.")
    if not path.is_file():
        return ""
    try:
        if path.stat().st_size > MAX_YAML:
            told.unreadable.append(f"{path} is larger than 1 MiB: this is no settings file.")
            return ""
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        told.unreadable.append(f"{path} can't be read ({exc.strerror}): let Fettle's user read it.")
    except UnicodeDecodeError:
        told.unreadable.append(f"{path} is no text in UTF-8: write it anew in a plain editor.")
    return ""


def _from_file(name: str, path: str, sentences: list[str]) -> str | None:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no text"
        sentences.append(f"{name}_FILE is “{path}”, which can't be read ({reason}): name a readable file.")
        return None
    if not text:
        sentences.append(f"{name}_FILE is “{path}”, which is empty: write the value into it.")
    return text or None


def _from_dotenv(path: Path, known: list[str], told: Found) -> dict[str, str | None]:
    """The names of a dotenv file; a line that can't be meant, and a name that is nearly a setting's, are sentences."""
    bindings = list(parse_stream(io.StringIO(_text(path, told))))
    broken = [binding.original.line for binding in bindings if binding.error]
    if broken:
        told.unreadable.append(f"{path} can't be read at line {broken[0]}: write one NAME=value a line.")
        return {}
    table = {binding.key: binding.value for binding in bindings if binding.key}
    for name in sorted(table.keys() - set(known)):
        meant = _nearest(name, known, NEAR_ENOUGH)
        if meant:
            told.wrong.append(f"{path} has {name}, which is no setting: did you mean {meant}?")
    return table


def _from_yaml(path: Path, known: list[str], told: Found) -> dict[str, Any]:
    """The keys of ``fettle.yaml`` in upper case; an unknown one is a sentence with the nearest known key."""
    try:
        found = yaml.load(_text(path, told), Loader=PlainLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as exc:
        at = getattr(exc, "problem_mark", None)
        where = f" at line {at.line + 1}" if at else ""
        told.unreadable.append(f"{path} can't be read as YAML{where}: write one NAME: value a line.")
        return {}
    if found is not None and not isinstance(found, dict):
        told.unreadable.append(f"{path} holds no table: write one NAME: value a line.")
    table = {str(key).upper(): value for key, value in found.items()} if isinstance(found, dict) else {}
    for key in sorted(table.keys() - set(known)):
        meant = _nearest(key, known, 0.5)
        advice = f"did you mean {meant}?" if meant else "remove it; the settings are listed in the README."
        told.wrong.append(f"{path} has an unknown setting {key}: {advice}")
    return table
