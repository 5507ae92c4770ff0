"""``fettle artifacts``: which dumps are kept and where, and a copy of one that lies in a folder of this machine.

Exit codes: 0 told or copied, 1 the file isn't what was recorded, 2 something has to be put right first. It refuses to
fetch what lies in S3 or Drive: there the reader shows their own login, and Fettle's would say nothing of who reads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from bot.domain.artifact import Artifact
from bot.domain.errors import ConfigError, NotFoundError
from bot.domain.proposal import canonical
from bot.storage import artifacts
from bot.storage.db import Store

HEADINGS = ("id", "incident", "kind", "size", "until", "where")
FOLDER = "folder"


def listed(url: str, *, as_json: bool) -> int:
    """Prints those whose file should be there."""
    found = _read(url, None)
    if as_json:
        for one in found:
            sys.stdout.write(canonical(_json(one)) + "\n")
        return 0
    if not found:
        sys.stdout.write("No dump is kept.\n")
        return 0
    table = [HEADINGS, *(_cells(one) for one in found)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
    for row in table:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    for one in found:
        if one.problem:
            sys.stdout.write(f"{one.id} could not be deleted: {one.problem}\n")
    return 0


def get(url: str, artifact_id: int, to: Path | None) -> int:
    """Copies one from the folder, or says where it is; raises ``ConfigError`` where it can't."""
    try:
        (one,) = _read(url, artifact_id)
    except NotFoundError as error:
        raise ConfigError([f"{error} fettle artifacts list shows those there are."]) from error
    if one.gone_at is not None:
        raise ConfigError([f"Artifact {one.id} was deleted on {one.gone_at:%Y-%m-%d}, when its time was over."])
    if not one.kept.store.startswith(FOLDER):
        sys.stdout.write(f"Open it with your own login: {one.kept.link}\n")
        return 0
    target = to if to is not None else Path(one.kept.name)
    if target.is_dir():
        target = target / one.kept.name
    try:
        with Path(one.kept.link).open("rb") as source, _private(target) as copy:
            shutil.copyfileobj(source, copy, 1024 * 1024)
    except FileExistsError as error:
        raise ConfigError([f"{target} is there already; name another file with --to."]) from error
    except OSError as error:
        named = error.filename or one.kept.link
        told = f"{named}: {error.strerror}. Is this the machine, and the account, that Fettle runs as?"
        raise ConfigError([told]) from error
    if _digest(target) != one.kept.sha256:
        target.unlink()
        sys.stderr.write(f"{one.kept.link} isn't what was kept: its SHA-256 differs. Nothing was copied.\n")
        return 1
    sys.stdout.write(f"{target}: {one.kept.size} bytes, SHA-256 {one.kept.sha256}\n")
    return 0


def _private(target: Path) -> BinaryIO:
    """A new file that nobody else may read: it may hold secrets."""
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(url: str, artifact_id: int | None) -> Sequence[Artifact]:
    store = Store.open(url, lock=False, query_only=True)
    try:
        if artifact_id is None:
            return store.read_now(artifacts.left)
        return [store.read_now(artifacts.get, artifact_id)]
    finally:
        store.close_now()


def _cells(one: Artifact) -> tuple[str, ...]:
    size = f"{one.kept.size / 1024**2:.1f} MiB"
    return (str(one.id), f"INC-{one.incident_id}", one.kind, size, f"{one.expires_at:%Y-%m-%d}", one.kept.link)


def _json(one: Artifact) -> dict[str, object]:
    return {
        "id": one.id, "incident": one.incident_id, "kind": one.kind, "store": one.kept.store, "link": one.kept.link,
        "size": one.kept.size, "sha256": one.kept.sha256, "made_at": one.made_at.isoformat(),
        "expires_at": one.expires_at.isoformat(), "problem": one.problem,
    }  # fmt: skip
