"""What ``fettle doctor`` looks at on this machine: files, disk, database, ports, and whether a Fettle runs here."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot import alert_cli, clock
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import ConfigError, EmptyStoreError, FettleError
from bot.evidence import handler_files
from bot.playbooks import loader
from bot.servers import Servers, tls_problems
from bot.settings import DESCRIPTIONS, Settings
from bot.storage import alerts, audit, freeze
from bot.storage.db import Store
from bot.workflow import freeze_file

NEEDED_TO_ACT = ("APPROVERS", "ALLOWED_NAMESPACES", "ALLOWED_ACTIONS", "WEBHOOK_TOKENS")
"""Settings without which Fettle starts and does less."""
MAY_BE_EMPTY = ("CLUSTER_NAME", "FREEZE_FILE", "PLAYBOOKS_DIR", "HANDLERS_DIR")
"""Settings that many do without."""
LITTLE, TOO_LITTLE = 1024**3, 100 * 1024**2
"""Free bytes that warn, and that fail."""
STATUS_WITHIN = 3.0
"""Seconds for /status, which itself waits two for the cluster."""
QUIET = timedelta(days=1)
"""An Alertmanager that sends its watchdog is heard more often than this."""


async def running(settings: Settings) -> Mapping[str, Any] | None:
    """The /status of a Fettle with these settings on this machine; None if there is none."""
    host = alert_cli.ANYWHERE.get(settings.METRICS_HOST, settings.METRICS_HOST)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.METRICS_PORT}/status"
    timeout = aiohttp.ClientTimeout(total=STATUS_WITHIN)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            told = await answer.json()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
    ours = isinstance(told, dict) and all(isinstance(told.get(name), dict) for name in ("store", "slack", "cluster"))
    return told if ours else None


def file_rows(settings: Settings, secret_files: Mapping[str, Path]) -> list[Row]:
    """Who else may read the secrets, and whether the folder of the data has room."""
    kubeconfigs = [Path(each).expanduser() for each in settings.KUBECONFIG.split(os.pathsep) if each]
    registries = [path for one in settings.REGISTRIES for path in one.files]
    files = [*secret_files.values(), *registries, *kubeconfigs, *([settings.TLS_KEY] if settings.TLS_KEY else [])]
    found = [row for path in dict.fromkeys(files) if (row := _mode(path)) is not None]
    if files and not found:
        found = [ok("files", "What holds secrets is readable by its owner and group alone.")]
    return [*found, _room(settings.DATA_DIR)]


def playbook_rows(settings: Settings) -> list[Row]:
    """What a start would say of the folder; a running bot keeps what it has until the folder is right."""
    try:
        found = loader.load(settings.PLAYBOOKS_DIR)
    except ConfigError as error:
        return [fail("playbooks", sentence) for sentence in error.sentences]
    own = f", {len(found.own)} of them yours" if found.own else ""
    return [ok("playbooks", f"{len(found.playbooks)} playbooks{own}, hash {found.hash[:12]}.")]


def handler_rows(settings: Settings) -> list[Row]:
    """What a start would say of the handlers; like a start it runs what stands at the top of their files."""
    try:
        found = handler_files.load(settings.HANDLERS_DIR).content()
    except ConfigError as error:
        return [fail("handlers", sentence) for sentence in error.sentences]
    if not found:
        folder = settings.HANDLERS_DIR
        return [warn("handlers", f"HANDLERS_DIR is {folder}, which holds no handler.")] if folder else []
    return [ok("handlers", f"{name} ({', '.join(one['does'])}) from {one['from']}.") for name, one in found.items()]


async def store_rows(settings: Settings) -> list[Row]:
    """The database, the kill switch, and when an alert came last."""
    url = settings.DATABASE_URL
    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if path is not None and not path.exists():
        return [_to_be_made(path), *await _freeze_file(settings)]
    try:
        store = await asyncio.to_thread(Store.open, url, query_only=True)
    except EmptyStoreError:
        return [
            ok("database", "The database is empty; the first start makes its tables."),
            *await _freeze_file(settings),
        ]
    except ConfigError as error:
        return [fail("database", sentence) for sentence in error.sentences]
    except FettleError as error:
        return [fail("database", str(error))]
    try:
        seq, head = await store.read(audit.head)
        on, actor, reason, _ = await store.read(freeze.state)
        last = await store.read(alerts.last_seen, alert_cli.NAME)
        tested = await store.read(alerts.last_seen, "")
    except FettleError as error:
        return [fail("database", str(error))]
    finally:
        await store.close()
    rows = [ok("database", f"The audit has {seq} entries, head {head[:12]}.")]
    if path is not None and not os.access(path, os.W_OK):
        rows = [fail("database", f"{path} can't be written by this user: let Fettle's user own it.")]
    if on:
        why = f": {reason}" if reason else ""
        rows.append(warn("freeze", f"Nothing is changed: frozen by {actor}{why}. fettle freeze off lifts it."))
    return [*rows, *await _freeze_file(settings), _alerts(last, tested, clock.now())]


def door_rows(settings: Settings, running: Mapping[str, Any] | None) -> list[Row]:
    """Whether alerts could be listened for; the addresses of a Fettle that runs are in use by it."""
    if running is not None:
        return [ok("ports", f"A Fettle runs here ({settings.LISTEN_HOST}:{settings.LISTEN_PORT}).")]
    servers = Servers(settings)
    try:
        servers.bind()
    except ConfigError as error:
        of_tls = tls_problems(settings.TLS_CERT, settings.TLS_KEY)
        return [fail("tls" if one in of_tls else "ports", one) for one in error.sentences]
    finally:
        servers.close()
    secure = "with TLS" if settings.TLS_CERT else "without TLS"
    return [ok("ports", f"{settings.LISTEN_HOST}:{settings.LISTEN_PORT} is free for alerts, {secure}.")]


def would_add(settings: Settings) -> list[Row]:
    """One row for each setting that is empty: what it would add."""
    rows = [warn(name, f"Not set. {DESCRIPTIONS[name]}") for name in NEEDED_TO_ACT if not getattr(settings, name)]
    rows += [ok(name, f"Not set. {DESCRIPTIONS[name]}") for name in MAY_BE_EMPTY if not getattr(settings, name)]
    if settings.MODE == "observe":
        rows.append(warn("MODE", "observe: Fettle shows what it would propose and changes nothing."))
    if settings.FETTLE_FROZEN:
        rows.append(warn("FETTLE_FROZEN", "It starts with the kill switch on: nothing is changed."))
    return rows


def _mode(path: Path) -> Row | None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return None  # what can't be read is told where it is used
    if not mode & stat.S_IROTH:
        return None
    return warn("files", f"Everybody on this machine can read {path}, which holds secrets. Run chmod 600 {path}.")


def _room(folder: Path) -> Row:
    place = _nearest(folder)
    free = shutil.disk_usage(place).free
    told = f"{free / 1024**3:.1f} GiB are free for {folder}"
    if free < TOO_LITTLE:
        return fail("disk", f"{told}: too little to keep alerts. Make room.")
    return warn("disk", f"{told}: make room.") if free < LITTLE else ok("disk", f"{told}.")


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def _to_be_made(path: Path) -> Row:
    folder = _nearest(path.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return ok("database", f"{path} doesn't exist yet; the first start makes it.")
    what = f"this user may not write to {folder}" if folder.is_dir() else f"{folder} is no folder"
    return fail("database", f"{path} can't be made: {what}. Set DATA_DIR or DATABASE_URL to where it may.")


async def _freeze_file(settings: Settings) -> list[Row]:
    file = settings.FREEZE_FILE
    if file is None:
        return []
    there = await freeze_file.present(file)
    if there is None:
        what = f"The folder of FREEZE_FILE, {file.parent}, isn't there or doesn't answer"
        return [fail("freeze", f"{what}: nothing is changed until it does.")]
    if there:
        return [warn("freeze", f"Nothing is changed while {file} exists (FREEZE_FILE).")]
    return [ok("freeze", f"{file} doesn't exist, so it freezes nothing.")]


def _alerts(last: tuple[str, datetime] | None, tested: tuple[str, datetime] | None, now: datetime) -> Row:
    if last is None:
        so_far = "Only the test alert has come" if tested else "No alert has come"
        trying = "" if tested else " fettle alert send tries the way."
        return warn("alerts", f"{so_far} so far. Point Alertmanager at Fettle (README, step 5).{trying}")
    name, at = last
    told = f"The last alert came at {at:%Y-%m-%d %H:%M} UTC ({name})"
    if now - at > QUIET:
        return warn("alerts", f"{told}: more than a day ago. Does Alertmanager still send? Its Watchdog would show.")
    return ok("alerts", f"{told}.")
