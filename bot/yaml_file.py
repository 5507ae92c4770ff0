"""YAML that people write: safe, without aliases, capped in size, each key once, and with the line of every key.

Scalars are read as YAML 1.2 reads them: ``22:00`` and ``no`` are text, never 1320 and false. It refuses tags, merge
keys and more than one document; what a file means is decided by whoever asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_YAML = 1024 * 1024
"""Bytes; a larger file is no file that a person wrote."""
MAX_DEPTH = 40

Path = tuple[str | int, ...]
"""Where in a document: keys and positions from its top."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_PLAIN = ("str", "int", "float", "bool", "null", "timestamp", "value")
_SCALARS = frozenset(f"tag:yaml.org,2002:{name}" for name in _PLAIN)


class PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node; raises for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "an alias", self.get_mark())
        return super().compose_node(parent, index)


class NotPlainError(ValueError):
    """The text isn't YAML as it is taken here; ``line`` counts from 1, the message says what is wrong."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """A value, and on which line each key and item of it stands."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of this place, or of the nearest one above it that is known."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str) -> Document:
    """One document; raises ``NotPlainError``."""
    if len(text.encode("utf-8", "replace")) > MAX_YAML:
        raise NotPlainError(1, "is larger than 1 MiB")
    try:
        loader = PlainLoader(text)  # it looks for characters that no YAML may hold
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotPlainError(line, "holds a character that text doesn't have") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = str(getattr(error, "problem", "") or "it can't be read")
        said = "has an alias; write the value out" if what == "an alias" else f"is no YAML ({what})"
        raise NotPlainError(mark.line + 1 if mark else 1, said) from error
    except RecursionError as error:
        raise NotPlainError(1, "is nested too deeply") from error
    lines: dict[Path, int] = {}
    return Document(None if node is None else _value(node, (), lines), lines)


def _value(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > MAX_DEPTH:
        raise NotPlainError(node.start_mark.line + 1, "is nested too deeply")
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_value(item, (*path, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return _scalar(node)
    raise NotPlainError(node.start_mark.line + 1, f"has a tag ({node.tag}); write plain values")


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            raise NotPlainError(line, "has a key that is no plain word")
        key = _whole(str(key_node.value), line)
        if key in made:
            raise NotPlainError(line, f"has the key {key} twice")
        lines[(*path, key)] = line
        made[key] = _value(value_node, (*path, key), lines)
    return made


def _scalar(node: yaml.ScalarNode) -> Any:
    text = _whole(str(node.value), node.start_mark.line + 1)
    if node.style is not None:  # quoted or a block: text, whatever it looks like
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _whole(text: str, line: int) -> str:
    """The text with halves of one character joined, as two escapes can write it; a half alone is refused."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise NotPlainError(line, "holds half a character") from error
