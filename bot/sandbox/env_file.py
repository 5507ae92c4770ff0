"""The dotenv file of `--env`: there as long as the world is whose addresses and tokens it names, and no longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def kept(path: Path | None, content: str) -> Iterator[None]:
    """The file while this runs; nothing at all without a path."""
    if path is None:
        yield
        return
    _write(path.absolute(), content)
    try:
        yield
    finally:
        path.absolute().unlink(missing_ok=True)  # its addresses and tokens are dead from now on


def _write(path: Path, content: str) -> None:
    """Whole or not at all, readable by its owner only."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    beside.replace(path)
