"""The project's own Python files, parsed once: what the house rules are checked on."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("bot", "commands", "alerts")
EVERYTHING = (*PRODUCTION, "docs", "bench", "tests")


@dataclass(frozen=True)
class Source:
    """One file: its path from the root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

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
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    texts = ((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in found)
    return tuple(Source(path, text, ast.parse(text)) for path, text in texts)


def production() -> tuple[Source, ...]:
    """What runs in production."""
    return tuple(source for source in sources(*PRODUCTION) if not source.sandbox)
