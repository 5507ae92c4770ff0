"""The project's own Python files, parsed once: what the house rules are checked on."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("bot", "commands", "alerts")
EVERYTHING = (*PRODUCTION, "docs", "bench", "tests")


@dataclass(frozen=True)
class Source:
    """One file: its path from the root, its text, its tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @property
    def sandbox(self) -> bool:
        """Whether it belongs to the sandbox, which isn't production."""
        return self.path.startswith("bot/sandbox/")


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file below these folders."""
    return tuple(source for folder in folders for source in _below(folder))


@cache
def _below(folder: str) -> tuple[Source, ...]:
    found = sorted((ROOT / folder).rglob("*.py"))
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in found)


def production() -> tuple[Source, ...]:
    """What runs in production."""
    return tuple(source for source in sources(*PRODUCTION) if not source.sandbox)
